"""The one training loop of the text models: rates, decay, clipping, early stopping, a time limit, checkpoints, curves; training only."""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass, field
from functools import partial
from itertools import count, islice
from pathlib import Path
from time import perf_counter
from typing import Generic, Literal, NamedTuple, TypeVar

import torch
from safetensors.torch import load_file, save_file
from torch import Tensor

from aisle.core.errors import AisleError
from aisle.text.between_train import weights_of
from aisle.text.device_train import accelerator, agreed, averaged, dice, main, own, set_dice
from aisle.tracking.run import Pace, begin, memory_mb, point

Batch = TypeVar("Batch")
PROBE, PROBES = 6, 8
"""Steps after which their pace is believed, the first two being slow and not counted, and how often it is looked at again on the way."""
JUDGED = 4
"""Times that the development metric is taken."""
HEADS = "heads"
"""Begins the names of parameters that stand on top of a net that knows something already, and begin at nothing themselves."""
HEADS_RATE = 50.0
"""Factor of their rate."""
TOLD = 10
"""Steps between two looks at speed and memory."""
SAVED = 60.0
"""Seconds between two checkpoints."""
Weights = dict[str, Tensor]


class TrainingError(AisleError):
    """A training that cannot go on."""

    code = "training_failed"


@dataclass(frozen=True)
class Recipe:
    """How to learn. ``steps`` are the most; time may allow fewer. ``layer_decay`` multiplies the rate once for each layer below the top.

    AdamW (Loshchilov and Hutter 2019) or SGD with momentum .9; no weight decay on norms and biases; the rate warms up over ``warm_up`` of
    the steps and falls to 0 by a cosine or a line; gradients are clipped to norm ``clip``. ``looks``: how often the development metric is
    taken on the way.
    """

    steps: int
    learning_rate: float = 2e-4
    weight_decay: float = 0.01
    warm_up: float = 0.1
    decay: Literal["cosine", "linear"] = "cosine"
    clip: float = 1.0
    layer_decay: float = 1.0
    optimizer: Literal["adamw", "sgd"] = "adamw"
    patience: int = JUDGED
    looks: int = JUDGED
    seed: int = 7


@dataclass
class History:
    """What happened: ``losses`` of every step, ``judged`` (step, metric; larger is better), ``steps`` done of those ``planned``, the
    ``best`` metric and how often it was not reached since."""

    losses: list[float] = field(default_factory=list)
    judged: list[tuple[int, float]] = field(default_factory=list)
    steps: int = 0
    planned: int = 0
    best: float = -math.inf
    waited: int = 0


