"""The simulated shoppers as arrays: several interests, price feeling, brand and style tastes, language and the course of a life."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from aisle.simulate.goods import DAYS
from aisle.simulate.words import STYLES, Words

Ints = NDArray[np.int32]
Floats = NDArray[np.float32]

INTERESTS = 5
"""Types of product that one shopper cares for at a time."""


@dataclass(frozen=True)
class Shoppers:
    """``n`` shoppers. ``interests`` ``(n, 2, 5) int32`` types before and after the day ``turn`` ``(n,)`` on which life or taste changes;
    ``stage`` ``(n,)`` the first stage
    of life; ``budget`` ``(n,)`` the dearness that suits, ``sensitivity`` ``(n,)`` how much a dearer item hurts; ``style`` ``(n, 6)
    float32`` taste; ``brand_taste``
    ``(n,)`` and ``colour_taste`` ``(n,)`` which brand and colour number of each list is the favourite; ``activity`` relative; ``joined``
    and ``left`` in days;
    ``chinese`` prefers Chinese; ``anonymous`` seldom logs in; ``attacker`` ``(n,) int8``: 0 honest, 1 shill, 2 click farm, 3 scraper."""

    interests: Ints
    turn: Floats
    stage: Ints
    budget: Floats
    sensitivity: Floats
    style: Floats
    brand_taste: Ints
    colour_taste: Ints
    activity: Floats
    joined: Floats
    left: Floats
    chinese: NDArray[np.bool_]
    anonymous: NDArray[np.bool_]
    attacker: NDArray[np.int8]

    def __len__(self) -> int:
        return len(self.turn)

    def active(self, day: float) -> Floats:
        """``(n,) float32``: how likely each is to come on ``day``, 0 outside his time with the shop; attackers never come this way."""
        return np.where((self.joined <= day) & (day < self.left) & (self.attacker == 0), self.activity, 0).astype(np.float32)

    def wishes(self, user: Ints, day: float) -> Ints:
        """``(m, 5) int32``: the types that each of ``user`` ``(m,)`` cares for on ``day``."""
        return self.interests[user, (self.turn[user] <= day).astype(np.int8)]


def make(words: Words, shoppers: int, attackers: int, rng: np.random.Generator) -> Shoppers:
    """Draw ``shoppers`` people and ``attackers`` more that are not; their places are mixed, so that a number tells nothing."""
    n = shoppers + attackers
    share = np.array([stage.share for stage in words.stages])
    stage = rng.choice(len(share), n, p=share / share.sum())
    moves = rng.random(n) < 0.35
    following = np.where(moves, np.array([s.following for s in words.stages])[stage], stage)
    attacker = np.zeros(n, np.int8)
    attacker[rng.permutation(n)[:attackers]] = 1 + np.arange(attackers) % 3
    joined = np.where(rng.random(n) < 0.6, -1.0, rng.uniform(0, DAYS - 20, n))
    left = np.where(rng.random(n) < 0.25, joined + 20 + rng.exponential(150, n), np.inf)
    style = rng.standard_normal((n, STYLES)) * 0.9
    return Shoppers(
        interests=_interests(words, stage, following, rng),
        turn=rng.uniform(0.2 * DAYS, 0.9 * DAYS, n).astype(np.float32),
        stage=stage.astype(np.int32),
        budget=(np.array([s.budget for s in words.stages])[stage] + 0.8 * rng.standard_normal(n)).astype(np.float32),
        sensitivity=rng.gamma(4.0, 0.25, n).astype(np.float32),
        style=(style - style.mean(1, keepdims=True)).astype(np.float32),
        brand_taste=rng.integers(0, 6, n).astype(np.int32),
        colour_taste=rng.integers(0, 9, n).astype(np.int32),
        activity=np.exp(rng.normal(0, 0.9, n)).astype(np.float32),
        joined=joined.astype(np.float32),
        left=left.astype(np.float32),
        chinese=rng.random(n) < 0.4,
        anonymous=rng.random(n) < 0.15,
        attacker=attacker,
    )


def _interests(words: Words, stage: NDArray[np.int64], following: NDArray[np.int64], rng: np.random.Generator) -> Ints:
    """Five different types a shopper for each half of his story; where the stage stays, three of the five stay as well."""
    liking = np.log([[s.likes.get(k.category[0], 0.08) * k.weight for k in words.kinds] for s in words.stages])
    first = _gumbel_top(liking[stage], rng)
    second = _gumbel_top(liking[following], rng)
    kept = np.where(stage == following, 3, 1)[:, None] > np.arange(INTERESTS)
    return np.stack([first, np.where(kept, first, second)], 1).astype(np.int32)


def _gumbel_top(logits: NDArray[np.float64], rng: np.random.Generator) -> NDArray[np.int64]:
    """Five draws without replacement from each row, by blocks to bound the memory."""
    blocks = [
        np.argsort(-(rows + rng.gumbel(size=rows.shape)), 1)[:, :INTERESTS]
        for rows in np.array_split(logits, max(1, len(logits) // 20_000))
    ]
    return np.concatenate(blocks)
