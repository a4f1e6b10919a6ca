"""Features that cost time in every answer: a task's rankers read them only where, fitted with and without, they surely gain on window 3."""

from __future__ import annotations

from dataclasses import replace

from aisle.evaluation.results import PlanRow
from aisle.fusion.stack import Stack
from aisle.ranking.ctr.settings import BERT_CTR
from aisle.training.ablation import GROUPS, LOOK, Windows
from aisle.training.budget import part_of
from aisle.training.choose import gain_of, quality
from aisle.training.fusers import SURE
from aisle.training.judge import fused
from aisle.training.learn import Learned, Recipe, learn

ASKED = (BERT_CTR, LOOK)
"""Groups of features that must prove themselves: a language model's score, likeness of pictures."""
SHARE = 0.5
"""Of the time for learning: for the models without them."""


def with_reading(stack: Stack, windows: Windows, recipe: Recipe) -> tuple[Learned, Windows, list[PlanRow]]:
    """What was learned, the windows as it reads them, and a row of the plan for each group of `ASKED` that the windows hold.

    Whatever made a feature knows window 1 alone, the rankers learn on 2, a gain on 3 counts that is more than `SURE` standard errors of the
    difference, the ranker of the same kind, either mixed by its own α.
    """
    groups = [name for name in ASKED if name in windows.parts(stack)]
    if not groups:
        return learn(stack, windows.fit, windows.dev, recipe), windows, []
    kept = _without(stack, windows, groups)
    plain = learn(stack, kept.fit, kept.dev, replace(recipe, left=part_of(recipe.left, SHARE)))
    if not plain.rankers:
        return plain, kept, [PlanRow(name, False, why="there is no ranker that could read it") for name in groups]
    rows: list[PlanRow] = []
    for place, name in enumerate(groups):
        refused = [row.part for row in rows if not row.kept]
        more = _without(stack, windows, [*refused, *groups[place + 1 :]])
        rows.append(_tried(name, stack, plain, (kept, more), replace(recipe, left=part_of(recipe.left, 1 / (len(groups) - place + 1)))))
        kept = more if rows[-1].kept else kept
    if any(row.kept for row in rows):
        return learn(stack, kept.fit, kept.dev, recipe), kept, rows
    return plain, kept, rows


def looks(stack: Stack) -> bool:
    """Whether any model of the stack reads features of pictures."""
    return any(name.startswith(GROUPS[LOOK]) for name in (*stack.names, *stack.click_names))


def _without(stack: Stack, windows: Windows, groups: list[str]) -> Windows:
    for name in groups:
        windows, _ = windows.without(stack, name)
    return windows


def _tried(name: str, stack: Stack, plain: Learned, windows: tuple[Windows, Windows], recipe: Recipe) -> PlanRow:
    """Whether the ranker that is best without the group gains by it: ``windows`` without and with it."""
    ranker = plain.stack.ranker.name if plain.stack.ranker else ""
    same = replace(recipe, effort=plain.effort, only=(ranker,), fusion=None, compete=False)
    lists = [quality(one.dev, fused(learn(stack, one.fit, one.dev, same), one.dev)) for one in windows]
    value, error = gain_of(lists[1] - lists[0])
    said = f"read by the ranker: {value:+.4f} NDCG@10 on window 3, standard error {error:.4f}"
    kept = value > SURE * error
    return PlanRow(name, kept, gain=value, why=said if kept else f"{said} (wanted: {SURE:g} of them), so it is left out")
