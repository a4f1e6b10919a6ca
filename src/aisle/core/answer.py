"""What the pipeline answers to one request, and its one JSON form, shared by HTTP, `aisle batch` and Python."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import lru_cache

from aisle.core.trace import Step, Trace
from aisle.schema import ITEMS, Kind

Value = str | float | bool | None
Json = Value | Sequence["Json"] | Mapping[str, "Json"]
Span = tuple[int, int]
"""Where a highlight starts and ends, in characters (code points) of the attribute as the answer shows it; the end is not included."""


@dataclass(frozen=True, slots=True)
class Reason:
    """One checkable cause: ``code`` is stable, ``text`` is for a shopper, ``items`` are the ids of the items it speaks of."""

    code: str
    text: str
    items: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Intent:
    """The best intent, even when ``in_scope`` is false; ``score`` in [0, 1] is what ``in_scope`` is decided on."""

    name: str
    score: float
    in_scope: bool


@dataclass(frozen=True, slots=True)
class Understanding:
    """What was read out of the query. ``correction`` is the spelling that was searched instead, or None."""

    intent: Intent | None = None
    attributes: Mapping[str, Json] = field(default_factory=dict)
    correction: str | None = None


@dataclass(frozen=True, slots=True)
class AnsweredItem:
    """One item of an answer. ``attributes`` is `Catalogue.item`; ``score`` None or NaN: it has none; ``removed``: why it may not be shown.

    ``probability`` is calibrated for the bundle's stated event type, None where the log has nothing to learn it from. ``scores`` names
    each source's and model's own score; a silent one is left out. ``highlights``: attribute to spans. ``variants``: ids of the other
    variants that this one stands for. ``explanation``: why it scored so, where the request asked (`to_json`).
    """

    item_id: str
    attributes: Mapping[str, Value] = field(default_factory=dict)
    score: float | None = None
    probability: float | None = None
    scores: Mapping[str, float] = field(default_factory=dict)
    highlights: Mapping[str, Sequence[Span]] = field(default_factory=dict)
    reasons: Sequence[Reason] = ()
    removed: str | None = None
    variants: Sequence[str] = ()
    explanation: Mapping[str, Json] | None = None


@dataclass(frozen=True, slots=True)
class Absence:
    """Why an item is not on the page. ``stage`` is stable: ``unknown filter words not_proposed pool unscored cut near variant buried
    page``; ``reason`` says it in words, ``details`` in numbers: ``filters``, ``words``, ``ranks`` by source (0 first), ``variant``,
    ``rank``, ``score``."""

    stage: str
    reason: str
    details: Mapping[str, Json] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Answer:
    """The answer to one request. ``total`` and ``facets`` (attribute to value to count, largest first) count the matches that pass the
    filters; ``skipped`` names the stages left out; ``why`` says of each item asked for why it is absent; ``took_ms`` is milliseconds;
    ``trace`` are the stages run, where the request asked for an explanation; ``run`` is all that happened to its block, for whoever keeps
    notes of it, and no part of the JSON."""

    request_id: str
    bundle: str
    items: Sequence[AnsweredItem] = ()
    total: int = 0
    facets: Mapping[str, Mapping[str, int]] = field(default_factory=dict)
    understanding: Understanding = field(default_factory=Understanding)
    degraded: bool = False
    skipped: Sequence[str] = ()
    why: Mapping[str, Absence] = field(default_factory=dict)
    took_ms: float = 0.0
    trace: Sequence[Step] = ()
    run: Trace | None = field(default=None, compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class Completion:
    """One way to go on typing. ``kind`` says what it is: ``query``, ``category``, ``brand``, ``item``."""

    text: str
    kind: str
    score: float


_KINDS = {name: column.kind for name, column in ITEMS.items() if column.kind in (Kind.TRUTH, Kind.TIME)}
"""Attributes that are kept as numbers and shown as something else."""


def to_json(answer: Answer) -> dict[str, Json]:
    """The contract's shape, without NaN or infinity: such a score is null, such an attribute or source's score is left out.

    ``why``: ``[{"item_id", "stage", "reason", ...}]`` with the details of `Absence`. An item that stands for others of its product has
    ``variants``. With ``explain`` each item has ``explanation``: ``{"alpha", "ctr": side, "rer": side, "by_score": its place by score
    alone, 0 first, "moved": what put it elsewhere}``, a side being ``{"score", "base", "contributions": {name: value}, "link"}`` whose
    base and contributions sum to the raw score that calibration reads (through a sigmoid where ``link`` is ``logistic``); where sides and
    sources are fused in another way than by ``alpha``, that is null and ``fusion`` is ``{"name", "contributions"}``; an item that was read
    again has the side ``cross`` too, and its ``weight``: the score is ``(1 - weight)·Z + weight·C``. The answer has ``trace``:
    ``[{"stage", "took_ms", "gave"}]`` in the order in which the stages ended.
    """
    result: dict[str, Json] = {
        "request_id": answer.request_id,
        "bundle": answer.bundle,
        "items": [item_json(item) for item in answer.items],
        "total": int(answer.total),
        "facets": {name: {value: int(count) for value, count in counts.items()} for name, counts in answer.facets.items()},
        "understanding": _understanding(answer.understanding),
        "degraded": bool(answer.degraded),
        "skipped": list(answer.skipped),
        "took_ms": round(_finite(answer.took_ms) or 0.0, 3),
    }
    if answer.why:
        lost = answer.why.items()
        result["why"] = [{"item_id": item, "stage": one.stage, "reason": one.reason, **_details(one.details)} for item, one in lost]
    if answer.trace:
        result["trace"] = [{"stage": step.name, "took_ms": round(step.took_ms, 3), "gave": step.gave} for step in answer.trace]
    return result


def item_json(item: AnsweredItem) -> dict[str, Json]:
    """One item: its attributes, then what the answer says of it. An attribute called like one of the answer's own fields gives way."""
    result: dict[str, Json] = {"item_id": item.item_id, **attributes_json(item.attributes)}
    result["item_id"] = item.item_id
    result["score"] = _finite(item.score)
    result["probability"] = _finite(item.probability)
    result["scores"] = {name: number for name, score in item.scores.items() if (number := _finite(score)) is not None}
    result["highlights"] = {name: [[int(start), int(end)] for start, end in spans] for name, spans in item.highlights.items()}
    result["reasons"] = [{"code": reason.code, "text": reason.text, "items": list(reason.items)} for reason in item.reasons]
    if item.removed is not None:
        result["removed"] = item.removed
    if item.variants:
        result["variants"] = list(item.variants)
    if item.explanation is not None:
        result["explanation"] = _clean(item.explanation)
    return result


