"""The table of examples: what lay before, what followed, what a model reads of it, and the correction of sampling."""

from __future__ import annotations

import json

import numpy as np
import pytest

from aisle.core.errors import InputError
from aisle.ranking.ctr.examples import Column, Examples
from aisle.ranking.ctr.layout import Layout
from aisle.ranking.ctr.past import Past
from aisle.ranking.ctr.sampling import corrected, sampled

NAN = np.nan


def table(item: list[str | None], price: list[float], past: list[list[int]] | None = None) -> Examples:
    column = Column.of(item)
    sequences = {} if past is None else {"item": Column(np.array(past, np.int32), column.names)}
    return Examples({"item": column}, {"price": np.array(price)}, np.zeros(len(item)), sequences)


def test_what_lay_before_does_not_hold_the_moment_itself() -> None:
    past = Past(np.array([1, 1, 2, 1, -1]), np.array([10.0, 20.0, 15.0, 30.0, 5.0]))
    group, time = np.array([1, 1, 1, 2, 3, -1]), np.array([20.0, 21.0, 99.0, 15.0, 99.0, 99.0])
    assert past.count(group, time).tolist() == [1, 2, 3, 0, 0, 0]
    np.testing.assert_array_equal(past.since(group, time), [10, 1, 69, NAN, NAN, NAN])
    assert past.last(group, time, 2).tolist() == [[-1, 0], [0, 1], [1, 3], [-1, -1], [-1, -1], [-1, -1]]


def test_ids_are_missing_unknown_or_learned_and_sequences_share_them() -> None:
    layout = Layout(least=2).fit(table(["b", "a", "b", "rare", None], [1, 2, 3, 4, 5], [[-1, 0], [0, 1], [-1, -1], [2, 0], [0, 0]]))
    assert layout.known_ == {"item": {"b": 2}}, "a and rare were seen once"
    inputs = layout.apply(table(["new", "b", None], [1, 1, 1], [[-1, 1], [1, 0], [-1, -1]]))
    assert inputs.ids.tolist() == [[1, 0, 2], [2, 2, 1], [0, 0, 0]]
    assert (layout.shape.size, layout.shape.length, layout.shape.missing) == (3, 2, (0,))


def test_missing_numbers_are_the_mean_and_flagged_where_any_was_missing() -> None:
    flagged = Layout().fit(table(["a"] * 4, [1, 3, NAN, np.inf]))
    assert flagged.apply(table(["a"] * 3, [3, NAN, 1e9])).numbers.tolist() == [[1, 0], [0, 1], [8, 0]]
    assert Layout().fit(table(["a"] * 2, [1, 3])).apply(table(["a"], [NAN])).numbers.tolist() == [[0]]


def test_hashed_values_keep_to_their_buckets_and_need_no_vocabulary() -> None:
    layout = Layout(buckets={"item": 4}).fit(table(["a", "b"], [1, 2]))
    ids = layout.apply(table([f"item {number}" for number in range(100)] + [None], [0] * 101)).ids[:, 0]
    assert set(ids[:-1].tolist()) == {2, 3, 4, 5} and ids[-1] == 0


def test_a_layout_survives_json() -> None:
    some = table(["b", "a", "b", None], [1, 2, NAN, 4], [[-1, 0], [0, 1], [-1, -1], [1, 0]])
    layout = Layout(how={"price": "log"}).fit(some)
    again = Layout.from_dict(json.loads(json.dumps(layout.to_dict())))
    assert np.array_equal(again.apply(some).ids, layout.apply(some).ids)
    assert np.array_equal(again.apply(some).numbers, layout.apply(some).numbers)


def test_columns_that_do_not_belong_together_are_named() -> None:
    with pytest.raises(InputError, match=r"`price` has 1 rows for 2"):
        Examples({"item": Column.of(["a", "b"])}, {"price": np.zeros(1)}, np.zeros(2))
    with pytest.raises(InputError, match="no category"):
        Layout().fit(Examples({}, {}, np.zeros(2)))


def test_half_of_a_hundredth_is_a_hundredth_of_a_half() -> None:
    """One in eleven of a sample that kept a tenth of the misses: 1 hit and 10 misses there are 1 and 100 in truth."""
    assert corrected(np.array([1 / 11]), 0.1)[0] == pytest.approx(1 / 101)
    label = np.zeros(10_000)
    label[:50] = 1
    rows = sampled(label, 0.1, np.random.default_rng(7))
    assert label[rows].sum() == 50 and len(rows) == pytest.approx(1_045, abs=100)
