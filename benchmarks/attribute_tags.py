"""Brands, models and products in English titles, by the tagger and by looking values up: `python -m benchmarks.attribute_tags`.

Best Buy's catalogue (its manufacturers are brands) and Walmart's and Amazon's offers (brand, model number, category). Labels are weak: a
title names a value where it contains the one of its item's own column. Titles that measure neither taught nor chose, and no title stands on
both sides.
"""

from __future__ import annotations

import csv
import re
from collections.abc import Callable, Mapping, Sequence
from statistics import median
from time import perf_counter, process_time

import numpy as np

from aisle.core.catalogue import Catalogue
from aisle.core.strings import Strings
from aisle.core.threads import one_thread
from aisle.query.attributes import Attributes
from aisle.query.tags_train import Learned, counts, f1, learn_tags, resampled
from aisle.text.normalise import normalise
from benchmarks.figures import Figure, Lines, show
from benchmarks.folders import lines, raw_data
from benchmarks.matching_data import SPLITS

LINES = Lines("attribute_tags")
KINDS = {"title": "titles kept out", "query": "queries made up of their words"}
FIELD = re.compile(r"COL (\w+) VAL (.*?)(?= COL \w+ VAL(?: |$)|$)")
COLUMNS = {"title": "title", "brand": "brand", "modelno": "model", "category": "category"}
TIMED = 500


def best_buy() -> Catalogue:
    """48,194 products and their manufacturers."""
    rows = [row for row in csv.DictReader(lines(raw_data() / "bestbuy_catalogue" / "products.csv.gz")) if row["name"].strip()]
    return catalogue({"title": [row["name"] for row in rows], "brand": [row["manufacturer"].strip() or None for row in rows]})


def walmart_amazon() -> Catalogue:
    """Every offer of the pairs once."""
    folder = raw_data() / "product_matching" / "Walmart-Amazon"
    sides = {side.strip() for split in SPLITS for row in lines(folder / f"{split}.txt.gz") for side in row.rstrip("\n").split("\t")[:2]}
    offers = [dict(FIELD.findall(side)) for side in sorted(sides)]
    held = {ours: [offer.get(theirs, "").strip() or None for offer in offers] for theirs, ours in COLUMNS.items()}
    return catalogue(held)


def catalogue(columns: Mapping[str, Sequence[str | None]]) -> Catalogue:
    """A shop with these columns."""
    texts = {name: Strings.of(values) for name, values in columns.items()}
    return Catalogue(Strings.of(str(row) for row in range(len(columns["title"]))), texts, {})


SHOPS: dict[str, Callable[[], Catalogue]] = {"bestbuy": best_buy, "walmart_amazon": walmart_amazon}


def attribute_tag_figures() -> list[Figure]:
    """Every figure of the part."""
    one_thread()
    return [LINES.machine(), *(figure for name, read in SHOPS.items() for figure in shop_figures(name, read()))]


def shop_figures(name: str, shop: Catalogue) -> list[Figure]:
    """One catalogue: learning, F1 by attribute and kind of text, one query's time."""
    begun = process_time()
    learned = learn_tags(shop)
    spent = process_time() - begun
    kept = ", ".join(sorted(learned.tagger.kept)) if learned.tagger else "nothing"
    note = f"{learned.taught:,} titles teach; it answers for {kept}"
    figures = [LINES.one(f"{name}: learning, CPU seconds", spent, note)]
    for kind, words in KINDS.items():
        for tag in learned.names:
            figures += scores(f"{name}: {words}: {tag}", learned, kind, tag)
    return [*figures, LINES.one(f"{name}: one query, p50 ms", one_query(learned, shop), f"{TIMED} titles cut to 6 words")]


def scores(title: str, learned: Learned, kind: str, tag: str) -> list[Figure]:
    """F1 of the tagger and of the lookup, and their paired difference, with 95 % bootstrap intervals over the texts."""
    ways = learned.said[kind]
    tables = [counts(ways[way], ways["truth"], tag) for way in ("tagger", "lookup")]
    drawn = resampled(tables)
    columns = {"tagger": drawn[:, 0], "lookup": drawn[:, 1], "tagger less lookup": drawn[:, 0] - drawn[:, 1]}
    values = [f1(tables[0]), f1(tables[1]), f1(tables[0]) - f1(tables[1])]
    found = []
    for (name, column), value in zip(columns.items(), values, strict=True):
        low, high = np.percentile(column, (2.5, 97.5))
        note = f"{int(tables[0][:, 2].sum()):,} to find"
        found.append(LINES.held(f"{title}: {name}: F1", {"value": value, "low": low, "high": high, "n": len(tables[0])}, note))
    return found


def one_query(learned: Learned, shop: Catalogue) -> float:
    """The median of reading one query, lookup included; NaN where nothing is tagged."""
    if learned.tagger is None:
        return float("nan")
    known = Attributes().fit(shop)
    took = []
    for text in [" ".join(normalise(shop.texts["title"][row]).split()[:6]) for row in range(min(TIMED, len(shop)))]:
        begun = perf_counter()
        learned.tagger.find(text, known)
        took.append(1_000 * (perf_counter() - begun))
    return median(took)


if __name__ == "__main__":
    show(attribute_tag_figures())
