"""How the C library keeps freed memory: in few places, and not what a server will never ask for again. Elsewhere than with glibc nothing
happens."""

from __future__ import annotations

import ctypes
from collections.abc import Callable
from typing import Any

ARENAS = -8
"""glibc's number for the limit on the separate heaps that threads get."""


def one_heap() -> None:
    """Threads that begin from now on share the heap: each one's own would keep what its largest answer needed. Under one interpreter lock
    they do not wait for each other there."""
    if set_option := _named("mallopt"):
        set_option(ARENAS, 1)


def give_back() -> None:
    """Return freed memory to the system: reading a bundle needs more than holding it."""
    if trim := _named("malloc_trim"):
        trim(0)


def _named(function: str) -> Callable[..., Any] | None:
    try:
        return getattr(ctypes.CDLL(None), function, None)
    except (OSError, TypeError):
        return None
