"""Linear algebra on one thread, and on all of them for a while."""

from __future__ import annotations

import os

import numpy as np  # the library whose threads are counted
from threadpoolctl import threadpool_info  # type: ignore[import-untyped]

from aisle.core.threads import all_threads, one_thread


def blas() -> set[int]:
    return {library["num_threads"] for library in threadpool_info() if library["user_api"] == "blas"}


def test_one_thread_stays_one_after_a_large_matrix_had_them_all() -> None:
    assert np.dot(1, 1) == 1
    one_thread()
    assert blas() == {1}
    with all_threads():
        assert blas() == {os.cpu_count()}
    assert blas() == {1}
