"""How many threads linear algebra may use: one where many small products are made, all cores where one large matrix is inverted."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager

from threadpoolctl import threadpool_limits  # type: ignore[import-untyped]


def one_thread() -> None:
    """From now on one BLAS thread in this process.

    An answer multiplies small matrices: a second thread gains nothing, and beside a busy core the first one waits for it (a 128 x 128
    system took 55 ms instead of 0.2).
    """
    threadpool_limits(limits=1, user_api="blas")


@contextmanager
def all_threads() -> Iterator[None]:
    """All cores for a large matrix, then as before."""
    with threadpool_limits(limits=os.cpu_count() or 1, user_api="blas"):
        yield
