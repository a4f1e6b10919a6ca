"""An engine whose answers are noted: what was served to which request, for the console and for tracing one answer."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from aisle.core.answer import Answer, AnsweredItem, Completion, Json, Value
from aisle.core.request import Condition, Request
from aisle.core.trace import Trace
from aisle.serving.engine import Engine, Served

MOST_ITEMS = 50
"""Items of one answer that are noted."""
UNNOTED = frozenset({"warm", "aside"})
"""Request ids that no client sent: ``aside`` is what a page asks beside what it shows."""


class Noted:
    """Answers as ``engine`` does and hands a note of each answer to ``served``; ``clock`` gives its time."""

    def __init__(self, engine: Engine, served: Served, clock: Callable[[], float]) -> None:
        self.engine, self._served, self._clock = engine, served, clock

    @property
    def bundle_id(self) -> str:
        """The engine's bundle."""
        return self.engine.bundle_id

    def answer(self, requests: Sequence[Request]) -> list[Answer]:
        """The engine's answers, noted."""
        answers = self.engine.answer(requests)
        for request, answer in zip(requests, answers, strict=True):
            if request.request_id not in UNNOTED:
                self._served.note(note(request, answer, self._clock()))
        return answers

    def complete(self, prefix: str, limit: int) -> list[Completion]:
        """As the engine does."""
        return self.engine.complete(prefix, limit)

    def item(self, item_id: str) -> Mapping[str, Value] | None:
        """As the engine does."""
        return self.engine.item(item_id)

    def profile(self, user_id: str) -> Mapping[str, Json] | None:
        """As the engine does."""
        return self.engine.profile(user_id)

    def users(self, limit: int) -> list[str]:
        """As the engine does."""
        return self.engine.users(limit)

    def record(self, rows: Sequence[Json], now: float) -> Mapping[str, Json]:
        """As the engine does."""
        return self.engine.record(rows, now)

    def put_items(self, items: Sequence[Json], replace: bool, now: float) -> Mapping[str, Json]:
        """As the engine does."""
        return self.engine.put_items(items, replace, now)

    def delete_item(self, item_id: str, now: float) -> bool:
        """As the engine does."""
        return self.engine.delete_item(item_id, now)

    def export(self, user_id: str) -> Mapping[str, Json] | None:
        """As the engine does."""
        return self.engine.export(user_id)

    def forget(self, user_id: str, now: float) -> bool:
        """As the engine does."""
        return self.engine.forget(user_id, now)


def note(request: Request, answer: Answer, now: float) -> dict[str, Json]:
    """What is kept of an answer. The store replaces ``user_id`` and ``session_id`` by a salted hash."""
    return {
        "request_id": request.request_id,
        "time": now,
        "surface": request.surface,
        "user_id": request.user_id,
        "session_id": request.session_id,
        "query": request.query,
        "seeds": list(request.items[:MOST_ITEMS]),
        "filters": {name: _filter(asked) for name, asked in request.filters.items()},
        "sort": request.sort,
        "items": [_item(item) for item in answer.items[:MOST_ITEMS]],
        "total": answer.total,
        "took_ms": answer.took_ms,
        "degraded": answer.degraded,
        "skipped": list(answer.skipped),
        "bundle": answer.bundle,
        **_run(answer.run or Trace()),
    }


def _run(trace: Trace) -> dict[str, Json]:
    """What happened on the way, to all requests that were answered ``together``."""
    return {
        "trace": [{"stage": step.name, "took_ms": round(step.took_ms, 3), "gave": step.gave} for step in trace.steps],
        "together": trace.requests,
        "removed": trace.removed,
        "because": dict(trace.skipped),
    }


def _filter(asked: Condition) -> Json:
    """A filter as a request writes it."""
    bounds = {name: bound for name in ("lt", "lte", "gt", "gte") if (bound := getattr(asked, name)) is not None}
    if asked.any_of and not bounds:
        return list(asked.any_of)
    return {**bounds, **({"not": list(asked.none_of)} if asked.none_of else {})}


def _item(item: AnsweredItem) -> dict[str, Json]:
    reasons: list[Json] = [{"code": reason.code, "items": list(reason.items)} for reason in item.reasons]
    return {"item_id": item.item_id, "score": item.score, "scores": dict(item.scores), "reasons": reasons}
