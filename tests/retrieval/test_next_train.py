"""What trainers share: histories before each bought item, shoppers kept out, and the epoch that was best."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from aisle.retrieval.learned import Weights
from aisle.retrieval.ncf import Ncf
from aisle.retrieval.next_train import PATIENCE, Log, Pasts, best_epoch, last_item_quality
from aisle.retrieval.sasrec import SasRec
from aisle.retrieval.two_tower import TwoTower
from aisle.tracking.run import Run, part, tracked
from tests.retrieval.tastes import two_tastes
from tests.tracking.heard import Heard


def test_the_newest_item_counts_most_and_the_bought_one_not_at_all() -> None:
    items, begins, weights = Pasts.of([np.array([7, 8, 9]), np.array([4, 5])]).before(np.array([2, 4]), 0.5)
    assert items.tolist() == [7, 8, 4]
    assert begins.tolist() == [0, 2]
    assert weights.tolist() == pytest.approx([1 / 3, 2 / 3, 1])


def test_what_judges_is_not_learned() -> None:
    log = Log.of(two_tastes(), np.random.default_rng(0))
    assert len(log.held) == 4, "a tenth of forty"
    for place in log.held:
        assert log.kept[place].tolist() == log.sequences[place][:-1].tolist()


def looked(qualities: list[float]) -> tuple[int, int]:
    """The epoch that is taken and how many were run."""
    run: list[int] = []

    def written() -> Weights:
        return {"items": np.full((1, 1), len(run), np.float32)}

    found = best_epoch(len(qualities), 1, lambda: run.append(1), lambda: qualities[len(run) - 1], written)
    return int(found["items"][0, 0]), len(run)


def test_the_best_epoch_is_taken_and_waiting_has_an_end() -> None:
    assert looked([0.1, 0.3, 0.2, 0.4]) == (4, 4)
    assert looked([0.1, 0.3] + [0.2] * 10) == (2, 2 + PATIENCE)


def test_quality_is_that_of_the_last_item_among_those_not_had_before() -> None:
    """Item 3 stands third, but the first of all was had before: rank 1, so one over the logarithm of 3."""
    scores = torch.tensor([[0.9, 0.8, 0.1, 0.5]])
    assert last_item_quality([np.array([0, 3])], lambda before: scores.clone()) == pytest.approx(1 / np.log2(3))


@pytest.mark.parametrize("kind", [SasRec, TwoTower, Ncf])
def test_each_epoch_is_told_and_telling_changes_nothing(kind: type[SasRec] | type[TwoTower] | type[Ncf]) -> None:
    heard = Heard()
    with tracked(Run([heard])), part("fit"):
        told = kind(epochs=4, embedding_size=8).fit(two_tastes())
    alone = kind(epochs=4, embedding_size=8).fit(two_tastes())
    found = heard.of("fit")
    assert list(found) == [1, 2, 3, 4]
    assert all(values["loss"] > 0 and values["gradient_norm"] > 0 and values["rate"] == told.learning_rate for values in found.values())
    assert found[1]["per_second"] > 0 and found[1]["memory_mb"] > 10
    np.testing.assert_array_equal(told.items, alone.items)


def test_the_figure_that_decides_is_told_where_it_was_taken() -> None:
    heard = Heard()
    with tracked(Run([heard])):
        looked([0.1, 0.3, 0.2])
    assert heard.of("training") == {1: {"development": 0.1}, 2: {"development": 0.3}, 3: {"development": 0.2}}
