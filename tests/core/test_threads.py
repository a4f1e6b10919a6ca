"""Linear algebra on one thread, and on all of them for a while."""

from __future__ import annotations

import numpy as np  # the library whose threads are counted
import pytest
from threadpoolctl import threadpool_info  # type: ignore[import-untyped]

from aisle.core.threads import all_threads, cores, one_thread, threads


def blas() -> set[int]:
    return {library["num_threads"] for library in threadpool_info() if library["user_api"] == "blas"}


def test_one_thread_stays_one_after_a_large_matrix_had_them_all() -> None:
    assert np.dot(1, 1) == 1
    one_thread()
    assert blas() == {1}
    with all_threads():
        assert blas() == {threads()}
    assert blas() == {1}


@pytest.mark.parametrize(("named", "found"), [("1", 1), ("64", cores()), ("", cores()), ("0", cores()), ("1,2", cores())])
def test_as_many_threads_as_the_environment_names_and_never_more_than_cores(
    monkeypatch: pytest.MonkeyPatch, named: str, found: int
) -> None:
    monkeypatch.setenv("OMP_NUM_THREADS", named)
    assert threads() == found
