"""What the item changes and the snapshots promise: the changes in order, a full feed in one piece, snapshots that may be lost."""

from __future__ import annotations

from pathlib import Path

from aisle.state.folder import State
from aisle.state.protocols import ItemChange
from tests.state.support import NOW, event


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


def test_a_snapshot_is_read_by_its_actor_and_base_and_the_newest_wins(folder: Path) -> None:
    with State.open(folder) as state:
        state.profiles.put("u", "bundle-1", 5, {"owned": {"1": 2.5}, "recent": []})
        state.profiles.put("u", "bundle-1", 6, {"owned": {}})
        state.profiles.put("u", "bundle-2", 6, {"other": None})
    with State.open(folder) as state:
        assert state.profiles.get("u", "bundle-1") == (6, {"owned": {}})
        assert state.profiles.get("u", "bundle-2") == (6, {"other": None})
        assert state.profiles.get("u", "bundle-3") is None
        assert state.profiles.get("v", "bundle-1") is None


def test_a_snapshot_made_before_the_forgetting_is_not_kept_after_it(folder: Path) -> None:
    with State.open(folder) as state:
        state.log.append([event("a", "u")])
        state.log.forget("u", NOW)
        state.profiles.put("u", "base", 1, {"late": True})
    with State.open(folder) as state:
        assert state.profiles.get("u", "base") is None
        state.profiles.put("u", "base", 3, {"new": True})
    with State.open(folder) as state:
        assert state.profiles.get("u", "base") == (3, {"new": True})