@dataclass
class Loop(Generic[Batch]):
    """Trains ``net`` on ``batches`` by ``loss``; ``judge`` gives the development metric, whose best weights are kept.

    Of several processes (`aisle.text.device_train`) each takes its own of the batches; the main one judges, keeps the time and saves.

    ``left`` says how many seconds remain: no more steps are planned than fit, so that the rate's curve ends where the time does.
    ``watch`` is told each step's number and loss. With ``checkpoint`` a killed run goes on where it was, to the same curve of losses.
    ``pieces`` cuts a batch that memory cannot hold into (share of the loss, piece); gradients add up over them before the step. Only for
    losses that are a mean over cases: then the curve is that of the whole batch. ``texts`` counts a batch's texts, for the speed told.
    """

    net: torch.nn.Module
    recipe: Recipe
    batches: Callable[[int], Iterator[Batch]]
    loss: Callable[[Batch], Tensor]
    judge: Callable[[], float] | None = None
    left: Callable[[], float] = lambda: math.inf
    watch: Callable[[int, int, float], None] = lambda step, steps, loss: None
    describe: Callable[[Batch], str] = lambda batch: ""
    checkpoint: Path | None = None
    pieces: Callable[[Batch], Sequence[tuple[float, Batch]]] = lambda batch: [(1.0, batch)]
    texts: Callable[[Batch], int] = lambda batch: 0

    def run(self) -> History:
        """Train to the end. A loss that is no number raises `TrainingError` naming the batch."""
        torch.manual_seed(self.recipe.seed)
        groups = parameter_groups(self.net, self.recipe)
        optimizer, kept = optimizer_of(groups, self.recipe), Weights()
        history = self._begin(optimizer, kept)
        most, marks, saved, pace = history.planned, [perf_counter()], perf_counter(), Pace()
        for batch in self.forever(history.steps):
            if history.steps >= history.planned or history.waited >= self.recipe.patience:
                break
            now = share(history.steps, history.planned, self.recipe)
            for group, settings in zip(optimizer.param_groups, groups, strict=True):
                group["lr"] = settings.rate * now
            loss, norm = self.step(batch, optimizer, history.steps)
            history.losses.append(loss)
            history.steps += 1
            marks.append(perf_counter())
            history.planned = int(agreed(partial(self._fitting, history, marks, most)))
            self.watch(history.steps, history.planned, loss)
            pace.add(self.texts(batch))
            point(history.steps, loss=loss, rate=self.recipe.learning_rate * now, gradient_norm=norm)
            if history.steps % TOLD == 0:
                point(history.steps, per_second=pace.look(), memory_mb=memory_mb())
            if self._due(history):
                self._look(history, kept)
            if self.checkpoint is not None and main() and perf_counter() - saved > SAVED:
                _store(self.checkpoint, self.net, optimizer, history, kept)
                saved = perf_counter()
        if kept:
            self.net.load_state_dict(kept)
        if self.checkpoint is not None and main():
            _store(self.checkpoint, self.net, optimizer, history, kept)
        return history

    def _begin(self, optimizer: torch.optim.Optimizer, kept: Weights) -> History:
        """Where an interrupted run stood, or the start, whose weights are the first to beat."""
        if self.checkpoint is not None and (self.checkpoint / "state.json").is_file():
            history, weights = _restore(self.checkpoint, self.net, optimizer)
            kept.update(weights)
            begin(history.steps)
            return history
        history = History(planned=self.recipe.steps)
        begin()
        if self.judge is not None:
            self._look(history, kept)
        return history

    def forever(self, done: int = 0) -> Iterator[Batch]:
        """This process's batches epoch after epoch, the first ``done`` passed over."""
        return islice(own(self._every()), done, None)

    def _every(self) -> Iterator[Batch]:
        for epoch in count():
            any_ = False
            for batch in self.batches(epoch):
                any_ = True
                yield batch
            if not any_:
                return

    def step(self, batch: Batch, optimizer: torch.optim.Optimizer, number: int) -> tuple[float, float]:
        """One step: the loss before it, and the norm of its gradient before clipping, both of all processes."""
        self.net.train()
        optimizer.zero_grad(set_to_none=True)
        value = 0.0
        for part, piece in self.pieces(batch):
            loss = self.loss(piece) * part
            value += float(loss.detach())
            accelerator().backward(loss)
        value = averaged(self.net, value)
        if not math.isfinite(value):
            raise TrainingError(f"The loss of step {number} is {value}: {self.describe(batch)}", "Lower the learning rate.")
        norm = accelerator().clip_grad_norm_(self.net.parameters(), self.recipe.clip)
        optimizer.step()
        return value, float(norm)

    def _fitting(self, history: History, marks: list[float], most: int) -> int:
        """How many steps fit into the time, ``most`` at most: a machine may be slower or faster later than at the beginning."""
        left, taken = self.left(), len(marks) - 1
        if left <= 0:
            return history.steps
        if left == math.inf or taken < PROBE or (taken > PROBE and taken % max(PROBE, history.planned // PROBES)):
            return history.planned
        pace = (marks[-1] - marks[2]) / (taken - 2)
        return max(history.steps, min(most, history.steps + int(left / pace)))

    def _due(self, history: History) -> bool:
        return self.judge is not None and (
            history.steps == history.planned or history.steps % max(1, history.planned // self.recipe.looks) == 0
        )

    def _look(self, history: History, kept: Weights) -> None:
        """Take the metric; the weights are kept when it is the best so far."""
        assert self.judge is not None
        self.net.eval()
        with torch.no_grad():
            value = agreed(self.judge)
        history.judged.append((history.steps, value))
        point(history.steps, development=value)
        history.waited = 0 if value > history.best else history.waited + 1
        if value > history.best:
            history.best = value
            kept.update(weights_of(self.net))


def share(step: int, steps: int, recipe: Recipe) -> float:
    """Of the full rate at ``step``, counted from 0."""
    warm = max(1, int(steps * recipe.warm_up))
    if step < warm:
        return (step + 1) / warm
    gone = (step - warm) / max(1, steps - warm)
    return 0.5 * (1 + math.cos(math.pi * min(1.0, gone))) if recipe.decay == "cosine" else max(0.0, 1 - gone)


class Group(NamedTuple):
    """Parameters that share a rate and a decay."""

    tensors: list[Tensor]
    rate: float
    decay: float


def parameter_groups(net: torch.nn.Module, recipe: Recipe) -> list[Group]:
    """A group for each layer, for `HEADS`, and for what is decayed or not; frozen parameters are left out."""
    named = [(name, tensor) for name, tensor in net.named_parameters() if tensor.requires_grad and ".pooler." not in name]
    top = 1 + max((_layer(name) for name, _ in named), default=0)
    found: dict[tuple[int, bool], list[Tensor]] = {}
    for name, tensor in named:
        layer = top + 1 if name.startswith(f"{HEADS}.") else _layer(name) if ".layer." in name or "embeddings" in name else top
        found.setdefault((layer, tensor.ndim > 1), []).append(tensor)
    return [
        Group(
            tensors,
            recipe.learning_rate * (HEADS_RATE if layer > top else recipe.layer_decay ** (top - layer)),
            recipe.weight_decay if decayed else 0.0,
        )
        for (layer, decayed), tensors in found.items()
    ]


def _layer(name: str) -> int:
    """1 for the lowest layer, 0 for embeddings and whatever stands outside of layers."""
    _, _, inside = name.partition(".layer.")
    return int(inside.partition(".")[0]) + 1 if inside else 0


def optimizer_of(groups: Sequence[Group], recipe: Recipe) -> torch.optim.Optimizer:
    """AdamW or SGD over these groups, as the recipe says."""
    given = [{"params": group.tensors, "lr": group.rate, "weight_decay": group.decay} for group in groups]
    return torch.optim.AdamW(given, fused=True) if recipe.optimizer == "adamw" else torch.optim.SGD(given, momentum=0.9)


def _store(folder: Path, net: torch.nn.Module, optimizer: torch.optim.Optimizer, history: History, kept: Weights) -> None:
    """Everything that the next step depends on; the small file that names the others is replaced last."""
    folder.mkdir(parents=True, exist_ok=True)
    tensors = {f"net/{name}": tensor for name, tensor in net.state_dict().items()}
    tensors |= {f"kept/{name}": tensor for name, tensor in kept.items()}
    for number, state in enumerate(optimizer.state_dict()["state"].values()):
        tensors |= {f"optimizer/{number}/{name}": torch.as_tensor(value) for name, value in state.items() if value is not None}
    tensors |= dice()
    name = f"step-{history.steps}.safetensors"
    save_file({key: tensor.detach().to("cpu", copy=True).contiguous() for key, tensor in tensors.items()}, folder / name)
    said = {"file": name, **asdict(history), "best": history.best if math.isfinite(history.best) else None}
    fresh = folder / "state.new"
    fresh.write_text(json.dumps(said), encoding="utf-8")
    fresh.replace(folder / "state.json")
    for old in folder.glob("step-*.safetensors"):
        if old.name != name:
            old.unlink()


def _restore(folder: Path, net: torch.nn.Module, optimizer: torch.optim.Optimizer) -> tuple[History, Weights]:
    said = json.loads((folder / "state.json").read_text(encoding="utf-8"))
    tensors = load_file(folder / said["file"])
    net.load_state_dict(_under("net/", tensors))
    state = optimizer.state_dict()
    count = len([tensor for group in optimizer.param_groups for tensor in group["params"]])
    state["state"] = {number: held for number in range(count) if (held := _under(f"optimizer/{number}/", tensors))}
    optimizer.load_state_dict(state)
    set_dice(tensors)
    said["best"] = -math.inf if said["best"] is None else said["best"]
    del said["file"]
    return History(**said), _under("kept/", tensors)


def _under(front: str, tensors: Weights) -> Weights:
    return {name.removeprefix(front): tensor for name, tensor in tensors.items() if name.startswith(front)}
