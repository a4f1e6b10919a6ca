"""What each of two processes does in `test_device`, as a module with a folder: a small training; it writes what it saw and became."""

from __future__ import annotations

import json
import math
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import torch
from safetensors.torch import save_file
from torch import Tensor

from aisle.text import loop_train
from aisle.text.device_train import accelerator, averaged, main
from aisle.text.loop_train import Loop, Recipe
from aisle.tracking.spoken import say

STEPS, KILLED = 12, 7


def net() -> torch.nn.Module:
    """Nothing in it is dropped out, so that its curve depends on the batches alone."""
    torch.manual_seed(1)
    return torch.nn.Sequential(torch.nn.Linear(4, 8), torch.nn.LayerNorm(8), torch.nn.Linear(8, 1))


def batches(epoch: int, size: int = 16) -> Iterator[Tensor]:
    """Five batches in which the answer is the sum: an odd number, so that a process has others in each epoch."""
    yield from torch.randn(80, 4, generator=torch.Generator().manual_seed(epoch)).split(size)


def loop(made: torch.nn.Module, source: Callable[[int], Iterator[Tensor]] = batches, **more: object) -> Loop[Tensor]:
    """The main process alone can judge, and by its clock alone there is time."""

    def judge() -> float:
        assert main(), "the main process judges"
        return -float(loss(torch.ones(1, 4)))

    def loss(batch: Tensor) -> Tensor:
        return ((made(batch)[:, 0] - batch.sum(1)) ** 2).mean()

    left = lambda: math.inf if main() else 0.0  # noqa: E731
    return Loop(made, Recipe(STEPS, 0.02, patience=9), source, loss, judge, left, **more)  # type: ignore[arg-type]


def killed(step: int, of: int, loss: float) -> None:
    """Ends a training in the midst."""
    if step == KILLED:
        raise InterruptedError


def train(folder: Path) -> None:
    """The first gradient, a whole training, and one that is interrupted and goes on."""
    rank = accelerator().process_index
    say(rank=rank)
    if (folder / "broken").exists() and not main():
        raise ValueError("the second process has no such thing")
    made = net()
    first = loop(made)
    value = first.loss(next(first.forever()))
    value.backward()
    written = {"own": made[2].weight.grad.clone()}
    averaged(made, float(value.detach()))
    written["mean"] = made[2].weight.grad.clone()
    whole = first.run()
    written |= made.state_dict()
    loop_train.SAVED = 0.0
    try:
        loop(net(), checkpoint=folder / "checkpoint", watch=killed).run()
    except InterruptedError:
        again = loop(net(), checkpoint=folder / "checkpoint").run()
    save_file(written, folder / f"{rank}.safetensors")
    said = {"losses": whole.losses, "judged": whole.judged, "again": again.losses}
    (folder / f"{rank}.json").write_text(json.dumps(said), encoding="utf-8")


if __name__ == "__main__":
    train(Path(sys.argv[1]))
