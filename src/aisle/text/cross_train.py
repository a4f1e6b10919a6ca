"""Trains a shop's cross-encoder on what answered its queries, as a process of its own: `python -m` with a job's folder.

The job comes in as files, progress goes out as JSON lines, the result is a folder, as with `aisle.text.tune_train`.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from time import perf_counter

import numpy as np
import torch
from numpy.typing import NDArray
from safetensors.numpy import load_file

from aisle.core.arrays import grouped
from aisle.text.cross_export_train import export_cross
from aisle.text.cross_learn_train import Course, Listed, Lists, teach
from aisle.text.cross_model_train import LONGEST, Opened, open_cross
from aisle.text.device_train import main
from aisle.text.found import ndcg
from aisle.tracking.run import Run, part, tracked
from aisle.tracking.spoken import Spoken, say

AFTER = 30.0
"""Seconds kept for the export."""
EPOCHS = 3
CHECKED = 40
"""Pairs by which the export is checked."""


@dataclass(frozen=True)
class Task:
    """What a job's folder says. ``looked``: of queries that teach nothing the first of the word search, ``wide`` each, as rows of ``asked``
    and ``shown`` with their ``gain``; ``steps``: how many a plan wants, else 0."""

    model: Path
    layers: int
    seconds: float
    seed: int
    steps: int
    wide: int
    lists: Lists
    asked: NDArray[np.int64]
    shown: NDArray[np.int64]
    gain: NDArray[np.float32]

    @classmethod
    def read(cls, folder: Path) -> Task:
        """What `aisle.training.cross` wrote."""
        said = json.loads((folder / "job.json").read_text(encoding="utf-8"))
        held = load_file(folder / "lists.safetensors")
        hard = grouped(held["hard_query"], held["hard_item"], len(said["queries"]))
        lists = Lists(said["queries"], said["texts"], held["query"], held["item"], held["gain"], hard)
        looked = held["asked"], held["shown"], held["shown_gain"]
        layers, seed, steps, wide = (int(said[name]) for name in ("layers", "seed", "steps", "wide"))
        return cls(Path(said["model"]), layers, float(said["seconds"]), seed, steps, wide, lists, *looked)


class Judge:
    """Mean NDCG of the lists that are looked at, in the order of the scores."""

    def __init__(self, task: Task, model: Opened) -> None:
        first = [task.lists.queries[query] for query in task.asked.tolist()]
        second = [task.lists.texts[row] for row in task.shown.tolist()]
        self.model, self.tokens = model, model.tokens(first, second)
        self.gain = task.gain.reshape(-1, task.wide)

    def __call__(self) -> float:
        """Larger is better."""
        self.model.net.eval()
        with torch.no_grad():
            scores = self.model.scores(self.tokens).cpu().numpy()
        return ndcg(scores.reshape(self.gain.shape), self.gain)


def train(folder: Path) -> None:
    """Do the job in ``folder``; what comes out lies there: ``measured.json`` and ``cross``."""
    begun = perf_counter()
    task = Task.read(folder)
    model = open_cross(task.model, task.layers)
    judge, source = Judge(task, model), Listed(model, task.lists, seed=task.seed)
    end = begun + task.seconds - AFTER
    course = Course(
        EPOCHS,
        task.seed,
        steps=task.steps,
        left=(lambda: float("inf")) if task.steps else (lambda: end - perf_counter()),
        watch=lambda step, of, value: say(part="lists", of=of),
        checkpoint=folder / "checkpoint",
    )
    with part("lists"):
        history = teach(model, source, judge, course)
    if not main():
        return
    model.save(folder / "model")
    first, second = _some(task)
    alike = export_cross(folder / "model", folder / "cross", first, second, LONGEST)
    said = {"steps": history.steps, "losses": history.losses, "judged": history.judged, "alike": alike}
    (folder / "measured.json").write_text(json.dumps(said), encoding="utf-8")


def _some(task: Task) -> tuple[Sequence[str], Sequence[str]]:
    """Pairs by which the export is checked: answers and what is none."""
    rows = np.linspace(0, len(task.asked) - 1, min(CHECKED, len(task.asked))).astype(int)
    return [task.lists.queries[row] for row in task.asked[rows].tolist()], [task.lists.texts[row] for row in task.shown[rows].tolist()]


if __name__ == "__main__":
    with tracked(Run([Spoken()])):
        train(Path(sys.argv[1]))