def attributes_json(attributes: Mapping[str, Value]) -> dict[str, Json]:
    """Attributes as a reader expects them: times as ISO 8601 in UTC, truths as true and false, what is missing left out."""
    result: dict[str, Json] = {}
    for name, value in attributes.items():
        shown = value if isinstance(value, str) else _shown(name, value)
        if shown is not None:
            result[name] = shown
    return result


def completions_json(completions: Sequence[Completion]) -> dict[str, Json]:
    """The contract's shape of an answer to ``complete``."""
    return {"completions": [{"text": one.text, "kind": one.kind, "score": _finite(one.score)} for one in completions]}


def _shown(name: str, value: Value) -> Value:
    if value is None or isinstance(value, str | bool):
        return value
    number, kind = _finite(value), _KINDS.get(name)
    if number is None or kind is None:
        return number
    return bool(number) if kind is Kind.TRUTH else _moment(number)


@lru_cache(maxsize=65_536)
def _moment(seconds: float) -> str | None:
    """Kept: the times of a catalogue's items come again and again."""
    try:
        return datetime.fromtimestamp(seconds, UTC).isoformat(timespec="seconds").replace("+00:00", "Z")
    except (OverflowError, ValueError, OSError):
        return None


def _finite(value: float | None) -> float | None:
    return None if value is None or not math.isfinite(value) else float(value)


def _clean(value: Json) -> Json:
    if isinstance(value, Mapping):
        return {name: _clean(inner) for name, inner in value.items()}
    if isinstance(value, Sequence) and not isinstance(value, str):
        return [_clean(inner) for inner in value]
    return value if value is None or isinstance(value, str | bool) else _finite(value)


def _details(details: Mapping[str, Json]) -> dict[str, Json]:
    return {name: _clean(value) for name, value in details.items()}


def _understanding(found: Understanding) -> dict[str, Json]:
    intent = found.intent
    named = None if intent is None else {"name": intent.name, "score": _finite(intent.score), "in_scope": bool(intent.in_scope)}
    return {"intent": named, "attributes": _clean(found.attributes), "correction": found.correction}
