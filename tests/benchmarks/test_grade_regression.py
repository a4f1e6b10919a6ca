"""Grades from titles: the error by hand, and that no column of a pair is told by the grades of its own query or of one that measures."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from aisle.core.catalogue import Catalogue
from aisle.core.strings import Strings
from benchmarks.grade_features import NEAREST, Judged, Meaning, Words, beside
from benchmarks.grade_regression import boosted, drawn, held, rooted
from benchmarks.grade_taught import neighbours, products, ridge

QUERIES, TITLES = 60, 40


class Shop:
    """What the columns read of Home Depot's shop."""

    def __init__(self, titles: list[str], texts: list[str], rows: list[list[int]], grades: list[list[float]]) -> None:
        self.catalogue = Catalogue(Strings.of(str(row) for row in range(len(titles))), {"title": Strings.of(titles)}, {})
        self.texts, self.rows, self.grades = texts, [np.array(one) for one in rows], [np.array(one) for one in grades]

    def split(self) -> tuple[np.ndarray, np.ndarray]:
        return np.arange(len(self.texts) - 1), np.array([len(self.texts) - 1])


@pytest.fixture(scope="module")
def judged() -> Judged:
    random = np.random.default_rng(1)
    query, item = np.repeat(np.arange(QUERIES), 3), random.integers(0, TITLES, 3 * QUERIES)
    return Judged([str(number) for number in range(QUERIES)], query, item, random.uniform(1, 3, 3 * QUERIES), query >= 50)


@pytest.fixture(scope="module")
def vectors() -> tuple[np.ndarray, np.ndarray]:
    random = np.random.default_rng(2)
    asked, shown = (random.normal(size=(count, 8)).astype(np.float32) for count in (QUERIES, TITLES))
    return tuple(one / np.linalg.norm(one, axis=1, keepdims=True) for one in (asked, shown))  # type: ignore[return-value]


def taught(judged: Judged, vectors: tuple[np.ndarray, np.ndarray]) -> np.ndarray:
    found = ridge(judged, products(judged, *vectors), ~judged.test) | neighbours(judged, *vectors, ~judged.test)
    return np.column_stack(list(found.values()))


def test_the_grades_of_what_is_measured_move_no_column(judged: Judged, vectors: tuple[np.ndarray, np.ndarray]) -> None:
    other = replace(judged, grade=np.where(judged.test, 9.0, judged.grade))
    assert np.array_equal(taught(judged, vectors), taught(other, vectors))


def test_a_training_pair_is_told_by_other_queries_alone(judged: Judged, vectors: tuple[np.ndarray, np.ndarray]) -> None:
    own = judged.query == 7
    before = taught(judged, vectors)
    after = taught(replace(judged, grade=judged.grade + np.where(own, [1.0, -2.0, 1.0] * QUERIES, 0)), vectors)
    assert np.allclose(before[own], after[own], atol=1e-5), "their sum is as it was, so the mean grade is too"
    assert not np.allclose(before[~own], after[~own], atol=1e-5)


def test_the_error_is_the_root_over_pairs_and_a_query_counts_as_often_as_it_is_drawn() -> None:
    query, error = np.array([4, 4, 9]), np.array([1.0, -1.0, 3.0])
    draws = np.array([[1, 1], [2, 0], [0, 2]])
    assert rooted(error, query, draws).tolist() == pytest.approx([np.sqrt(11 / 3), 1, 3])
    assert drawn(query)[0].tolist() == [1, 1] and set(drawn(query)[1:].sum(axis=1)) == {2}
    assert held([0.5, 0.1, 0.9], 2)["value"] == 0.5


def test_a_title_stands_beside_the_best_of_the_catalogue() -> None:
    judged = Judged(["a", "b"], np.array([0, 0, 1]), np.array([0, 3, 2]), np.zeros(3), np.zeros(3, bool))
    row = np.array([4, 8, 0, 2, *np.linspace(1, 0.1, NEAREST)], np.float32)
    found, best = beside(iter([row, np.zeros(len(row), np.float32)]), judged, "x")
    assert found["x_share"].tolist() == [0.5, 0.25, 0]
    assert np.expm1(found["x_rank"]).round().tolist() == [1, 2, 0]
    assert best[0, :3].tolist() == [1, 0, 3] and (best[1] == -1).all()


def test_what_a_query_and_a_title_say_of_each_other() -> None:
    titles = ["Acme 8 ft. Steel Ladder", "Acme 6 ft. Wood Ladder in Red", "Bolt Hammer 16 oz.", *(f"Acme thing{n}" for n in range(12))]
    titles += [f"Bolt part{n}" for n in range(12)]
    shop = Shop(titles, ["acme laddr 8 ft", "bolt ladder"], [[1, 0], [0]], [[1.0, 3.0], [2.0]])
    judged = Judged.of(shop)  # type: ignore[arg-type]
    assert judged.item.tolist() == [0, 1, 0] and judged.grade.tolist() == [3, 1, 2] and judged.test.tolist() == [False, False, True]
    said = Words(shop, judged)  # type: ignore[arg-type]
    numbers, brands, letters = said.numbers(), said.brands(), said.letters()
    assert numbers["measures_held"][:2].tolist() == [1, 0] and numbers["measures_other"].tolist() == [0, 1, 0]
    assert brands["brand_own"].tolist() == [1, 1, 0] and brands["brand_other"].tolist() == [0, 0, 1]
    assert letters["letters_covered"][0] > letters["letters_covered"][2] > 0
    assert len(said.plain()["title_bm25"]) == 3 and len(said.shape()["mended"]) == 3
    (columns, best) = said.catalogue()
    assert columns["lexical_share"][0] == 1 and best[0, 0] == 0


def test_titles_alike_to_what_a_query_finds_have_that_in_common() -> None:
    judged = Judged(["a"], np.array([0, 0]), np.array([0, 1]), np.zeros(2), np.zeros(2, bool))
    shown = np.eye(2, dtype=np.float32)
    found = Meaning(judged, np.array([[0.6, 0.8]], np.float32), shown).common(np.array([[0, -1]], np.int32), "x")
    assert found["x_common"].tolist() == [1, 0] and found["x_asked"].tolist() == pytest.approx([0.6, 0.6])


def test_boosting_learns_a_grade_that_a_column_tells(judged: Judged) -> None:
    told = {"told": judged.grade.astype(np.float32)}
    error = boosted(told, judged, ~judged.test)[judged.test] - judged.grade[judged.test]
    assert np.abs(error).mean() < 0.5 * np.abs(judged.grade[judged.test] - judged.grade[~judged.test].mean()).mean()
