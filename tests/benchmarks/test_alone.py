"""Sources alone and together on a toy whose answers are known."""

from __future__ import annotations

import numpy as np
import pytest

from aisle.core.candidates import Candidates
from benchmarks.alone import Proposed, hits, ndcg


@pytest.fixture
def proposed() -> Proposed:
    """One request: source ``a`` proposes items 0, 1; ``b`` proposes 2, 1."""
    nothing = np.nan
    columns = {"a_rank": [0, 1, nothing], "a_share": [1, 0.5, nothing], "b_rank": [nothing, 1, 0], "b_share": [nothing, 0.9, 1]}
    shaped = {name: np.log1p(values) if name.endswith("rank") else np.array(values) for name, values in columns.items()}
    held = Candidates(np.array([0, 3]), np.arange(3, dtype=np.int32))
    return Proposed(held, {name: np.asarray(values, np.float32) for name, values in shaped.items()})


def test_a_source_alone_ranks_only_what_it_proposed(proposed: Proposed) -> None:
    assert proposed.ranked(proposed.alone("a"))[0].tolist() == [0, 1]
    assert proposed.ranked(proposed.alone("b"))[0].tolist() == [2, 1]


def test_rank_fusion_prefers_what_both_propose(proposed: Proposed) -> None:
    assert proposed.ranked(proposed.by_rank(("a", "b")))[0].tolist() == [1, 0, 2]
    assert proposed.ranked(proposed.by_rank(("a",)))[0].tolist() == [0, 1]


def test_weights_follow_the_source_that_was_right(proposed: Proposed) -> None:
    model = proposed.learn(("a", "b"), [{2}])
    assert model.weights["b"] > model.weights["a"]
    assert proposed.ranked(proposed.by_weight(model))[0][0] == 2


def test_metrics_by_hand() -> None:
    lists = [np.array([5, 3], np.int32), np.array([1], np.int32), np.array([1], np.int32)]
    wanted = [{3, 9}, {2}, set[int]()]
    best = 1 + 1 / np.log2(3)
    assert ndcg(lists, wanted).tolist() == pytest.approx([1 / np.log2(3) / best, 0, np.nan], nan_ok=True)
    assert hits(lists, wanted).tolist() == pytest.approx([1, 0, np.nan], nan_ok=True)
