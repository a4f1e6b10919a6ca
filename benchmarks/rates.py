"""The learning rate of fine-tuning on Home Depot: some fixed rates against what the range test proposes, by development queries alone.

``python -m benchmarks.rates``. Each rate learns the same batches from the untouched encoder; no test query teaches or judges.
"""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np

from aisle.core.events import Dataset, Events
from aisle.core.threads import one_thread
from aisle.retrieval.lexical import Lexical
from aisle.settings import Finetuning
from aisle.training.answers import Answers
from aisle.training.finetune import Tuning
from benchmarks.figures import WORK, Figure, Lines, show
from benchmarks.homedepot_parts import HomeDepot
from benchmarks.measure import interval
from benchmarks.minilm import minilm_source

LINES = Lines("rates")
STEPS, BATCH = 24, 128
"""A short run of small batches, as a shop has whose minutes are few."""
DEFAULT = 2e-4
RATES = (1e-4, DEFAULT, 4e-4)
JUDGES = 0.1


def rate_figures() -> list[Figure]:
    """Every figure of the part."""
    import torch

    from aisle.text.contrast_train import Known, loss
    from aisle.text.loop_train import Loop, Recipe
    from aisle.text.model_train import open_model
    from aisle.text.range_train import range_test
    from aisle.text.tune_train import Judge, Task

    one_thread()
    torch.set_num_threads(1)
    task = Task.read(job(WORK / "rates"))
    model, judge = open_model(task.model), Judge(task)
    weights = {name: tensor.clone() for name, tensor in model.net.state_dict().items()}
    source = Known(model, task.pairs, model.tokens(task.texts), task.seed, BATCH)

    def loop(rate: float) -> Loop:  # type: ignore[type-arg]
        model.net.load_state_dict(weights)
        return Loop(model.net, Recipe(STEPS, rate, seed=task.seed), source, lambda batch: loss(model, batch))

    def recall(name: str, note: str = "") -> Figure:
        found = judge.of(model, ["development"])["development"]
        return LINES.held(f"{name}: recall@10", interval(np.array(found)), note)

    figures = [LINES.machine(), recall("untouched", f"among {len(task.pool):,} items")]
    found = range_test(loop(DEFAULT), float("inf"))
    curve = ", ".join(f"{rate:.2g}: {value:.3f}" for rate, value in zip(found.rates, found.losses, strict=True))
    figures.append(LINES.one("range test: proposed rate, millionths", 1e6 * (found.proposal or 0.0), f"smoothed loss by rate: {curve}"))
    proposed = [found.proposal] if found.proposal else []
    for rate in sorted({*RATES, *proposed}):
        loop(rate).run()
        note = "proposed" if rate == found.proposal else "the default" if rate == DEFAULT else ""
        figures.append(recall(f"{STEPS} steps of {BATCH} at {rate:.2g}", note))
    return figures


def job(folder: Path) -> Path:
    """The folder of a job: a tenth of the other queries judge (window 3), the rest teach."""
    shop = HomeDepot()
    other, _ = shop.split()
    judges = np.random.default_rng(5).permutation(other)[: int(JUDGES * len(other))]
    found = [(query, row) for query in other.tolist() for row in sorted(shop.relevant(query))]
    query, item = (np.array(column, np.int64) for column in zip(*found, strict=True))
    window = np.zeros(len(shop.texts), np.int8)
    window[other], window[judges] = 1, 3
    shutil.rmtree(folder, ignore_errors=True)
    data = Dataset(shop.catalogue, Events.none())
    answers = Answers(shop.texts, query, item, window)
    Tuning(folder, minilm_source(), float("inf"), {}, Finetuning()).write(data, answers, Lexical().fit(data))
    return folder


if __name__ == "__main__":
    show(rate_figures())
