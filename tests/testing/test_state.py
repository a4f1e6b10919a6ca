"""The state in memory keeps what the one on disk keeps: the same random operations on both, the same answers."""

from __future__ import annotations

from pathlib import Path
from random import Random

import pytest

from aisle.state.folder import State
from aisle.state.protocols import Kept, NewEvent
from aisle.testing.state import MemoryState


def operate(state: Kept, seed: int) -> list[object]:
    """Appends, changes and forgettings, and what was answered."""
    dice, told = Random(seed), []
    for number in range(120):
        what = dice.choice(("event", "event", "event", "put", "delete", "feed", "forget"))
        if what == "event":
            user, session = dice.choice((None, "u", "v")), dice.choice(("s", "t"))
            body = {"consent": False} if dice.random() < 0.2 else {}
            item = dice.choice((None, "a", "b"))
            event = NewEvent(f"e{dice.randrange(90)}", "click", 7_200.0 * number, user, session, item, body)
            told.append(state.log.append([event]))
        elif what == "forget":
            told.append(state.log.forget(dice.choice(("u", "v", "w")), 1.0))
        elif what == "delete":
            told.append(state.items.delete("a"))
        else:
            told.append(state.items.put([{"item_id": "a", "title": "x", "price": None}, {"item_id": "b"}], what == "feed", 1.0))
    return told


def kept(state: Kept) -> list[object]:
    """Everything that can be asked."""
    log, newest = state.log, state.newest()
    asked: list[object] = [newest, log.since(0), log.since(30, 5), sorted(log.counts(0, newest)), sorted(log.counts(10, 60))]
    asked += [log.of(user, session, after) for user, session in (("u", None), ("v", None), (None, "s"), (None, "t")) for after in (0, 50)]
    asked += [log.forgotten(name) for name in ("u", "v", "w", "session:s", "session:t")]
    return [*asked, state.items.changes(), state.items.changes(40, 3)]


@pytest.mark.parametrize("seed", range(4))
def test_memory_and_disk_answer_alike(seed: int, tmp_path: Path) -> None:
    memory = MemoryState()
    with State.open(tmp_path / "state") as disk:
        assert operate(memory, seed) == operate(disk, seed)
        for place, (a, b) in enumerate(zip(kept(memory), kept(disk), strict=True)):
            assert list(a) == list(b) if isinstance(a, list) else a == b, place  # type: ignore[call-overload]
