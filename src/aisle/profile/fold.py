"""The profile of one user as a fold over facts: item ids, times, counts and the attributes an item had when the event came in.

Nothing here knows a bundle: no vectors, no item numbers, so that a new bundle never invalidates a profile.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field, replace
from math import log
from typing import NamedTuple

from aisle.schema import EVENT_CODE

RECENT = 200
DAY = 86_400.0
HALF_LIFE = {True: 30 * DAY, False: 20.0}
"""Half-life of a taste: seconds where the log has a clock, steps where it has none."""

LEAST = 1e-6
"""A smaller weight is what rounding leaves of nothing."""

PURCHASE, RATING, RETURN, DISMISS = (EVENT_CODE[name] for name in ("purchase", "rating", "return", "dismiss"))
INTEREST = {
    EVENT_CODE[name]: weight for name, weight in {"click": 1.0, "favourite": 2.0, "cart": 2.0, "purchase": 3.0, "rating": 2.0}.items()
}
FOLDED = (*INTEREST, RETURN, DISMISS)
"""Event types that a profile is made of; impressions and queries leave it as it is."""

Values = tuple[tuple[str, tuple[str, ...]], ...]


class Fact(NamedTuple):
    """One event as a profile sees it.

    ``values`` are (attribute, names) as the item had them then; ``price`` and ``quantity`` may be NaN.
    """

    item_id: str
    time: float
    type: int
    quantity: float = float("nan")
    price: float = float("nan")
    values: Values = ()


@dataclass(frozen=True, slots=True)
class Owned:
    """How often, on how many days, and when first and last a user bought an item; who rates an item without a purchase owns it too."""

    count: float
    days: int
    first: float
    last: float


@dataclass(slots=True)
class Profile:
    """The state of the fold. ``tastes`` maps attribute and name to (weight, time of that weight); ``price`` holds weight, mean and squared
    deviations of the log price (Welford 1962)."""

    clock: bool = True
    recent: deque[tuple[str, float, int]] = field(default_factory=lambda: deque(maxlen=RECENT))
    owned: dict[str, Owned] = field(default_factory=dict)
    dismissed: dict[str, float] = field(default_factory=dict)
    tastes: dict[str, dict[str, tuple[float, float]]] = field(default_factory=dict)
    price: tuple[float, float, float] = (0.0, 0.0, 0.0)
    events: int = 0
    last: float = float("nan")

    def copy(self) -> Profile:
        """A profile to fold on while this one stays as it is."""
        tastes = {attribute: dict(held) for attribute, held in self.tastes.items()}
        return Profile(
            self.clock, self.recent.copy(), dict(self.owned), dict(self.dismissed), tastes, self.price, self.events, self.last
        )  # fmt: skip


def fold(profile: Profile, fact: Fact) -> Profile:
    """The profile after ``fact``. The one given is used up: keep only what is returned."""
    profile.events += 1
    profile.last = fact.time
    weight = INTEREST.get(fact.type)
    if fact.type == DISMISS:
        profile.dismissed[fact.item_id] = fact.time
        _take_back(profile, fact)
    elif fact.type == RETURN:
        _give_back(profile, fact)
    elif weight is not None:
        profile.recent.append((fact.item_id, fact.time, fact.type))
        profile.dismissed.pop(fact.item_id, None)
        _taste(profile, fact, weight)
        _pay(profile, fact.price, weight)
        if fact.type == PURCHASE or (fact.type == RATING and fact.item_id not in profile.owned):
            _own(profile, fact)
    return profile


def _own(profile: Profile, fact: Fact) -> None:
    known = profile.owned.get(fact.item_id)
    if known is None:
        profile.owned[fact.item_id] = Owned(1.0, 1, fact.time, fact.time)
        return
    day = DAY if profile.clock else 1.0
    days = known.days + int(fact.time // day != known.last // day)
    profile.owned[fact.item_id] = Owned(known.count + 1.0, days, known.first, fact.time)


def _give_back(profile: Profile, fact: Fact) -> None:
    known = profile.owned.get(fact.item_id)
    if known is None:
        return
    if known.count <= 1:
        del profile.owned[fact.item_id]
    else:
        profile.owned[fact.item_id] = replace(known, count=known.count - 1.0)


def _taste(profile: Profile, fact: Fact, weight: float) -> None:
    half_life = HALF_LIFE[profile.clock]
    for attribute, names in fact.values:
        held = profile.tastes.setdefault(attribute, {})
        for name in names:
            before, then = held.get(name, (0.0, fact.time))
            held[name] = (before * 2.0 ** ((then - fact.time) / half_life) + weight, fact.time)


def _take_back(profile: Profile, fact: Fact) -> None:
    """Interest in what was dismissed no longer counts: its events are no interest, and what they added to tastes is gone, as far as
    `RECENT` remembers. What the item has now stands for what it had then."""
    gone = [(time, INTEREST[kind]) for item, time, kind in profile.recent if item == fact.item_id]
    if not gone:
        return
    profile.recent = deque((one for one in profile.recent if one[0] != fact.item_id), maxlen=RECENT)
    half_life = HALF_LIFE[profile.clock]
    for attribute, names in fact.values:
        held = profile.tastes.get(attribute, {})
        for name in names:
            weight, then = held.pop(name, (0.0, fact.time))
            left = weight - sum(added * 2.0 ** ((time - then) / half_life) for time, added in gone)
            if left > LEAST:
                held[name] = (left, then)


def _pay(profile: Profile, price: float, weight: float) -> None:
    if not price > 0:
        return
    total, mean, squares = profile.price
    shift = log(price) - mean
    total += weight
    mean += shift * weight / total
    profile.price = (total, mean, squares + weight * shift * (log(price) - mean))
