"""The engine that search by words stands beside: it stems, any word is enough, and it finds the pieces that it is given."""

from __future__ import annotations

import pytest

from benchmarks.engines import Engine, answered, pieces


@pytest.fixture
def tantivy() -> None:
    pytest.importorskip("tantivy", reason="the engine comes with aisle[bench]")


def test_the_engine_finds_stems_and_any_of_the_words(tantivy: None) -> None:
    engine = Engine.of(["red table lamps", "blue chair", "1/2 in. steel pipe"])
    assert engine.search("lamp") == [0]
    assert sorted(engine.search("blue lamp")) == [0, 1]
    assert engine.search("1/2 in. pipe") == [2]
    assert engine.search("nothing of it") == []


def test_the_engine_finds_pieces_as_our_own_source_cuts_them(tantivy: None) -> None:
    engine = Engine.of(["红色台灯", "蓝色椅子"], pieces)
    assert engine.search("色台") == [0, 1]  # the nearer one first: any of its characters is enough
    assert sorted(engine.search("色")) == [0, 1]


def test_both_answer_every_query() -> None:
    found, took = answered({"one": lambda text: [len(text)], "other": lambda text: []}, ["a", "bb"])
    assert found == {"one": [[1], [2]], "other": [[], []]}
    assert all(len(times) == 2 for times in took.values())
