"""Types of queries are read from titles as it is said, test queries teach nothing, and a type that nobody taught counts as wrong."""

from __future__ import annotations

import numpy as np
import pytest

from aisle.core.catalogue import Catalogue
from aisle.core.events import Judgements
from aisle.core.strings import Strings
from aisle.query.examples import Examples
from benchmarks.query_types import Wanted, best_graded, gain, hits, linear, product_type, quality, types_of, wanted


@pytest.mark.parametrize(
    ("title", "kind"),
    [
        ("Delta Vero 24 in. Towel Bar in Chrome", "bar"),
        ("Milwaukee 18-Volt Circular Saw Kit (2-Tool) with Bag", "saw kit"),
        ("Toro Spark Plugs, 3 pieces", "plug"),
        ("Acme Lamp White - Large", "lamp"),
        ("Kit", "kit"),
        ("3/4 x 2", ""),
    ],
)
def test_a_type_is_the_last_word_before_the_title_turns(title: str, kind: str) -> None:
    assert product_type(title) == kind


def test_a_type_is_named_as_it_is_written_most_and_rare_ones_are_none() -> None:
    assert types_of(["Oak Shelves", "Pine Shelves", "Tall Shelves in Oak", "Red Sofa"], 2) == ["shelves"] * 3 + [None]
    assert types_of(["A Lamps", "B Lamp", "C Lamp"], 3) == ["lamp"] * 3


class Shop:
    texts = ("lamp", "sofa", "odd")
    rows = (np.array([0, 1, 2]), np.array([3]), np.array([0]))
    grades = (np.array([3.0, 2.67, 3.0]), np.array([2.33]), np.array([1.0]))


def test_only_a_querys_best_titles_speak_and_only_where_they_are_relevant() -> None:
    judged = best_graded(Shop(), np.array([0, 1, 2]))  # type: ignore[arg-type]
    assert list(zip(judged.query.tolist(), judged.item.tolist(), strict=True)) == [(0, 0), (0, 2), (1, 3)]


def examples(texts: list[str], kinds: list[int], names: tuple[str, ...]) -> Examples:
    targets = np.eye(len(names), dtype=np.float32)[kinds]
    return Examples(tuple(texts), targets, names, np.ones(len(texts), np.int8), np.ones(len(texts), np.float32))


def test_a_query_that_teaches_in_another_spelling_is_not_asked() -> None:
    catalogue = Catalogue(Strings.of("abc"), {"category": Strings.of(["lamp", "sofa", "rug"])}, {})
    item, query = np.array([0, 1, 2, 2], np.int32), np.array([0, 1, 2, 2], np.int32)
    judged = Judgements(Strings.of(["LAMP ", "blue sofa", "rugs"]), query, item, np.full(4, 3, np.float32), np.zeros(3, np.int8), 2.33)
    found = wanted(catalogue, judged, examples(["lamp"], [0], ("lamp", "sofa")))
    assert found.texts == ("blue sofa", "rugs")
    assert [found.names[kind] for kind in found.truth] == ["sofa", "rug"]
    assert (found.truth >= found.taught).tolist() == [False, True]


def test_a_type_nobody_taught_is_never_hit_and_macro_f1_knows_it() -> None:
    asked = Wanted(("a", "b", "c"), np.array([0, 1, 2]), ("lamp", "sofa", "rug"), 2)
    score = np.array([[0.9, 0.1], [0.8, 0.2], [0.1, 0.9]])
    assert hits(score, asked.truth, 1).tolist() == [1, 0, 0]
    assert hits(score, asked.truth, 2).tolist() == [1, 1, 0]
    found = {figure.figure: figure.value for figure in quality("ours", score, asked)}
    assert found["ours: macro F1"] == pytest.approx((2 / 3 + 0 + 0) / 3)  # lamp: one right of two named; sofa, rug: none
    assert gain("one", "other", {"one": score, "other": score[::-1]}, asked).value == pytest.approx(1 / 3)


def test_a_linear_model_reads_words() -> None:
    names = ("lamp", "rug", "sofa", "door")
    known = examples(["red lamp", "desk lamp", "big sofa", "blue sofa", "oak door", "tall door"], [0, 0, 2, 2, 3, 3], names)
    score = linear(known, ["old lamp", "old sofa", "old door"])
    assert score.argmax(axis=1).tolist() == [0, 2, 3]
    assert np.isneginf(score[:, 1]).all()
