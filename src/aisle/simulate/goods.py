"""The simulated catalogue as arrays: what each item is, costs and is worth, and when it can be bought."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from aisle.simulate.words import STYLES, Words

Ints = NDArray[np.int32]
Floats = NDArray[np.float32]

DAYS = 364
"""Length of the log in days, a whole number of weeks."""

START = np.datetime64("2025-07-01", "D")
"""First day of the log; all times in this room are days since it."""

_LAUNCHED_LATER = 0.25
_SOLD_OUT = 0.3


@dataclass(frozen=True)
class Goods:
    """``n`` items, one column each, all ``(n,)``.

    ``kind``, ``brand``, ``colour``, ``style``, ``feature``, ``size``, ``material`` are numbers in the word lists (-1: none); ``line``
    counts products that would be called the same, from 0; ``parent`` is the product that variants share; ``price`` in dollars,
    ``dearness`` the log price standardised within the type; ``quality`` and ``fame`` standard normal and true, never written to the
    shop's files; ``created``, ``out_from``, ``out_until`` in days; ``chinese`` says whether the first title is Chinese.
    """

    kind: Ints
    brand: Ints
    colour: Ints
    style: Ints
    feature: Ints
    line: Ints
    size: Ints
    material: Ints
    parent: Ints
    price: Floats
    dearness: Floats
    quality: Floats
    fame: Floats
    created: Floats
    out_from: Floats
    out_until: Floats
    chinese: NDArray[np.bool_]

    def __len__(self) -> int:
        return len(self.kind)

    def sold(self, day: float) -> NDArray[np.bool_]:
        """``(n,) bool``: launched and in stock on ``day``."""
        return (self.created <= day) & ~((self.out_from <= day) & (day < self.out_until))


def make(words: Words, items: int, rng: np.random.Generator) -> Goods:
    """Draw ``items`` items: products first, then one to four variants of each, every one in another colour or size."""
    kind, product, place = _families(words, items, rng)
    products = len(kind)
    style = _beside(rng.integers(0, STYLES, products), kind, rng)
    brand = _below([len(words.brands[k.category[0]]) for k in words.kinds], kind, rng, skew=1.6)
    feature = _below([len(k.features) for k in words.kinds], kind, rng)
    material = _below([len(k.materials) for k in words.kinds], kind, rng)
    quality = rng.standard_normal(products)
    price, dearness = _prices(words, kind, brand, style, rng)
    created = np.where(rng.random(products) < _LAUNCHED_LATER, rng.uniform(0, DAYS - 2, products), -rng.exponential(300, products) - 1)
    fame = rng.standard_normal(products) + 0.4 * quality
    colour, size = _looks(words, kind, product, place, rng)
    out_from = np.where(rng.random(items) < _SOLD_OUT, rng.uniform(20, DAYS + 30, items), np.inf)
    line = repeats(kind, brand, style, feature)
    chosen = {"kind": kind, "brand": brand, "style": style, "feature": feature, "line": line, "material": material}
    numbers = {name: column[product].astype(np.int32) for name, column in chosen.items()}
    dear = np.exp(rng.normal(0, 0.04, items))
    return Goods(
        **numbers,
        colour=colour.astype(np.int32),
        size=size.astype(np.int32),
        parent=product.astype(np.int32),
        price=np.round(price[product] * dear + 0.01, 1).astype(np.float32) - np.float32(0.01),
        dearness=dearness[product].astype(np.float32),
        quality=quality[product].astype(np.float32),
        fame=(fame[product] + 0.5 * rng.standard_normal(items)).astype(np.float32),
        created=created[product].astype(np.float32),
        out_from=out_from.astype(np.float32),
        out_until=(out_from + rng.exponential(35, items) + 3).astype(np.float32),
        chinese=rng.random(products)[product] < 0.4,
    )


def _families(words: Words, items: int, rng: np.random.Generator) -> tuple[NDArray[np.int64], Ints, NDArray[np.int64]]:
    """``(products,)`` the type of each product; ``(items,)`` the product of each item, in runs of one to four and no more than the type has
    looks; ``(items,)`` its place among the variants."""
    kind = _kinds(words, items, rng)
    colours, sizes = _choices(words, kind)
    count = np.minimum(rng.choice(np.array([1, 2, 3, 4]), items, p=[0.45, 0.25, 0.18, 0.12]), colours * sizes)
    product = np.repeat(np.arange(items, dtype=np.int32), count)[:items]
    return kind[: int(product[-1]) + 1], product, np.arange(items) - np.searchsorted(product, product)


def _choices(words: Words, kind: NDArray[np.int64]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """How many colours and sizes each type knows; one where it knows none."""
    colours, sizes = ([len(words.colours[k.colour_group]) for k in words.kinds], [max(1, len(k.sizes)) for k in words.kinds])
    return np.array(colours)[kind], np.array(sizes)[kind]


def _looks(
    words: Words, kind: NDArray[np.int64], product: Ints, place: NDArray[np.int64], rng: np.random.Generator
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Colour and size of each item. Variants go on from where their product starts, in half of the products through the sizes first."""
    colours, sizes = _choices(words, kind)
    colour = np.floor(rng.random(len(kind)) ** 1.3 * colours).astype(np.int64)
    size = np.floor(rng.random(len(kind)) * sizes).astype(np.int64)
    by_size = rng.random(len(kind)) < 0.5
    at = np.where(by_size, colour * sizes + size, size * colours + colour)[product] + place
    colours, sizes, by_size = colours[product], sizes[product], by_size[product]
    at %= colours * sizes
    found = np.where(by_size, at % sizes, at // colours)
    sized = np.array([len(k.sizes) > 0 for k in words.kinds])[kind[product]]
    return np.where(by_size, at // sizes, at % colours), np.where(sized, found, -1)


def repeats(*columns: NDArray[np.int64]) -> NDArray[np.int64]:
    """For each row how many rows before it are the same in all columns."""
    order = np.lexsort(columns[::-1])
    rows = np.stack(columns, 1)[order]
    start = np.r_[True, (rows[1:] != rows[:-1]).any(1)]
    place = np.arange(len(order))
    counted = np.empty(len(order), np.int64)
    counted[order] = place - np.maximum.accumulate(np.where(start, place, 0))
    return counted


def _kinds(words: Words, products: int, rng: np.random.Generator) -> NDArray[np.int64]:
    """One product of every type first, as far as they go, then by weight."""
    weight = np.array([kind.weight for kind in words.kinds]) ** 0.5
    drawn = rng.choice(len(weight), products, p=weight / weight.sum())
    first = min(products, len(weight))
    drawn[:first] = rng.permutation(len(weight))[:first]
    return drawn


def _beside(style: NDArray[np.int64], kind: NDArray[np.int64], rng: np.random.Generator) -> NDArray[np.int64]:
    """Half of a type's products share its house style, so that style and type are not independent."""
    return np.where(rng.random(len(style)) < 0.25, kind * 5 % STYLES, style)


def _below(counts: list[int], kind: NDArray[np.int64], rng: np.random.Generator, skew: float = 1.0) -> NDArray[np.int64]:
    """A number below ``counts[kind]`` each, low ones likelier with ``skew`` above 1; -1 where there is none."""
    most = np.array(counts)[kind]
    drawn = np.floor(rng.random(len(kind)) ** skew * most).astype(np.int64)
    return np.where(most > 0, np.minimum(drawn, most - 1), -1)


def _prices(
    words: Words, kind: NDArray[np.int64], brand: NDArray[np.int64], style: NDArray[np.int64], rng: np.random.Generator
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Price and its standardised logarithm: the type's range, the brand's factor, a dearer last style, and chance."""
    low, high = (np.log([k.price[end] for k in words.kinds])[kind] for end in (0, 1))
    most = max(len(rows) for rows in words.brands.values())
    factor = np.array(
        [[row[2] for row in words.brands[k.category[0]]] + [1.0] * (most - len(words.brands[k.category[0]])) for k in words.kinds]
    )
    dearness = 0.8 * rng.standard_normal(len(kind)) + 2.2 * np.log(factor[kind, brand]) + 0.6 * (style == STYLES - 1)
    dearness = np.clip(dearness, -2.2, 2.6)
    return np.exp((low + high) / 2 - 0.15 + dearness * (high - low) / 5), dearness
