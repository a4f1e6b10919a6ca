"""The proof: tasks weigh the same, a user is one case, and only a gain that chance does not give counts."""

from __future__ import annotations

import numpy as np

from aisle.evaluation.results import Measured
from aisle.tuning.proof import Proof, after, compare


def test_tasks_weigh_the_same_however_many_requests_they_have() -> None:
    many, few = np.full(30, 0.1), np.full(10, 0.3)
    gain, _ = compare([many, few], np.arange(40, dtype=np.int32), 7)
    assert np.isclose(gain.value, 0.2) and gain.n == 40


def test_requests_that_wanted_nothing_take_no_part() -> None:
    gain, _ = compare([np.array([0.1, np.nan, 0.3])], np.arange(3, dtype=np.int32), 7)
    assert np.isclose(gain.value, 0.2) and gain.n == 2


def test_a_user_of_many_requests_is_one_case() -> None:
    differences = np.tile([0.1, 0.12], 20)
    alone = compare([differences], np.arange(40, dtype=np.int32), 7)[1]
    together = compare([differences], np.repeat(np.arange(4, dtype=np.int32), 10), 7)[1]
    assert alone < 0.01 and together > 0.1


def test_only_a_gain_that_chance_does_not_give_counts() -> None:
    assert Proof(Measured(0.02, 0.01, 0.03), 0.01, {}).significant
    assert not Proof(Measured(0.02, -0.01, 0.03), 0.2, {}).significant
    assert not Proof(Measured(-0.02, -0.03, -0.01), 0.01, {}).significant
    assert not Proof(Measured(0.02), float("nan"), {}).significant


def test_a_second_look_at_the_same_requests_is_paid_for() -> None:
    proof = Proof(Measured(0.02, 0.01, 0.03), 0.03, {})
    assert after(proof, 1).significant and not after(proof, 2).significant
    assert after(proof, 2).p == 0.06 and after(proof, 99).p == 1.0
