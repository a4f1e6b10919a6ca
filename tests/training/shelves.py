"""Frames made by hand: a source that knows, one that guesses, one that is silent, and features that help as much as they say."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from aisle.core.request import Request
from aisle.evaluation.lists import Truth
from aisle.evaluation.replay import Replay
from aisle.training.frames import Frame

WIDE = 20


def shelf(requests: int = 120, seed: int = 0, knowing: Sequence[float] = (0.8, 0.0), hint: float = 1.0, task: str = "home") -> Frame:
    """``requests`` requests of 20 candidates, one of them wanted. Source number ``k`` puts the wanted one first in ``knowing[k]`` of them
    and orders the rest at random. Feature `user_hint` is higher by ``hint`` for what is wanted; `noise` says nothing."""
    random = np.random.default_rng(seed)
    wanted = random.integers(0, WIDE, requests)
    columns: dict[str, np.ndarray] = {}
    for number, share in enumerate(knowing):
        score = random.random((requests, WIDE))
        score[np.arange(requests), wanted] += random.random(requests) < share
        rank = np.argsort(np.argsort(-score, axis=1), axis=1)
        columns[f"s{number}_share"] = (score / score.max(axis=1, keepdims=True)).ravel()
        columns[f"s{number}_rank"] = np.log1p(rank).ravel()
    near = np.zeros((requests, WIDE))
    near[np.arange(requests), wanted] = hint
    columns["user_hint"] = (near + random.normal(size=near.shape)).ravel()
    columns["noise"] = random.random(near.size)
    offsets = np.arange(0, requests * WIDE + 1, WIDE)
    asked = [Request(f"{task}-{number}", "home", user_id=f"u{number}", limit=10) for number in range(requests)]
    truth = Truth.of(requests, np.arange(requests), wanted)
    replay = Replay(task, asked, truth, np.arange(requests, dtype=np.int32))
    x = np.stack(list(columns.values())).astype(np.float32)
    return Frame.of(replay, offsets, np.tile(np.arange(WIDE, dtype=np.int32), requests), list(columns), x, {})
