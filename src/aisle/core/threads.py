"""How many threads linear algebra may use: one where many small products are made, all cores where one large matrix is inverted."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager

from threadpoolctl import threadpool_limits  # type: ignore[import-untyped]

TOKENIZERS = "TOKENIZERS_PARALLELISM"
"""What the library of that name asks before it shares a batch among cores."""


def cores() -> int:
    """Processors that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def threads() -> int:
    """As many as `cores`, at most what ``OMP_NUM_THREADS`` says: who runs several trainings side by side names a number, for threads that
    wait for each other on busy cores take many times as long as one."""
    named = os.environ.get("OMP_NUM_THREADS", "")
    return min(cores(), int(named)) if named.isdecimal() and int(named) else cores()


def one_thread() -> None:
    """From now on one BLAS thread in this process.

    An answer multiplies small matrices: a second thread gains nothing, and beside a busy core the first one waits for it (a 128 x 128
    system took 55 ms instead of 0.2).
    """
    threadpool_limits(limits=1, user_api="blas")


@contextmanager
def alone() -> Iterator[None]:
    """One thread of linear algebra and of tokenizers, then as before: for times that shall compare."""
    before = os.environ.get(TOKENIZERS)
    os.environ[TOKENIZERS] = "false"
    try:
        with threadpool_limits(limits=1, user_api="blas"):
            yield
    finally:
        if before is None:
            del os.environ[TOKENIZERS]
        else:
            os.environ[TOKENIZERS] = before


@contextmanager
def all_threads() -> Iterator[None]:
    """All `threads` for a large matrix, then as before."""
    with threadpool_limits(limits=threads(), user_api="blas"):
        yield
