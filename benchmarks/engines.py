"""Search by words beside a search engine on the same titles: ``python -m benchmarks.engines`` (tantivy comes with ``aisle[bench]``).

Home Depot by its test queries, and pieces cut from Chinese titles. The engine stems English words; Chinese it gets cut as our own source
cuts it, into words, characters and pairs of characters. Both answer each query alternately on one thread.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from time import perf_counter
from typing import Any

import numpy as np
from numpy.typing import NDArray

from aisle.core.catalogue import Catalogue
from aisle.core.events import Dataset, Events
from aisle.core.stage import Allowed
from aisle.core.strings import Strings
from aisle.core.threads import one_thread
from aisle.retrieval.lexical import Lexical
from aisle.text.normalise import normalise
from aisle.text.segment import bigrams, words
from benchmarks.chinese_pieces import cut_pieces, ecommerce_ner_zh, request, tmall_beauty
from benchmarks.figures import Figure, Lines, show
from benchmarks.homedepot_parts import HomeDepot
from benchmarks.measure import interval
from benchmarks.paired import paired

LINES = Lines("engines")
MOST = 200
"""Hits that are asked for: what a source proposes."""
PIECES, SEED = 300, 7
Shares = NDArray[np.float64]
Search = Callable[[str], Sequence[int]]
Cut = Callable[[str], Sequence[str]]


@dataclass(frozen=True)
class Engine:
    """A tantivy index of one field in memory, and what cuts a text into its terms (absent: the engine itself, stemming English)."""

    index: Any
    cut: Cut | None = None

    @classmethod
    def of(cls, titles: Sequence[str], cut: Cut | None = None) -> Engine:
        """All titles, by the number of their row."""
        import tantivy

        schema = tantivy.SchemaBuilder()
        schema.add_unsigned_field("row", stored=True)
        schema.add_text_field("title", tokenizer_name="whitespace" if cut else "en_stem")
        index = tantivy.Index(schema.build())
        writer = index.writer(num_threads=1)
        for row, title in enumerate(titles):
            writer.add_document(tantivy.Document(row=row, title=" ".join(cut(title)) if cut else title))
        writer.commit()
        writer.wait_merging_threads()
        index.reload()
        return cls(index, cut)

    def search(self, text: str) -> list[int]:
        """Rows of the first hits; any of the words is enough."""
        parts = self.cut(text) if self.cut else ["".join(letter if letter.isalnum() else " " for letter in text)]
        asked, _ = self.index.parse_query_lenient(" ".join(f'"{part}"' if self.cut else part for part in parts), ["title"])
        searcher = self.index.searcher()
        return [int(searcher.doc(address)["row"][0]) for _, address in searcher.search(asked, MOST).hits]


def engine_figures() -> list[Figure]:
    """Every figure of the part."""
    one_thread()
    figures = [LINES.machine(), *homedepot()]
    for name, titles in (("Tmall", tmall_beauty()), ("Taobao", ecommerce_ner_zh())):
        figures += chinese(name, titles)
    return figures


def homedepot() -> list[Figure]:
    """Share of the relevant titles among the first 10, 100 and `MOST`."""
    shop = HomeDepot()
    titles = list(shop.catalogue.texts["title"])
    searches, fits = both(shop.catalogue, titles, None)
    asked = [query for query in shop.split()[1].tolist() if shop.relevant(query)]
    found, took = answered(searches, [shop.texts[query] for query in asked])
    figures = timed("Home Depot", took, fits)
    for depth in (10, 100, MOST):
        shares = {name: np.array([_share(rows[:depth], shop.relevant(query)) for rows, query in zip(lists, asked, strict=True)])
                  for name, lists in found.items()}  # fmt: skip
        figures += compared(f"Home Depot: recall@{depth}", shares)
    return figures


def chinese(name: str, titles: Sequence[str]) -> list[Figure]:
    """Of pieces in at most 100 titles the share that find theirs among the first 100; of others the share of the first 100 that hold it."""
    catalogue = Catalogue(Strings.of(map(str, range(len(titles)))), {"title": Strings.of(titles)}, {})
    searches, fits = both(catalogue, titles, pieces)
    plain, cut = [normalise(title) for title in titles], list(cut_pieces(titles, SEED, PIECES))
    found, took = answered(searches, [piece for _, piece in cut])
    shares: dict[str, dict[str, list[float]]] = {"rare": {}, "common": {}}
    for engine, lists in found.items():
        for (own, piece), rows in zip(cut, lists, strict=True):
            form = normalise(piece)
            rare = sum(form in title for title in plain) <= 100
            share = float(own in rows[:100]) if rare else float(np.mean([form in plain[row] for row in rows[:100]] or [0]))
            shares["rare" if rare else "common"].setdefault(engine, []).append(share)
    said = {"rare": "pieces in at most 100 titles find theirs", "common": "the first 100 hold a commoner piece"}
    return timed(name, took, fits) + [
        figure for kind, held in shares.items() if held
        for figure in compared(f"{name}: {said[kind]}", {engine: np.array(values) for engine, values in held.items()})
    ]  # fmt: skip


def both(catalogue: Catalogue, titles: Sequence[str], cut: Cut | None) -> tuple[dict[str, Search], dict[str, float]]:
    """How each searches, and the seconds that each index took."""
    begun = perf_counter()
    lexical = Lexical().fit(Dataset(catalogue, Events.none()))
    middle = perf_counter()
    engine = Engine.of(titles, cut)
    fits = {"ours": middle - begun, "tantivy": perf_counter() - middle}
    allowed = Allowed.everything(len(titles), 1)
    return {"ours": lambda text: lexical.retrieve(request(text), allowed, MOST).item.tolist(), "tantivy": engine.search}, fits


def answered(searches: Mapping[str, Search], texts: Sequence[str]) -> tuple[dict[str, list[Sequence[int]]], dict[str, list[float]]]:
    """Each engine's lists, and the milliseconds of each query."""
    found: dict[str, list[Sequence[int]]] = {name: [] for name in searches}
    took: dict[str, list[float]] = {name: [] for name in searches}
    for text in texts:
        for name, search in searches.items():
            begun = perf_counter()
            found[name].append(search(text))
            took[name].append((perf_counter() - begun) * 1_000)
    return found, took


def timed(shop: str, took: Mapping[str, Sequence[float]], fits: Mapping[str, float]) -> list[Figure]:
    """Seconds of each index and milliseconds of a query."""
    return [
        figure
        for name in took
        for figure in (
            LINES.one(f"{shop}: {name}: index, seconds", fits[name], "one thread; ours knows the words to mend queries by as well"),
            LINES.one(f"{shop}: {name}: one query, p50 ms", float(np.median(took[name])), f"the first {MOST}", len(took[name])),
            LINES.one(f"{shop}: {name}: one query, p99 ms", float(np.percentile(took[name], 99)), "", len(took[name])),
        )
    ]


def compared(title: str, shares: Mapping[str, Shares]) -> list[Figure]:
    """Each engine's mean, and the difference query by query."""
    test = paired(shares["ours"] - shares["tantivy"])
    return [LINES.held(f"{title}: {name}", interval(values)) for name, values in shares.items()] + [
        LINES.held(f"{title}: ours less tantivy", test, f"p = {test['p']:.4f}")
    ]


def pieces(text: str) -> list[str]:
    """Our own words, characters and pairs of characters of a text."""
    form = normalise(text)
    return list(dict.fromkeys([*words(form), *bigrams(form)]))


def _share(rows: Sequence[int], wanted: set[int]) -> float:
    return len(wanted.intersection(rows)) / len(wanted)


if __name__ == "__main__":
    show(engine_figures())
