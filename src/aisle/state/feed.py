"""The log of a running shop as the next training reads it beside the files: its events, its items in the end, who must be left out."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from aisle.core.answer import Json, Value
from aisle.data.further import Cell, EventRow, Further, ItemEdit
from aisle.data.words import BEGINNING
from aisle.schema import EVENTS, ITEMS, Kind
from aisle.state.cells import UnreadableError, read
from aisle.state.folder import State
from aisle.state.intake import MADE
from aisle.state.log import consents
from aisle.state.protocols import ItemChange, StoredEvent

NAME = "state/log.sqlite"
"""How the data report calls the log."""

AT_ONCE = 10_000


def feed(state: State) -> Further:
    """Everything in the log now. Its name for the bundle's manifest is ``sequence``: what comes later is the live overlay's."""
    sequence = state.newest()
    items = _Items(state.items.times())
    for change in state.items.changes():
        if change.sequence <= sequence:
            items.apply(change)
    return Further(
        NAME, sequence, state.log.count(sequence), lambda: _events(state, sequence), items.edits, items.lost,
        state.log.forgotten_names(), state.log.names.of,
    )  # fmt: skip


def _events(state: State, sequence: int) -> Iterator[EventRow]:
    after = 0
    while found := state.log.since(after, AT_ONCE):
        after = found[-1].sequence
        for stored in found:
            if stored.sequence > sequence:
                return
            yield _row(stored)


def _row(stored: StoredEvent) -> EventRow:
    event = stored.event
    row: dict[str, Cell] = {name: _cell(value, name, EVENTS[name].kind) for name, value in event.body.items() if name in EVENTS}
    row |= {"_row": stored.sequence, "type": event.type, "timestamp": event.time, "item_id": event.item_id, "user_id": event.user_id}
    row["event_id"] = None if event.event_id.startswith(MADE) else event.event_id
    row["session_id"] = event.session_id if event.user_id is None or consents(event.body) else None  # refused: the session is not joined
    return row


def _cell(value: Json, name: str, kind: Kind) -> Cell:
    """A cell as the cleaned files have it; what cannot be read is missing. What the intake has read is not read again."""
    written = kind in (Kind.ID, Kind.TEXT, Kind.CATEGORY, Kind.EVENT_TYPE)
    if not isinstance(value, str if written else float):
        try:
            value = read(value, name, kind)
        except UnreadableError:
            return None
    if isinstance(value, bool | float):
        return None if written else float(value)
    return value if isinstance(value, str) else None


@dataclass
class _Items:
    """The fold of item changes. After it, an item of the files is gone when it was deleted or a full feed lacked it, unless put later."""

    times: Mapping[int, float]
    edits: dict[str, ItemEdit] = field(default_factory=dict)
    deleted: set[str] = field(default_factory=set)
    feed: frozenset[str] | None = None

    def lost(self, item_id: str) -> bool:
        """Whether the shop does not have the item any more."""
        if item_id in self.edits:
            return False
        return item_id in self.deleted or (self.feed is not None and item_id not in self.feed)

    def apply(self, change: ItemChange) -> None:
        """The next change."""
        if change.keep is not None:
            self.edits = {item: edit for item, edit in self.edits.items() if item in change.keep}
            self.feed, self.deleted = change.keep, self.deleted & change.keep
        elif change.attributes is None:
            self.edits.pop(change.item_id, None)
            self.deleted.add(change.item_id)
        else:
            self._put(change.item_id, change.sequence, change.attributes)

    def _put(self, item_id: str, sequence: int, attributes: Mapping[str, Value]) -> None:
        before = self.edits.get(item_id)
        cells = {**(before.cells if before else {}), **{name: _attribute(value, name) for name, value in attributes.items()}}
        anew = before.anew if before else self.lost(item_id)
        self.edits[item_id] = ItemEdit(sequence, cells, anew, self.times.get(sequence, math.nan))


def _attribute(value: Value, name: str) -> Cell:
    """A cell of an item; a further attribute is text, as in files: 5.0 is `5`."""
    if name in ITEMS:
        cell = _cell(value, name, ITEMS[name].kind)
        early = ITEMS[name].kind is Kind.TIME and isinstance(cell, float) and cell < BEGINNING
        return None if early or (name == "price" and cell == 0) else cell
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, float | int):
        return repr(int(value)) if math.isfinite(value) and value == int(value) else repr(value)
    return value
