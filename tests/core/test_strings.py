"""Columns of text come back from a file as they were, long ones piece by piece."""

from __future__ import annotations

import gc
import os
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from aisle.core.strings import LONG, Strings

SHORT = ["lamp", None, "", "红色的灯", "a 💡"]
LENGTHY = ["lamp " * 40, None, "", "红色的灯" * 30, "💡" * 50]


@pytest.mark.parametrize("texts", [SHORT, LENGTHY, [], [None]])
def test_a_column_comes_back_as_it_was(tmp_path: Path, texts: list[str | None]) -> None:
    Strings.of(texts).save(tmp_path, "it")
    opened = Strings.load(tmp_path, "it", shown=True)
    assert [opened.get(row) for row in range(len(texts))] == texts
    assert list(opened) == [text or "" for text in texts]
    opened.save(tmp_path, "again")
    assert [Strings.load(tmp_path, "again").get(row) for row in range(len(texts))] == texts


def test_long_texts_are_read_by_many_threads_and_the_file_is_closed_in_the_end(tmp_path: Path) -> None:
    texts = [f"{number} " * LONG for number in range(200)]
    Strings.of(texts).save(tmp_path, "it")
    before = len(os.listdir("/proc/self/fd")) if Path("/proc/self/fd").exists() else 0
    assert Strings.load(tmp_path, "it")._pieces is None
    opened = Strings.load(tmp_path, "it", shown=True)
    assert opened._pieces is not None
    with ThreadPoolExecutor(4) as pool:
        assert list(pool.map(opened.get, range(200))) == texts
    del opened
    gc.collect()
    assert before == (len(os.listdir("/proc/self/fd")) if before else 0)
