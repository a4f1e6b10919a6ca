"""A toy engine with two dozen products, found by their words, so that the edge can be tested and looked at without a bundle."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Mapping, Sequence

from aisle.core.answer import Answer, AnsweredItem, Completion, Json, Reason, Understanding, Value
from aisle.core.errors import BundleError
from aisle.core.request import Condition, Request
from aisle.serving.engine import BundleInfo

_SHOP = """
Red table lamp|红色台灯|Home > Lamps|Lumen|39.9
Brass reading lamp|黄铜阅读灯|Home > Lamps|Lumen|64
Paper floor lamp|纸质落地灯|Home > Lamps|Hakone|89
Red paper lantern|红色纸灯笼|Home > Lamps|Hakone|12.5
Clip-on desk lamp, black|黑色夹式台灯|Home > Lamps|Nord|24
Red enamel kettle|红色搪瓷水壶|Kitchen > Kettles|Emaille|45
Pour-over kettle, steel|不锈钢手冲壶|Kitchen > Kettles|Nord|58
Stoneware mug, sand|沙色粗陶马克杯|Kitchen > Mugs|Hakone|14
Stoneware mug, red glaze|红釉粗陶马克杯|Kitchen > Mugs|Hakone|14
Enamel mug with a blue rim|蓝边搪瓷杯|Kitchen > Mugs|Emaille|9.5
Wool throw, charcoal|炭灰羊毛毯|Home > Textiles|Fjell|119
Linen tea towel, pack of 3|亚麻茶巾三条装|Kitchen > Textiles|Fjell|22
Cotton tea towel, red stripe|红条纹棉茶巾|Kitchen > Textiles|Emaille|8
Bicycle lamp, front and rear|自行车前后灯|Outdoor > Cycling|Volta|29
Rechargeable head lamp 400 lm|充电式头灯|Outdoor > Camping|Volta|34.5
Camp lantern, folding|折叠露营灯|Outdoor > Camping|Volta|27
Double-wall steel flask 500 ml|双层不锈钢保温杯|Outdoor > Camping|Nord|31
Beech cutting board|榉木砧板|Kitchen > Boards|Fjell|36
Chef's knife 20 cm|主厨刀 20 厘米|Kitchen > Knives|Nord|92
Paring knife 9 cm|削皮刀 9 厘米|Kitchen > Knives|Nord|28
Wool socks, two pairs|羊毛袜两双|Home > Textiles|Fjell|19
Tea light holder, red glass|红色玻璃烛台|Home > Candles|Lumen|7.5
Beeswax candles, box of 6|蜂蜡蜡烛六支|Home > Candles|Lumen|16
Glass carafe with cork lid|软木塞玻璃水瓶|Kitchen > Glass|Hakone|26
"""


def _read() -> dict[str, dict[str, Value]]:
    items: dict[str, dict[str, Value]] = {}
    for number, line in enumerate(_SHOP.strip().splitlines()):
        title, chinese, category, brand, price = line.split("|")
        items[f"A{number}"] = {
            "item_id": f"A{number}", "title": title, "title_zh": chinese, "category": category, "brand": brand, "price": float(price),
            "currency": "EUR", "in_stock": float(number != 3), "created_at": 1.7e9 + number * 86_400,
            "description": f"{title} by {brand}. Made to be used every day and to be mended when it breaks.",
        }  # fmt: skip
    return items


class FakeEngine:
    """Finds items whose title holds all words of the query; ranks by place in the list. ``error`` is raised instead, if set."""

    def __init__(self, bundle_id: str = "toy-1", items: Mapping[str, dict[str, Value]] | None = None) -> None:
        self.bundle_id = bundle_id
        self.items = dict(_read() if items is None else items)
        self.error: Exception | None = None
        self.asked: list[Request] = []
        self.skipped: tuple[str, ...] = ()
        self.correction: str | None = None
        self.gate: threading.Event | None = None

    def answer(self, requests: Sequence[Request]) -> list[Answer]:
        self._obey()
        self.asked += requests
        return [self._rank(request) if request.surface == "rank" else self._answer(request) for request in requests]

    def complete(self, prefix: str, limit: int) -> list[Completion]:
        self._obey()
        titles = (str(item["title"]) for item in self.items.values())
        return [Completion(title.lower(), "query", 1.0) for title in titles if title.lower().startswith(prefix.lower())][:limit]

    def item(self, item_id: str) -> Mapping[str, Value] | None:
        self._obey()
        return self.items.get(item_id)

    def profile(self, user_id: str) -> Mapping[str, Json] | None:
        tastes = {"category": {"Home > Lamps": 0.6, "Kitchen > Mugs": 0.3, "Outdoor > Camping": 0.1}}
        return {"user_id": user_id, "events": 38, "tastes": tastes} if user_id in self.users(9) else None

    def users(self, limit: int) -> list[str]:
        return ["42", "77", "1003"][:limit]

    def _obey(self) -> None:
        if self.gate is not None:
            self.gate.wait(10)
        if self.error is not None:
            raise self.error

    def _answer(self, request: Request) -> Answer:
        found = [item for item in self.items.values() if item["item_id"] not in request.items and self._matches(item, request)]
        if request.sort in ("price", "-price"):
            found.sort(key=lambda item: float(item.get("price") or 0), reverse=request.sort == "-price")
        if request.sort in ("newest", "popular"):
            found = found[::-1] if request.sort == "newest" else found[7:] + found[:7]
        if request.user_id == "77":
            found.reverse()
        facets = {name: dict(Counter(str(item[name]) for item in found if name in item).most_common()) for name in request.facets}
        page = [self._shown(item, place, request) for place, item in enumerate(found)][request.offset : request.offset + request.limit]
        understood = Understanding(correction=self.correction if request.query else None)
        degraded = bool(self.skipped)
        return Answer(request.request_id, self.bundle_id, page, len(found), facets, understood, degraded, self.skipped, took_ms=1.5)

    def _rank(self, request: Request) -> Answer:
        known = [AnsweredItem(name, self.items[name], 1 / (2 + place)) for place, name in enumerate(request.items) if name in self.items]
        unknown = [AnsweredItem(name, removed="unknown") for name in request.items if name not in self.items]
        return Answer(request.request_id, self.bundle_id, (known + unknown)[: request.limit], len(known), took_ms=1.5)

    def _matches(self, item: Mapping[str, Value], request: Request) -> bool:
        words = (request.query or "").lower().split()
        text = f"{item['title']} {item.get('title_zh')}".lower()
        return all(word in text for word in words) and all(_passes(item, name, one) for name, one in request.filters.items())

    def _shown(self, item: Mapping[str, Value], place: int, request: Request) -> AnsweredItem:
        score = 1 / (1 + place)
        spans = {name: _spans(str(item.get(name) or ""), request.query or "") for name in ("title", "title_zh")}
        reason = Reason("bought_with", "Often bought with Brass reading lamp", ("A1",))
        reasons = [reason] if request.user_id and place % 3 == 0 else []
        return AnsweredItem(str(item["item_id"]), item, score, None, {"lexical": score}, spans, reasons)


def _passes(item: Mapping[str, Value], name: str, asked: Condition) -> bool:
    value = item.get(name)
    if asked.bounded and not isinstance(value, float):
        return False
    low = all(bound is None or value >= bound for bound in (asked.gte, asked.gt))
    high = all(bound is None or value <= bound for bound in (asked.lte, asked.lt))
    inside = not asked.any_of or any(str(value) == one or str(value).startswith(f"{one} > ") for one in asked.any_of)
    return low and high and inside and str(value) not in asked.none_of


def _spans(text: str, query: str) -> list[tuple[int, int]]:
    places = [(text.lower().find(word), len(word)) for word in query.lower().split()]
    return sorted((start, start + length) for start, length in places if start >= 0)


class FakeStore:
    """Two bundles, and one that is broken."""

    def __init__(self) -> None:
        self.active, self.before = "toy-1", "toy-1"

    def list(self) -> list[BundleInfo]:
        names = ("toy-1", "toy-2", "torn")
        return [BundleInfo(name, name == self.active, "2024-05-01T00:00:00Z", "a file is missing" * (name == "torn")) for name in names]

    def activate(self, bundle_id: str) -> FakeEngine:
        if bundle_id == "torn":
            raise BundleError("Bundle `torn` lacks the file `ids.blob.npy`.", "Copy it again.")
        self.before, self.active = self.active, bundle_id
        return FakeEngine(bundle_id)

    def rollback(self) -> FakeEngine:
        self.active, self.before = self.before, self.active
        return FakeEngine(self.active)
