"""Questions on products and the evidence that may answer them, and how well an order of the evidence does."""

from __future__ import annotations

import csv
import gzip
import re
from dataclasses import dataclass
from hashlib import sha256
from math import comb
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from aisle.core.candidates import Candidates
from aisle.text.normalise import normalise
from benchmarks.folders import raw_data

Column = NDArray[np.floating]
Truth = NDArray[np.bool_]
FILES = {
    "dev": "semiPQA/attribute_ranking/dev.csv.gz",
    "seen product types": "semiPQA/attribute_ranking/testseen.csv.gz",
    "unseen product types": "semiPQA/attribute_ranking/testunseen.csv.gz",
    "texts of six sources": "hetPQA/evidence_ranking/dev.csv.gz",
}
METRICS = ("MRR", "precision@1", "MAP")
_AGAIN = re.compile(r"normalized_value:\{[^{}]*\},?")
_MARKS = re.compile(r"\b(?:value|unit):|[{}\[\]\"_]")


@dataclass(frozen=True)
class Asked:
    """``questions`` in matching form; candidate ``k`` of ``held`` is row ``item[k]`` of ``evidence`` (distinct texts), ``right[k]`` if it
    answers its question."""

    questions: list[str]
    evidence: list[str]
    held: Candidates
    right: Truth

    def where(self, chosen: Truth) -> Asked:
        """Some of the questions, ``chosen`` ``(questions,)``; the evidence keeps its rows."""
        rows = chosen[self.held.request]
        lists = [self.held.item[self.held.of_request(number)] for number in np.flatnonzero(chosen)]
        return Asked([self.questions[number] for number in np.flatnonzero(chosen)], self.evidence, Candidates.of(lists), self.right[rows])


def spoken(evidence: str) -> str:
    """An attribute as words, ``color:  { value:"red" }`` as ``color: red``, a measure without its second unit; sentences as they are."""
    if "{" in evidence:
        evidence = _MARKS.sub(" ", _AGAIN.sub("", evidence)).replace(" ,", ",")
    return " ".join(normalise(evidence).split())


def read_asked(path: Path, seed: int = 7) -> Asked:
    """A tab-separated file of `qid`, `question`, `candidate` and `label`. Candidates stand in a drawn order, since ties keep it and the
    files list attributes by the alphabet; a text that stands twice beside a question counts once, right where any of them is."""
    found: dict[str, tuple[str, dict[str, bool]]] = {}
    with gzip.open(path, "rt", encoding="utf-8", newline="") as file:
        for row in csv.DictReader(file, delimiter="\t"):
            texts = found.setdefault(row["qid"], (normalise(row["question"]), {}))[1]
            text = spoken(row["candidate"])
            texts[text] = texts.get(text, False) or row["label"] == "1"
    dice = np.random.default_rng(seed)
    number: dict[str, int] = {}
    lists, right = [], []
    for _, texts in found.values():
        drawn = [list(texts)[place] for place in dice.permutation(len(texts))]
        lists.append(np.array([number.setdefault(text, len(number)) for text in drawn], np.int32))
        right += [texts[text] for text in drawn]
    return Asked([question for question, _ in found.values()], list(number), Candidates.of(lists), np.array(right, bool))


def read_set(name: str) -> Asked:
    """One of `FILES`."""
    return read_asked(raw_data() / "product_qa" / FILES[name])


def taught(dev: Asked, tests: list[Asked]) -> tuple[Asked, Asked]:
    """Four fifths of the questions, by a hash of their text, and the other fifth; none of both is asked in a test."""
    asked = {question for test in tests for question in test.questions}
    free = np.array([question not in asked for question in dev.questions])
    fifth = np.array([int(sha256(question.encode()).hexdigest(), 16) % 5 == 0 for question in dev.questions])
    return dev.where(free & ~fifth), dev.where(free & fifth)


def quality(score: Column, asked: Asked) -> dict[str, NDArray[np.float64]]:
    """`METRICS`, each ``(questions,)``: one over the first right place, whether the first is right, mean precision at the right places;
    NaN for a question that nothing answers."""
    table = np.full((len(METRICS), len(asked.questions)), np.nan)
    for number in range(len(asked.questions)):
        part = asked.held.of_request(number)
        right = asked.right[part][np.argsort(-score[part], kind="stable")]
        if right.any():
            places = np.flatnonzero(right) + 1
            table[:, number] = 1 / places[0], right[0], (np.arange(1, len(places) + 1) / places).mean()
    return dict(zip(METRICS, table, strict=True))


def by_chance(asked: Asked) -> dict[str, NDArray[np.float64]]:
    """What `quality` is on average over all orders."""
    table = np.full((len(METRICS), len(asked.questions)), np.nan)
    for number in range(len(asked.questions)):
        right = asked.right[asked.held.of_request(number)]
        if right.any():
            table[:, number] = expected(len(right), int(right.sum()))
    return dict(zip(METRICS, table, strict=True))


def expected(count: int, right: int) -> tuple[float, float, float]:
    """`METRICS` of a random order of ``count`` of which ``right`` are right.

    >>> expected(2, 1)
    (0.75, 0.5, 0.75)
    """
    places = range(1, count + 1)
    first = sum(comb(count - place, right - 1) / comb(count, right) / place for place in places)
    others = (right - 1) / max(1, count - 1)
    return first, right / count, sum((1 + (place - 1) * others) / place for place in places) / count


def best_weight(one: Column, other: Column, asked: Asked, steps: int = 20) -> float:
    """The share of ``one`` in the sum of both that gives the best MRR."""

    def worth(share: float) -> float:
        return float(np.nanmean(quality(share * one + (1 - share) * other, asked)["MRR"]))

    return max((step / steps for step in range(steps + 1)), key=worth)


def within(score: Column, asked: Asked) -> Column:
    """Scores as shares of the question's best; silence is 0."""
    score = np.nan_to_num(score)
    best = np.array([score[asked.held.of_request(number)].max(initial=1e-6) for number in range(len(asked.questions))])
    return np.asarray(score / best[asked.held.request])
