"""The small protocols behind which a running shop keeps its facts; everything acknowledged through them is on disk."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from aisle.core.answer import Json, Value


@dataclass(frozen=True, slots=True)
class NewEvent:
    """An event that was read and not yet stored.

    ``time`` is UTC seconds. ``body`` holds every field that the client sent: those of the contract as read (ids as text, numbers as
    numbers, what cannot be read left out), any other as it came.
    """

    event_id: str
    type: str
    time: float
    user_id: str | None = None
    session_id: str | None = None
    item_id: str | None = None
    body: Mapping[str, Json] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Suspect:
    """A row that is not believed: its place in what was sent, why, and the row itself."""

    place: int
    reason: str
    row: Mapping[str, Json] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class StoredEvent:
    """An event of the log and its place in it."""

    sequence: int
    event: NewEvent


@dataclass(frozen=True, slots=True)
class ItemChange:
    """One change of the catalogue. ``attributes`` override those known before (a None value removes one); None for a deleted item.

    ``keep`` is set on a full feed alone: the ids that the shop still has; every other item is gone.
    """

    sequence: int
    item_id: str
    attributes: Mapping[str, Value] | None = None
    keep: frozenset[str] | None = None


@dataclass(frozen=True, slots=True)
class Receipt:
    """What became of a batch: how many events are new, how many were known, and the log's newest sequence after it."""

    stored: int
    duplicate: int
    sequence: int


class EventLog(Protocol):
    """Facts in one contiguous sequence, which item changes share."""

    def append(self, events: Sequence[NewEvent]) -> Receipt:
        """Store what is new; on disk when it returns. An event id counts once, ever."""
        ...

    def newest(self) -> int:
        """The newest sequence of any worker, 0 for an empty log; cheap enough to ask before every answer."""
        ...

    def since(self, sequence: int, most: int = 10_000) -> Sequence[StoredEvent]:
        """Events after ``sequence`` in order, at most ``most``; forgotten ones are left out."""
        ...

    def counts(self, after: int, until: int) -> Sequence[tuple[str, str, int, int, float]]:
        """What the events after one sequence and up to another add up to: item, type, hour since 1970, how many, the newest one's time."""
        ...

    def of(self, user_id: str | None, session_id: str | None, after: int = 0) -> Sequence[StoredEvent]:
        """An actor's events after ``after`` by time: a user's, with those of the sessions that the user claimed; else the session's."""
        ...

    def forget(self, user_id: str, now: float) -> bool:
        """Blank what is known of a user, keep the sequence; False where nothing was known."""
        ...

    def forgotten(self, user_id: str) -> int:
        """The sequence at which the user was last forgotten, 0 if never: facts up to it do not count."""
        ...


class ItemStore(Protocol):
    """Changes of the catalogue since the bundle, in the same sequence."""

    def put(self, items: Iterable[Mapping[str, Value]], replace: bool = False, now: float | None = None) -> int:
        """Store items by ``item_id``; with ``replace`` they are the whole catalogue. Returns the newest sequence, then on disk.

        Without ``now`` (UTC seconds) the next training cannot tell whether a row of a file is younger.
        """
        ...

    def delete(self, item_id: str) -> int:
        """Store a tombstone."""
        ...

    def changes(self, after: int = 0, most: int | None = None) -> Sequence[ItemChange]:
        """Changes after a sequence, in order, at most ``most``."""
        ...


class Aside(Protocol):
    """Where rows lie that are not believed."""

    def put(self, suspects: Sequence[Suspect], now: float) -> None:
        """Keep rows; on disk when it returns."""
        ...


class Kept(Protocol):
    """The state beside a bundle: what a running shop needs of it."""

    @property
    def log(self) -> EventLog: ...
    @property
    def items(self) -> ItemStore: ...
    @property
    def quarantine(self) -> Aside: ...
    def newest(self) -> int:
        """The newest sequence of any process: cheap enough to ask before every answer."""
        ...
