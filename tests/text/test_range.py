"""The range test: it proposes the rate at which the loss falls fastest, leaves everything as it was, and stands aside without time."""

from __future__ import annotations

from pathlib import Path

import pytest

torch = pytest.importorskip("torch", reason="the training extra is not installed")

from tests.text.test_loop import loop, net  # noqa: E402

WIDE = (1e-4, 10.0)
"""The toy wants larger rates than an encoder does."""


def test_a_tenth_of_the_rate_of_the_least_loss_is_proposed() -> None:
    from aisle.text.range_train import proposed

    rates = [1e-6 * 10 ** (step / 2) for step in range(9)]
    level = [5.0] * 6
    assert proposed(rates, [*level, 4.0, 2.0, 9.0]) == pytest.approx(rates[7] / 10)
    assert proposed(rates, [*level, 4.9, 4.8, 5.2]) is None, "it did not fall by a twentieth"
    assert proposed(rates, [5.0, 1.0, *level]) is None, "a lucky batch among the smallest rates is no fall"
    assert proposed([], []) is None


def test_it_proposes_the_same_rate_twice_and_leaves_weights_and_dice_alone() -> None:
    from aisle.text.range_train import range_test

    made = net()
    before = [tensor.clone() for tensor in made.parameters()]  # type: ignore[attr-defined]
    dice = torch.get_rng_state()
    first = range_test(loop(made), float("inf"), *WIDE)
    again = range_test(loop(made), float("inf"), *WIDE)
    assert first == again
    assert first.proposal is not None and WIDE[0] < first.proposal < WIDE[1], first
    assert all(torch.equal(old, new) for old, new in zip(before, made.parameters(), strict=True))  # type: ignore[attr-defined]
    assert torch.equal(dice, torch.get_rng_state())


def test_the_proposed_rate_learns_where_a_hundredth_of_it_does_not() -> None:
    from dataclasses import replace

    from aisle.text.range_train import range_test

    found = range_test(loop(net()), float("inf"), *WIDE).proposal
    assert found is not None

    def last(rate: float) -> float:
        made = loop(net())
        return sum(replace(made, recipe=replace(made.recipe, learning_rate=rate)).run().losses[-5:])

    assert last(found) < 0.9 * last(found / 100)


def test_it_stands_aside_where_its_steps_do_not_fit(monkeypatch: pytest.MonkeyPatch) -> None:
    from aisle.text import range_train

    now = iter(range(1_000))
    monkeypatch.setattr(range_train, "perf_counter", lambda: float(next(now)))
    found = range_train.range_test(loop(net()), 20.0)
    assert found.proposal is None and found.why == "no range test: its 24 steps take about 24 s, 20 s are given"
    assert len(found.rates) == 3


def test_a_loss_that_falls_at_no_rate_proposes_nothing() -> None:
    from aisle.text.loop_train import Loop, Recipe
    from aisle.text.range_train import range_test
    from tests.text.test_loop import batches

    made = net()
    numbers = iter(range(1, 1_000))
    found = range_test(Loop(made, Recipe(5), batches, lambda batch: made(batch).sum() * 0 + next(numbers)), float("inf"))  # type: ignore[operator]
    assert found.proposal is None and "falls at no rate" in found.why


def test_a_rate_that_was_decided_before_an_interruption_stays(tmp_path: Path) -> None:
    from aisle.text.tune_train import _kept

    assert _kept(tmp_path / "rate", lambda: (3e-4, "first")) == (3e-4, "first")
    assert _kept(tmp_path / "rate", lambda: (9e-9, "second")) == (3e-4, "first")
