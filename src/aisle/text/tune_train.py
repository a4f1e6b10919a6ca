"""Fine-tunes a sentence encoder on a shop's titles and what answered its queries, as a process of its own: `python -m` with a job's folder.

The job comes in as files, progress goes out as JSON lines, the result is a folder; so torch's memory ends with the process, and whoever
waits can end it when the time is over.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from time import perf_counter

import numpy as np
import torch
from numpy.typing import NDArray
from safetensors.numpy import load_file

from aisle.text.contrast_train import Known, Pairs, Pieces, loss
from aisle.text.encoder import OnnxEncoder
from aisle.text.export_train import export
from aisle.text.found import shares
from aisle.text.loop_train import History, Loop, Recipe
from aisle.text.model_train import Opened, Tokens, open_model

PIECES_TIME = 0.35
"""Of the time for learning so much goes to made-up queries, the rest to known answers."""
AFTER = 45.0
"""Seconds kept for the export and the last measurement."""
EPOCHS = {"pieces": 1, "pairs": 2}
"""Passes at most: on real judgements a third gained nothing."""
Lists = dict[str, list[float]]


@dataclass(frozen=True)
class Task:
    """What a job's folder says. ``texts`` of all items; ``pool`` ``(p,)`` rows among which is measured; ``asked``: by window the queries
    that measure, none of which teaches; ``steps``: how many a plan wants, else empty."""

    model: Path
    seconds: float
    seed: int
    texts: Sequence[str]
    pairs: Pairs
    pool: NDArray[np.int64]
    asked: Mapping[str, NDArray[np.int64]]
    steps: Mapping[str, int]

    @classmethod
    def read(cls, folder: Path) -> Task:
        """What `aisle.training.finetune` wrote."""
        said = json.loads((folder / "job.json").read_text(encoding="utf-8"))
        held = {name: array.astype(np.int64) for name, array in load_file(folder / "pairs.safetensors").items()}
        count = len(said["queries"])
        answers = [frozenset(rows.tolist()) for rows in _grouped(held["answers_query"], held["answers_item"], count)]
        hard = _grouped(held["hard_query"], held["hard_item"], count)
        pairs = Pairs(said["queries"], held["query"], held["item"], answers, hard)
        asked = {name.removeprefix("asked_"): rows for name, rows in held.items() if name.startswith("asked_")}
        return cls(Path(said["model"]), float(said["seconds"]), int(said["seed"]), said["texts"], pairs, held["pool"], asked, said["steps"])


def _grouped(query: NDArray[np.int64], item: NDArray[np.int64], count: int) -> list[NDArray[np.int64]]:
    order = np.argsort(query, kind="stable")
    return np.split(item[order], np.searchsorted(query[order], np.arange(1, count)))


class Judge:
    """recall@10 of the asked queries among the pool."""

    def __init__(self, task: Task) -> None:
        self.task = task
        place = {row: number for number, row in enumerate(task.pool.tolist())}
        self.wanted = [{place[row] for row in answers if row in place} for answers in task.pairs.answers]
        self.texts = [task.texts[row] for row in task.pool.tolist()]

    def of(self, model: Opened, windows: Sequence[str]) -> Lists:
        """Each window's queries, one share a query."""
        model.net.eval()
        with torch.no_grad():
            items = model.vectors(model.tokens(self.texts)).numpy()
            asked = {name: model.vectors(model.tokens(self._texts(name))).numpy() for name in windows}
        return {name: self._shares(name, vectors, items) for name, vectors in asked.items()}

    def served(self, encoder: OnnxEncoder, windows: Sequence[str]) -> Lists:
        """The same by what will be served."""
        items = encoder.encode(self.texts, "item")
        return {name: self._shares(name, encoder.encode(self._texts(name), "query"), items) for name in windows}

    def _texts(self, window: str) -> list[str]:
        return [self.task.pairs.queries[number] for number in self.task.asked[window].tolist()]

    def _shares(self, window: str, asked: NDArray[np.float32], items: NDArray[np.float32]) -> list[float]:
        return shares(asked, items, [self.wanted[number] for number in self.task.asked[window].tolist()])


def tune(folder: Path) -> None:
    """Do the job in ``folder``; what comes out lies there: ``measured.json`` and, where something was gained, ``encoder``."""
    begun = perf_counter()
    task = Task.read(folder)
    judge, model = Judge(task), open_model(task.model)
    windows = list(task.asked)
    measured = {"untouched": judge.of(model, windows)}
    end = begun + task.seconds - AFTER
    tokens = model.tokens(task.texts)
    taken: dict[str, int] = {}
    losses: dict[str, list[float]] = {}
    for name in ("pieces", "pairs"):
        share = PIECES_TIME if name == "pieces" else 1.0
        stop = perf_counter() + share * (end - perf_counter())
        history = _learn(name, task, model, tokens, judge, folder, stop)
        taken[name], losses[name] = history.steps, history.losses
        measured[name] = judge.of(model, windows)
    best = max(measured, key=lambda name: float(np.mean(measured[name]["held"])))
    if best == "pairs":
        model.save(folder / "model")
        export(folder / "model", folder / "encoder", "minilm_tuned")
        measured["int8"] = judge.served(OnnxEncoder(folder / "encoder", threads=torch.get_num_threads()), windows)
    said = {"measured": measured, "taken": taken, "losses": losses, "best": best}
    (folder / "measured.json").write_text(json.dumps(said), encoding="utf-8")


def _learn(name: str, task: Task, model: Opened, tokens: Sequence[Tokens], judge: Judge, folder: Path, stop: float) -> History:
    """One step of the way: made-up queries, which take their last weights, or known answers, which keep their best."""
    source = Pieces(model, task.texts, tokens, task.seed) if name == "pieces" else Known(model, task.pairs, tokens, task.seed)
    planned = task.steps.get(name)
    loop = Loop(
        model.net,
        Recipe(planned or EPOCHS[name] * source.steps(), seed=task.seed),
        source,
        lambda batch: loss(model, batch),
        None if name == "pieces" else lambda: float(np.mean(judge.of(model, ["held"])["held"])),
        left=(lambda: float("inf")) if planned else (lambda: stop - perf_counter()),
        watch=lambda step, of, value: _say(part=name, done=step, of=of, loss=round(value, 4)),
        describe=lambda batch: f"{len(batch.queries)} queries, {len(batch.items)} items",
        checkpoint=folder / f"checkpoint-{name}",
    )
    return loop.run()


def _say(**values: object) -> None:
    sys.stdout.write(json.dumps(values) + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    tune(Path(sys.argv[1]))
