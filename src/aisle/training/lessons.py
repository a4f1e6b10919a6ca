"""What fine-tuning may teach the encoder beside the answers: the labels that a shop has for its items and queries, task by task.

A new task is one function here and a weight in `aisle.settings.Tasks`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from aisle.core.events import Dataset
from aisle.settings import Tasks
from aisle.text.lesson import Labels, Lesson
from aisle.training.answers import ASKED, Answers

FEWEST = 20
"""Items that a label must have; two such labels make a task."""
LEVELS = 5
"""Equal shares of the items by price."""
Labelling = Callable[[Dataset, Answers], tuple[Labels, Labels]]
"""The labels of items and of queries, from 0 on in the order of the data alone, -1 for none."""


def category(data: Dataset, answers: Answers) -> tuple[Labels, Labels]:
    """An item's category, its first where it has several; a query's is the most frequent among its answers, of equals the first."""
    items = _common(data.catalogue.labels("category").first)
    label = items[answers.item]
    pairs = np.stack([answers.query, label], axis=1)[label >= 0]
    pairs, times = np.unique(pairs, axis=0, return_counts=True)
    queries = np.full(len(answers.texts), -1, np.int64)
    order = np.lexsort((-pairs[:, 1], times))
    queries[pairs[order, 0]] = pairs[order, 1]  # the last one stays
    return items, queries


def price(data: Dataset, answers: Answers) -> tuple[Labels, Labels]:
    """In which fifth of the shop's known prices an item lies; a query has no price."""
    values = data.catalogue.number("price")
    known = values > 0
    edges = np.quantile(values[known], np.arange(1, LEVELS) / LEVELS) if known.any() else np.zeros(0)
    level = np.where(known, np.searchsorted(edges, values, side="right"), -1)
    return _common(level), np.full(len(answers.texts), -1, np.int64)


TASKS: Mapping[str, Labelling] = {"category": category, "price": price}


def lessons_of(
    tasks: Tasks, data: Dataset, answers: Answers, texts: Sequence[str], teaching: Labels, asked: Labels, seed: int
) -> tuple[list[Lesson], list[str]]:
    """The lessons of every task with a weight, and in words why one has none. Up to a tenth of the different ``texts`` of items teach no
    label and measure, as the ``asked`` queries do; what the ``teaching`` queries teach is read off the other items alone."""
    if not (wanted := {name: weight for name, weight in tasks.model_dump().items() if weight}):
        return [], []
    number = {text: place for place, text in enumerate(dict.fromkeys(texts))}
    measuring = np.random.default_rng(seed).permutation(len(number))[: min(len(number) // 10, ASKED)]
    held = np.isin([number[text] for text in texts], measuring)
    kept = np.isin(answers.query, teaching) & ~held[answers.item]
    taught = replace(answers, query=answers.query[kept], item=answers.item[kept], weight=None)
    lessons, none = [], []
    for name, weight in wanted.items():
        items, queries = TASKS[name](data, answers)
        if items.max(initial=-1) < 1:
            none.append(f"{name} is not taught: no two of its labels have {FEWEST} items each")
            continue
        judged = np.where(np.isin(np.arange(len(queries)), asked), queries, -1)
        columns = np.where(held, -1, items), TASKS[name](data, taught)[1], np.where(held, items, -1), judged
        lessons.append(Lesson(name, weight, *columns))
    return lessons, none


def words(lessons: Sequence[Mapping[str, Any]], none: Sequence[str]) -> str:
    """What `Heads.told` said and what was not taught, as a part of a sentence; empty without a task."""
    return "; ".join([*map(_words, lessons), *none])


def _words(said: Mapping[str, Any]) -> str:
    taught = " and ".join(f"{count:,} {side}" for side, count in said["taught"].items() if count)
    held = ", ".join(
        f"of {one['n']:,} {side} kept out {one['right']:.1%} right, always the most frequent {one['usual']:.1%}"
        for side, one in said["held"].items()
    )
    return f"{said['name']} taught beside at weight {said['weight']:g}: {said['labels']:,} labels of {taught}; {held or 'none kept out'}"


def _common(codes: NDArray[np.integer]) -> Labels:
    """Those that enough items have, numbered anew; all others -1."""
    names, place, times = np.unique(codes, return_inverse=True, return_counts=True)
    kept = (names >= 0) & (times >= FEWEST)
    return np.where(kept, np.cumsum(kept) - 1, -1)[place].astype(np.int64)
