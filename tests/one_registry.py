"""Torch reads 500 functions' sources anew for every export, which is most of a small net's: in the tests a process reads them once."""

from __future__ import annotations

import sys
from functools import cache

KEPT = "torch.onnx._internal.exporter._registration"


def one_registry() -> None:
    """From the next export on; nothing where torch exported nothing yet, or keeps them elsewhere."""
    made = getattr(sys.modules.get(KEPT), "ONNXRegistry", None)
    if made is not None and not isinstance(vars(made).get("from_torchlib"), staticmethod):
        made.from_torchlib = staticmethod(cache(made.from_torchlib))
