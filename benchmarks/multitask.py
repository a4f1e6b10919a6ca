"""What further tasks add to fine-tuning: MiniLM learns a simulated shop's answers alone, with its categories, with categories and prices.

``python -m benchmarks.multitask``. Every way makes the same steps on the same batches from the untouched encoder; queries and items that
measure teach nothing. The shop is read in English alone: Chinese is cut out of its items' texts, queries that hold any are left out.
"""

from __future__ import annotations

import shutil
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from aisle.core.threads import one_thread
from aisle.data.dataset import load_dataset
from aisle.data.windows import cut
from aisle.retrieval.lexical import Lexical
from aisle.settings import Finetuning, Tasks, load
from aisle.simulate.shop import simulate
from aisle.text.joint import spaced
from aisle.text.normalise import normalise
from aisle.training.answers import ASKED, Answers
from aisle.training.finetune import Tuning
from benchmarks.figures import WORK, Figure, Lines, show
from benchmarks.measure import interval
from benchmarks.minilm import minilm_source
from benchmarks.paired import paired

if TYPE_CHECKING:
    from aisle.text.model_train import Opened
    from aisle.text.tune_train import Judge, Task

LINES = Lines("multitask")
PLACE = WORK / "multitask"
ITEMS, EVENTS, SEED = 5_000, 200_000, 7
STEPS, BATCH, RATE = 40, 64, 2e-4
WEIGHT = 0.2
ALONE = "answers alone"
WAYS: Mapping[str, Sequence[str]] = {ALONE: (), "category": ("category",), "category and price": ("category", "price")}
WINDOWS = ("development", "test")
Shares = np.ndarray[tuple[int], np.dtype[np.float64]]


def multitask_figures() -> list[Figure]:
    """Every figure of the part."""
    import torch

    from aisle.text.between_train import weights_of
    from aisle.text.lora_train import learning
    from aisle.text.model_train import open_model
    from aisle.text.tune_train import Judge, Task

    one_thread()
    torch.set_num_threads(1)
    figures = [LINES.machine()]
    task = Task.read(job(PLACE / "job"))
    model, judge = learning(open_model(task.model), task.how, task.seed), Judge(task)
    untouched = weights_of(model.net)
    figures.append(LINES.held("untouched: recall@10", interval(_shares(judge, model)), f"among {len(task.pool):,} items"))
    plain = np.zeros(0)
    for way, names in WAYS.items():
        model.net.load_state_dict(untouched)
        told = taught(task, model, names)
        found = _shares(judge, model)
        figures.append(LINES.held(f"{way}: recall@10", interval(found), f"{STEPS} steps of {BATCH} of {len(task.pairs.query):,} pairs"))
        if names:
            test = paired(found - plain)
            seen = f"p = {test['p']:.4f}; a true difference of {test['detectable']:.4f} would be seen"
            figures.append(LINES.held(f"{way} - {ALONE}: recall@10", test, seen))
        plain = plain if names else found
        figures += [figure for one in told for figure in judged(way, one)]
    return figures


def taught(task: Task, model: Opened, names: Sequence[str]) -> Sequence[Mapping[str, Any]]:
    """Teach ``model`` the answers and the lessons of these ``names``; what is told of the heads."""
    from aisle.text.aim_train import Aim
    from aisle.text.contrast_train import Known
    from aisle.text.heads_train import Heads
    from aisle.text.loop_train import Loop, Recipe

    items, queries = model.tokens(task.texts), model.tokens(task.pairs.queries, "query")
    heads = Heads([lesson for lesson in task.lessons if lesson.name in names], model.net.model.config.hidden_size)
    aim = Aim(heads=heads if heads.lessons else None)
    net = heads.beside(model.net) if heads.lessons else model.net
    source = Known(model, task.pairs, items, task.seed, BATCH)
    Loop(net, Recipe(STEPS, RATE, seed=task.seed), source, lambda batch: aim.loss(model, batch)).run()
    return heads.told(model, items, queries)


def _shares(judge: Judge, model: Opened) -> Shares:
    found = judge.of(model, WINDOWS)
    return np.concatenate([found[window] for window in WINDOWS])


def judged(way: str, told: Mapping[str, Any]) -> list[Figure]:
    """How often a head is right on what taught nothing."""
    return [
        LINES.one(
            f"{way}: {told['name']} of {side}, right",
            one["right"],
            f"{told['labels']} labels, {told['taught'][side]:,} {side} taught; always the most frequent {one['usual']:.3f}",
            one["n"],
        )
        for side, one in told["held"].items()
    ]


def job(folder: Path) -> Path:
    """The folder of a job: what was opened or bought after a search answers it, some queries measure, the rest teach."""
    shop = PLACE / "shop"
    if not (shop / "events.csv").is_file():
        simulate(shop, ITEMS, EVENTS, SEED, pictures=False)
    data = replace(load_dataset(shop, load(shop))[0], judgements=None)
    answers = Answers.of(data, cut(data.events, None))
    texts = [normalise(text) for text in answers.texts]
    once = np.isin(np.arange(len(texts)), np.unique(texts, return_index=True)[1])
    answers = answers.where(once & np.array([spaced(text) == text for text in texts], bool))
    queries = np.random.default_rng(SEED).permutation(np.unique(answers.query))
    window = np.zeros(len(answers.texts), np.int8)
    window[queries], window[queries[: 2 * ASKED]], window[queries[:ASKED]] = 1, 3, 4
    shutil.rmtree(folder, ignore_errors=True)
    how = Finetuning(tasks=Tasks(category=WEIGHT, price=WEIGHT))
    Tuning(folder, minilm_source(), float("inf"), {}, how, reads=spaced).write(data, replace(answers, window=window), Lexical().fit(data))
    return folder


if __name__ == "__main__":
    show(multitask_figures())
