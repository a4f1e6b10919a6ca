"""Product search on Home Depot, part by part: each source alone, their union, the ranker and what it loses without each part.

``python -m benchmarks.homedepot_parts`` measures on a fifth of the queries that are no test queries; with ``test``, and in `make results`,
on the test queries.
"""

from __future__ import annotations

import csv
import gzip
import sys
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from hashlib import sha256

import lightgbm
import numpy as np
from numpy.typing import NDArray

from aisle.core.candidates import Candidates, union
from aisle.core.catalogue import Catalogue
from aisle.core.events import Dataset, Events
from aisle.core.profiles import Profiles, Slices
from aisle.core.request import Request
from aisle.core.stage import Allowed, Block, Query, Source
from aisle.core.strings import Strings
from aisle.query.understand import understand
from aisle.ranking.features import matrix
from aisle.ranking.text_match import TextMatch
from aisle.retrieval.dense import Dense
from aisle.retrieval.lexical import Lexical
from aisle.text.adapt import Pairs
from benchmarks.alone import minilm
from benchmarks.figures import Figure, Lines, show
from benchmarks.folders import raw_data

RELEVANT = 2.33
LIMIT = 200
ROUNDS = 200
"""Fixed: stopping early on a tenth of the queries stops within ten rounds or fifty, by chance, and loses a point."""
RANKER = {
    "objective": "lambdarank", "lambdarank_truncation_level": 100, "lambdarank_norm": False, "learning_rate": 0.05, "num_leaves": 15,
    "min_data_in_leaf": 50, "lambda_l2": 5.0, "feature_fraction": 0.5, "bagging_fraction": 0.8, "bagging_freq": 1, "num_threads": 1,
    "seed": 7, "verbosity": -1,
}  # fmt: skip
Numbers = NDArray[np.int64]


class HomeDepot:
    """The catalogue in a shuffled order and each query's judgements: ``rows[q]`` and ``grades[q]``."""

    def __init__(self) -> None:
        products = list(_read("products.csv.gz"))
        order = np.random.default_rng(11).permutation(len(products))
        products = [products[row] for row in order]
        row_of = {product["product_uid"]: row for row, product in enumerate(products)}
        titles = Strings.of(product["product_title"] for product in products)
        self.catalogue = Catalogue(Strings.of(product["product_uid"] for product in products), {"title": titles}, {})
        judged: dict[str, list[tuple[int, float]]] = {}
        for pair in _read("judgements.csv.gz"):
            judged.setdefault(pair["search_term"], []).append((row_of[pair["product_uid"]], float(pair["relevance"])))
        self.texts = sorted(judged)
        self.rows = [np.array([row for row, _ in judged[text]], np.int64) for text in self.texts]
        self.grades = [np.array([grade for _, grade in judged[text]]) for text in self.texts]

    def relevant(self, query: int) -> set[int]:
        """The rows judged relevant."""
        return set(self.rows[query][self.grades[query] >= RELEVANT].tolist())

    def split(self) -> tuple[Numbers, Numbers]:
        """The other queries, and the test queries."""
        test = np.array([fifth("dev:", text) for text in self.texts])
        return np.flatnonzero(~test), np.flatnonzero(test)


@dataclass(frozen=True)
class Frame:
    """Candidates of some queries with their features, ready to learn from or to judge."""

    queries: Numbers
    candidates: Candidates
    features: Mapping[str, NDArray[np.float32]]

    def gain(self, shop: HomeDepot) -> NDArray[np.float32]:
        """1 for a relevant item, else 0."""
        wanted = [shop.relevant(int(query)) for query in self.queries]
        return np.array([row in wanted[r] for r, row in zip(self.candidates.request, self.candidates.item, strict=True)], np.float32)

    def recall(self, shop: HomeDepot, score: NDArray[np.floating], at: Sequence[int] = (10, 100)) -> dict[int, float]:
        """Mean share of the relevant items among the first; queries without any are left out."""
        held = Candidates(self.candidates.offsets, self.candidates.item, {"score": score})
        order = held.order_by("score")
        found: list[list[float]] = []
        for request, query in enumerate(self.queries):
            wanted = shop.relevant(int(query))
            part = order[held.of_request(request)]
            ranked = held.item[part[np.isfinite(score[part])]]
            if wanted:
                found.append([len(wanted.intersection(ranked[:k].tolist())) / len(wanted) for k in at])
        return dict(zip(at, np.mean(found, axis=0).tolist(), strict=True))


def searching(asked: Sequence[Query]) -> Block:
    """Strangers who search, one request a query."""
    n = len(asked)
    requests = [Request(f"q{number}", "search", query=query.raw) for number, query in enumerate(asked)]
    return Block(requests, np.full(n, np.nan), asked, Profiles.strangers(n), Slices.none(n), Slices.none(n))


