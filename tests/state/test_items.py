"""What the item changes and the snapshots promise: the changes in order, a full feed in one piece, snapshots that may be lost."""

from __future__ import annotations

from pathlib import Path

from aisle.state.folder import State
from aisle.state.protocols import ItemChange
from tests.state.support import NOW


def test_changes_come_back_in_order_as_they_were_put(state: State) -> None:
    state.items.put([{"item_id": "1", "title": "灯", "price": 3.5, "in_stock": False, "colour": None}])
    state.items.delete("1")
    assert state.items.changes() == [
        ItemChange(1, "1", {"title": "灯", "price": 3.5, "in_stock": False, "colour": None}),
        ItemChange(2, "1", None),
    ]
    assert state.items.changes(after=1) == [ItemChange(2, "1", None)]


def test_an_item_without_further_attributes_is_no_tombstone(state: State) -> None:
    state.items.put([{"item_id": "1"}])
    assert state.items.changes() == [ItemChange(1, "1", {})]


def test_a_full_feed_ends_with_what_the_shop_still_has(state: State) -> None:
    assert state.items.put([{"item_id": "1", "title": "a"}, {"item_id": "2", "title": "b"}], replace=True) == 3
    assert state.items.changes()[-1] == ItemChange(3, "", None, frozenset({"1", "2"}))


def test_an_empty_full_feed_empties_the_shop(state: State) -> None:
    state.items.put([], replace=True)
    assert state.items.changes() == [ItemChange(1, "", None, frozenset())]


def test_nothing_put_changes_nothing(state: State) -> None:
    assert state.items.put([]) == 0 == state.newest()


def test_a_full_feed_becomes_visible_in_one_piece(folder: Path) -> None:
    with State.open(folder) as one, State.open(folder) as two:
        seen = set()
        for size in (1, 50, 500):
            one.items.put(({"item_id": str(place), "title": "x"} for place in range(size)), replace=True)
            seen.add(len(two.items.changes()))
        assert seen == {2, 53, 554}


def test_when_an_item_was_put_is_kept(state: State) -> None:
    state.items.put([{"item_id": "1"}, {"item_id": "2"}], now=NOW)
    state.items.put([{"item_id": "3"}])
    assert state.items.times() == {1: NOW, 2: NOW}
