"""Measures of encoders: how much of what is wanted stands among the first ten, and how far in front."""

from __future__ import annotations

import numpy as np
import pytest

from aisle.text.found import FIRST, ndcg, shares, wanted_among

ITEMS = np.eye(12, dtype=np.float32)
ORDER = np.linspace(1, 0.1, 12, dtype=np.float32)
"""A query that likes item 0 best, then 1, and so on."""


def gain(wanted: set[int], asked: np.ndarray = ORDER) -> float:
    """nDCG@10 of the query."""
    return ndcg(asked[None], np.isin(np.arange(len(asked)), list(wanted)).astype(np.float32)[None], FIRST)


@pytest.mark.parametrize(
    ("wanted", "share", "expected"),
    [
        ({0}, 1.0, 1.0),
        ({2}, 1.0, 0.5),
        ({11}, 0.0, 0.0),
        ({0, 2}, 1.0, 1.5 / (1 + 1 / np.log2(3))),
        ({0, 11}, 0.5, 1 / (1 + 1 / np.log2(3))),
    ],
)
def test_gain_tells_places_that_the_share_does_not(wanted: set[int], share: float, expected: float) -> None:
    assert shares(ORDER[None], ITEMS, [wanted]) == [share]
    assert gain(wanted) == pytest.approx(expected)


def test_more_wanted_than_places_can_be_all_there() -> None:
    assert gain(set(range(12))) == pytest.approx(1.0)
    assert gain({0, 1, 2}, ORDER[:3]) == pytest.approx(1.0)


def test_what_is_not_among_the_rows_is_not_wanted() -> None:
    assert wanted_among(np.array([5, 3, 9]), [{3, 4}, {9, 5}, set()]) == [{1}, {0, 2}, set()]
