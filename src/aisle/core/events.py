"""The event log as columns, and the data set that every estimator learns from."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from aisle.core.catalogue import Catalogue
from aisle.core.strings import Strings

Rows = NDArray[np.int32]


@dataclass(frozen=True)
class Events:
    """``n`` events in order of ``time`` (ties keep the order of the files).

    ``user`` ``(n,) int32`` into ``users`` (an actor: a user, or a session that no user claimed); ``item`` ``(n,) int32`` catalogue row, -1
    for none or unknown; ``time`` ``(n,) float64`` UTC seconds, or the order within one user where the log has no clock; ``type``
    ``(n,) uint8`` (`schema.EVENT_TYPES`); ``query`` ``(n,) int32`` into ``queries``, -1 for none; ``session`` ``(n,) int32`` number of the
    session, -1 for none; ``rank``, ``quantity``, ``price``, ``rating`` ``(n,) float32`` with NaN for missing; so ``propensity`` of an
    impression, the probability with which the shop put the item at its rank, None in a log that never says it.
    """

    users: Strings
    queries: Strings
    user: Rows
    item: Rows
    time: NDArray[np.float64]
    type: NDArray[np.uint8]
    query: Rows
    session: Rows
    rank: NDArray[np.float32]
    quantity: NDArray[np.float32]
    price: NDArray[np.float32]
    rating: NDArray[np.float32]
    clock: bool = True
    propensity: NDArray[np.float32] | None = None

    COLUMNS = ("user", "item", "time", "type", "query", "session", "rank", "quantity", "price", "rating")

    def __len__(self) -> int:
        return len(self.time)

    def where(self, mask: NDArray[np.bool_]) -> Events:
        """The events that ``mask`` ``(n,) bool`` keeps; users and queries keep their numbers."""
        propensity = None if self.propensity is None else self.propensity[mask]
        return replace(self, propensity=propensity, **{name: getattr(self, name)[mask] for name in self.COLUMNS})

    @classmethod
    def none(cls) -> Events:
        """A log without events."""
        texts, number, real = Strings.of([]), np.zeros(0, np.int32), np.zeros(0, np.float32)
        return cls(texts, texts, number, number, np.zeros(0), np.zeros(0, np.uint8), number, number, real, real, real, real)


@dataclass(frozen=True)
class Judgements:
    """Graded pairs: ``query`` ``(n,) int32`` into ``queries``, ``item`` ``(n,) int32`` row, ``grade`` ``(n,) float32`` as in the file,
    ``split`` ``(number of queries,) int8``: 0 train, 1 dev, 2 test, -1 not stated. ``relevant_from``: the grade that counts as relevant."""

    queries: Strings
    query: Rows
    item: Rows
    grade: NDArray[np.float32]
    split: NDArray[np.int8]
    relevant_from: float


@dataclass(frozen=True)
class Dataset:
    """What estimators fit on: the catalogue, the events up to some moment, and the judgements that may be learned from.

    ``until`` is the newest moment it knows. ``tables`` holds the optional tables (users, labels, examples, relations) as columns of text.
    ``folder`` is the shop's own, in which the items' pictures lie, None for a shop that is in no folder.
    """

    catalogue: Catalogue
    events: Events
    judgements: Judgements | None = None
    tables: dict[str, dict[str, Strings]] = field(default_factory=dict)
    fingerprint: str = ""
    folder: Path | None = None

    @property
    def until(self) -> float:
        """Time of the newest event, NaN without events."""
        return float(self.events.time[-1]) if len(self.events) else float("nan")

    def known(self, mask: NDArray[np.bool_]) -> Dataset:
        """The same shop as it stood with only the events that ``mask`` keeps."""
        return replace(self, events=self.events.where(mask))
