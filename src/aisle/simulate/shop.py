"""Makes a whole simulated shop in a folder: the one function of this room that others call."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from aisle.core.errors import InputError
from aisle.schema import EVENT_TYPES
from aisle.simulate import goods as catalogue
from aisle.simulate import pictures as drawing
from aisle.simulate import queries, sessions, shoppers, tables, truth
from aisle.simulate.attackers import Attackers
from aisle.simulate.choice import Taste
from aisle.simulate.goods import DAYS
from aisle.simulate.grades import Grader
from aisle.simulate.journal import DAY_MS, Block, Journal, Names
from aisle.simulate.memory import LONGEST_BLOCK, Memory
from aisle.simulate.pages import Shop
from aisle.simulate.visit import Visits
from aisle.simulate.words import words

_EVENTS_A_SHOPPER = 80
_ATTACKERS = 0.02
_ATTACK_EVENTS = 0.02
_FIRST_GUESS = 11.0
"""Events a session, before any was seen."""


@dataclass(frozen=True)
class Summary:
    """What was made: numbers of rows, and of events by type."""

    folder: Path
    items: int
    events: int
    users: int
    attackers: int
    queries: int
    judgements: int
    types: dict[str, int]


class World:
    """All that is drawn before the first day. Each part has its own stream of random numbers, so that a change in one leaves the others."""

    def __init__(self, items: int, events: int, seed: int) -> None:
        self.words = words()
        self.streams = [np.random.default_rng([seed, part]) for part in range(8)]
        people = max(20, events // _EVENTS_A_SHOPPER)
        self.goods = catalogue.make(self.words, items, self.streams[0])
        self.shoppers = shoppers.make(self.words, people, max(3, int(_ATTACKERS * people)), self.streams[1])
        self.pool = queries.make(self.words, int(np.clip(events // 25, 400, 40_000)), self.streams[2])
        self.grader = Grader(self.words, self.goods, self.pool)
        self.items = [f"P{number:06d}" for number in self.streams[3].permutation(items)]
        self.users = [f"u{number:06d}" for number in self.streams[3].permutation(len(self.shoppers))]


class Calendar:
    """Goes through the days, a block at a time, and keeps the log at its size."""

    def __init__(self, world: World, journal: Journal, events: int) -> None:
        self.world, self.journal, self.events = world, journal, events
        self.rng = world.streams[4]
        self.shop = Shop(world.words, world.goods, world.shoppers, world.grader)
        self.memory = Memory(world.words, world.goods, len(world.shoppers))
        consumable = np.array([kind.period > 0 for kind in world.words.kinds])
        self.visits = Visits(self.shop, Taste(world.goods, world.shoppers, consumable), self.memory, world.pool, self.rng)
        self.attackers = Attackers(world.shoppers, self.shop, int(_ATTACK_EVENTS * events), world.streams[5])
        self.sessions = 0
        self.played = 0
        self.by_sessions = 0

    def run(self, progress: Callable[[int, int], None] | None) -> None:
        """Write the whole log; ``progress`` hears of events written and events asked for."""
        step = LONGEST_BLOCK if self.events < 100_000 else 1
        share = np.cumsum([sum(sessions.traffic(day) for day in range(start, start + step)) for start in range(0, DAYS, step)])
        for number, goal in enumerate(share / share[-1] * self.events):
            self._block((number * step, (number + 1) * step), round(goal))
            if progress is not None:
                progress(self.journal.written, self.events)

    def _block(self, days: tuple[int, int], goal: int) -> None:
        """Enough sessions for the log to have ``goal`` events after these days; the last days go on until none is missing."""
        self.shop.open(days[0])
        block, missing = Block(), goal - self.journal.written
        self.memory.deliver(days[1] * DAY_MS, block)
        self.sessions += self.attackers.act(days, self.sessions, block, self.world.streams[6])
        last = days[1] >= DAYS
        while block.count < missing:
            self._visit(days, max(1, int(np.ceil((missing - block.count) / self._per_session()))), block)
            if not last:
                break
        self.journal.write(block)

    def _visit(self, days: tuple[int, int], wanted: int, block: Block) -> None:
        before = block.count
        come = sessions.come(self.world.shoppers, self.memory, self.shop, days, wanted, self.sessions, self.rng)
        self.visits.play(come, block)
        self.sessions += len(come)
        self.played += len(come)
        self.by_sessions += block.count - before

    def _per_session(self) -> float:
        return (self.by_sessions + 20 * _FIRST_GUESS) / (self.played + 20)


def simulate(
    folder: Path,
    items: int = 1_000,
    events: int = 20_000,
    seed: int = 7,
    progress: Callable[[int, int], None] | None = None,
    pictures: bool = True,
    judged: int | None = None,
) -> Summary:
    """Make a shop of ``items`` items and exactly ``events`` events in ``folder``, the same bytes for the same arguments.

    ``pictures`` draws an SVG for every look that an item has; ``judged`` queries are judged where any item answers them (None: 100 to
    500). Raises `InputError` for fewer than 60 items or 100 events, and for a folder that already holds items or events of its own (a shop
    simulated before is made anew).
    """
    _refuse(folder, items, events)
    inside = folder / truth.FOLDER
    inside.mkdir(parents=True, exist_ok=True)
    world = World(items, events, seed)
    anonymous = world.shoppers.anonymous
    journal = Journal(folder, inside, events, Names(world.items, world.users, _quoted(world.pool.texts), anonymous))
    try:
        Calendar(world, journal, events).run(progress)
    finally:
        journal.close()
    judgements = _write(folder, world, pictures, int(np.clip(events // 50, 100, 500)) if judged is None else judged)
    truth.save(inside, world.goods, world.shoppers, world.pool, (world.items, world.users))
    counts = {name: int(count) for name, count in zip(EVENT_TYPES, journal.counts, strict=True) if count}
    return Summary(
        folder, items, journal.written, len(world.shoppers), int((world.shoppers.attacker > 0).sum()), len(world.pool), judgements, counts
    )


def _write(folder: Path, world: World, pictures: bool, judged: int) -> int:
    rng = world.streams[7]
    images = drawing.names(world.words, world.goods) if pictures else [""] * len(world.goods)
    tables.items(folder, world.words, world.goods, world.items, images, rng)
    tables.users(folder, world.words, world.shoppers, world.users, rng)
    judgements = tables.judgements(folder, world.pool, world.grader, world.items, judged, rng)
    tables.labels(folder, world.shoppers, world.users, rng)
    tables.talk(folder, world.words, world.pool, rng)
    tables.relations(folder, world.shoppers, world.users, rng)
    tables.settings(folder)
    if pictures:
        drawing.draw(folder, world.words, world.goods, images)
    return judgements


def _refuse(folder: Path, items: int, events: int) -> None:
    if items < 60 or events < 100:
        raise InputError(
            f"A shop of {items} items and {events} events is too small to simulate.", "Ask for at least 60 items and 100 events."
        )
    foreign = any((folder / name).exists() for name in ("items.csv", "events.csv")) and not (folder / truth.FOLDER / "truth.json").exists()
    if foreign:
        raise InputError(f"{folder} holds a shop's own files.", "Simulate into an empty folder.")


def _quoted(texts: Sequence[str]) -> list[str]:
    """Texts as they must stand in a CSV cell."""
    cells = []
    for text in texts:
        line = io.StringIO()
        csv.writer(line, lineterminator="").writerow([text])
        cells.append(line.getvalue())
    return cells
