"""The time that is given: what is left, what is kept back, what a step may take, what fits."""

from __future__ import annotations

from math import inf

import pytest

from aisle.retrieval.registry import SOURCES
from aisle.training.budget import ASKED, COST, FLOOR, Budget, choose_sources, part_of
from tests.training.clock import Clock


def test_what_is_kept_back_is_not_left_for_what_comes_before() -> None:
    clock = Clock()
    budget = Budget(2, clock)
    clock.pass_(30)
    budget.reserve = 40
    assert (budget.whole, budget.left) == (90, 50)
    clock.pass_(60)
    assert (budget.whole, budget.left) == (30, 0)
    clock.pass_(60)
    assert (budget.whole, budget.left) == (0, 0)


def test_a_step_has_its_share_of_what_is_left_counted_from_its_beginning() -> None:
    clock = Clock()
    budget = Budget(1, clock)
    clock.pass_(20)
    left = budget.part(0.25)
    assert left() == pytest.approx(10)
    clock.pass_(4)
    assert left() == pytest.approx(6)
    clock.pass_(60)
    assert left() == 0


def test_steps_one_after_another_never_take_more_than_the_whole() -> None:
    clock = Clock()
    budget = Budget(1, clock)
    budget.reserve = 12
    for places in (4, 3, 2, 1):
        left = budget.part(1 / places)
        clock.pass_(left())
    assert clock.now - 100 == pytest.approx(48)
    assert budget.whole == pytest.approx(12)


def test_a_run_whose_time_is_over_still_has_a_moment_for_each_step() -> None:
    clock = Clock()
    budget = Budget(10, clock)
    clock.pass_(3_600)
    assert 0 < budget.part(0.5)() < 0.05 * 600


def test_a_plan_is_not_ended_by_the_clock() -> None:
    clock = Clock()
    left = Budget(1, clock, planned=True).part(0.1)
    clock.pass_(10_000)
    assert left() == inf
    assert part_of(left, 0.3)() == inf


def test_a_part_of_a_step_ends_before_the_step() -> None:
    clock = Clock()
    step = Budget(1, clock).part(0.5)
    first = part_of(step, 0.4)
    assert first() == pytest.approx(12)
    clock.pass_(20)
    assert first() == 0
    second = part_of(step, 1.0)
    assert second() == pytest.approx(10)


def test_a_slow_machine_lets_less_in() -> None:
    budget = Budget(1, Clock())
    assert budget.affords(14)
    budget.learn(expected=10, took=100)
    assert budget.slowness == pytest.approx(7)
    assert not budget.affords(14)
    assert budget.affords(2)


def test_a_machine_that_grew_slower_is_felt() -> None:
    """Every look at the clock takes a second, then three."""
    clock = Clock(1.0)
    budget = Budget(60, clock)
    assert budget.slower() == 1, "never felt before"
    budget.feel()
    assert budget.slower() == pytest.approx(1)
    clock.step = 3.0
    assert budget.slower() == pytest.approx(3)
    clock.step = 0.1
    assert budget.slower() == 1, "a faster one is not trusted to stay so"


def test_every_source_that_may_be_left_out_declares_its_cost() -> None:
    assert set(SOURCES) == set(FLOOR) | set(COST)


def test_a_source_that_is_registered_and_no_more_is_taken_where_there_is_time(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(SOURCES, "mine", SOURCES["markov"])
    names, _ = choose_sources({}, Budget(60), 1_000, 100_000)
    assert names[-1] == "mine", "what is known of the others comes first"
    _, why = choose_sources({}, Budget(0.1), 100_000, 5_000_000)
    assert "too much of the time given" in why["mine"]
    assert "mine" not in choose_sources({"mine": False}, Budget(60), 1_000, 100_000)[0]


def test_costs_grow_with_the_shop() -> None:
    for name, cost in COST.items():
        assert cost(100_000, 10_000_000) > cost(1_000, 10_000) > 0, name


def test_a_short_budget_keeps_the_floor_and_says_what_it_left_out() -> None:
    names, why = choose_sources({}, Budget(0.1), 100_000, 5_000_000)
    assert set(names) >= set(FLOOR)
    assert "too much of the time given" in why["ease"]
    names, why = choose_sources({"markov": False, "repeat": False}, Budget(60), 1_000, 10_000)
    assert "markov" not in names and "repeat" not in names
    assert why["markov"] == why["repeat"] == "switched off by the settings"


def test_a_long_budget_takes_every_source() -> None:
    names, why = choose_sources({}, Budget(60), 1_000, 100_000, 1_000)
    assert set(names) == (set(FLOOR) | set(COST)) - set(ASKED)
    assert set(why) == set(ASKED)
    names, why = choose_sources({}, Budget(60), 1_000, 10_000, 1_000)
    assert set(names) == (set(FLOOR) | set(COST)) - set(ASKED) - {"sasrec"}
    assert why["sasrec"] == "learns from 50,000 events on"


def test_what_is_off_comes_where_the_settings_say_true_and_the_time_allows() -> None:
    names, why = choose_sources({"two_tower": True}, Budget(60), 1_000, 100_000, 1_000)
    assert "two_tower" in names and "ncf" not in names
    assert "two_tower" not in why and why["ncf"].startswith("stays apart: ")
    assert why["ncf"].endswith("`[retrieval] ncf = true` tries it")
    assert choose_sources({"ncf": False}, Budget(60), 1_000, 100_000)[1]["ncf"] == "switched off by the settings"
    names, why = choose_sources({"two_tower": True}, Budget(1), 1_000, 5_000_000)
    assert "two_tower" not in names
    assert "too much of the time given" in why["two_tower"]


def test_the_minutes_may_have_begun_before_the_budget_was_made() -> None:
    clock = Clock()
    begun = clock()
    clock.pass_(4)
    assert Budget(1, clock, begun=begun).whole == pytest.approx(56)
