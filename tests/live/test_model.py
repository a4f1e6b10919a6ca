"""Any sequence of operations on two processes and a restart against a simple model of what must be seen; the seed is in the report."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from random import Random

import pytest

from aisle.core.answer import Json, Value
from aisle.core.request import Condition
from aisle.live import LiveShop
from aisle.live.folded import BUSY
from aisle.profile.fold import FOLDED, Fact, Profile, fold
from aisle.schema import EVENT_CODE
from aisle.state.folder import State
from aisle.state.protocols import Kept
from aisle.testing import toys
from aisle.testing.state import MemoryState
from tests.live.test_swap import shuffled
from tests.live.toy import NOW, ask, ids, live, shop

OPERATIONS = 5_000 if os.environ.get("AISLE_LONG") else 1_500
KINDS = ("click", "cart", "purchase", "rating", "dismiss", "return", "impression", "query")
USERS, SESSIONS, NEW = ("u0", "u1", "new", "other"), ("s1", "s2"), ("n1", "n2", "n3", "lantern")
WORDS = ("zorblax", "quixel", "brimfo", "灯笼", "纸伞")


@dataclass
class Model:
    """What must be seen, kept as plainly as can be."""

    items: dict[str, dict[str, Value]] = field(default_factory=dict)
    gone: set[str] = field(default_factory=set)
    events: dict[str, dict[str, Json]] = field(default_factory=dict)
    claims: dict[str, str] = field(default_factory=dict)
    forgotten: set[str] = field(default_factory=set)
    now: float = NOW

    def there(self, item: str) -> bool:
        return item in self.items and item not in self.gone

    def put(self, item: str, attributes: dict[str, Value]) -> bool:
        """Whether it may be put."""
        if not self.there(item):
            if "title" not in attributes:
                return False
            self.items[item] = {"created_at": self.now}
        self.gone.discard(item)
        self.items[item] = {name: value for name, value in {**self.items[item], **attributes}.items() if value is not None}
        return True

    def facts(self, actor: str) -> list[dict[str, Json]]:
        """The log's events of an actor."""
        if actor.startswith("session:"):
            return [one for one in self.events.values() if one.get("session_id") == actor.removeprefix("session:")]
        mine = [one for one in self.events.values() if one.get("user_id") == actor]
        return mine + [one for one in self.events.values() if "user_id" not in one and self.claims.get(str(one["session_id"])) == actor]

    def forget(self, user: str) -> bool:
        lost = [name for name, one in self.events.items() if one in self.facts(user)]
        known = bool(lost) or (user in ("u0", "u1") and user not in self.forgotten) or user in self.claims.values()
        for name in lost:
            del self.events[name]
        self.claims = {session: owner for session, owner in self.claims.items() if owner != user}
        self.forgotten.add(user)
        return known


