"""What a running shop adds to the files of its folder: events, changes of items, users to be left out. Light enough for a server."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field

Cell = str | float | None
EventRow = Mapping[str, Cell]
"""Cells by the contract's names, numbers and times as numbers; ``_row`` is the sequence. Without an id of the client's own, no event_id."""


@dataclass(frozen=True)
class ItemEdit:
    """What the log says of one item in the end. ``cells`` override the files' (None empties one); ``anew``: nothing of the files counts,
    since the item had been deleted. ``row`` is the last sequence, ``time`` its time, NaN where it is not known."""

    row: int
    cells: Mapping[str, Cell]
    anew: bool = False
    time: float = float("nan")


@dataclass(frozen=True)
class Further:
    """The log of a running shop up to ``sequence``. ``name`` stands for it in the report, as a file's name does.

    ``gone`` says of an item of the files whether it was deleted. ``forgotten`` maps the hashed names of forgotten users (``session:<id>``
    for sessions) to the time until which nothing of them may be learned from; ``hashed`` makes that name.
    """

    name: str
    sequence: int
    count: int
    events: Callable[[], Iterator[EventRow]]
    edits: Mapping[str, ItemEdit] = field(default_factory=dict)
    gone: Callable[[str], bool] = lambda _: False
    forgotten: Mapping[str, float] = field(default_factory=dict)
    hashed: Callable[[str], str] = str

    @property
    def rows(self) -> int:
        """Events, and items that were put."""
        return self.count + len(self.edits)
