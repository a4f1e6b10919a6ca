"""The simulated shop as a whole: its size, its bytes, its files against the schema, and what it refuses."""

from __future__ import annotations

import hashlib
from pathlib import Path

import numpy as np
import pytest

from aisle.core.errors import InputError
from aisle.schema import EVENT_TYPES, TABLES
from aisle.simulate.shop import Summary, simulate
from tests.simulate.reading import column, rows


def digests(folder: Path) -> dict[str, str]:
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    return {str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest() for path in files}


def test_the_same_seed_gives_the_same_bytes_and_another_seed_another_shop(tmp_path: Path) -> None:
    for name, seed in (("first", 3), ("second", 3), ("third", 4)):
        simulate(tmp_path / name, items=120, events=1_500, seed=seed)
    first, second, third = (digests(tmp_path / name) for name in ("first", "second", "third"))
    assert first == second
    assert first["events.csv"] != third["events.csv"]
    assert first["items.csv"] != third["items.csv"]


@pytest.mark.parametrize("events", [100, 777, 5_000])
def test_a_shop_has_exactly_the_size_asked_for(tmp_path: Path, events: int) -> None:
    made = simulate(tmp_path, items=75, events=events, seed=1, pictures=False)
    assert made.events == len(rows(tmp_path / "events.csv")) == events
    assert made.items == len(rows(tmp_path / "items.csv")) == 75
    assert sum(made.types.values()) == events


def test_as_many_queries_are_judged_as_asked_for(tmp_path: Path) -> None:
    simulate(tmp_path, items=2_000, events=2_000, seed=1, pictures=False, judged=40)
    asked = {row["query"]: row["split"] for row in rows(tmp_path / "judgements.csv")}
    assert 30 <= len(asked) <= 40, "a query that nothing answers has no judgements"
    assert set(asked.values()) == {"train", "dev", "test"}


def test_the_summary_counts_what_the_files_hold(shop: Path, summary: Summary) -> None:
    types = column(shop, "events", "type")
    assert {name: types.count(name) for name in set(types)} == summary.types
    assert summary.users == len(rows(shop / "users.csv"))
    assert summary.judgements == len(rows(shop / "judgements.csv"))


@pytest.mark.parametrize("table", ["items", "events", "users", "judgements", "labels", "examples", "relations"])
def test_every_table_keeps_the_contract(shop: Path, table: str) -> None:
    found = rows(shop / f"{table}.csv")
    for name, rule in TABLES[table].items():
        if rule.required:
            assert all(row[name] for row in found), name
    extra = {"items": {"colour", "size", "material"}, "users": {"language", "age_band", "city", "joined_at"}}.get(table, set())
    assert set(found[0]) - set(TABLES[table]) == extra


def test_events_name_only_things_that_exist(shop: Path) -> None:
    items, users = set(column(shop, "items", "item_id")), set(column(shop, "users", "user_id"))
    events = rows(shop / "events.csv")
    assert {row["item_id"] for row in events if row["type"] != "query"} <= items
    assert all(row["query"] and not row["item_id"] for row in events if row["type"] == "query")
    assert {row["user_id"] for row in events} - {""} <= users
    assert all(row["user_id"] or row["session_id"] for row in events)
    assert {row["type"] for row in events} <= set(EVENT_TYPES)
    assert len({row["event_id"] for row in events}) == len(events)


def test_the_log_runs_forward(shop: Path) -> None:
    times = column(shop, "events", "timestamp")
    assert times == sorted(times)


def test_a_click_on_a_page_follows_its_impression(shop: Path) -> None:
    shown: set[tuple[str, str]] = set()
    for row in rows(shop / "events.csv"):
        key = (row["request_id"], row["item_id"])
        if row["type"] == "impression":
            assert key not in shown, "shown twice on one page"
            shown.add(key)
        elif row["type"] == "click" and row["rank"]:
            assert key in shown


def test_progress_ends_at_the_size_asked_for(tmp_path: Path) -> None:
    heard: list[tuple[int, int]] = []
    simulate(tmp_path, items=60, events=400, progress=lambda done, asked: heard.append((done, asked)), pictures=False)
    assert heard[-1] == (400, 400)
    assert heard == sorted(heard)


def test_each_item_has_a_picture_unless_none_are_wanted(tmp_path: Path) -> None:
    simulate(tmp_path / "with", items=4_000, events=100)
    simulate(tmp_path / "without", items=60, events=100, pictures=False)
    named = set(column(tmp_path / "with", "items", "image"))
    assert named == {f"images/{path.name}" for path in (tmp_path / "with" / "images").iterdir()}
    assert all((tmp_path / "with" / name).read_text(encoding="utf-8").startswith("<svg") for name in named)
    assert not (tmp_path / "without" / "images").exists()
    assert not any(column(tmp_path / "without", "items", "image"))


def test_items_that_look_the_same_share_a_picture(tmp_path: Path) -> None:
    simulate(tmp_path, items=600, events=100)
    looks: dict[str, set[tuple[str, str]]] = {}
    for row in rows(tmp_path / "items.csv"):
        looks.setdefault(row["image"], set()).add((row["category"], row["colour"]))
    assert len(looks) < 600
    assert all(len(shown) == 1 for shown in looks.values())


def test_a_shop_too_small_is_refused_with_the_mend(tmp_path: Path) -> None:
    for items, events in ((59, 1_000), (1_000, 99)):
        with pytest.raises(InputError, match="at least 60 items and 100 events"):
            simulate(tmp_path, items=items, events=events)


def test_a_shop_of_ones_own_is_never_overwritten(tmp_path: Path) -> None:
    (tmp_path / "events.csv").write_text("mine", encoding="utf-8")
    with pytest.raises(InputError, match="own files"):
        simulate(tmp_path, items=60, events=100)
    assert (tmp_path / "events.csv").read_text(encoding="utf-8") == "mine"


def test_a_simulated_shop_can_be_made_anew(tmp_path: Path) -> None:
    simulate(tmp_path, items=100, events=500, seed=1)
    simulate(tmp_path, items=60, events=200, seed=2)
    assert len(rows(tmp_path / "events.csv")) == 200
    assert {f"images/{path.name}" for path in (tmp_path / "images").iterdir()} == set(column(tmp_path, "items", "image"))
    assert np.load(tmp_path / "truth" / "relevance.npy", allow_pickle=False).shape == (200,)
