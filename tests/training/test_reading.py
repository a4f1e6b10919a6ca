"""A ranker reads bert_ctr's score only where that surely gains on window 3; noise is left out, what tells all is kept."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from aisle.fusion.recall import Recall
from aisle.fusion.stack import Stack
from aisle.ranking.ctr.settings import BERT_CTR
from aisle.training.ablation import Windows
from aisle.training.frames import Frame
from aisle.training.learn import Recipe
from aisle.training.reading import with_reading
from tests.training.shelves import shelf

STACK = Stack("home", ("s0", "s1"), Recall(("s0", "s1")))
RECIPE = Recipe(None, 7, only=("logistic",), compete=False)


def told(frame: Frame, tells: float, seed: int) -> Frame:
    """The frame with a score that is ``tells`` times what was wanted, and noise."""
    score = tells * frame.relevant + np.random.default_rng(seed).normal(size=len(frame.item))
    return replace(frame, names=(*frame.names, BERT_CTR), x=np.vstack([frame.x, score]).astype(np.float32))


@pytest.mark.parametrize(("tells", "wanted"), [(0.0, False), (5.0, True)])
def test_a_ranker_reads_it_only_where_it_surely_gains(tells: float, wanted: bool) -> None:
    windows = Windows(*(told(shelf(200, seed), tells, seed) for seed in (1, 2, 3)))
    found, kept, rows = with_reading(STACK, windows, RECIPE)
    assert [(row.part, row.kept) for row in rows] == [(BERT_CTR, wanted)]
    assert (BERT_CTR in found.stack.names) is wanted and (BERT_CTR in kept.fit.names) is wanted


def test_without_the_score_there_is_nothing_to_choose_and_without_a_ranker_nobody_reads() -> None:
    windows = Windows(*(shelf(60, seed) for seed in (1, 2, 3)))
    _, kept, rows = with_reading(STACK, windows, RECIPE)
    assert kept is windows and rows == []
    few = Windows(*(told(shelf(20, seed), 5.0, seed) for seed in (1, 2, 3)))
    found, kept, rows = with_reading(STACK, few, RECIPE)
    assert found.rankers == {} and BERT_CTR not in kept.fit.names and not rows[0].kept
