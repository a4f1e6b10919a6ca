"""Where text models learn: device, half precision and several processes, by the library accelerate; training only.

There is one process for each GPU. Each learns from batches of its own (`own`), gradients are averaged (`averaged`); the main process alone
decides (`agreed`), speaks, measures and saves. In a single process nothing is averaged and nobody is told.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager
from datetime import timedelta
from functools import cache
from itertools import islice
from pathlib import Path
from typing import TypeVar

import torch
from accelerate import Accelerator
from accelerate.utils import InitProcessGroupKwargs, broadcast
from torch import Tensor
from torch.nn.utils import vector_to_parameters

One = TypeVar("One")
Net = TypeVar("Net", bound=torch.nn.Module)
WAITED = timedelta(hours=6)
"""The others wait so long while the main process measures; one that dies ends them all at once (`aisle.text.launch_train`)."""


@cache
def accelerator() -> Accelerator:
    """bfloat16 products on a GPU and on a processor that have units for them, full precision elsewhere. Where there is no GPU everything
    stays on the processor, several processes too."""
    gpu = torch.cuda.is_available()
    units = torch.cuda.is_bf16_supported(including_emulation=False) if gpu else _has_units()
    return Accelerator(mixed_precision="bf16" if units else "no", cpu=not gpu, kwargs_handlers=[InitProcessGroupKwargs(timeout=WAITED)])


def _has_units() -> bool:
    try:
        return "amx_bf16" in Path("/proc/cpuinfo").read_text(encoding="utf-8")
    except OSError:
        return False


def half() -> AbstractContextManager[None]:
    """bfloat16 products where there are units for them, several times as fast."""
    return accelerator().autocast()


def placed(net: Net) -> Net:
    """``net``, moved to this process's device."""
    return net.to(accelerator().device)


def near(net: torch.nn.Module, *tensors: Tensor) -> list[Tensor]:
    """``tensors`` where ``net`` is."""
    place = next(net.parameters()).device
    return [tensor.to(place) for tensor in tensors]


def main() -> bool:
    """Whether this process decides, speaks, measures and saves."""
    return accelerator().is_main_process


def own(batches: Iterator[One]) -> Iterator[One]:
    """Process p of n takes every n-th batch, from the p-th on."""
    return islice(batches, accelerator().process_index, None, accelerator().num_processes)


def steps_for(batches: int) -> int:
    """In how many steps all processes together have seen so many batches."""
    return math.ceil(batches / accelerator().num_processes)


def agreed(decide: Callable[[], float]) -> float:
    """What the main process decides; all processes wait for it."""
    if accelerator().num_processes == 1:
        return decide()
    said = torch.tensor([decide() if main() else 0.0], dtype=torch.float64, device=accelerator().device)
    return float(broadcast(said))


def averaged(net: torch.nn.Module, value: float) -> float:
    """The mean of ``value`` over the processes, which leave with the mean of their gradients; all must have gradients of the same tensors.

    Explicit, not by DistributedDataParallel: a loss may ask the net several times, or not by its ``forward``.
    """
    if accelerator().num_processes == 1:
        return value
    gradients = [tensor.grad for tensor in net.parameters() if tensor.grad is not None]
    flat = torch.cat([*(gradient.reshape(-1) for gradient in gradients), gradients[0].new_tensor([value])])
    mean = accelerator().reduce(flat, "mean")
    vector_to_parameters(mean[:-1], gradients)
    return float(mean[-1])


def forked() -> AbstractContextManager[None]:
    """In this block the dice may be thrown at will; then they are as before, the device's too."""
    place = accelerator().device
    return torch.random.fork_rng(devices=[] if place.type == "cpu" else [place])


def dice() -> dict[str, Tensor]:
    """The state of the dice, of the processor and of the device."""
    found = {"random": torch.get_rng_state()}
    return found | ({} if accelerator().device.type == "cpu" else {"random_device": torch.cuda.get_rng_state()})


def set_dice(held: Mapping[str, Tensor]) -> None:
    """As they were when `dice` was asked; a device that was not there then keeps its own."""
    torch.set_rng_state(held["random"])
    if "random_device" in held and accelerator().device.type != "cpu":
        torch.cuda.set_rng_state(held["random_device"])
