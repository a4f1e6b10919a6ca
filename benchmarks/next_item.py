"""The next item of logs whose last items are held out: every source alone, their fusions, and without direction."""

from __future__ import annotations

import resource
from collections.abc import Mapping
from dataclasses import replace
from time import perf_counter

import numpy as np
from numpy.typing import NDArray

from aisle.core.stage import Allowed, Source
from aisle.fusion.recall import Recall
from aisle.retrieval.als import Als
from aisle.retrieval.dense import Content
from aisle.retrieval.ease import Ease
from aisle.retrieval.item_knn import Bm25Knn, ItemKnn
from aisle.retrieval.markov import FirstOrder, Markov
from aisle.retrieval.ncf import Ncf
from aisle.retrieval.popularity import Popularity
from aisle.retrieval.sasrec import SasRec
from aisle.retrieval.two_tower import TwoTower
from aisle.retrieval.vectors import ItemVectors
from benchmarks.alone import Proposed, hits, ndcg
from benchmarks.figures import Figure, Lines
from benchmarks.last_out import LastOut
from benchmarks.measure import interval

SEED = 7


def sources(vectors: ItemVectors) -> dict[str, Source]:
    """As training takes them, unfitted; beside them the window without direction and the towers by squared error."""
    symmetric, squared = Markov(backward=1.0), TwoTower(loss="squared", learning_rate=3e-3, regularization=0.01)
    symmetric.name, squared.name = "markov_symmetric", "two_tower_squared"
    made: tuple[Source, ...] = (
        Markov(), FirstOrder(), Ease(), ItemKnn(), Als(), SasRec(), Content(vectors=vectors), Popularity(),
        symmetric, TwoTower(), squared, Ncf(), Bm25Knn(),
    )  # fmt: skip
    return {source.name: source for source in made}


ORDERED = ("markov", "markov_first", "ease", "item_knn", "als", "sasrec", "content", "popularity")
SYMMETRIC = ("markov_symmetric", "ease", "item_knn", "als", "content", "popularity")
NEURAL = (*ORDERED, "two_tower", "ncf")
FUSED = {"fused": ORDERED, "without direction, fused": SYMMETRIC, "with towers and ncf, fused": NEURAL}
ALONE = (*NEURAL, "markov_symmetric", "two_tower_squared", "item_knn_bm25")
LEARNT = 5_000
"""Users whose item before the last teaches the fusion's weights."""
BLOCK = 1_000


PROTOCOL = (
    "all unseen items ranked, ties by the random item row; fusion learned on the item before the last, then all is fitted again with it"
)


def next_item_figures(lines: Lines, shop: LastOut, vectors: ItemVectors, users: int | None = None) -> list[Figure]:
    """HR@10 and NDCG@10 of the last item of ``users`` of them: weights are learned on the item before it, then everything is fitted again
    with that item. Each line says what was held out (`LastOut.split`)."""
    dice = np.random.default_rng(SEED)
    everyone = np.sort(dice.permutation(shop.users)[:users])
    some = np.sort(dice.permutation(everyone)[:LEARNT])
    early = {name: source.fit(shop.before(2)) for name, source in sources(vectors).items()}
    proposed, wanted = _proposed(shop, early, some, 2)
    weights = {title: proposed.learn(names, wanted) for title, names in FUSED.items()}
    seconds, late = _fitted(shop, vectors)
    found: dict[str, list[NDArray[np.float64]]] = {}
    for part in np.array_split(everyone, max(1, len(everyone) // BLOCK)):
        for title, values in _measured(*_proposed(shop, late, part, 1), weights).items():
            found.setdefault(title, []).append(values)
    note = f"{PROTOCOL}; split {shop.split}, seed {SEED}"
    shares = {title: ", ".join(f"{name} {weight:.2f}" for name, weight in model.weights.items()) for title, model in weights.items()}
    figures = [lines.held(title, interval(np.concatenate(parts)), note) for title, parts in found.items()]
    return [
        *figures,
        *(lines.one(f"{title}: sources", len(FUSED[title]), said) for title, said in shares.items()),
        *(lines.one(f"{name}: seconds to fit", took) for name, took in seconds.items()),
        lines.one("all together: peak MB", resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024, "of this process"),
    ]


def _fitted(shop: LastOut, vectors: ItemVectors) -> tuple[dict[str, float], dict[str, Source]]:
    """Every source fitted on all but the last items, and how long each took."""
    data, seconds, found = shop.before(1), {}, {}
    for name, source in sources(vectors).items():
        start = perf_counter()
        found[name] = source.fit(data)
        seconds[name] = perf_counter() - start
    return seconds, found


def _proposed(shop: LastOut, fitted: Mapping[str, Source], users: NDArray[np.int64], cut: int) -> tuple[Proposed, list[set[int]]]:
    block = shop.block(users, cut)
    recent = block.profiles.recent
    seen = [np.unique(recent.item[recent.of(request)]) for request in range(len(block))]
    allowed = replace(Allowed.everything(shop.items, len(block)), excluded=seen)
    return Proposed.by(fitted, block, allowed), [{item} - {-1} for item in shop.target(cut)[users].tolist()]


def _measured(proposed: Proposed, wanted: list[set[int]], weights: Mapping[str, Recall]) -> dict[str, NDArray[np.float64]]:
    scores = {name: proposed.alone(name) for name in ALONE}
    for title, model in weights.items():
        scores[f"{title} by weight"] = proposed.by_weight(model)
        scores[f"{title} by rank"] = proposed.by_rank(FUSED[title])
    found: dict[str, NDArray[np.float64]] = {}
    for title, score in scores.items():
        lists = proposed.ranked(score, 10)
        found |= {f"{title}: hr@10": hits(lists, wanted), f"{title}: ndcg@10": ndcg(lists, wanted)}
    return found
