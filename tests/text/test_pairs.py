"""Pairs are checked before anything learns from them: each fault is named with its place and its mend."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest

from aisle.core.errors import InputError
from aisle.text.pairs import Pairs


def pairs(*rows: tuple[str, str, float], name: str = "pairs") -> Pairs:
    return Pairs([a for a, _, _ in rows], [b for _, b, _ in rows], np.array([c for _, _, c in rows], np.float32), name)


GOOD = (("red lamp", "lamp, red", 1.0), ("red lamp", "blue sofa", 0.0))


def test_good_pairs_and_grades_pass() -> None:
    assert len(pairs(*GOOD).checked()) == 2
    assert len(pairs(*GOOD, ("desk", "table", 2.5)).checked()) == 3


@pytest.mark.parametrize(
    ("rows", "said"),
    [
        ([*GOOD, (" ", "blue sofa", 0.0)], r"valid: pair 2 has an empty text\. Leave out"),
        ([GOOD[0], ("a", "b", 1.0)], r"valid: every pair belongs together\. Give pairs that do and pairs that do not"),
        ([GOOD[1], ("a", "b", 0.0)], r"valid: no pair belongs together"),
        ([*GOOD, ("a", "b", float("nan"))], r"valid: pair 2 has the label nan\. Labels are 0 or 1, or grades"),
        ([*GOOD, ("a", "b", -1.0)], r"valid: pair 2 has the label -1"),
        ([], r"valid: no pair belongs together"),
    ],
)
def test_what_cannot_teach_is_refused(rows: Sequence[tuple[str, str, float]], said: str) -> None:
    with pytest.raises(InputError, match=said):
        pairs(*rows, name="valid").checked()


def test_a_side_that_is_shorter_is_refused() -> None:
    with pytest.raises(InputError, match=r"2 first texts, 1 second ones and 2 labels"):
        Pairs(["a", "b"], ["c"], np.array([0, 1], np.float32)).checked()


def test_a_pair_that_measures_does_not_teach_whichever_side_stands_first() -> None:
    teaching = pairs(*GOOD, ("desk", "table", 1.0), ("desk", "lamp", 0.0))
    kept, copies = teaching.without(pairs(("table", "desk", 1.0), ("red lamp", "blue sofa", 0.0), ("new", "pair", 0.0)))
    assert copies == 2
    assert list(zip(kept.first, kept.second, kept.label.tolist(), strict=True)) == [("red lamp", "lamp, red", 1.0), ("desk", "lamp", 0.0)]
