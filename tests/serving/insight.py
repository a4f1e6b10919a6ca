"""An insight with a few notes of everything, and an engine that explains its answers, so that the console can be looked at."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

from aisle.core.answer import Absence, Answer, Json
from aisle.core.request import Request
from aisle.core.trace import Step
from aisle.serving.console_insight import Overlay
from aisle.state.protocols import ItemChange
from aisle.state.quarantine import SetAside
from aisle.state.served import QueryCount, Timed
from tests.serving.conftest import NOW
from tests.serving.remembering import Remembering

REPORT = "<!doctype html><html lang='en'><head><title>Report</title><style>b{color:red}</style></head><body><b>Better</b></body></html>"
SIDE: Mapping[str, Json] = {
    "score": 1.25,
    "base": -0.5,
    "link": "logistic",
    "contributions": {"lexical_share": 1.5, "price": -0.25, **{f"feature_{number}": 0.02 for number in range(20)}, "nothing": 0.1},
}

RUN: Mapping[str, Json] = {
    "trace": [{"stage": "item_knn", "took_ms": 1.5, "gave": 1_073}, {"stage": "rank", "took_ms": 3.25, "gave": 24}],
    "together": 3, "removed": 17, "because": {"dense": "too slow"},
}  # fmt: skip


class Explaining(Remembering):
    """Tells why, where it is asked."""

    def answer(self, requests: Sequence[Request]) -> list[Answer]:
        return [self._told(request, answer) for request, answer in zip(requests, super().answer(requests), strict=True)]

    def _told(self, request: Request, answer: Answer) -> Answer:
        if not request.explain:
            return answer
        explanation: Mapping[str, Json] = {"alpha": 0.5, "ctr": SIDE, "rer": SIDE, "by_score": 2, "moved": ["literal"]}
        items = [replace(item, explanation=explanation, probability=0.125, variants=("A9",)) for item in answer.items]
        shown = {item.item_id for item in items}
        why = {item: Absence("not_proposed", "not proposed by any source") for item in request.why if item not in shown}
        return replace(answer, items=items, why=why, trace=(Step("lexical", 1.5, 73), Step("rank", 3.0, 24)))


def note(number: int, **more: Json) -> Mapping[str, Json]:
    items: list[Json] = [{"item_id": "A0", "score": 0.5, "scores": {"lexical": 2.0}, "reasons": [{"code": "matched_words", "items": []}]}]
    found: dict[str, Json] = {
        "request_id": f"r{number}", "time": NOW - number, "surface": "search", "query": "red lamp", "filters": {"brand": ["Lumen"]},
        "sort": "price", "seeds": [], "items": items, "total": 1, "took_ms": 4.5, "degraded": False, "skipped": [], "bundle": "toy-1",
        "user": "5f3a9c0011223344",
    }  # fmt: skip
    return {**found, **more}


class FakeInsight:
    """`console_insight.Insight` with canned notes."""

    kept = True

    def __init__(self) -> None:
        self.notes = [
            note(0),
            note(1, surface="home", query=None),
            note(2, surface="similar", query=None, seeds=["A1"], degraded=True, skipped=["dense"], **RUN),
        ]
        self.files: Mapping[str, Json] = {"items.csv": {"read": 25, "kept": 23, "repaired": 1, "rejected": 1}}
        self.row: Mapping[str, Json] = {"type": "click", "item_id": "A0"}

    def recent(self, limit: int) -> Sequence[Mapping[str, Json]]:
        return self.notes[:limit]

    def get(self, request_id: str) -> Mapping[str, Json] | None:
        return next((one for one in self.notes if one["request_id"] == request_id), None)

    def times(self, since: float) -> Sequence[Timed]:
        return [Timed(NOW - 800 + 8 * n, ("search", "home")[n % 2], 1.0 + n % 7, n % 20 == 0) for n in range(100)]

    def no_result_queries(self, limit: int) -> Sequence[QueryCount]:
        return [QueryCount("zeppelin", 3, NOW)]

    def no_click_queries(self, limit: int) -> Sequence[QueryCount]:
        return [QueryCount("lamp of red", 2, NOW)]

    def set_aside(self, limit: int) -> Sequence[SetAside]:
        return [SetAside(NOW, "more than a day ahead", self.row)]

    def counts(self) -> Mapping[str, int]:
        return {"events": 12_345, "sequence": 12_400}

    def overlay(self, bundle_id: str, limit: int) -> Overlay | None:
        changes = [
            ItemChange(9, "A0", {"price": 9.5, "title": None, "created_at": 1_700_000_000.5}),
            ItemChange(8, "A1"),
            ItemChange(7, "", keep=frozenset({"A0", "A2"})),
        ]
        return Overlay({"changed": 1, "deleted": 1, "feeds": 1}, changes)

    def quality(self, bundle_id: str) -> Mapping[str, Json] | None:
        example: Json = {"file": "items.csv", "row": 7, "before": "price: free", "after": "", "reason": "not a number"}
        rule: Json = {
            "rule": "grades",
            "table": "items",
            "says": "grades are numbers",
            "repaired": 1,
            "rejected": 1,
            "folded": 0,
            "examples": [example],
        }
        return {"files": self.files, "rules": [rule], "remarks": ["One column is empty."]} if bundle_id == "toy-1" else None

    def report(self, bundle_id: str) -> str | None:
        return REPORT if bundle_id == "toy-1" else None
