"""The best trial against today's settings, once, paired, on the half of window 3 that the search did not use."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np

from aisle.evaluation.results import Measured
from aisle.evaluation.significance import paired
from aisle.settings import Settings
from aisle.tuning.bench import Bench, Floats, Judged

LEVEL = 0.05


@dataclass(frozen=True)
class Proof:
    """What the best settings gain in NDCG@10, tasks weighing the same; ``tasks`` holds each task's own (today's, best) means.

    ``looks``: how many different trials were proved on these requests so far; ``p`` is multiplied by it (Bonferroni).
    """

    gain: Measured
    p: float
    tasks: Mapping[str, tuple[float, float]]
    looks: int = 1

    @property
    def significant(self) -> bool:
        """Better, and by more than chance would give at the 5 % level."""
        return bool(self.p < LEVEL and self.gain.value > 0)


def after(proof: Proof, looks: int) -> Proof:
    """The proof as one of so many."""
    return replace(proof, p=min(1.0, looks * proof.p), looks=looks)


def prove(bench: Bench, today: tuple[Settings, Mapping[str, Judged]], best: tuple[Settings, Mapping[str, Judged]], seed: int) -> Proof:
    """Each side is its settings and what it learned of each task (learned again where another process did)."""
    means: dict[str, tuple[float, float]] = {}
    differences: list[Floats] = []
    for task in bench.asked:
        old, new = (_quality(bench, task, settings, learned) for settings, learned in (today, best))
        means[task] = float(np.nanmean(old)), float(np.nanmean(new))
        differences.append(new - old)
    users = np.concatenate([one.proof.users for one in bench.asked.values()])
    return Proof(*compare(differences, users, seed), means)


def compare(differences: list[Floats], users: np.ndarray[tuple[int], np.dtype[np.int32]], seed: int) -> tuple[Measured, float]:
    """Gain and p over all tasks' requests, each task weighing the same however many it has; a user is one case over all tasks."""
    counts = [max(1, int(np.isfinite(one).sum())) for one in differences]
    whole = sum(counts) / len(counts)
    weighed = np.concatenate([one * (whole / count) for one, count in zip(differences, counts, strict=True)])
    test = paired(weighed[:, None], users, seed=seed)
    gain = test.difference
    return Measured(float(gain.value[0]), float(gain.low[0]), float(gain.high[0]), int(gain.n[0])), float(test.p[0])


def _quality(bench: Bench, task: str, settings: Settings, learned: Mapping[str, Judged]) -> Floats:
    held = learned.get(task) or bench.judge(task, settings)
    return bench.proof(task, settings, held)
