"""A toy engine with two dozen products, found by their words, so that the edge can be tested and looked at without a bundle."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Mapping, Sequence

from aisle.core.answer import Answer, AnsweredItem, Completion, Json, Reason, Understanding, Value
from aisle.core.errors import BundleError
from aisle.core.request import Condition, Request
from aisle.serving.access import ALL
from aisle.serving.engine import BundleInfo
from aisle.state.keys import Key

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
        self.events: dict[str, Mapping[str, Json]] = {}
        self.forgotten: set[str] = set()
        self.sequence = 0

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
        known = user_id not in self.forgotten and (user_id in self.users(9) or self._of(user_id))
        return {"user_id": user_id, "events": 38, "tastes": tastes} if known else None

    def users(self, limit: int) -> list[str]:
        return ["42", "77", "1003"][:limit]

    def record(self, rows: Sequence[Json], now: float) -> Mapping[str, Json]:
        self._obey()
        counts = {"received": len(rows), "stored": 0, "duplicate": 0, "quarantined": 0}
        rejected: list[Json] = []
        for number, row in enumerate(rows):
            if not isinstance(row, dict) or "type" not in row:
                rejected.append({"row": number, "reason": "An event needs a type."})
            elif (name := str(row.get("event_id", f"made-{self.sequence}"))) in self.events:
                counts["duplicate"] += 1
            else:
                self.sequence += 1
                self.events[name] = row
                counts["stored"] += 1
        return {**counts, "rejected": rejected, "sequence": self.sequence}

    def put_items(self, items: Sequence[Json], replace: bool, now: float) -> Mapping[str, Json]:
        self._obey()
        good = {str(item["item_id"]): item for item in items if isinstance(item, dict) and "item_id" in item}
        bad = [{"row": row, "reason": "An item needs an id."} for row, item in enumerate(items) if item not in good.values()]
        self.items = good if replace else {**self.items, **{name: {**self.items.get(name, {}), **item} for name, item in good.items()}}
        self.sequence += len(good)
        return {"received": len(items), "stored": len(good), "rejected": bad, "sequence": self.sequence}

    def delete_item(self, item_id: str, now: float) -> bool:
        self._obey()
        return self.items.pop(item_id, None) is not None

    def export(self, user_id: str) -> Mapping[str, Json] | None:
        profile = self.profile(user_id)
        return None if profile is None else {"user_id": user_id, "profile": profile, "events": self._of(user_id)}

    def forget(self, user_id: str, now: float) -> bool:
        known = self.profile(user_id) is not None
        self.events = {name: event for name, event in self.events.items() if event.get("user_id") != user_id}
        self.forgotten.add(user_id)
        return known

    def _of(self, user_id: str) -> list[Mapping[str, Json]]:
        return [event for event in self.events.values() if event.get("user_id") == user_id]

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
    """Two bundles, one that is broken, and one that is whole but has nothing to show."""

    def __init__(self) -> None:
        self.active, self.before = "toy-1", "toy-1"

    def list(self) -> list[BundleInfo]:
        names = ("toy-1", "toy-2", "torn", "empty")
        return [BundleInfo(name, name == self.active, "2024-05-01T00:00:00Z", "a file is missing" * (name == "torn")) for name in names]

    def current(self) -> str | None:
        return self.active

    def previous(self) -> str | None:
        return self.before

    def open(self, bundle_id: str) -> FakeEngine:
        if bundle_id == "torn":
            raise BundleError("Bundle `torn` lacks the file `ids.blob.npy`.", "Copy it again.")
        return FakeEngine(bundle_id, {} if bundle_id == "empty" else None)

    def activate(self, bundle_id: str) -> None:
        self.before, self.active = self.active, bundle_id


class FakeKeys:
    """Secrets that name their scopes: ``read``, ``events+items``; ``expired`` is none any more."""

    def __init__(self, closed: bool = True) -> None:
        self.made, self.revoked = closed, set[str]()

    def closed(self) -> bool:
        return self.made

    def find(self, secret: str, now: float) -> Key | None:
        scopes = frozenset(secret.split("+"))
        return Key(f"id-{secret}", secret, scopes, 0.0) if scopes <= ALL and secret not in self.revoked else None
