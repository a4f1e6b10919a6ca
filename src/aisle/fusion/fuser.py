"""What every way to fuse promises, and the lesson that it learns from: candidates with both sides' scores, and what was taken."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol, Self

import numpy as np
from numpy.typing import NDArray

from aisle.core.request import Request

Column = NDArray[np.float32]
Columns = Mapping[str, Column]
Floats = NDArray[np.float64]
CTR, RER = "ctr", "rer"
KNOWN, IDLE, LENGTH, HEAD, RANK = "user_events", "user_idle", "asked_length", "asked_head", "asked_rank"
"""What a request is like, as columns: log(1 + events known of its user), log(1 + age of the newest), log(1 + letters of its query), 0
without one, whether that is a head query, NaN without one, and whether it is a `rank` request."""


@dataclass(frozen=True)
class Lesson:
    """``n`` candidates of a window that neither side learned from: ``columns`` as `Fuser.score` reads them, ``taken`` ``(n,) bool``,
    ``offsets`` into requests. ``judge`` gives each request's quality ``(requests,)`` of a score ``(n,)``, NaN where nothing was wanted;
    ``alpha`` is the global weight of CTR; only the requests that ``use`` ``(requests,) bool`` marks may be learned from.
    """

    columns: Columns
    taken: NDArray[np.bool_]
    offsets: NDArray[np.int64]
    judge: Callable[[Column], Floats]
    alpha: float
    use: NDArray[np.bool_]
    memo: dict[Hashable, NDArray[np.floating]] = field(default_factory=dict, repr=False)

    def judged(self, key: Hashable, score: Callable[[], Column]) -> Floats:
        """`judge` of a score that is told from others by its key; made once, for every part of the requests."""
        if key not in self.memo:
            self.memo[key] = self.judge(score())
        return np.asarray(self.memo[key], np.float64)

    def mean(self, quality: Floats) -> float:
        """Mean quality of the requests that may be learned from, 0 where none of them wanted anything."""
        held = quality[self.use & np.isfinite(quality)]
        return float(held.mean()) if len(held) else 0.0

    @property
    def rows(self) -> NDArray[np.bool_]:
        """``(n,) bool``: the candidates that may be learned from."""
        return np.repeat(self.use, np.diff(self.offsets))

    def of_request(self, name: str) -> Floats:
        """``(requests,) float64``: a column that is the same for all candidates of a request; NaN for one without candidates."""
        values = self.columns.get(name)
        filled = np.diff(self.offsets) > 0
        found = np.full(len(filled), np.nan)
        if values is not None:
            found[filled] = values[self.offsets[:-1][filled]]
        return found


class Fuser(Protocol):
    """From columns ``(n,)`` to one score: `parts` is what each member adds, and they sum to `score`. A column that is not there is missing,
    and no score leans on what else stands in the request."""

    name: str

    def fit(self, lesson: Lesson) -> Self: ...
    def parts(self, columns: Columns) -> dict[str, Column]: ...
    def score(self, columns: Columns) -> Column: ...
    @property
    def weights(self) -> dict[str, float]: ...
    def save(self, folder: Path) -> None: ...


def asked(requests: Sequence[Request], request: NDArray[np.integer], heads: frozenset[str] = frozenset()) -> dict[str, Column]:
    """`LENGTH`, `HEAD` and `RANK` of candidates whose requests are ``request`` ``(n,)``."""
    length = np.log1p(np.array([len(one.query or "") for one in requests], np.float32))
    head = np.array([float(one.query in heads) if one.query else np.nan for one in requests], np.float32)
    rank = np.array([one.surface == "rank" for one in requests], np.float32)
    return {LENGTH: length[request], HEAD: head[request], RANK: rank[request]}


def column(columns: Columns, name: str) -> Column:
    """``(n,) float32``, NaN where it is not there."""
    found = columns.get(name)
    return np.full(rows_of(columns), np.nan, np.float32) if found is None else found


def rows_of(columns: Columns) -> int:
    """How many candidates there are."""
    return len(next(iter(columns.values()))) if columns else 0


def summed(parts: Mapping[str, Column], columns: Columns) -> Column:
    """``(n,) float32``: the parts together."""
    return np.sum(list(parts.values()), axis=0, dtype=np.float32) if parts else np.zeros(rows_of(columns), np.float32)
