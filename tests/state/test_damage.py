"""Write-ahead files whose ends are torn, flipped or zeroed: the log opens as an exact prefix of what it was, and says what is lost."""

from __future__ import annotations

import shutil
from pathlib import Path
from random import Random

import pytest

from aisle.state.folder import State
from aisle.testing.faults import DAMAGES
from tests.state.support import LONG, NOW, event

TRIES = 400 if LONG else 40
Fact = tuple[int, object]


def facts(state: State) -> list[Fact]:
    """Everything in the log, in order."""
    events = [(stored.sequence, stored.event) for stored in state.log.since(0)]
    changes = [(change.sequence, change) for change in state.items.changes()]
    return sorted([*events, *changes], key=lambda fact: fact[0])  # type: ignore[list-item]


@pytest.fixture(params=[20, 3_000], ids=["young", "after a checkpoint"])
def crashed(request: pytest.FixtureRequest, folder: Path) -> tuple[Path, list[Fact]]:
    """A folder as a crash leaves it, and what had been acknowledged in it."""
    with State.open(folder) as state:
        for place in range(120):
            state.log.append([event(f"{place}.{one}", "u", note="x" * request.param) for one in range(place % 4)])
            if place % 10 == 0:
                state.items.put([{"item_id": str(place), "title": "灯"}])
        left = folder.with_name("left")
        shutil.copytree(folder, left, ignore=shutil.ignore_patterns("*-shm"))
        return left, facts(state)


@pytest.mark.parametrize("kind", DAMAGES)
def test_a_damaged_end_leaves_an_exact_prefix_and_is_said(crashed: tuple[Path, list[Fact]], kind: str) -> None:
    left, whole = crashed
    random, kept = Random(kind), set()
    for attempt in range(TRIES):
        copy = left.with_name(f"copy{attempt}")
        shutil.copytree(left, copy)
        DAMAGES[kind](copy / "log.sqlite-wal", random)
        with State.open(copy) as state:
            found = facts(state)
            assert found == whole[: len(found)], f"{kind} {attempt}"
            said = " ".join(state.problems())
            assert (f"{len(whole) - len(found)} facts are lost" in said) == (len(found) < len(whole)), said
            assert state.log.append([event("next")]).sequence == len(whole) + 1
            state.log.forget("u", NOW)
        kept.add(len(found))
        shutil.rmtree(copy)
    assert len(kept) > 5 and min(kept) < len(whole), "the damage must hurt, and at many places"


def test_an_undamaged_crash_loses_nothing(crashed: tuple[Path, list[Fact]]) -> None:
    left, whole = crashed
    with State.open(left) as state:
        assert facts(state) == whole
        assert state.problems() == []
