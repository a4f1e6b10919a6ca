"""Whether a task's ranker reads bert_ctr's score: fitted with it and without it, it must surely gain on window 3."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from aisle.evaluation.results import PlanRow
from aisle.fusion.stack import Stack
from aisle.ranking.ctr.settings import BERT_CTR
from aisle.training.ablation import Windows
from aisle.training.budget import part_of
from aisle.training.choose import quality
from aisle.training.fusers import SURE
from aisle.training.judge import fused
from aisle.training.learn import Learned, Recipe, learn

SHARES = 0.5, 0.5
"""Of the time for learning: for the models without the score, and of the rest for the ranker with it."""


def with_reading(stack: Stack, windows: Windows, recipe: Recipe) -> tuple[Learned, Windows, list[PlanRow]]:
    """What was learned, the windows as it reads them, and a row of the plan.

    The score's model knows window 1 alone, the rankers learn on 2, a gain on 3 counts that is more than `SURE` standard errors of the
    difference, the ranker of the same kind, either mixed by its own α: reading costs time in every answer. Where no feature holds the
    score there is nothing to choose.
    """
    if BERT_CTR not in windows.fit.names:
        return learn(stack, windows.fit, windows.dev, recipe), windows, []
    less, _ = windows.without(stack, BERT_CTR)
    plain = learn(stack, less.fit, less.dev, replace(recipe, left=part_of(recipe.left, SHARES[0])))
    if not plain.rankers:
        return plain, less, [PlanRow(BERT_CTR, False, why="there is no ranker that could read it")]
    ranker = plain.stack.ranker.name if plain.stack.ranker else ""
    same = replace(recipe, left=part_of(recipe.left, SHARES[1]), effort=plain.effort, only=(ranker,), fusion=None, compete=False)
    more = learn(stack, windows.fit, windows.dev, same)
    weighed = replace(plain, stack=replace(plain.stack, fuser=None))
    gain = quality(windows.dev, fused(more, windows.dev)) - quality(less.dev, fused(weighed, less.dev))
    known = gain[np.isfinite(gain)]
    value, error = (float(known.mean()), float(known.std() / np.sqrt(len(known)))) if len(known) else (0.0, 0.0)
    kept = value > SURE * error
    why = f"its score as a feature: {value:+.4f} NDCG@10 on window 3, standard error {error:.4f}" + (
        "" if kept else f"; {SURE:g} of them are wanted, so it is left out"
    )
    row = PlanRow(BERT_CTR, kept, gain=value, why=why)
    return (learn(stack, windows.fit, windows.dev, recipe), windows, [row]) if kept else (plain, less, [row])
