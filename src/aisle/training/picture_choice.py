"""Whether a task's rankers look at pictures: they are learned with and without, and window 3 decides."""

from __future__ import annotations

from dataclasses import replace

from aisle.evaluation.results import PlanRow
from aisle.fusion.stack import Stack
from aisle.training.ablation import GROUPS, LOOK, Windows
from aisle.training.budget import part_of
from aisle.training.choose import mean, quality
from aisle.training.judge import fused
from aisle.training.learn import Learned, Recipe, learn


def learn_by_choice(begins: Stack, windows: Windows, recipe: Recipe) -> tuple[Learned, Windows]:
    """What was learned, and the windows with the features that it reads; without pictures among them nothing is chosen."""
    if LOOK not in windows.parts(begins):
        return learn(begins, windows.fit, windows.dev, recipe), windows
    plain, _ = windows.without(begins, LOOK)
    half = replace(recipe, left=part_of(recipe.left, 0.5))
    looking, blind = learn(begins, windows.fit, windows.dev, half), learn(begins, plain.fit, plain.dev, recipe)
    if not looking.rankers:
        return blind, plain
    gain = mean(quality(windows.dev, fused(looking, windows.dev))) - mean(quality(plain.dev, fused(blind, plain.dev)))
    found, kept = (looking, windows) if gain > 0 else (blind, plain)
    row = PlanRow(LOOK, gain > 0, gain=gain, why="NDCG@10 on window 3 by features of pictures, less that without, is its gain column")
    return replace(found, plan=[*found.plan, row]), kept


def looks(stack: Stack) -> bool:
    """Whether any model of the stack reads features of pictures."""
    return any(name.startswith(GROUPS[LOOK]) for name in (*stack.names, *stack.click_names))
