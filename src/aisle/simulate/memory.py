"""What the past leaves in the shoppers: things owned and when they run out, accessories still wanted, ratings and returns to come."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from aisle.simulate.goods import Goods
from aisle.simulate.journal import DAY_MS, Block
from aisle.simulate.words import Words

Ints = NDArray[np.int32]
Times = NDArray[np.int64]

OWNED = 6
"""Last different items that a shopper remembers having bought."""

LONGEST_BLOCK = 4
"""Days; nothing that a purchase brings about may fall into its own block, or the log would run backwards."""

_WANTS_DAYS = 20.0


class Memory:
    """State of all shoppers: ``owned`` ``(n, 6) int32`` items, -1 for none; ``due`` ``(n, 6) float32`` the day on which each is used up,
    inf for what lasts; ``extra`` ``(n,)``
    the type whose accessories are wanted and ``extra_brand`` ``(n,)``, until the day ``extra_until``."""

    def __init__(self, words: Words, goods: Goods, shoppers: int) -> None:
        self.goods = goods
        self.period = np.array([kind.period for kind in words.kinds], np.float32)
        self.completes = np.array([[part in kind.accessories for part in range(len(words.kinds))] for kind in words.kinds])
        """``(types, types) bool``: the second is an accessory of the first."""
        self.owned = np.full((shoppers, OWNED), -1, np.int32)
        self.due = np.full((shoppers, OWNED), np.inf, np.float32)
        self.slot = np.zeros(shoppers, np.int64)
        self.extra = np.full(shoppers, -1, np.int32)
        self.extra_brand = np.full(shoppers, -1, np.int32)
        self.extra_until = np.full(shoppers, -np.inf, np.float32)
        self.coming: list[tuple[str, Times, Ints, Ints, NDArray[np.int8]]] = []

    def wanting(self, user: Ints, day: float) -> tuple[Ints, Ints]:
        """Type and brand of the main product for which each user still wants accessories, -1 for none."""
        wants = self.extra_until[user] > day
        return np.where(wants, self.extra[user], -1), np.where(wants, self.extra_brand[user], -1)

    def used_up(self, day: float) -> tuple[Ints, Ints]:
        """Shoppers who have run out of something by ``day``, and the item that ran out first."""
        slot = np.argmin(self.due, 1)
        rows = np.arange(len(slot))
        user = np.flatnonzero(self.due[rows, slot] <= day).astype(np.int32)
        return user, self.owned[user, slot[user]]

    def postpone(self, user: Ints, days: NDArray[np.floating]) -> None:
        """They were reminded and did not buy: ask again after ``days``."""
        slot = np.argmin(self.due[user], 1)
        self.due[user, slot] += days.astype(np.float32)

    def bought(self, user: Ints, item: Ints, day: NDArray[np.floating], rng: np.random.Generator) -> None:
        """Remember purchases ``(m,)``; an item owned already only gets a new date."""
        same = self.owned[user] == item[:, None]
        known = same.any(1)
        slot = np.where(known, np.argmax(same, 1), self.slot[user] % OWNED)
        self.slot[user] += ~known
        kind = self.goods.kind[item]
        lasts = self.period[kind] == 0
        self.owned[user, slot] = item
        self.due[user, slot] = np.where(lasts, np.inf, day + self.period[kind] * np.exp(rng.normal(0, 0.25, len(item))))
        done = (self.extra[user] >= 0) & self.completes[self.extra[user], kind]
        self.extra_until[user[done]] = -np.inf
        lead = self.completes[kind].any(1)
        self.extra[user[lead]] = kind[lead]
        self.extra_brand[user[lead]] = self.goods.brand[item[lead]]
        self.extra_until[user[lead]] = day[lead] + _WANTS_DAYS

    def review(self, user: Ints, item: Ints, time: Times, utility: NDArray[np.floating], rng: np.random.Generator) -> None:
        """Plan the ratings and returns that follow purchases at ``time`` ``(m,)``: the less an item suits, the more of the second."""
        stars = np.clip(np.round(3.6 + 0.75 * utility + 0.8 * rng.standard_normal(len(user))), 1, 5).astype(np.int8)
        later = time + (rng.uniform(LONGEST_BLOCK, 14, len(user)) * DAY_MS).astype(np.int64)
        rated = rng.random(len(user)) < 0.3
        back = rng.random(len(user)) < np.where(stars <= 2, 0.25, 0.03)
        self.coming.append(("rating", later[rated], user[rated], item[rated], stars[rated]))
        self.coming.append(("return", later[back], user[back], item[back], stars[back]))

    def deliver(self, until: int, block: Block) -> None:
        """Move what was planned before ``until`` (milliseconds) into ``block``."""
        kept: list[tuple[str, Times, Ints, Ints, NDArray[np.int8]]] = []
        for kind in ("rating", "return"):
            planned = [row for row in self.coming if row[0] == kind]
            if not planned:
                continue
            time, user, item, stars = (np.concatenate([row[column] for row in planned]) for column in (1, 2, 3, 4))
            now = time < until
            value = (
                {"rating": stars[now]}
                if kind == "rating"
                else {"quantity": np.ones(now.sum(), np.int16), "price": self.goods.price[item[now]]}
            )
            block.add(kind, time[now], user=user[now], item=item[now], **value)
            kept.append((kind, time[~now], user[~now], item[~now], stars[~now]))
        self.coming = kept
