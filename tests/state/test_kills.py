"""Writers killed at random moments, watched from outside: nothing acknowledged is lost, nothing counts twice, and a cheat is caught."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.state.support import LONG
from tests.state.witness import Witness

KILLS = 200 if LONG else 12


@pytest.mark.parametrize("seed", [11])
def test_nothing_acknowledged_is_lost_and_nothing_counts_twice(folder: Path, seed: int) -> None:
    with Witness(folder, seed) as witness:
        found = witness.rounds(KILLS)
    assert found.kills >= KILLS and found.acknowledged > 10 * KILLS
    assert (found.lost, found.twice, found.missing, found.problems) == ([], [], [], [])


def test_the_witness_catches_a_writer_that_acknowledges_first(folder: Path) -> None:
    with Witness(folder, 12) as witness:
        found = witness.rounds(6, wrong=True)
    assert found.lost
