"""What shoppers truly want and what they click: utility, position bias, trust bias and the way from a click to a purchase."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from aisle.simulate.goods import Goods
from aisle.simulate.shoppers import Shoppers

Ints = NDArray[np.int32]
Floats = NDArray[np.float32]

EXAMINED = np.array([1.0, 0.80, 0.66, 0.56, 0.48, 0.42, 0.37, 0.33], np.float64)
"""The propensity: how likely a shopper looks at rank 0, 1, ..."""

TRUST_GOOD = 0.98 - 0.01 * np.arange(len(EXAMINED))
"""Click, given that a looked-at item at this rank is attractive."""

TRUST_BAD = 0.02 + 0.12 * np.exp(-np.arange(len(EXAMINED)) / 2.5)
"""Click, given that it is not: people trust the top of a page (Agarwal et al. 2019, Addressing Trust Bias for Unbiased
Learning-to-Rank)."""

_BY_GRADE = np.array([-3.0, -1.5, 0.0, 0.9], np.float32)


@dataclass(frozen=True)
class Context:
    """Of ``r`` requests what the need depends on: ``user`` and ``kind`` (the type wanted now) ``(r,)``; ``wishes`` ``(r, 5)`` types cared
    for; ``searching`` ``(r,) bool``;
    ``extra_kinds`` ``(r, 3)`` accessories wanted and ``extra_brand`` ``(r,)`` of which brand, -1 for none; ``owned`` ``(r, k)`` items
    bought before."""

    user: Ints
    kind: Ints
    wishes: Ints
    searching: NDArray[np.bool_]
    extra_kinds: Ints
    extra_brand: Ints
    owned: Ints

    def where(self, mask: NDArray[np.bool_]) -> Context:
        """Only the requests that ``mask`` keeps."""
        return Context(**{name: column[mask] for name, column in vars(self).items()})


class Taste:
    """The true utility of items for shoppers."""

    def __init__(self, goods: Goods, shoppers: Shoppers, consumable: NDArray[np.bool_]) -> None:
        """``consumable`` ``(types,) bool``."""
        self.goods, self.shoppers, self.consumable = goods, shoppers, consumable

    def utility(self, context: Context, item: Ints, grade: NDArray[np.uint8]) -> Floats:
        """``(r, c) float32`` for ``item`` ``(r, c)``; ``grade`` counts where the request has a query. An entry of -1 is read as item 0:
        mask it."""
        need = np.where(context.searching[:, None], _BY_GRADE[grade], self._need(context, item))
        return (need + self._liking(context.user, item) + self._ownership(context, item)).astype(np.float32)

    def _need(self, context: Context, item: Ints) -> Floats:
        kind = self.goods.kind[item]
        cared = (kind[:, :, None] == context.wishes[:, None, :]).any(2)
        extra = (kind[:, :, None] == context.extra_kinds[:, None, :]).any(2)
        fits = extra & (self.goods.brand[item] == context.extra_brand[:, None])
        need = np.where(kind == context.kind[:, None], 0.5, np.where(extra, 0.3, np.where(cared, -0.5, -2.2)))
        return (need + 0.8 * fits).astype(np.float32)

    def _liking(self, user: Ints, item: Ints) -> Floats:
        goods, who, row = self.goods, self.shoppers, user[:, None]
        beyond = goods.dearness[item] - who.budget[row]
        price = -0.9 * who.sensitivity[row] * np.maximum(beyond, 0) - 0.2 * np.maximum(-beyond - 1, 0)
        fond = 1.1 * (goods.brand[item] == who.brand_taste[row]) + 0.5 * (goods.colour[item] == who.colour_taste[row])
        liking: Floats = price + fond + 0.6 * who.style[row, goods.style[item]] + 0.45 * goods.quality[item]
        return liking

    def _ownership(self, context: Context, item: Ints) -> Floats:
        """What is used up is bought again, what lasts is not."""
        has = (item[:, :, None] == context.owned[:, None, :]).any(2)
        change = np.where(self.consumable[self.goods.kind[item]], 1.4, -2.5)
        return (has * change).astype(np.float32)


def attraction(utility: Floats) -> Floats:
    """The probability that an item is attractive to this shopper, the truth behind a click."""
    chance: Floats = (1.0 / (1.0 + np.exp(0.7 - utility))).astype(np.float32)
    return chance


def click_chance(attractive: NDArray[np.floating], rank: NDArray[np.integer]) -> NDArray[np.float64]:
    """Position-based model with trust bias: looked at, then clicked for what it is or for where it stands."""
    chance: NDArray[np.float64] = EXAMINED[rank] * (attractive * TRUST_GOOD[rank] + (1 - attractive) * TRUST_BAD[rank])
    return chance


def cart_chance(utility: Floats) -> Floats:
    """Into the basket, given a click."""
    chance: Floats = (0.95 / (1.0 + np.exp(0.2 - 1.1 * utility))).astype(np.float32)
    return chance


BUY = 0.78
"""Bought in the same session, given that it went into the basket."""