class Run:
    """Two processes, a state and the model; every operation is done to both sides."""

    def __init__(self, seed: int, state: Kept) -> None:
        self.dice, self.state, self.model = Random(seed), state, Model()
        self.base, self.after = shop(), 0
        self.shops = [live(self.state), live(self.state)]
        catalogue = shop().pipeline.catalogue
        self.model.items = {
            item: {k: v for k, v in catalogue.item(row).items() if k != "item_id"} for item, row in catalogue.row_of.items()
        }
        self.spent = 0

    def engine(self) -> LiveShop:
        return self.dice.choice(self.shops)

    def item(self) -> str:
        return self.dice.choice((*toys.DOZEN, *NEW))

    def record(self) -> None:
        self.model.now += self.dice.choice((1, 60, 4_000))
        self.spent += 1
        kind, user, session = self.dice.choice(KINDS), self.dice.choice((*USERS, None)), self.dice.choice((*SESSIONS, None))
        row: dict[str, Json] = {"type": kind, "event_id": f"e{self.spent}"}
        row |= {"item_id": self.item()} if kind != "query" else {"query": "lamp"}
        row |= {} if user is None else {"user_id": user}
        row |= {"session_id": session or "s1"} if user is None or session else {}
        told = self.engine().record([row], self.model.now)
        assert told["stored"] == 1, told
        self.model.events[f"e{self.spent}"] = {**row, "time": self.model.now}
        if user and session:
            self.model.claims.setdefault(session, user)

    def repeat(self) -> None:
        """The same event once more, also of one who was forgotten."""
        if self.spent:
            row: Json = {"type": "click", "event_id": f"e{self.dice.randint(1, self.spent)}", "user_id": "new", "item_id": "lamp_red"}
            assert self.engine().record([row], self.model.now)["duplicate"] == 1

    def put(self) -> None:
        attributes: dict[str, Value] = {}
        for name, values in (
            ("title", [f"{a} {b}" for a in WORDS for b in ("lamp", "mug")]),
            ("price", [1.0, 50.0, None]),
            ("in_stock", [True, False, None]),
            ("brand", ["Lumo", "Neu", None]),
            ("colour", ["red", None]),
        ):
            if self.dice.random() < 0.5:
                attributes[name] = self.dice.choice(values)  # type: ignore[arg-type]
        item = self.item()
        told = self.engine().put_items([{"item_id": item, **attributes}], False, self.model.now)
        stock = (
            {"in_stock": None if attributes["in_stock"] is None else float(bool(attributes["in_stock"]))}
            if "in_stock" in attributes
            else {}
        )
        assert told["stored"] == int(self.model.put(item, {**attributes, **stock})), told

    def delete(self) -> None:
        item = self.item()
        assert self.engine().delete_item(item, self.model.now) == self.model.there(item)
        if item in self.model.items:
            self.model.gone.add(item)

    def feed(self) -> None:
        kept = [item for item in self.model.items if self.model.there(item) and self.dice.random() < 0.8] or ["lamp_red"]
        rows: list[Json] = [{"item_id": item, "title": str(self.model.items[item].get("title", "x"))} for item in kept]
        assert self.engine().put_items(rows, True, self.model.now)["stored"] == len(rows)
        for item in kept:
            self.model.put(item, {"title": str(self.model.items[item].get("title", "x"))})
        self.model.gone = set(self.model.items) - set(kept)

    def forget(self) -> None:
        user = self.dice.choice(USERS)
        assert self.engine().forget(user, self.model.now) == self.model.forget(user)

    def reopen(self) -> None:
        self.shops[self.dice.randrange(2)] = live(self.state, self.base, self.after)

    def swap(self) -> None:
        self.base = shuffled() if self.base is shop() else shop()
        self.shops = [live(self.state, self.base, self.after) for _ in range(2)]

    def look_at_item(self) -> None:
        item = self.item()
        expected = {"item_id": item, **self.model.items[item]} if self.model.there(item) else None
        assert self.engine().item(item) == expected

    def search(self) -> None:
        word = self.dice.choice(WORDS)
        found = ids(ask(self.engine(), "search", self.model.now, query=word))
        having = {item for item, held in self.model.items.items() if word in str(held.get("title", "")) and self._shown(item)}
        assert set(found[: len(having)]) == having, (word, found, having)
        assert all(self._shown(item) for item in found)

    def browse(self) -> None:
        user = self.dice.choice((*USERS, None))
        colour = {"colour": Condition(any_of=("red",))} if any("colour" in held for held in self.model.items.values()) else {}
        page = ask(self.engine(), "home", self.model.now, user_id=user, session_id="nobody", exclude_seen=False, filters=colour)
        red = {item for item, held in self.model.items.items() if held.get("colour") == "red" and self._shown(item)}
        assert set(ids(page)) <= ({item for item in self.model.items if self._shown(item)} if not colour else red)
        assert [item.attributes for item in page.items] == [{"item_id": i, **self.model.items[i]} for i in ids(page)]

    def _shown(self, item: str) -> bool:
        return self.model.there(item) and self.model.items[item].get("in_stock") != 0.0

    def profile(self) -> None:
        """The very fold that serves, over facts gathered the plain way."""
        user = self.dice.choice(USERS)
        bundled = [] if user in self.model.forgotten else list(self.base.pipeline.history.facts_of(user))
        events = self.model.facts(user)
        facts = [Fact(str(e["item_id"]), float(e["time"]), EVENT_CODE[str(e["type"])]) for e in events if "item_id" in e]  # type: ignore[arg-type]
        profile = Profile()
        for fact in sorted((fact for fact in (*bundled, *facts) if fact.type in FOLDED), key=lambda fact: fact.time):
            profile = fold(profile, fact)
        told = self.engine().profile(user)
        if told is None:
            assert not profile.events and not events, (user, events)
            return
        known = [item for item, _, _ in reversed(profile.recent) if item in self.model.items][:20]
        assert told["events"] == profile.events and told["recent"] == known
        assert set(told["owned"]) == {item for item in profile.owned if item in self.model.items}  # type: ignore[arg-type]

    def export(self) -> None:
        user = self.dice.choice(USERS)
        told = self.engine().export(user)
        bundled = 0 if user in self.model.forgotten else len(list(self.base.pipeline.history.facts_of(user)))
        events = told["events"] if told else []
        assert isinstance(events, list) and len(events) == bundled + len(self.model.facts(user))


def operate(seed: int, state: Kept, operations: int) -> None:
    """So many operations, each checked against the model."""
    run = Run(seed, state)
    often: list[Callable[[], None]] = [run.record, run.put, run.look_at_item, run.search, run.browse, run.profile]
    seldom: list[Callable[[], None]] = [run.repeat, run.delete, run.forget, run.export, run.reopen]
    rare: list[Callable[[], None]] = [run.feed, run.swap]
    done: list[str] = []
    for number in range(operations):
        (operation,) = run.dice.choices((*often, *seldom, *rare), (*[6] * len(often), *[2] * len(seldom), *[0.3] * len(rare)))
        done.append(operation.__name__)
        try:
            operation()
        except AssertionError as error:
            raise AssertionError(f"seed {seed}, operation {number}, after {done[-12:]}: {error}") from error


@pytest.mark.parametrize(("seed", "busy"), [(0, 3), (1, 3), (2, BUSY)])
def test_whatever_happens_the_next_answer_of_any_process_knows_it(seed: int, busy: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """``busy``: facts from which a profile is kept as it was folded."""
    monkeypatch.setattr("aisle.live.facts.BUSY", busy)
    operate(seed, MemoryState(), OPERATIONS // 3)


def test_the_same_holds_on_a_disk(tmp_path: Path) -> None:
    with State.open(tmp_path / "state") as state:
        operate(7, state, OPERATIONS // 6)
