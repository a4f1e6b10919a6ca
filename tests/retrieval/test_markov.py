"""Transitions worked by hand."""

from __future__ import annotations

import numpy as np
import pytest

from aisle.retrieval.markov import FirstOrder, Markov
from aisle.retrieval.sequences import Sequences
from tests.retrieval.shop import DAY, START, block, log, shop


def weights(source: Markov) -> np.ndarray:
    return source.neighbours_.matrix().toarray()


def plain(**settings: float) -> Markov:
    """Without the division, so that weights are sums of nearness."""
    return Markov(**({"damping": 0.0, "shrink": 0.0} | settings))  # type: ignore[arg-type]


def test_nearer_steps_weigh_more_and_earlier_ones_the_backward_share() -> None:
    source = plain(window=2, falloff=1.0, backward=0.25).fit(shop([(0, 0, 0.0), (0, 1, 1.0), (0, 2, 2.0)], 3, clock=False))
    assert weights(source) == pytest.approx(np.array([[0, 1, 0.5], [0.25, 0, 1], [0.125, 0.25, 0]]))


def test_the_window_ends() -> None:
    source = plain(window=1, backward=0.0).fit(shop([(0, item, float(item)) for item in range(3)], 3, clock=False))
    assert weights(source)[0].tolist() == [0, 1, 0]


def test_what_one_user_does_says_nothing_of_another_who_comes_next() -> None:
    source = plain().fit(shop([(0, 0, 0.0), (1, 1, 1.0)], 2, clock=False))
    assert not weights(source).any()


def test_a_basket_has_no_order_inside() -> None:
    source = plain(together=5.0).fit(shop([(0, 0, START), (0, 1, START)], 2))
    forward, back = weights(source)[0, 1], weights(source)[1, 0]
    assert forward == back > 0


def test_direction_can_be_forgotten() -> None:
    rows = [(user, item, float(place)) for user in range(4) for place, item in enumerate([0, 1, 2])]
    directed, level = plain().fit(shop(rows, 3, clock=False)), plain(backward=1.0).fit(shop(rows, 3, clock=False))
    assert weights(directed)[0, 1] > weights(directed)[1, 0]
    assert weights(level)[0, 1] == weights(level)[1, 0]


def test_common_items_are_damped() -> None:
    rows = [(0, 0, 0.0), (0, 1, 1.0), (1, 0, 0.0), (1, 2, 1.0), *[(user, 2, 0.0) for user in range(2, 30)]]
    source = plain(damping=0.4).fit(shop(rows, 3, clock=False))
    assert weights(source)[0, 1] > weights(source)[0, 2] > 0


def test_the_newest_step_speaks_loudest() -> None:
    source = Markov().fit(shop([(user, item + user % 2, float(item)) for user in range(6) for item in (0, 2)], 4, clock=False))
    row = next(source.rows(block([[0, 1]], clock=False)))
    assert row.of(np.array([3], np.int32)) > row.of(np.array([2], np.int32)) > 0


def test_the_first_order_chain_knows_one_step_only() -> None:
    source = FirstOrder().fit(shop([(0, item, float(item)) for item in range(4)], 4, clock=False))
    assert [np.flatnonzero(row).tolist() for row in weights(source)] == [[1], [2], [3], []]


def test_opening_carting_and_buying_one_item_is_one_event_with_the_weight_of_the_purchase() -> None:
    found = Sequences.of(log([(0, 1, START, "click"), (0, 1, START + 60, "cart"), (0, 1, START + 90, "purchase")]), 2)
    assert len(found) == 1
    assert found.weight[0] == 1


def test_events_that_say_nothing_of_interest_are_not_read() -> None:
    assert not len(Sequences.of(log([(0, 1, START, "impression"), (0, 0, START, "dismiss"), (0, 1, START, "return")]), 2))


def test_old_events_fade_where_there_is_a_clock_and_never_where_there_is_none() -> None:
    rows = [(user, user % 3, START + user * DAY) for user in range(100)]
    faded, level = Sequences.of(log(rows), 3), Sequences.of(log(rows, clock=False), 3)
    assert faded.weight[-1] == 1 > faded.weight[50] > faded.weight[0] > 0
    assert (level.weight == 1).all()


def test_only_the_newest_events_of_a_robot_are_read() -> None:
    found = Sequences.of(log([(0, place % 5, float(place)) for place in range(50)] + [(1, 0, 0.0)], clock=False), 5, most=10)
    assert np.bincount(found.user).tolist() == [10, 1]
    assert found.time[:10].tolist() == list(range(40, 50))
