"""Who comes to the shop on a day, when, and for what: to replace what is used up, to complete a purchase, for an interest, to look."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from aisle.simulate.draws import pick
from aisle.simulate.goods import DAYS
from aisle.simulate.journal import DAY_MS
from aisle.simulate.memory import Memory
from aisle.simulate.pages import Shop
from aisle.simulate.shoppers import Shoppers

Ints = NDArray[np.int32]

_HOURS = np.array([2, 1, 1, 1, 1, 2, 4, 6, 8, 9, 10, 10, 11, 10, 9, 9, 10, 11, 13, 16, 18, 16, 10, 0], np.float64)
_WEEK = np.array([0.9, 0.95, 0.95, 1.0, 1.05, 1.2, 1.15])
_MOST_REPLACING = 0.3
_COMPLETES = 0.7
_COMES_BACK = 12.0
"""How much likelier someone comes who still wants something to go with a purchase."""
_JUST_LOOKING = 0.12


@dataclass(frozen=True)
class Sessions:
    """``n`` visits: ``number`` and ``user`` ``(n,)``, ``time`` ``(n,) int64`` milliseconds, ``kind`` ``(n,)`` the type wanted, ``again``
    ``(n,)`` the item to be bought again, -1 for none."""

    number: NDArray[np.int64]
    user: Ints
    time: NDArray[np.int64]
    kind: Ints
    again: Ints

    def __len__(self) -> int:
        return len(self.user)

    def where(self, mask: NDArray[np.bool_]) -> Sessions:
        """Only the sessions that ``mask`` keeps."""
        return Sessions(**{name: column[mask] for name, column in vars(self).items()})


def traffic(day: float) -> float:
    """How busy a day is: growth over the year, the week, the weeks before the winter feasts."""
    feast = 0.6 * np.exp(-(((day - 160) / 14) ** 2))
    return float((1 + 0.5 * day / DAYS + feast) * _WEEK[int(day) % 7])


def come(
    shoppers: Shoppers, memory: Memory, shop: Shop, days: tuple[int, int], wanted: int, first: int, rng: np.random.Generator
) -> Sessions:
    """About ``wanted`` sessions in ``days`` (first day, day after the last), numbered from ``first``; one person comes once a block or
    more."""
    active = shoppers.active(days[0]) * np.where(memory.extra_until > days[0], _COMES_BACK, 1).astype(np.float32)
    replacing, again = _replace(memory, active, days[1], wanted, rng)
    total = np.cumsum(active, dtype=np.float64)
    others = max(wanted - len(replacing), 0) if total[-1] > 0 else 0
    user = np.searchsorted(total, rng.random(others) * total[-1], side="right").astype(np.int32)
    user = np.minimum(user, len(active) - 1)
    kind = _intent(shoppers, memory, shop, user, days[0], rng)
    everyone = np.concatenate([replacing, user]).astype(np.int32)
    return Sessions(
        number=first + rng.permutation(len(everyone)),
        user=everyone,
        time=_times(days, len(everyone), rng),
        kind=np.concatenate([shop.goods.kind[again], kind]).astype(np.int32),
        again=np.concatenate([again, np.full(others, -1, np.int32)]).astype(np.int32),
    )


def _replace(memory: Memory, active: NDArray[np.float32], until: float, wanted: int, rng: np.random.Generator) -> tuple[Ints, Ints]:
    """Shoppers who run out before ``until`` and come for it; those who do not come think of it again a week later."""
    user, item = memory.used_up(until)
    here = (active[user] > 0) & (rng.random(len(user)) < 0.55)
    memory.postpone(user[~here], rng.uniform(5, 15, int((~here).sum())))
    user, item = user[here], item[here]
    most = max(1, int(_MOST_REPLACING * wanted))
    order = rng.permutation(len(user))[:most]
    user, item = user[order], item[order]
    memory.postpone(user, np.full(len(user), 7.0))
    return user, item


def _intent(shoppers: Shoppers, memory: Memory, shop: Shop, user: Ints, day: float, rng: np.random.Generator) -> Ints:
    wishes = shoppers.wishes(user, day)
    liking = shop.season[wishes] * 0.8 - 0.25 * np.arange(wishes.shape[1])
    kind = np.take_along_axis(wishes, pick(liking, rng)[:, None], 1)[:, 0]
    season = np.exp(shop.season)
    looking = rng.random(len(user)) < _JUST_LOOKING
    kind = np.where(looking, rng.choice(len(season), len(user), p=season / season.sum()), kind)
    main, _ = memory.wanting(user, day)
    table = shop.accessories[np.maximum(main, 0)]
    place = np.floor(rng.random(len(user)) * np.maximum((table >= 0).sum(1), 1)).astype(np.int64)
    extra = np.where(main >= 0, np.take_along_axis(table, place[:, None], 1)[:, 0], -1)
    return np.where((extra >= 0) & (rng.random(len(user)) < _COMPLETES), extra, kind).astype(np.int32)


def _times(days: tuple[int, int], count: int, rng: np.random.Generator) -> NDArray[np.int64]:
    """Milliseconds since the first day; nobody comes after 23:00, so that a session ends on its day."""
    span = np.arange(*days)
    day = rng.choice(span, count, p=_share(_WEEK[span % 7]))
    hour = rng.choice(24, count, p=_share(_HOURS)) + rng.random(count)
    return (day * DAY_MS + hour * 3_600_000).astype(np.int64)


def _share(weight: NDArray[np.float64]) -> NDArray[np.float64]:
    return weight / weight.sum()
