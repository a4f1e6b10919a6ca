"""Columns that learn from the grades of training queries alone: a ridge regression on vectors, and what like queries gave like titles.

A training pair is never told by its own query: the regression that scores it saw other queries, its neighbours are others.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from benchmarks.grade_features import Columns, Judged

Vectors = NDArray[np.float32]
FOLDS = 5
RIDGE = 100.0
"""Penalty on standardised columns."""
NEAR, SHARP, LIKE = 40, 12.0, 6.0
"""Training queries nearest to a query, and how fast the weight of a query and of a title falls with its cosine."""
BLOCK = 512


def folds(judged: Judged, count: int = FOLDS, seed: int = 3) -> NDArray[np.int64]:
    """``(queries,)``: a fold of each query."""
    return np.random.default_rng(seed).integers(0, count, len(judged.texts))


def products(judged: Judged, asked: Vectors, shown: Vectors) -> Vectors:
    """``(pairs, 3 d) float32``: query, title and their product, number by number."""
    query, title = asked[judged.query], shown[judged.item]
    return np.concatenate([query, title, query * title * np.sqrt(np.float32(query.shape[1]))], axis=1)


def ridge(judged: Judged, x: Vectors, teaches: NDArray[np.bool_]) -> Columns:
    """The regression's prediction: of a pair that ``teaches`` by the folds without its query, of another by all that teach."""
    fold = np.where(teaches, folds(judged)[judged.query], -1)
    mean, scale = x[teaches].mean(axis=0), x[teaches].std(axis=0) + 1e-6
    middle = float(judged.grade[teaches].mean())
    parts = []
    for number in range(FOLDS):
        some = (x[fold == number] - mean) / scale
        parts.append((some.T @ some, some.T @ (judged.grade[fold == number] - middle).astype(np.float32)))
    whole = sum(one for one, _ in parts), sum(two for _, two in parts)
    found = np.zeros(len(x), np.float32)
    for number in (-1, *range(FOLDS)):
        gram, right = (whole[0], whole[1]) if number < 0 else (whole[0] - parts[number][0], whole[1] - parts[number][1])
        weight = np.linalg.solve(gram + RIDGE * np.eye(len(gram), dtype=np.float32), right)
        found[fold == number] = (x[fold == number] - mean) / scale @ weight
    return {"ridge": found + np.float32(middle)}


def neighbours(judged: Judged, asked: Vectors, shown: Vectors, teaches: NDArray[np.bool_]) -> Columns:
    """Grades of the nearest training queries, a query's own left out: their mean by likeness of the query, and by that of the title too."""
    teaching = np.unique(judged.query[teaches])
    starts = np.searchsorted(judged.query, np.arange(len(judged.texts) + 1))
    middle = float(judged.grade[teaches].mean())
    table = np.full((len(judged.query), 4), np.nan, np.float32)
    for begin in range(0, len(asked), BLOCK):
        near = asked[begin : begin + BLOCK] @ asked[teaching].T
        own = np.arange(begin, begin + len(near))
        near[teaching[None, :] == own[:, None]] = -1
        top = np.argpartition(-near, NEAR, axis=1)[:, :NEAR]
        for row, query in enumerate(own.tolist()):
            part = slice(int(starts[query]), int(starts[query + 1]))
            likeness = near[row, top[row]]
            theirs = [np.arange(starts[one], starts[one + 1]) for one in teaching[top[row]].tolist()]
            pairs = np.concatenate(theirs)
            weight = np.repeat(np.exp(SHARP * (likeness - 1)), [len(one) for one in theirs])
            grade = judged.grade[pairs] - middle
            table[part, 0] = weight @ grade / (weight.sum() + 0.02)
            alike = np.exp(LIKE * (shown[judged.item[part]] @ shown[judged.item[pairs]].T - 1)) * weight
            table[part, 1] = alike @ grade / (alike.sum(axis=1) + 0.002)
            table[part, 2] = np.log(alike.sum(axis=1) + 1e-6)
            table[part, 3] = likeness.max()
    return dict(zip(("like_queries", "like_pairs", "like_much", "like_best"), table.T, strict=True))
