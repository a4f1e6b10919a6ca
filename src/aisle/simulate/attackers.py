"""Attackers in the log: shills who push an item by ratings, click farms, and scrapers who fetch everything at a steady pace."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from aisle.simulate.goods import DAYS
from aisle.simulate.journal import DAY_MS, Block
from aisle.simulate.pages import HOME, Shop
from aisle.simulate.shoppers import Shoppers

Ints = NDArray[np.int32]

SHILL, FARM, SCRAPER = 1, 2, 3
_CAMPAIGN_DAYS = 40.0


class Attackers:
    """Each attacker has a campaign of forty days; those of one kind and campaign share a target, which is an unpopular item."""

    def __init__(self, shoppers: Shoppers, shop: Shop, events: int, rng: np.random.Generator) -> None:
        """``events`` is about how many all of them make in all."""
        self.shop = shop
        self.user = np.flatnonzero(shoppers.attacker).astype(np.int32)
        self.way = shoppers.attacker[self.user]
        self.pace = events / max(1, len(self.user)) / _CAMPAIGN_DAYS
        campaign = np.arange(len(self.user)) // 12
        starts = rng.uniform(10, DAYS - _CAMPAIGN_DAYS, campaign[-1] + 1 if len(campaign) else 0)
        poor = np.argsort(shop.goods.fame + 10 * (shop.goods.created > 0))[: max(1, len(shop.goods) // 5)]
        goals = rng.choice(poor, len(starts))
        self.start, self.target = starts[campaign], goals[campaign].astype(np.int32)

    def act(self, days: tuple[int, int], first: int, block: Block, rng: np.random.Generator) -> int:
        """What those do whose campaign runs in ``days``, in sessions numbered from ``first``; gives the number of sessions used."""
        running = np.flatnonzero((self.start < days[1]) & (days[0] < self.start + _CAMPAIGN_DAYS))
        if not len(running):
            return 0
        events = int(rng.poisson(self.pace * len(running) * (days[1] - days[0])))
        who = np.sort(running[rng.integers(0, len(running), events)])
        place = np.arange(events) - np.searchsorted(who, who)
        begin = rng.uniform(days[0], days[1] - 0.3, len(self.user))[who] * DAY_MS
        for way in (SHILL, FARM, SCRAPER):
            mine = self.way[who] == way
            self._one_way(way, who[mine], place[mine], begin[mine].astype(np.int64), first, block, rng)
        return len(self.user)

    def _one_way(
        self,
        way: int,
        who: NDArray[np.int64],
        place: NDArray[np.int64],
        begin: NDArray[np.int64],
        first: int,
        block: Block,
        rng: np.random.Generator,
    ) -> None:
        user, session, target = self.user[who], first + who, self._aim(who, rng)
        pace = np.array([0, 60_000, 9_000, 2_000])[way]
        time = begin + np.minimum(place * pace, DAY_MS // 4) + rng.integers(0, 500, len(who))
        if way == SHILL:
            pushed = target == self.target[who]
            stars = np.where(pushed, 5, rng.integers(3, 5, len(who)))
            block.add("rating", time, user=user, item=target, rating=stars)
        elif way == FARM:
            dwell = rng.integers(200, 900, len(who))
            block.add("click", time, user=user, session=session, item=target, dwell=dwell, surface=np.full(len(who), HOME))
        else:
            block.add("click", time, user=user, session=session, item=self._walk(who, place), dwell=np.full(len(who), 350))

    def _aim(self, who: NDArray[np.int64], rng: np.random.Generator) -> Ints:
        """The target half of the time, else something on sale, to look like others; a target that is not sold now gives way as well."""
        cover = self.shop.by_kind.draw(rng.integers(0, self.shop.kinds, len(who)).astype(np.int32), rng)
        cover = np.where(cover >= 0, cover, np.argmax(self.shop.sold)).astype(np.int32)
        target = self.target[who]
        return np.where(self.shop.sold[target] & (rng.random(len(who)) < 0.5), target, cover).astype(np.int32)

    def _walk(self, who: NDArray[np.int64], place: NDArray[np.int64]) -> Ints:
        """One item after another through all that is sold."""
        sold = np.flatnonzero(self.shop.sold)
        walked: Ints = sold[(who * 7919 + place) % len(sold)].astype(np.int32)
        return walked