def frame(shop: HomeDepot, queries: Numbers, understood: Sequence[Query], sources: Sequence[Source], match: TextMatch) -> Frame:
    """What the sources propose, with every source's score and the text features."""
    n = len(queries)
    block = searching([understood[query] for query in queries])
    allowed = Allowed.everything(len(shop.catalogue), n)
    proposed = {source.name: source.retrieve(block, allowed, LIMIT) for source in sources}
    held = union(proposed, n)
    features: dict[str, NDArray[np.float32]] = dict(match(block, held))
    for source in sources:
        score, name = source.score(block, held), source.name
        best = np.array([part.max(initial=1e-6) for part in np.split(np.nan_to_num(score), held.offsets[1:-1])])
        features |= {name: score, f"{name}_share": (score / best[held.request]).astype(np.float32), f"{name}_rank": held[f"{name}_rank"]}
    return Frame(queries, held, features)


def homedepot_parts_figures(test: bool = True) -> list[Figure]:
    """Recall@10 and @100 of every part on the test queries (or on a fifth of the others)."""
    lines, shop = Lines("homedepot_parts"), HomeDepot()
    other, judged = shop.split()
    if not test:
        own = np.array([fifth("mine:", shop.texts[query]) for query in other])
        other, judged = other[~own], other[own]
    mapping, ranking = np.split(np.random.default_rng(1).permutation(other), [int(0.6 * len(other))])
    note = f"{len(mapping)} queries teach the map of the encoder, {len(ranking)} others the ranker; those measured teach nothing"
    found = measured(shop, mapping, ranking, judged)
    return [lines.one(f"{name}: recall@{depth}", value, note, len(judged)) for name, held in found.items() for depth, value in held.items()]


def measured(shop: HomeDepot, mapping: Numbers, ranking: Numbers, judged: Numbers) -> dict[str, dict[int, float]]:
    """Fit the sources, the map on ``mapping`` and the ranker on ``ranking``; recall of every part on ``judged``."""
    lexical = Lexical().fit(Dataset(shop.catalogue, Events.none()))
    understood = [understand(text, lexical.speller_) for text in shop.texts]
    raw = Dense(vectors=minilm(shop.catalogue, "homedepot"))
    dense = Dense(vectors=raw.vectors_).learn([understood[query] for query in mapping], pairs(shop, mapping))
    match = TextMatch(lexical.tokens_)
    fit, dev = (frame(shop, part, understood, [lexical, dense], match) for part in (ranking, judged))
    untouched = frame(shop, judged, understood, [raw], match)
    found = {name: dev.recall(shop, dev.features[name] + 0 * dev.features[f"{name}_rank"]) for name in ("lexical", "dense")}
    found["dense without the map"] = untouched.recall(shop, untouched.features["dense"])
    found["in the union of both sources"] = dev.recall(shop, dev.gain(shop), (LIMIT * 2,))
    found["equal weights"] = dev.recall(shop, np.nan_to_num(dev.features["lexical_share"]) + dev.features["dense_share"])
    everything = list(fit.features)
    parts = {"all": [], "without the text features": list(match(*_nothing())), "without dense": ["dense", "dense_share", "dense_rank"]}
    for name, left_out in parts.items():
        names = [feature for feature in everything if feature not in left_out]
        model = lightgbm.train(RANKER, _table(fit, names, fit.gain(shop)), ROUNDS)
        found[f"ranker, {name}"] = dev.recall(shop, np.asarray(model.predict(matrix(dev.features, names))))
    return found


def _table(frame: Frame, names: Sequence[str], gain: NDArray[np.float32]) -> lightgbm.Dataset:
    return lightgbm.Dataset(matrix(frame.features, names), gain, group=frame.candidates.counts)


def pairs(shop: HomeDepot, queries: Numbers) -> Pairs:
    found = [(place, row, 2 ** (grade - 1) - 1) for place, query in enumerate(queries)
             for row, grade in zip(shop.rows[query], shop.grades[query], strict=True) if grade >= RELEVANT]  # fmt: skip
    query, item, weight = zip(*found, strict=True)
    return Pairs(np.array(query), np.array(item), np.array(weight, np.float32))


def _read(name: str) -> Iterable[dict[str, str]]:
    with gzip.open(raw_data() / "homedepot" / name, "rt", encoding="utf-8", newline="") as file:
        yield from csv.DictReader(file)


def fifth(salt: str, text: str) -> bool:
    """Whether a text falls into the fifth that ``salt`` draws."""
    return int(sha256((salt + text.lower()).encode()).hexdigest(), 16) % 5 == 0


def _nothing() -> tuple[Block, Candidates]:
    return Block([], np.zeros(0), [], Profiles.strangers(0), Slices.none(0), Slices.none(0)), Candidates.none(0)


if __name__ == "__main__":
    show(homedepot_parts_figures("test" in sys.argv[1:]))
