"""The shop's old ranking, which wrote the log: popular things, noisy relevance, a little personal, and some pages shuffled at random."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from aisle.simulate.choice import Context
from aisle.simulate.draws import Groups
from aisle.simulate.goods import DAYS, START, Goods
from aisle.simulate.grades import Grader, siblings
from aisle.simulate.shoppers import Shoppers
from aisle.simulate.words import STYLES, Words

Ints = NDArray[np.int32]
Floats = NDArray[np.float32]

SEARCH, HOME, ITEM, BASKET = range(4)
PAGE = np.array([8, 6, 4, 4])
"""How many items a page of each surface shows."""

EXPLORED = 0.12
"""Share of pages whose order is shuffled at random; on them clicks tell the propensities."""

_BRANDS, _COLOURS = 8, 10


@dataclass(frozen=True)
class Ask:
    """``r`` requests to the shop: ``surface``, ``query`` (-1: none), ``seed`` (the item of the page, -1: none), all ``(r,)``."""

    surface: NDArray[np.int8]
    query: Ints
    seed: Ints
    context: Context


@dataclass(frozen=True)
class Pages:
    """What was shown: ``item`` ``(r, 8) int32``, -1 past the end; ``grade`` ``(r, 8)``; ``explored`` ``(r,) bool``."""

    item: Ints
    grade: NDArray[np.uint8]
    explored: NDArray[np.bool_]


class Shop:
    """Fills pages. `open` must be called for each new day: it sets what is sold, the season and the fashion."""

    def __init__(self, words: Words, goods: Goods, shoppers: Shoppers, grader: Grader) -> None:
        self.goods, self.shoppers, self.grader = goods, shoppers, grader
        self.kinds = len(words.kinds)
        self.weight = np.array([kind.weight for kind in words.kinds])
        self.months = np.array([kind.season for kind in words.kinds])
        self.accessories = _padded([kind.accessories for kind in words.kinds])
        self.near = _padded([tuple(np.flatnonzero(row).tolist()) for row in siblings(words)])
        self.by_kind = Groups(goods.kind, self.kinds)
        self.by_brand = Groups(goods.kind * _BRANDS + np.maximum(goods.brand, 0), self.kinds * _BRANDS)
        self.by_colour = Groups(goods.kind * _COLOURS + np.maximum(goods.colour, 0), self.kinds * _COLOURS)
        self.season = np.zeros(self.kinds)
        self.fame = np.zeros(len(goods), np.float32)
        self.open(0.0)

    def open(self, day: float) -> None:
        """Set the shelves for ``day``: launched and in stock, fashion of each style, a push for what is new, the season of each type."""
        goods = self.goods
        self.sold = goods.sold(day)
        age = np.maximum(day - goods.created, 0)
        self.fame = (0.9 * goods.fame + fashion(day)[goods.style] + 0.8 * np.exp(-age / 21)).astype(np.float32)
        weight = np.exp(0.6 * self.fame) * self.sold
        for groups in (self.by_kind, self.by_brand, self.by_colour):
            groups.weigh(weight)
        self.season = np.log(self.weight) + 1.1 * (self.months > 0) * np.cos(2 * np.pi * (_month(day) - self.months) / 12)

    def serve(self, ask: Ask, rng: np.random.Generator) -> Pages:
        """Draw candidates, score them as the old ranking did, show the best."""
        item = self._candidates(ask, rng)
        item = np.where((item >= 0) & self.sold[item], item, -1)
        grade = np.where((ask.query >= 0)[:, None], self.grader.grade(np.maximum(ask.query, 0)[:, None], item), 0).astype(np.uint8)
        score = self._score(ask, item, grade, rng)
        score[(item < 0) | _again(item) | (item == ask.seed[:, None])] = -np.inf
        most = int(PAGE.max())
        top = np.argsort(-score, 1)[:, :most]
        explored = rng.random(len(item)) < EXPLORED
        shown = _shuffled(top, np.take_along_axis(score, top, 1), explored, PAGE[ask.surface], rng)
        kept = np.isfinite(np.take_along_axis(score, shown, 1)) & (np.arange(most) < PAGE[ask.surface][:, None])
        return Pages(np.where(kept, np.take_along_axis(item, shown, 1), -1), np.take_along_axis(grade, shown, 1), explored)

    def _candidates(self, ask: Ask, rng: np.random.Generator) -> Ints:
        """``(r, 52)``: 32 of the types that the surface is about, 8 of the brand and 8 of the colour looked for, 4 bought before."""
        context = ask.context
        focus = np.where(ask.seed >= 0, self.goods.kind[ask.seed], context.kind)
        wish = self.grader.pool.wish[np.maximum(ask.query, 0)]
        asked = (ask.query >= 0)[:, None] & (wish >= 0)
        brand = np.where(asked[:, 0], wish[:, 0], self.shoppers.brand_taste[context.user])
        brand = np.where(ask.seed >= 0, self.goods.brand[ask.seed], brand)
        colour = np.where(asked[:, 1], wish[:, 1], self.shoppers.colour_taste[context.user])
        many = (len(focus), 8)
        return np.concatenate(
            [
                self.by_kind.draw(self._kinds(ask, focus, rng), rng),
                self.by_brand.draw(np.broadcast_to((focus * _BRANDS + brand)[:, None], many), rng),
                self.by_colour.draw(np.broadcast_to((focus * _COLOURS + colour)[:, None], many), rng),
                context.owned[:, :4],
            ],
            axis=1,
        )

    def _kinds(self, ask: Ask, focus: Ints, rng: np.random.Generator) -> Ints:
        """``(r, 32)`` types: search is about one and its neighbours, home about interests, item and basket about what belongs together."""
        rows = len(focus)
        same = np.broadcast_to(focus[:, None], (rows, 32))
        season = np.exp(self.season)
        anything = rng.choice(self.kinds, (rows, 32), p=season / season.sum())
        beside = _any_of(self.near, focus, 32, rng)
        parts = _any_of(self.accessories, focus, 32, rng)
        parts = np.where(parts >= 0, parts, beside)
        wishes = np.tile(ask.context.wishes, (1, 7))[:, :32]
        place = np.arange(32)
        search = np.where(place < 26, same, beside)
        home = np.where(place < 20, wishes, anything)
        item = np.where(place < 16, same, parts)
        basket = np.where(place < 24, parts, anything)
        return np.choose(ask.surface[:, None], [search, home, item, basket]).astype(np.int32)

    def _score(self, ask: Ask, item: Ints, grade: NDArray[np.uint8], rng: np.random.Generator) -> Floats:
        near = (self.goods.kind[item] == ask.context.kind[:, None]) * np.where(ask.surface == HOME, 0.3, 0.5)[:, None]
        owned = (item[:, :, None] == ask.context.owned[:, None, :]).any(2)
        guess = np.where((ask.query >= 0)[:, None], 0.9 * grade, near)
        noise = 0.8 * rng.standard_normal(item.shape, dtype=np.float32)
        score: Floats = (guess + 0.5 * self.fame[item] + 0.3 * owned + noise).astype(np.float32)
        return score


def fashion(day: float) -> NDArray[np.float64]:
    """``(6,)``: how much each style is the fashion on ``day``; the styles come and go at different paces."""
    style = np.arange(STYLES)
    return np.asarray(0.6 * np.sin(2 * np.pi * (day / (170 + 35 * style) + 0.31 * style)))


def _month(day: float) -> float:
    """Month of the year as a number from 1, with its fraction."""
    date = START + int(np.clip(day, 0, DAYS))
    first = date.astype("datetime64[M]")
    return float(int(first.astype(int)) % 12 + 1 + (date - first.astype("datetime64[D]")).astype(int) / 31)


def _padded(rows: list[tuple[int, ...]]) -> Ints:
    """Rows of different length side by side, filled with -1."""
    table = np.full((len(rows), max(1, *(len(row) for row in rows))), -1, np.int32)
    for number, row in enumerate(rows):
        table[number, : len(row)] = row
    return table


def _any_of(table: Ints, row: Ints, draws: int, rng: np.random.Generator) -> Ints:
    """``draws`` entries of each row, -1 where the row is empty."""
    filled = (table >= 0).sum(1)[row]
    at = np.floor(rng.random((len(row), draws)) * filled[:, None]).astype(np.int64)
    return table[row[:, None], at]


def _again(item: Ints) -> NDArray[np.bool_]:
    """``(r, c) bool``: the same item stands further left in its row."""
    order = np.argsort(item, 1, kind="stable")
    ordered = np.take_along_axis(item, order, 1)
    repeated = np.zeros(item.shape, bool)
    np.put_along_axis(repeated, order[:, 1:], ordered[:, 1:] == ordered[:, :-1], 1)
    return repeated


def _shuffled(
    top: NDArray[np.int64], score: Floats, rows: NDArray[np.bool_], size: NDArray[np.integer], rng: np.random.Generator
) -> NDArray[np.int64]:
    """The first ``size`` of each row in ``rows`` in random order; places without an item stay last."""
    key = np.where(np.isfinite(score) & (np.arange(top.shape[1]) < size[:, None]), rng.random(top.shape), 2.0 + np.arange(top.shape[1]))
    order = np.argsort(key, 1)
    return np.where(rows[:, None], np.take_along_axis(top, order, 1), top)
