"""Frames: the best of each request are those of a full sort, nothing moves between rows, and what was saved comes back."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from aisle.core.candidates import Candidates
from aisle.core.request import Request
from aisle.evaluation.lists import Ranked, Truth
from aisle.evaluation.replay import Replay
from aisle.training import frames
from aisle.training.frames import Frame, best, grades

NAN = float("nan")
NAMES = ("a_share", "a_rank", "b_share", "b_rank", "sources_agreeing", "best_rank", "places_summed", "price", "user_events")


def replay(requests: int, wanted: list[tuple[int, int]]) -> Replay:
    """``wanted`` are pairs of request and item."""
    request, item = (np.array(part, np.int64) for part in zip(*wanted, strict=True))
    asked = [Request(f"r{number}", "home", limit=10) for number in range(requests)]
    return Replay("home", asked, Truth.of(requests, request, item), np.arange(requests, dtype=np.int32))


def toy() -> Frame:
    """Two requests: items 0, 1, 2 and 1, 3. Source a proposes 0, 1 and 3, source b 1, 2 and 1; the first wants 1, the second 3."""
    a, b = np.log1p([0, 1, NAN, NAN, 0]), np.log1p([NAN, 0, 1, 0, NAN])
    both = [np.isfinite(a) + np.isfinite(b) * 1.0, np.fmin(a, b), [1, 11 / 6, 5 / 6, 1, 1]]
    x = np.array([a - a, a, b - b, b, *both, [1, 2, 3, 4, 5], [7, 7, 7, 8, 8]], np.float32)
    alone = {"a": Ranked.of([[0, 1], [3]]), "b": Ranked.of([[1, 2], [1]])}
    return Frame.of(replay(2, [(0, 1), (1, 3)]), np.array([0, 3, 5]), np.array([0, 1, 2, 1, 3], np.int32), NAMES, x, alone)


def test_what_was_wanted_is_marked_where_it_was_proposed() -> None:
    assert toy().grade.tolist() == [0, 1, 0, 0, 1]
    assert toy().relevant.tolist() == [False, True, False, False, True]


def test_grades_of_items_that_nobody_wanted_are_nought_and_unknown_items_match_nothing() -> None:
    truth = Truth.of(2, np.array([0, 1, 1]), np.array([5, -1, 6]), np.array([2.0, 3.0, 0.0]))
    grade, relevant = grades(truth, Candidates(np.array([0, 2, 4]), np.array([4, 5, 5, 6], np.int32)))
    assert grade.tolist() == [0, 2, 0, 0]
    assert relevant.tolist() == [False, True, False, False]
    nothing, one = Truth.of(2, np.zeros(0, int), np.zeros(0, int)), Candidates(np.array([0, 1, 1]), np.zeros(1, np.int32))
    assert grades(nothing, one)[0].tolist() == [0]


def test_the_best_stand_first_ties_by_item_and_without_a_score_not_at_all() -> None:
    lists = toy().ranked(np.array([1.0, 2.0, 2.0, NAN, -np.inf]), 2)
    assert lists.offsets.tolist() == [0, 2, 2]
    assert lists.item.tolist() == [1, 2]


@settings(max_examples=60, deadline=None)
@given(st.lists(st.integers(0, 30), min_size=1, max_size=12), st.integers(1, 12), st.integers(0, 2**32 - 1))
def test_the_best_of_each_request_are_those_of_a_full_sort(counts: list[int], most: int, seed: int) -> None:
    random = np.random.default_rng(seed)
    offsets = np.concatenate([[0], np.cumsum(counts)])
    score = random.integers(0, 4, offsets[-1]).astype(np.float32)
    score[random.random(len(score)) < 0.2] = np.nan
    expected = []
    for start, end in pairwise(offsets.tolist()):
        rows = [row for row in range(start, end) if np.isfinite(score[row])]
        expected += sorted(sorted(rows, key=lambda row: (-score[row], row))[:most])
    assert best(offsets, score, most).tolist() == expected


def test_many_requests_are_looked_at_in_pieces_with_the_same_result(monkeypatch: pytest.MonkeyPatch) -> None:
    random = np.random.default_rng(3)
    offsets = np.concatenate([[0], np.cumsum(random.integers(0, 50, 200))])
    score = random.random(offsets[-1])
    whole = best(offsets, score, 5)
    monkeypatch.setattr(frames, "CELLS", 64)
    assert best(offsets, score, 5).tolist() == whole.tolist()


def test_only_one_source_leaves_what_it_proposed_and_counts_sources_anew() -> None:
    less = toy().only(["a"])
    assert less.item.tolist() == [0, 1, 3]
    assert less.offsets.tolist() == [0, 2, 3]
    assert less.names == ("a_share", "a_rank", "sources_agreeing", "best_rank", "places_summed", "price", "user_events")
    assert less.features["sources_agreeing"].tolist() == [1, 1, 1]
    assert less.features["best_rank"].tolist() == pytest.approx(np.log1p([0, 1, 0]).tolist())
    assert less.features["places_summed"].tolist() == pytest.approx([1, 5 / 6, 1])
    assert less.features["price"].tolist() == [1, 2, 5]
    assert less.grade.tolist() == [0, 1, 1]
    assert toy().only(["a", "b"]).item.tolist() == toy().item.tolist()


def test_taking_sources_away_leaves_the_whole_frame_as_it_was() -> None:
    whole = toy()
    whole.only(["a"])
    assert np.array_equal(whole.x, toy().x, equal_nan=True)


def test_features_go_by_how_their_names_begin() -> None:
    less = toy().without(("user_", "pri"))
    assert less.names == NAMES[:7]
    assert less.item.tolist() == toy().item.tolist()
    assert toy().without(()).names == NAMES


def test_the_first_requests_and_the_first_rows() -> None:
    assert toy().head(1).item.tolist() == [0, 1, 2]
    assert len(toy().head(1).replay) == 1
    assert toy().head(5).item.tolist() == toy().item.tolist()
    assert toy().rows(4).offsets.tolist() == [0, 3]
    assert toy().rows(5).offsets.tolist() == [0, 3, 5]
    assert toy().rows(1).offsets.tolist() == [0, 3], "never less than one request"


def test_a_table_for_a_model_has_the_features_in_the_order_asked_for() -> None:
    assert toy().table(["price", "a_rank"]).shape == (5, 2)
    assert toy().table(["price"], np.array([True, False, False, True, True])).ravel().tolist() == [1, 4, 5]
    whole = toy()
    assert np.shares_memory(whole.table(NAMES), whole.x), "the whole block is not copied"


def test_scores_are_made_in_pieces_each_row_by_its_own_features(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(frames, "CHUNK", 2)
    sizes = []

    def double(features: dict[str, np.ndarray]) -> np.ndarray:
        sizes.append(len(features["price"]))
        return 2 * features["price"]

    assert toy().scored(double).tolist() == [2, 4, 6, 8, 10]
    assert sizes == [2, 2, 1]


def test_a_frame_comes_back_as_it_was_saved_and_stays_on_disk_until_read(tmp_path: Path) -> None:
    whole = toy()
    whole.save(tmp_path / "frame")
    again = Frame.load(tmp_path / "frame", replay(2, [(0, 1), (1, 3)]))
    assert isinstance(again.x, np.memmap)
    assert again.names == whole.names
    assert np.array_equal(again.x, whole.x, equal_nan=True)
    for part in ("offsets", "item", "grade", "relevant"):
        assert np.array_equal(getattr(again, part), getattr(whole, part)), part
    assert {name: lists.item.tolist() for name, lists in again.alone.items()} == {"a": [0, 1, 3], "b": [1, 2, 1]}


def test_a_frame_that_ended_early_takes_the_beginning_of_its_replay(tmp_path: Path) -> None:
    toy().save(tmp_path / "frame")
    again = Frame.load(tmp_path / "frame", replay(4, [(0, 1), (1, 3), (3, 2)]))
    assert len(again.replay) == 2
    assert again.grade.tolist() == toy().grade.tolist()
