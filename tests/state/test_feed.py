"""What the next training reads of a running shop: each event once over files and log, items as they are in the end, no one forgotten."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from aisle.core.events import Dataset
from aisle.data.dataset import load_dataset
from aisle.data.report import FileCount, Quality
from aisle.data.rules.order import RULES
from aisle.schema import EVENT_TYPES
from aisle.settings import Cleaning, Settings
from aisle.state.feed import NAME, feed
from aisle.state.folder import State
from aisle.state.intake import record
from tests.state.support import NOW, event

ITEMS = "item_id,title,price,colour\n1,Lamp,5,red\n2,Sofa,100,\n3,Desk,50,brown\n"
EVENTS = "timestamp,type,item_id,user_id,session_id\n"
WANTED = {"running_shop", "cancellations", "clock", "event_words", "required", "same_item"}
SETTINGS = Settings(cleaning=Cleaning(off=tuple({rule.name for rule in RULES} - WANTED)))
"""Without the rules that have no part in this: each costs time."""


@pytest.fixture
def shop(tmp_path: Path) -> Path:
    """A folder with items, and events of two users."""
    (tmp_path / "items.csv").write_text(ITEMS, encoding="utf-8")
    write_events(tmp_path, "2024-05-01T10:00:00Z,click,1,u,", "2024-05-01T10:00:05Z,purchase,2,v,s", "2024-05-01T11:00:00Z,click,2,,s")
    return tmp_path


def write_events(shop: Path, *lines: str, header: str = EVENTS) -> None:
    (shop / "events.csv").write_text(header + "\n".join(lines) + "\n", encoding="utf-8")


def read(shop: Path, state: State) -> tuple[Dataset, Quality]:
    return load_dataset(shop, SETTINGS, feed(state))


def told(data: Dataset) -> list[tuple[str, str, str]]:
    """Actor, type and item of each event in order of time."""
    ids = [*data.catalogue.ids, ""]
    columns = zip(data.events.user, data.events.type, data.events.item, strict=True)
    return [(data.events.users[int(user)], EVENT_TYPES[kind], ids[item]) for user, kind, item in columns]


def items(data: Dataset) -> dict[str, dict[str, str | float | None]]:
    rows = (dict(data.catalogue.item(row)) for row in range(len(data.catalogue)))
    return {str(row.pop("item_id")): row for row in rows}


def rejected(quality: Quality) -> set[str]:
    return {example.reason for tally in quality.rules if tally.rule == "running_shop" for example in tally.examples if example.reason}


def test_events_of_the_log_stand_beside_those_of_the_files(shop: Path, state: State) -> None:
    record(state, [{"type": "view", "item_id": "3", "user_id": "u"}, {"type": "cart", "item_id": "9", "session_id": "new"}], NOW)
    data, quality = read(shop, state)
    assert told(data) == [
        ("u", "click", "1"), ("v", "purchase", "2"), ("v", "click", "2"), ("u", "click", "3"), ("session:new", "cart", ""),
    ]  # fmt: skip
    assert quality.files[NAME] == FileCount(2, 2, 0, 0)
    assert data.until == NOW


def test_the_sequence_is_where_the_reading_ends(shop: Path, state: State) -> None:
    record(state, [{"type": "click", "item_id": "3", "user_id": "u"}], NOW)
    further = feed(state)
    record(state, [{"type": "click", "item_id": "1", "user_id": "late"}], NOW)
    state.items.put([{"item_id": "late", "title": "late"}])
    data, _ = load_dataset(shop, SETTINGS, further)
    assert further.sequence == 1
    assert "late" not in {actor for actor, _, _ in told(data)} | set(items(data))


def test_an_event_told_by_both_counts_once_by_its_id(shop: Path, state: State) -> None:
    write_events(shop, "e1,2024-05-01T10:00:00Z,click,1,u,", header="event_id," + EVENTS)
    record(state, [{"event_id": name, "type": "click", "item_id": "1", "user_id": "u", "timestamp": NOW} for name in ("e1", "e2")], NOW)
    data, quality = read(shop, state)
    assert data.events.time.tolist() == [1_714_557_600.0, NOW]
    assert rejected(quality) == {"told by events.csv row 1"}


def test_an_event_told_by_both_without_an_id_counts_once_by_its_fields(shop: Path, state: State) -> None:
    same = {"timestamp": "2024-05-01T12:00:00+02:00", "type": "浏览", "item_id": 1, "user_id": " u "}
    record(state, [same, {**same, "item_id": 2}, {**same, "timestamp": "2024-05-01T10:00:01Z"}, {**same, "rank": 3}], NOW)
    data, quality = read(shop, state)
    assert len(data.events) == 3 + 3
    assert quality.files[NAME] == FileCount(4, 3, 0, 1)


def test_two_equal_times_in_the_log_alone_stay_two_events(shop: Path, state: State) -> None:
    rows: list[object] = [{"timestamp": NOW + part, "type": "click", "item_id": "3", "user_id": "u"} for part in (-0.75, -0.25)]
    record(state, rows, NOW)
    assert len(read(shop, state)[0].events) == 3 + 2


def test_a_session_is_joined_to_its_user_over_files_and_log_unless_consent_is_refused(shop: Path, state: State) -> None:
    write_events(shop, "2024-05-01T10:00:00Z,click,1,,yes", "2024-05-01T10:00:00Z,click,2,,no")
    rows: list[object] = [{"type": "cart", "item_id": "1", "user_id": user, "session_id": user, "consent": user} for user in ("yes", "no")]
    record(state, rows, NOW)
    assert [actor for actor, _, _ in told(read(shop, state)[0])] == ["yes", "session:no", "yes", "no"]


def test_a_return_in_the_log_cancels_a_purchase_of_the_files(shop: Path, state: State) -> None:
    record(state, [{"type": "return", "item_id": "2", "user_id": "v"}], NOW)
    data, quality = read(shop, state)
    assert ("v", "purchase", "2") not in told(data)
    assert any(tally.rule == "cancellations" and tally.rejected == {"events.csv": 1} for tally in quality.rules)


def test_live_times_are_believed_however_old_the_files_are(shop: Path, state: State) -> None:
    write_events(shop, *(f"2011-05-01T10:{place // 60:02}:{place % 60:02}Z,click,1,u{place}," for place in range(600)))
    record(state, [{"type": "click", "item_id": "3", "user_id": "u"}], NOW)
    assert len(read(shop, state)[0].events) == 601


def test_a_folder_without_events_learns_from_the_log_alone(shop: Path, state: State) -> None:
    (shop / "events.csv").unlink()
    record(state, [{"type": "click", "item_id": "3", "user_id": "u"}, {"type": "query", "query": "灯", "session_id": "s"}], NOW)
    data, _ = read(shop, state)
    assert told(data) == [("u", "click", "3"), ("session:s", "query", "")]
    assert list(data.events.queries) == ["灯"]


def test_a_log_with_a_clock_does_not_mix_with_files_without_one(shop: Path, state: State) -> None:
    write_events(shop, "1,click,1,u,", "2,click,2,u,", header=EVENTS.replace("timestamp", "order"))
    record(state, [{"type": "click", "item_id": "3", "user_id": "u"}], NOW)
    data, quality = read(shop, state)
    assert len(data.events) == 2
    assert "left out" in " ".join(quality.remarks)


def test_an_empty_log_changes_nothing(shop: Path, state: State) -> None:
    plain, _ = load_dataset(shop, SETTINGS)
    data, quality = read(shop, state)
    assert data.fingerprint == plain.fingerprint
    assert quality.files[NAME] == FileCount(0, 0, 0, 0)


def test_edits_override_the_files_cell_by_cell(shop: Path, state: State) -> None:
    state.items.put([{"item_id": "1", "price": 7.5, "colour": None, "in_stock": False, "watts": 5.0, "new": True}])
    data, quality = read(shop, state)
    assert items(data)["1"] == {"title": "Lamp", "price": 7.5, "in_stock": 0.0, "watts": 5.0, "new": "true"}
    assert items(data)["3"] == {"title": "Desk", "price": 50.0, "colour": "brown"}
    assert quality.files["items.csv"] == FileCount(3, 2, 1, 0)


def test_new_items_come_in_and_those_without_a_title_do_not(shop: Path, state: State) -> None:
    state.items.put([{"item_id": "4", "title": "Chair", "price": 9.0}, {"item_id": "5", "price": 9.0}])
    data, quality = read(shop, state)
    assert items(data)["4"] == {"title": "Chair", "price": 9.0}
    assert "5" not in items(data) and "no title" in rejected(quality)


def test_deleted_items_are_gone_and_put_anew_they_begin_anew(shop: Path, state: State) -> None:
    for name in ("1", "2"):
        state.items.delete(name)
    state.items.put([{"item_id": "2", "title": "New sofa"}])
    state.items.put([{"item_id": "4", "title": "Chair"}])
    state.items.delete("4")
    assert items(read(shop, state)[0]) == {"2": {"title": "New sofa"}, "3": {"title": "Desk", "price": 50.0, "colour": "brown"}}


def test_after_a_full_feed_only_its_items_and_later_ones_are_there(shop: Path, state: State) -> None:
    state.items.put([{"item_id": "9", "title": "Old"}])
    state.items.put([{"item_id": "1", "title": "Lamp 2"}, {"item_id": "4", "title": "Chair"}], replace=True)
    state.items.put([{"item_id": "3", "title": "Desk 2"}])
    assert items(read(shop, state)[0]) == {
        "1": {"title": "Lamp 2", "price": 5.0, "colour": "red"}, "4": {"title": "Chair"}, "3": {"title": "Desk 2"},
    }  # fmt: skip


def test_a_row_of_a_file_that_was_true_later_than_the_edit_wins(shop: Path, state: State) -> None:
    header, *rows = ITEMS.splitlines()
    dated = [f"{header},updated_at", f"{rows[0]},2025-06-20", f"{rows[1]},2025-06-10", f"{rows[2]},"]
    (shop / "items.csv").write_text("\n".join(dated) + "\n", encoding="utf-8")
    state.items.put([{"item_id": name, "price": 1.0} for name in ("1", "2", "3")], now=NOW)  # 15 June 2025
    assert {name: row["price"] for name, row in items(read(shop, state)[0]).items()} == {"1": 5.0, "2": 1.0, "3": 1.0}


def test_a_forgotten_user_is_left_out_even_where_a_file_still_has_them(shop: Path, state: State) -> None:
    (shop / "users.csv").write_text("user_id,age\nu,30\nv,40\n", encoding="utf-8")
    (shop / "relations.csv").write_text("user_id,other_user_id\nu,w\nw,v\n", encoding="utf-8")
    state.log.append([event("a", "v", item="3", time=NOW)])
    state.log.forget("v", NOW)
    data, quality = read(shop, state)
    assert told(data) == [("u", "click", "1")], "the session that v claimed goes too"
    assert list(data.tables["users"]["user_id"]) == ["u"]
    assert list(data.tables["relations"]["other_user_id"]) == ["w"]
    assert rejected(quality) == {"the user was forgotten"}


def test_a_forgotten_user_who_came_back_counts_from_then_on(shop: Path, state: State) -> None:
    write_events(shop, "2024-05-01T10:00:00Z,click,1,u,", "2025-06-20T10:00:00Z,click,2,u,")
    state.log.forget("u", NOW)
    state.log.append([event("late", "u", item="3", time=NOW - 5)])
    assert told(read(shop, state)[0]) == [("u", "click", "3"), ("u", "click", "2")]


def test_the_anonymous_events_of_a_session_claimed_in_the_log_are_forgotten_with_its_user(shop: Path, state: State) -> None:
    write_events(shop, "2024-05-01T10:00:00Z,click,1,,mine", "2024-05-01T10:00:00Z,click,2,,other")
    state.log.append([event("login", "u", "mine")])
    state.log.forget("u", NOW)
    assert told(read(shop, state)[0]) == [("session:other", "click", "2")]


def test_many_events_are_read_in_batches_and_none_is_lost(shop: Path, state: State, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("aisle.state.feed.AT_ONCE", 7)
    monkeypatch.setattr("aisle.data.rules.running.BATCH", 5)
    state.log.append([event(str(place), f"u{place}", time=NOW - place, price=place if place > 20 else None) for place in range(40)])
    data, _ = read(shop, state)
    assert len(data.events) == 43 and np.isfinite(data.events.price).sum() == 19
