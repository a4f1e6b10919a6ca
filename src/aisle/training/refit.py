"""After the refit: are the scores still what the rankers learned to read?"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from aisle.pipeline import Pipeline
from aisle.training.frames import Frame, frame
from aisle.training.tasks import TaskResult

SAMPLE = 200
LARGE = 0.25
"""Population stability index from which a distribution is said to have moved (Siddiqi 2006)."""


def shift(results: Mapping[str, TaskResult], before: Pipeline, after: Pipeline) -> list[str]:
    """A sentence a task: how far the fused scores moved between the windowed sources and the refitted ones.

    The same users ask again after everything known: at their old times the refitted sources would have seen what they took next.
    """
    notes = []
    for task, result in results.items():
        asked = result.windows.test.replay.sample(SAMPLE, 0)
        asked = replace(asked, requests=[replace(request, as_of=float("nan")) for request in asked.requests])
        stack = result.learned.stack
        old, new = (_scores(frame(pipeline, stack, asked, None), result) for pipeline in (before, after))
        index = stability(old, new)
        said = "moved: rankers may read the refitted sources wrongly" if index > LARGE else "did not move much"
        notes.append(f"{task}: after the refit the distribution of fused scores {said} (stability index {index:.2f}).")
    return notes


def _scores(one: Frame, result: TaskResult) -> NDArray[np.float32]:
    return result.learned.stack.fuse(one.features)["score"]


def stability(old: NDArray[np.floating], new: NDArray[np.floating], bins: int = 10) -> float:
    """Population stability index over equal-mass bins of ``old``: ``Σ (q - p) ln(q / p)``, 0 for the same distribution."""
    if len(old) < bins or len(new) < bins:
        return 0.0
    edges = np.unique(np.quantile(old, np.linspace(0, 1, bins + 1)[1:-1]))
    p, q = (np.bincount(np.searchsorted(edges, values), minlength=len(edges) + 1) / len(values) for values in (old, new))
    p, q = np.maximum(p, 1e-4), np.maximum(q, 1e-4)
    return float(((q - p) * np.log(q / p)).sum())
