"""Trains a sentence encoder on a shop's own text and clicks, without labels: in-batch softmax over texts that say alike.

The result is a folder that `aisle.text.pretrained` accepts, so an encoder like any other: it can be chosen, fine-tuned, exported.
"""

from __future__ import annotations

import json
import math
import shutil
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from hashlib import sha256
from pathlib import Path
from time import perf_counter

import numpy as np
import torch

from aisle.core.errors import InputError
from aisle.text.alike import SORTS, Alike, Numbers, Sort
from aisle.text.contrast_train import Batch, loss
from aisle.text.device_train import agreed, forked, main, steps_for
from aisle.text.loop_train import Loop, Recipe
from aisle.text.model_train import Opened, open_model
from aisle.text.pretrain_train import FACTS, LEARNING, Pretraining, Shape, Told, own, shape

BATCH = 64
"""Pairs of a step; the others' texts are the negatives."""
RATE, TEMPERATURE = 3e-5, 0.05
"""As SimCSE has them: a text twice is found so easily that a sharper softmax would leave nothing to learn."""
PASSES = 3
"""Passes over the pairs at most."""
OWN_RATE, OWN_PASSES = 1e-3, 30
"""The same of a model that knows nothing but this shop's text."""
LEAST = 64
"""Pairs below which there are no negatives to learn from."""
PLACE, BEGUN = "unfinished-contrastive", "begun.json"
Measuring = Sequence[tuple[Sort, Batch]]


@dataclass(frozen=True)
class Mixed:
    """Batches of ``pairs``, each of one sort and all in random order: a batch of two sorts would teach to tell sorts apart. An epoch takes
    no more pairs of a sort than there are texts, others each time."""

    model: Opened
    alike: Alike
    pairs: Mapping[Sort, Numbers]
    seed: int = 7

    def __call__(self, epoch: int) -> Iterator[Batch]:
        """One pass."""
        random = np.random.default_rng((self.seed, epoch))
        parts = [part for sort in self.pairs for part in _even(random.permutation(self.pairs[sort])[: len(self.alike.texts)])]
        for place in random.permutation(len(parts)).tolist():
            yield self.batch(parts[place])

    def steps(self) -> int:
        """Batches of an epoch."""
        return sum(len(_even(pairs[: len(self.alike.texts)])) for pairs in self.pairs.values())

    def batch(self, pairs: Numbers) -> Batch:
        """Left texts ask, right ones answer. A text twice passes the model twice, each time with other units dropped out."""
        left, right = pairs.T
        asked, answers = (self.model.tokens([self.alike.texts[row] for row in side.tolist()]) for side in (left, right))
        own = np.arange(len(pairs))
        return Batch(asked, answers, own, own, self.alike.related(left, right))


