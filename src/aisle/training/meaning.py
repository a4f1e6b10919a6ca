"""What search by meaning finds as it is served, without and with the learned map: rows of the report for encoders not fine-tuned."""

from __future__ import annotations

import numpy as np

from aisle.core.events import Dataset
from aisle.evaluation.results import Figure
from aisle.retrieval.dense import Dense
from aisle.retrieval.lexical import Lexical
from aisle.text.found import shares
from aisle.text.normalise import normalise
from aisle.training.answers import ASKED, Answers, lookalikes, pool
from aisle.training.budget import Budget
from aisle.training.finetune import METRIC, SEED, mean

SHARE = 0.02
"""Of the time left so much may go into measuring."""
SPEED = 100
"""Queries that are looked up, encoded and judged in a second on an idle core."""
FEWEST = 30
"""Queries with an answer in window 4 below which nothing is said."""
WINDOWS = {"development": 3, "test": 4}
UNTOUCHED = {"ngram": "encoder_ngram", "static": "encoder_distilled"}
"""Row of an encoder as it is; of every other: a pretrained one."""
Lists = dict[str, list[float]]


def meaning_figures(data: Dataset, answers: Answers, lexical: Lexical, dense: Dense, kind: str, budget: Budget) -> list[Figure]:
    """recall@10 among the pool of answers, lookalikes and others, on windows 3 and 4, which taught neither: a row for the encoder as it is
    and one with the map, where there is one. Empty where time or window 4 is too short."""
    most = ASKED if budget.planned else min(ASKED, int(SHARE * budget.left * SPEED / budget.slowness / len(WINDOWS)))
    if min(most, len(answers.queries(4))) < FEWEST:
        return []
    random, known = np.random.default_rng(SEED), answers.known()
    asked = {name: np.sort(random.permutation(answers.queries(window))[:most]) for name, window in WINDOWS.items()}
    every = np.concatenate(list(asked.values()))
    near = lookalikes(data, answers, lexical, every)
    rows = pool(every.tolist(), known, near, len(data.catalogue), random)
    place = {row: number for number, row in enumerate(rows.tolist())}
    plain: Lists = {}
    turned: Lists = {}
    items = dense.vectors_.take(rows)
    for name, queries in asked.items():
        vectors = dense.vectors_.encoder.encode([normalise(answers.texts[query]) for query in queries.tolist()], "query")
        wanted = [{place[row] for row in known[query]} for query in queries.tolist()]
        plain[name] = shares(vectors, items, wanted)
        if dense.mapping is not None and len(vectors):
            turned[name] = shares(np.stack([dense.turned(vector) for vector in vectors]), items, wanted)
    found = [_figure(UNTOUCHED.get(kind.rpartition(":")[2], "encoder_untouched"), plain)]
    return [*found, _figure("encoder_adapted", turned)] if turned else found


def _figure(model: str, lists: Lists) -> Figure:
    return Figure(model, METRIC, mean(lists.get("development")), mean(lists.get("test")))
