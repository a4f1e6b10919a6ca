"""Random operations on a state folder, from two processes and with reopening, against the model in memory: no difference, ever."""

from __future__ import annotations

import multiprocessing
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from multiprocessing.connection import Connection
from pathlib import Path
from random import Random

import pytest

from aisle.core.answer import Value
from aisle.state.folder import State
from aisle.state.protocols import NewEvent
from tests.state.model import Model
from tests.state.support import LONG, NOW, event

OPERATIONS = 5_000 if LONG else 1_000
SEED = int(os.environ.get("AISLE_SEED") or 2_025)
USERS, SESSIONS = ("u", "v", "w", "用户"), ("s", "t", "x")
Item = dict[str, Value]


def other_process(folder: Path, pipe: Connection) -> None:
    """Do what the pipe says on a state folder of its own, until it says None."""
    with State.open(folder) as state:
        while (call := pipe.recv()) is not None:
            where, what, arguments = call
            pipe.send(getattr(getattr(state, where), what)(*arguments))


@contextmanager
def beside(folder: Path) -> Iterator[Callable[..., object]]:
    """A second process with the folder open; the function does one thing in it."""
    context = multiprocessing.get_context("spawn")
    ours, theirs = context.Pipe()
    process = context.Process(target=other_process, args=(folder, theirs))
    process.start()

    def call(where: str, what: str, *arguments: object) -> object:
        ours.send((where, what, arguments))
        return ours.recv()

    try:
        yield call
    finally:
        ours.send(None)
        process.join()


class Player:
    """Draws an operation, does it on the folder and on the model, and compares what both say."""

    def __init__(self, folder: Path, call: Callable[..., object], seed: int) -> None:
        self.folder, self.call, self.model, self.random = folder, call, Model(), Random(seed)
        self.state = State.open(folder)
        self.sent: list[list[NewEvent]] = []
        self.steps: dict[str, Callable[[], tuple[object, object]]] = {
            "append": self.append, "append again": self.append_again, "put": self.put, "replace": self.replace, "delete": self.delete,
            "forget": self.forget, "reopen": self.reopen, "look at a user": self.of, "look at the log": self.since,
        }  # fmt: skip
        self.weights = (30, 10, 10, 2, 5, 3, 3, 25, 12)

    def do(self, where: str, what: str, *arguments: object) -> object:
        """In this process or in the other."""
        if self.random.random() < 0.5:
            return self.call(where, what, *arguments)
        return getattr(getattr(self.state, where), what)(*arguments)

    def step(self) -> tuple[str, object, object]:
        name = self.random.choices(list(self.steps), self.weights)[0]
        found, expected = self.steps[name]()
        assert self.state.newest() == self.model.newest == self.call("log", "newest"), name
        return name, found, expected

    def event(self) -> NewEvent:
        pick = self.random.choice
        user, session = pick((None, *USERS)), pick((None, *SESSIONS))
        body = {"consent": False} if self.random.random() < 0.2 else {"note": "灯"}
        number, session = self.random.randrange(4 * OPERATIONS), session or (None if user else "s")
        return event(str(number), user, session, time=NOW + self.random.randrange(100) / 8, **body)

    def append(self) -> tuple[object, object]:
        self.sent.append([self.event() for _ in range(self.random.randint(0, 4))])
        return self.do("log", "append", self.sent[-1]), self.model.append(self.sent[-1])

    def append_again(self) -> tuple[object, object]:
        batch = self.random.choice(self.sent) if self.sent else []
        return self.do("log", "append", batch), self.model.append(batch)

    def items(self) -> list[Item]:
        return [{"item_id": str(self.random.randrange(9)), "price": self.random.random()} for _ in range(self.random.randint(0, 3))]

    def put(self) -> tuple[object, object]:
        items = self.items()
        return self.do("items", "put", items), self.model.put(items, False)

    def replace(self) -> tuple[object, object]:
        items = self.items()
        return self.do("items", "put", items, True), self.model.put(items, True)

    def delete(self) -> tuple[object, object]:
        item = str(self.random.randrange(9))
        return self.do("items", "delete", item), self.model.delete(item)

    def forget(self) -> tuple[object, object]:
        user = self.random.choice((*USERS, "stranger"))
        return self.do("log", "forget", user, NOW), self.model.forget(user)

    def reopen(self) -> tuple[object, object]:
        self.state.close()
        self.state = State.open(self.folder)
        return self.state.problems(), []

    def of(self) -> tuple[object, object]:
        user, session = self.random.choice((None, *USERS)), self.random.choice((None, *SESSIONS))
        after = self.random.choice((0, self.random.randint(0, self.model.newest)))
        names = [*USERS, *(f"session:{one}" for one in SESSIONS), "stranger"]
        found = self.do("log", "of", user, session, after), [self.do("log", "forgotten", name) for name in names]
        return found, (self.model.of(user, session, after), [self.model.gone.get(name, 0) for name in names])

    def since(self) -> tuple[object, object]:
        after, most = self.random.randint(0, self.model.newest), self.random.randint(1, 50)
        events = [one for one in self.model.events if one.sequence > after][:most]
        changes = [one for one in self.model.changes if one.sequence > after]
        return (self.do("log", "since", after, most), self.do("items", "changes", after)), (events, changes)


@pytest.mark.parametrize("seed", [SEED])
def test_random_operations_agree_with_the_model(folder: Path, seed: int) -> None:
    with beside(folder) as call:
        player = Player(folder, call, seed)
        for number in range(OPERATIONS):
            name, found, expected = player.step()
            assert found == expected, f"operation {number}, {name}, AISLE_SEED={seed}"
        player.state.close()
