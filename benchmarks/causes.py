"""Are the named causes the ones that matter? `python -m benchmarks.causes STORE [USERS] [SEED]`: a trained bundle, without a server.

Every history that lacks an item is folded again and goes through the bundle's own pipeline, so that each score is really computed again.
"""

from __future__ import annotations

import json
import sys
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path

import numpy as np

from aisle.core.request import Request
from aisle.opening import open_shop
from aisle.profile.fold import Fact
from aisle.profile.history import History
from aisle.shop import Shop
from benchmarks.figures import Figure, Lines
from benchmarks.measure import interval

GENERAL = ("popular", "popular_in", "trending", "listed")
"""Codes that say no more than that many people like it, or less."""
BLOCK = 128
FIRST = 1 << 40


class Without(History):
    """A bundle's history in which some users stand once more, each copy without some items."""

    def __init__(self, base: History) -> None:
        super().__init__(base.catalogue, base.users, base.keys, base.offsets, base.columns, base.clock)
        self.copies: list[tuple[int, frozenset[str]]] = []

    def copy(self, user: str, dropped: Sequence[str]) -> str:
        """The name of a copy of ``user`` without the items ``dropped``."""
        self.copies.append((super().find(user), frozenset(dropped)))
        return f"copy {len(self.copies) - 1}"

    def find(self, user_id: str) -> int:
        return FIRST + int(user_id[5:]) if user_id.startswith("copy ") else super().find(user_id)

    def facts(self, user: int) -> Iterator[Fact]:
        if user < FIRST:
            yield from super().facts(user)
        else:
            base, dropped = self.copies[user - FIRST]
            yield from (fact for fact in super().facts(base) if fact.item_id not in dropped)


@dataclass
class Trial:
    """``asked``: pairs of copies, without the cause and without another item, with what they were asked about."""

    shop: Shop
    held: Without
    dice: np.random.Generator
    codes: Counter[str] = field(default_factory=Counter)
    asked: list[tuple[str, str, str, str]] = field(default_factory=list)

    def user(self, name: str) -> None:
        """One user's front page, and a pair of copies for each shown item whose first reason names an item of the history."""
        owned = list(dict.fromkeys(fact.item_id for fact in self.held.facts(self.held.find(name))))
        answer = self.shop.answer([Request("r", "home", name, as_of=self.shop.newest)])[0]
        for item in answer.items:
            first = item.reasons[0]
            self.codes[first.code] += 1
            others = [one for one in owned if one not in first.items]
            if first.code not in GENERAL and set(first.items) & set(owned) and others:
                other = others[int(self.dice.integers(len(others)))]
                self.asked.append((item.item_id, first.code, self.held.copy(name, first.items), self.held.copy(name, [other])))

    def lowered(self) -> dict[str, list[float]]:
        """Code to 1 where the item scores less without its cause than without the other item, else 0."""
        shop = Shop("without", replace(self.shop.pipeline, history=self.held), self.shop.completer, None)
        copies = [(item, user) for item, _, *pair in self.asked for user in pair]
        requests = [Request("r", "rank", user, items=(item,), as_of=self.shop.newest, limit=1) for item, user in copies]
        found = [answer.items[0].score for at in range(0, len(requests), BLOCK) for answer in shop.answer(requests[at : at + BLOCK])]
        result: dict[str, list[float]] = {}
        for (_, code, *_), without, beside in zip(self.asked, found[::2], found[1::2], strict=True):
            result.setdefault(code, []).append(float((without or 0.0) < (beside or 0.0)))
        return result


def cause_figures(store: Path, users: int, seed: int) -> list[Figure]:
    """The shares of specific first reasons and of causes that matter more than another item of the history."""
    shop = open_shop(store)
    held, dice = Without(shop.pipeline.history), np.random.default_rng(seed)
    trial = Trial(shop, held, dice)
    busy = np.flatnonzero(np.diff(held.offsets) > 1)
    for number in dice.choice(busy, min(users, len(busy)), replace=False).tolist():
        trial.user(held.users[int(number)])
    shown, lowered = sum(trial.codes.values()), trial.lowered()
    lines, note = Lines("causes"), ", ".join(f"{code} {count}" for code, count in trial.codes.most_common())
    specific = sum(count for code, count in trial.codes.items() if code not in GENERAL)
    every = [value for values in lowered.values() for value in values]
    figures = [lines.one("specific", specific / max(1, shown), f"first reasons: {note}", shown)]
    figures += [lines.held("the cause lowers more", interval(np.array(every)), "whole items left out, page of 10")]
    return figures + [lines.held(f"{code}: lowers more", interval(np.array(values))) for code, values in lowered.items()]


def main(arguments: Sequence[str]) -> None:
    """Print the figures as JSON lines."""
    if not 1 <= len(arguments) <= 3:
        sys.exit("usage: python -m benchmarks.causes STORE [USERS] [SEED]")
    store, users, seed = [*arguments, "200", "7"][:3] if len(arguments) == 1 else [*arguments, "7"][:3]
    for figure in cause_figures(Path(store), int(users), int(seed)):
        sys.stdout.write(json.dumps(asdict(figure), ensure_ascii=False) + "\n")


if __name__ == "__main__":
    main(sys.argv[1:])
