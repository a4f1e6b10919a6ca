"""Freed memory goes back to the system."""

from __future__ import annotations

import platform

import psutil
import pytest

from aisle.core.memory import give_back, one_heap


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="only glibc keeps its heap like this")
def test_what_was_freed_below_something_held_goes_back() -> None:
    one_heap()
    here = psutil.Process()
    filled = [bytes(5_000) for _ in range(20_000)]
    last = bytes(5_000)
    most = here.memory_info().rss
    filled.clear()
    give_back()
    assert here.memory_info().rss < most - 80_000_000, "100 MB lay below the last one"
    assert len(last) == 5_000
