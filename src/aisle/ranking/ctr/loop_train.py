"""The one loop that fits every net: cross-entropy in small steps until the tail no longer gains, the best weights kept, then exported."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from copy import deepcopy
from importlib import import_module
from math import inf

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional

from aisle.core.errors import SettingsError
from aisle.core.threads import threads
from aisle.ranking.ctr.base import tail
from aisle.ranking.ctr.chain_train import cost, labels, log_odds
from aisle.ranking.ctr.examples import Examples
from aisle.ranking.ctr.export_train import Served, exported
from aisle.ranking.ctr.layout import Layout
from aisle.ranking.ctr.parts_train import CtrNet
from aisle.ranking.ctr.settings import KINDS, Settings
from aisle.ranking.ctr.tower_train import Tower
from aisle.tracking.run import Pace, begin, listening, memory_mb, point

ROUNDS = 4
"""Rounds in each pass over the cases; after each the tail is looked at."""
MOMENTUM = 0.9
SMALL = 10_000
"""Cases below which a second thread costs more in waiting than it works."""
Batch = tuple[Tensor, Tensor, Tensor, Tensor]
Rows = NDArray[np.int64]


class Whole(nn.Module):  # type: ignore[misc]
    """A net, the bias that begins at the log odds of the rate, and the tower where there is one."""

    def __init__(self, net: CtrNet, bias: Tensor, tower: Tower | None) -> None:
        super().__init__()
        self.net, self.tower = net, tower
        self.bias = nn.Parameter(bias)

    def forward(self, ids: Tensor, numbers: Tensor, place: Tensor) -> Tensor:
        """``(b,)``, or ``(b, outcomes)`` of a net that learns several; the tower reads ``place`` ``(b,)`` and adds to the label's."""
        z = self.net(ids, numbers) + self.bias
        if self.tower is None:
            return z
        added = self.tower(place)
        return z + (added if z.dim() == 1 else functional.pad(added[:, None], (0, z.shape[1] - 1)))


def net_of(kind: str) -> type[CtrNet]:
    """The class that `KINDS` names."""
    file, _, name = KINDS[kind].net.partition(".")
    found: type[CtrNet] = getattr(import_module(f"aisle.ranking.ctr.{file}"), name)
    return found


def prepare(cases: int, seed: int) -> None:
    """As many threads as so many cases are worth, and the dice."""
    torch.set_num_threads(1 if cases < SMALL else threads())
    torch.manual_seed(seed)


def fitted(
    kind: str, settings: Settings, layout: Layout, examples: Examples, stop: Callable[[int], bool] = lambda _: False
) -> tuple[Served, int]:
    """The net of the best round, ready to be exported, and the rounds made; a tower is replaced by its mean over the cases."""
    prepare(len(examples), settings.seed)
    inputs = layout.apply(examples)
    tower, place = Tower.of(settings.tower, examples)
    label = labels(examples, settings.outcomes)
    whole = Whole(net_of(kind)(layout.shape, settings), log_odds(label), tower)
    data = torch.from_numpy(inputs.ids), torch.from_numpy(inputs.numbers), place, torch.from_numpy(label)
    return learned(whole, data, tail(examples.label), settings, stop)


def learned(whole: Whole, data: Batch, cut: int, settings: Settings, stop: Callable[[int], bool]) -> tuple[Served, int]:
    """The net of the best round over ``data`` (ids, numbers, places of the tower, labels), the first ``cut`` cases teaching; and the rounds
    made."""
    rounds = _learn(whole, data, cut, settings, stop)
    bias, tower, place = whole.bias.detach().clone(), whole.tower, data[2]
    if tower is None:
        return Served(whole.net, bias, {}), rounds
    level = tower.level(_plain(whole, data), place)
    bias.view(-1)[0] += level
    return Served(whole.net, bias, tower.weights(level)), rounds


def train(
    kind: str, settings: Settings, layout: Layout, examples: Examples, stop: Callable[[int], bool]
) -> tuple[bytes, int, dict[str, float]]:
    """The fitted net as an ONNX graph, the rounds made, and what the tower, where there is one, adds for each of its values."""
    served, rounds = fitted(kind, settings, layout, examples, stop)
    return exported(served, layout.shape), rounds, served.tower


