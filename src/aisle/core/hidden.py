"""Loads a library without the further ones that it would load for the sole reason that they are installed."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from types import ModuleType


@contextmanager
def hidden(*names: str) -> Iterator[None]:
    """While it lasts, importing any of ``names`` that is not loaded yet raises `ImportError`, as where it is not installed."""
    gone = [name for name in names if name not in sys.modules]
    sys.modules.update(dict.fromkeys(gone))  # type: ignore[arg-type]  # None is what the import system reads so
    try:
        yield
    finally:
        for name in gone:
            sys.modules.pop(name, None)


@contextmanager
def spared(module: ModuleType, *names: str) -> Iterator[None]:
    """While it lasts, these parts of ``module`` that it would load when they are asked for are None: who copies all its names gets no
    more. Afterwards they come when they are asked for, as ever."""
    away = [name for name in names if name not in vars(module)]
    vars(module).update(dict.fromkeys(away))
    try:
        yield
    finally:
        for name in away:
            vars(module).pop(name, None)
