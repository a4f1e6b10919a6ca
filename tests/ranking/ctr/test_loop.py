"""The loop of the nets tells how each round went."""

from __future__ import annotations

from aisle.ranking.ctr.loop_train import ROUNDS
from aisle.testing.ctr import exclusive
from aisle.tracking.run import Run, part, tracked
from tests.ranking.ctr.small import small
from tests.tracking.heard import Heard


def test_each_round_tells_its_loss_and_that_of_the_tail() -> None:
    heard = Heard()
    with tracked(Run([heard])), part("search clicks"), part("fm"):
        net = small("fm", epochs=2).fit(exclusive(1_000))
    found = heard.of("search clicks: fm")
    assert list(found) == list(range(1, net.rounds_ + 1)) and net.rounds_ == 2 * ROUNDS  # type: ignore[attr-defined]
    assert all(0 < values["loss"] < 2 and 0 < values["development_loss"] < 2 and values["gradient_norm"] > 0 for values in found.values())
    assert found[1]["rate"] == 0.01 and found[1]["per_second"] > 0