@dataclass(frozen=True)
class Contrasting:
    """What says ``alike``, the folder ``out``, the model to ``start`` from (None: a small BERT that knows no more than the texts' words),
    the ``sorts`` of pairs that teach, the ``seconds`` it has; ``steps``, and the ``shape`` of what starts from nothing, are found by time
    where they are absent. Killed, it goes on from ``out``/`PLACE` with as many steps as it had planned, if they fit into the ``seconds``,
    which count anew.

    In-batch softmax (InfoNCE, van den Oord et al. 2018) both ways; a text twice through dropout is SimCSE's pair (Gao et al. 2021).
    """

    alike: Alike
    out: Path
    start: Path | None
    sorts: Sequence[Sort] = SORTS
    seconds: float = math.inf
    steps: int | None = None
    shape: Shape | None = None
    seed: int = 7
    watch: Callable[[int, int, float], None] = field(default=lambda step, of, loss: None)

    def run(self) -> Told:
        """Learn, measure, write ``out``. Raises `InputError` where there are too few pairs, ``start`` holds no model, or what is unfinished
        in ``out`` was begun with something else."""
        _enough(sum(len(self.alike.pairs[sort]) for sort in self.sorts))
        begun, start = perf_counter(), self._start()
        model = open_model(start)
        sorts = [sort for sort in self.sorts if sort != "dropout" or drops(model)]
        teaching, kept = self.alike.parted(sorts, self.seed)
        _enough(sum(map(len, teaching.values())))
        if main():
            self._check(start)
        source = Mixed(model, self.alike, teaching, self.seed)
        held = [(sort, source.batch(part)) for sort, pairs in kept.items() for part in _even(pairs)]
        before = agreed(lambda: perplexity(model, held, self.seed))
        history = self._loop(source, held, begun).run()
        transformer, counts = model.net.model, {str(sort): len(teaching.get(sort, [])) for sort in self.sorts}
        told = Told(
            "contrastive", *shape(transformer), int(transformer.config.vocab_size), len(self.alike.texts), history.steps,
            perf_counter() - begun, before, agreed(lambda: perplexity(model, held, self.seed)), 0, counts, own(self.start),
        )  # fmt: skip
        if main():
            model.save(self.out)
            (self.out / FACTS).write_text(json.dumps(asdict(told)), encoding="utf-8")
            shutil.rmtree(self.out / PLACE)
        return told

    def _start(self) -> Path:
        """The folder to start from."""
        place = self.out / PLACE / "nothing"
        if self.start is None and not agreed((place / "model.safetensors").is_file):
            torch.manual_seed(self.seed)
            texts = self._read()
            agreed(lambda: Pretraining(texts, place, seconds=self.seconds, shape=self.shape).begin(place, texts))
        return self.start or place

    def _read(self) -> list[str]:
        """What the model reads in one pass, a text as often as it is read: the time that takes says which shape is possible."""
        rows = [self.alike.pairs[sort][: len(self.alike.texts)].ravel() for sort in self.sorts]
        return [self.alike.texts[row] for row in np.concatenate(rows).tolist()]

    def _loop(self, source: Mixed, held: Measuring, begun: float) -> Loop[Batch]:
        model = source.model
        rate, passes = (OWN_RATE, OWN_PASSES) if own(self.start) else (RATE, PASSES)
        return Loop(
            model.net,
            Recipe(steps_for(passes * source.steps()) if self.steps is None else self.steps, learning_rate=rate, seed=self.seed),
            source,
            lambda batch: loss(model, batch, TEMPERATURE),
            judge=lambda: -math.log(perplexity(model, held, self.seed)),
            left=lambda: LEARNING * self.seconds - (perf_counter() - begun),
            watch=self.watch,
            describe=lambda batch: f"{len(batch.query)} pairs",
            checkpoint=self.out / PLACE / "checkpoint",
            texts=lambda batch: 2 * len(batch.query),
        )

    def _check(self, start: Path) -> None:
        """What goes on must be what was begun: other pairs would make another curve, another model would not fit."""
        digest = sha256((start / "model.safetensors").read_bytes() + self.alike.topic.tobytes())
        for sort in self.sorts:
            digest.update(sort.encode() + self.alike.pairs[sort].tobytes())
        for text in self.alike.texts:
            digest.update(text.encode("utf-8", "replace") + b"\0")
        path, said = self.out / PLACE / BEGUN, json.dumps({"of": digest.hexdigest()})
        if path.is_file() and path.read_text(encoding="utf-8") != said:
            mend = "Give what it was begun with, or remove that folder."
            raise InputError(f"{path.parent} holds the beginning of a training on another model, other texts or other pairs.", mend)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(said, encoding="utf-8")


def perplexity(model: Opened, held: Measuring, seed: int) -> float:
    """exp of the mean loss of the pairs kept out: among how many texts it is as unsure which one belongs. With dropout, the same each time,
    for a text twice, which would else be one vector; without for what is two texts."""
    training = model.net.training
    sums = 0.0
    with torch.no_grad(), forked():
        torch.manual_seed(seed)
        for sort, batch in held:
            model.net.train(sort == "dropout")
            sums += float(loss(model, batch, TEMPERATURE)) * len(batch.query)
    model.net.train(training)
    return math.exp(sums / max(1, sum(len(batch.query) for _, batch in held)))


def drops(model: Opened) -> bool:
    """Whether a text that passes the model twice while it learns becomes two vectors."""
    training = model.net.training
    model.net.train()
    with torch.no_grad(), forked():
        torch.manual_seed(0)
        once, again = (model.vectors(model.tokens(["a text twice"])) for _ in range(2))
    model.net.train(training)
    return not torch.equal(once, again)


def _even(pairs: Numbers) -> list[Numbers]:
    """Parts of nearly one size, `BATCH` at most."""
    return np.array_split(pairs, math.ceil(len(pairs) / BATCH)) if len(pairs) else []


def _enough(pairs: int) -> None:
    """Raises `InputError` for fewer than `LEAST`."""
    if pairs < LEAST:
        mend = "Add titles, descriptions or clicks, or leave --pairs out."
        raise InputError(f"Contrastive learning needs {LEAST} pairs of texts that say alike, here are {pairs:,}.", mend)
