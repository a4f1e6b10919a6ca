"""Human grades from titles alone: Home Depot's judged pairs, split by query, each row adding columns to the one before.

``python -m benchmarks.grade_regression`` measures on a fifth of the queries that are no test queries, by which columns and numbers were
chosen; with ``test``, and in `make results`, on the test queries. What is measured teaches nothing; the measure alone reads its grades.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from time import process_time

import lightgbm
import numpy as np
from numpy.typing import NDArray

from aisle.core.threads import one_thread
from benchmarks.alone import encoded_titles
from benchmarks.figures import Figure, Lines, show
from benchmarks.grade_features import Columns, Judged, Meaning, Words, joined
from benchmarks.grade_taught import neighbours, products, ridge
from benchmarks.homedepot_parts import HomeDepot, fifth
from benchmarks.measure import RESAMPLES
from benchmarks.minilm import minilm_encoder

LINES = Lines("grade_regression")
ROUNDS = 500
TREES = {
    "objective": "regression", "learning_rate": 0.02, "num_leaves": 31, "min_data_in_leaf": 60, "lambda_l2": 5.0, "feature_fraction": 0.4,
    "bagging_fraction": 0.8, "bagging_freq": 1, "num_threads": 1, "seed": 7, "verbosity": -1,
}  # fmt: skip
Mask = NDArray[np.bool_]


def regression_figures(test: bool = True) -> list[Figure]:
    """RMSE of every row, and by how much the last lies below that of plain words."""
    one_thread()
    begun, machine, judged = process_time(), LINES.machine(), Judged.of(shop := HomeDepot())
    asked = judged.test
    if not test:
        asked = ~judged.test & np.array([fifth("mine:", text) for text in judged.texts])[judged.query]
    teaches = ~asked & ~judged.test
    errors = {"the mean grade": judged.grade[asked] - judged.grade[teaches].mean()}
    for name, columns in rows(shop, judged, teaches).items():
        errors[name] = boosted(columns, judged, teaches)[asked] - judged.grade[asked]
    count = [len(np.unique(judged.query[one])) for one in (teaches, asked)]
    note = f"{count[0]:,} queries teach, {count[1]:,} others with {asked.sum():,} pairs are measured; interval over queries"
    draws = drawn(judged.query[asked])
    figures = [
        LINES.held(f"{name}: RMSE", held(rooted(error, judged.query[asked], draws), count[1]), note) for name, error in errors.items()
    ]
    first, last = (rooted(errors[name], judged.query[asked], draws) for name in (WORDS, TAUGHT))
    figures.append(LINES.held("the last row less plain words: RMSE", held(last - first, count[1]), "paired by query"))
    return [machine, *figures, LINES.one("CPU seconds", process_time() - begun, "titles' vectors are kept between runs, queries' are not")]


WORDS, TAUGHT = "words by our text features", "and what training queries' grades say of vectors"


def rows(shop: HomeDepot, judged: Judged, teaches: Mask) -> dict[str, Columns]:
    """The columns of each row."""
    said = Words(shop, judged)
    encoder = minilm_encoder(threads=2)
    shown = encoded_titles(encoder, shop.catalogue)
    asked = encoder.encode([query.text for query in said.understood], "query")
    meaning, plain = Meaning(judged, asked, shown), said.plain()
    (beside, best), (near, nearest) = said.catalogue(), meaning.catalogue()
    more = joined(plain, beside, said.letters(), said.numbers(), said.brands(), said.shape())
    whole = joined(more, meaning.cosine(), near, meaning.common(best, "lexical"), meaning.common(nearest, "meaning"))
    taught = joined(ridge(judged, products(judged, asked, shown), teaches), neighbours(judged, asked, shown, teaches))
    return {
        WORDS: plain,
        "untouched encoder: cosine": meaning.cosine(),
        "words, letters, numbers, brands, the catalogue's best": more,
        "and the encoder's vectors": whole,
        TAUGHT: joined(whole, taught),
    }


def boosted(columns: Columns, judged: Judged, teaches: Mask) -> NDArray[np.float64]:
    """``(pairs,)``: grades as gradient boosting predicts them, learned from the pairs that teach."""
    x, names = np.column_stack(list(columns.values())), list(columns)
    model = lightgbm.train(TREES, lightgbm.Dataset(x[teaches], judged.grade[teaches], feature_name=names), ROUNDS)
    return np.asarray(model.predict(x))


def drawn(query: NDArray[np.int64], seed: int = 7) -> NDArray[np.int64]:
    """``(1 + resamples, queries)``: how often each query counts: once, then as it is drawn with replacement."""
    count, dice = len(np.unique(query)), np.random.default_rng(seed)
    again = [np.bincount(dice.integers(0, count, count), minlength=count) for _ in range(RESAMPLES)]
    return np.stack([np.ones(count, np.int64), *again])


def rooted(error: NDArray[np.float64], query: NDArray[np.int64], draws: NDArray[np.int64]) -> NDArray[np.float64]:
    """``(draws,)``: the root of the mean square over pairs, each pair as often as its query was drawn."""
    place = np.unique(query, return_inverse=True)[1]
    return np.sqrt(draws @ np.bincount(place, error**2) / (draws @ np.bincount(place)))


def held(values: Sequence[float] | NDArray[np.float64], count: int) -> dict[str, float]:
    """The value, and 95 % of what resampling gave."""
    low, high = np.percentile(values[1:], (2.5, 97.5))
    return {"value": float(values[0]), "low": float(low), "high": float(high), "n": count}


if __name__ == "__main__":
    show(regression_figures("test" in sys.argv[1:]))
