"""Losses of a ranker on human grades: Home Depot's titles proposed by their words, queries split, unjudged titles gain nothing.

``python -m benchmarks.learned_grades`` measures on a fifth of the queries that are no test queries; with ``test``, and in `make results`,
on the test queries.
"""

from __future__ import annotations

import sys

import lightgbm
import numpy as np
from numpy.typing import NDArray

from aisle.core.events import Dataset, Events
from aisle.evaluation.lists import Floats, Ranked, Truth, judge
from aisle.evaluation.metrics import per_request
from aisle.query.understand import understand
from aisle.ranking.boosted import Boosted, Objective
from aisle.ranking.features import matrix
from aisle.ranking.text_match import TextMatch
from aisle.retrieval.lexical import Lexical
from aisle.training.frames import best
from benchmarks.figures import Figure, Lines, show
from benchmarks.gains import compared
from benchmarks.homedepot_parts import RELEVANT, Frame, HomeDepot, fifth, frame

GRADES = 3
"""Steps between the lowest relevant grade and the highest, as `learn.levels` has them."""


def grade_figures(test: bool = True) -> list[Figure]:
    """NDCG@10 over the whole catalogue of LambdaMART, of a softmax over each list and of LightGBM's own listwise loss."""
    lines, shop = Lines("learning_to_rank_grades"), HomeDepot()
    other, judged = shop.split()
    if not test:
        own = np.array([fifth("mine:", shop.texts[query]) for query in other])
        other, judged = other[~own], other[own]
    lexical = Lexical().fit(Dataset(shop.catalogue, Events.none()))
    understood, match = [understand(text, lexical.speller_) for text in shop.texts], TextMatch(lexical.tokens_)
    fit, later = (frame(shop, part, understood, [lexical], match) for part in (other, judged))
    names = list(fit.features)
    x, asked, label, groups = matrix(fit.features, names), matrix(later.features, names), _levels(shop, fit), fit.candidates.counts
    kinds: dict[str, Objective] = {"lambdamart": "order", "softmax over lists": "listwise"}
    scores = {name: Boosted(kind).fit(x, label, groups, names).score(asked) for name, kind in kinds.items()}
    theirs = {**Boosted("order")._parameters(label.astype(np.int32), groups), "objective": "rank_xendcg"}
    model = lightgbm.train(theirs, lightgbm.Dataset(x, label, group=groups, feature_name=names), Boosted().epochs)
    scores["lightgbm's rank_xendcg"] = np.asarray(model.predict(asked), np.float32)
    made = {name: _ndcg(shop, later, score) for name, score in scores.items()}
    note = f"{len(other):,} queries teach, {len(judged):,} others are judged; 200 candidates a query by its words"
    return compared(lines, "Home Depot grades", made, None, note)


def _levels(shop: HomeDepot, made: Frame) -> Floats:
    """1 to 4 for a relevant title in equal parts of the scale above the mark, else 0."""
    found = np.zeros(len(made.candidates.item))
    for place, query in enumerate(made.queries):
        grade = dict(zip(shop.rows[query].tolist(), shop.grades[query].tolist(), strict=True))
        part = made.candidates.of_request(place)
        found[part] = [grade.get(item, 0.0) for item in made.candidates.item[part].tolist()]
    return np.where(found >= RELEVANT, 1 + np.round(GRADES * (found - RELEVANT) / (3 - RELEVANT)), 0.0)


def _ndcg(shop: HomeDepot, made: Frame, score: NDArray[np.float32]) -> Floats:
    """Of each query, gains of the grades less 1."""
    sizes = [len(shop.rows[query]) for query in made.queries]
    request = np.repeat(np.arange(len(sizes)), sizes)
    item, grade = (np.concatenate([table[query] for query in made.queries]) for table in (shop.rows, shop.grades))
    truth = Truth.of(len(sizes), request, item, grade - 1)
    held = made.candidates
    rows = best(held.offsets, score, 10)
    order = rows[np.lexsort((-score[rows], held.request[rows]))]
    lists = Ranked(
        np.concatenate([[0], np.cumsum(np.bincount(held.request[rows], minlength=len(sizes)))]).astype(np.int64), held.item[order]
    )
    return per_request(judge(lists, truth), lists, "ndcg@10")


if __name__ == "__main__":
    show(grade_figures("test" in sys.argv[1:]))
