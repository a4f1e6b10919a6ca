"""Simulated workloads: what is asked comes from the log, a part of a log is its beginning, and files are told apart by their bytes."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path

import pytest

from aisle.simulate.shop import simulate
from benchmarks.growth import digests, head_of
from benchmarks.live import catalogue, often_clicked
from benchmarks.swaps import MARK, mark
from benchmarks.workload import Size, asked
from tests.simulate.reading import column


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return simulate(tmp_path_factory.mktemp("workload"), 60, 800, seed=5, pictures=False).folder


def test_searches_are_typed_queries_and_pages_are_asked_by_people_of_the_log(shop: Path) -> None:
    searches, pages = ([json.loads(body) for body in bodies] for bodies in asked(shop))
    typed = Counter(query for query in column(shop, "events", "query") if query)
    assert searches and {body["query"] for body in searches} <= set(typed)
    assert {body["user_id"] for body in pages} <= set(column(shop, "events", "user_id"))
    assert len(pages) == len({body["user_id"] for body in pages})


def test_the_same_seed_asks_the_same(shop: Path) -> None:
    assert asked(shop, seed=3) == asked(shop, seed=3) != asked(shop, seed=4)


def test_a_part_of_a_log_is_its_beginning(shop: Path, tmp_path: Path) -> None:
    head_of(shop, tmp_path / "part", 100)
    assert column(tmp_path / "part", "events", "event_id") == column(shop, "events", "event_id")[:100]
    assert catalogue(tmp_path / "part") == catalogue(shop)


def test_the_items_clicked_most_come_first(shop: Path) -> None:
    events = zip(column(shop, "events", "type"), column(shop, "events", "item_id"), strict=True)
    counts = Counter(item for kind, item in events if kind == "click")
    found = often_clicked(shop)
    assert [counts[item] for item in found] == sorted(counts.values(), reverse=True)[: len(counts) // 2]


def test_a_changed_byte_is_seen(shop: Path, tmp_path: Path) -> None:
    for name in ("one", "two"):
        head_of(shop, tmp_path / name, 10)
    assert digests(tmp_path / "one") == digests(tmp_path / "two")
    (tmp_path / "two" / "users.csv").write_bytes(b"x")
    assert {name for name, mark in digests(tmp_path / "one").items() if mark != digests(tmp_path / "two")[name]} == {"users.csv"}


def test_marked_titles_differ_in_nothing_else(shop: Path, tmp_path: Path) -> None:
    mark(shop / "items.csv", tmp_path / "items.csv")
    assert all(title.endswith(MARK) for title in column(tmp_path, "items", "title"))
    assert column(tmp_path, "items", "price") == column(shop, "items", "price")
    assert "" in column(tmp_path, "items", "title_zh"), "what was missing stays missing"


def test_sizes_do_not_share_a_folder() -> None:
    assert Size(100, 1_000, 1).folder != Size(100, 1_000, 1, encoder="minilm").folder