def _learn(whole: Whole, data: Batch, cut: int, settings: Settings, stop: Callable[[int], bool]) -> int:
    """Rounds over the first ``cut`` cases; with a tail behind them the best weights are kept, and it ends `Settings.patience` rounds after
    them. The number of rounds."""
    optimizer = _optimizer(whole, settings)
    best, weights, waited, done = inf, None, 0, 0
    rest: Batch = tuple(part[cut:] for part in data)
    pace = Pace()
    begin()
    for steps in _rounds(cut, settings):
        learned = _steps(whole, data, steps, optimizer, settings)
        done += 1
        pace.add(len(steps))
        _tell(whole, done, learned, settings, pace)
        if len(rest[3]):
            loss = _loss(whole, rest, settings)
            point(done, development_loss=loss)
            if loss < best:
                best, weights, waited = loss, deepcopy(whole.state_dict()), 0
            else:
                waited += 1
        if waited >= settings.patience or stop(done):
            break
    if weights is not None:
        whole.load_state_dict(weights)
    elif len(rest[3]):
        raise SettingsError(f"The net diverged: learning_rate {settings.learning_rate:g} is too large.", "Take a smaller one.")
    return done


def _rounds(size: int, settings: Settings) -> Iterator[Rows]:
    """The places of the cases of each round."""
    dice = np.random.default_rng(settings.seed)
    for _ in range(settings.epochs):
        yield from np.array_split(dice.permutation(size), min(ROUNDS, size))


def _optimizer(whole: Whole, settings: Settings) -> torch.optim.Optimizer:
    """Decay is for dense layers alone; the large tables have their own penalty."""
    tables = {id(parameter) for part in whole.modules() if isinstance(part, nn.Embedding) for parameter in part.parameters()}
    dense = [parameter for parameter in whole.parameters() if id(parameter) not in tables and parameter.dim() > 1]
    rest = [parameter for parameter in whole.parameters() if id(parameter) in tables or parameter.dim() < 2]
    groups = [{"params": rest, "weight_decay": 0.0}] + ([{"params": dense, "weight_decay": settings.decay}] if dense else [])
    if settings.optimizer == "sgd":
        return torch.optim.SGD(groups, lr=settings.learning_rate, momentum=MOMENTUM)
    return torch.optim.AdamW(groups, lr=settings.learning_rate)


def _tell(whole: Whole, done: int, loss: float, settings: Settings, pace: Pace) -> None:
    """How a round went: its mean loss, the last gradient's norm, the speed."""
    if listening():
        norm = torch.nn.utils.get_total_norm([one.grad for one in whole.parameters() if one.grad is not None])
        told = {"loss": loss, "gradient_norm": float(norm), "rate": settings.learning_rate}
        point(done, **told, per_second=pace.look(), memory_mb=memory_mb())


def _steps(whole: Whole, data: Batch, rows: Rows, optimizer: torch.optim.Optimizer, settings: Settings) -> float:
    """One step a batch; the mean loss on the way."""
    whole.train()
    losses = []
    for ids, numbers, place, label in _batches(data, torch.from_numpy(rows), settings.batch):
        optimizer.zero_grad()
        loss = cost(whole(ids, numbers, place), label, settings.weights)
        if settings.regularization:
            loss = loss + settings.regularization * whole.net.penalty(ids)
        loss.backward()
        optimizer.step()
        losses.append(float(loss.detach()))
    return float(np.mean(losses))


def _batches(data: Batch, rows: Tensor, size: int) -> Iterator[Batch]:
    for some in rows.split(size):
        yield tuple(part[some] for part in data)


@torch.no_grad()  # type: ignore[untyped-decorator]
def _loss(whole: Whole, data: Batch, settings: Settings) -> float:
    whole.eval()
    parts = [
        cost(whole(ids, numbers, place), label, settings.weights, "sum")
        for ids, numbers, place, label in _batches(data, torch.arange(len(data[3])), 8_192)
    ]
    return float(torch.stack(parts).sum()) / len(data[3])


@torch.no_grad()  # type: ignore[untyped-decorator]
def _plain(whole: Whole, data: Batch) -> Tensor:
    """``(n,)``: the label's logits without the tower."""
    whole.eval()
    parts = [whole.net(ids, numbers) + whole.bias for ids, numbers, _, _ in _batches(data, torch.arange(len(data[3])), 8_192)]
    found = torch.cat(parts)
    return found if found.dim() == 1 else found[:, 0]
