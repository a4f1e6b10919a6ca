"""Two shops' offers labelled as the same product or not, by their official splits, and what needs no model to tell them apart."""

from __future__ import annotations

import re
from collections.abc import Sequence
from difflib import SequenceMatcher

import numpy as np
from numpy.typing import NDArray
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from aisle.text.normalise import normalise
from aisle.text.pairs import Pairs
from benchmarks.folders import lines, raw_data

Column = NDArray[np.float64]
SETS = ("Amazon-Google", "Walmart-Amazon", "Abt-Buy")
SPLITS = ("train", "valid", "test")
NUMBER = "price"
GAPS, NUMBERS = re.compile(r"[^a-z0-9]"), re.compile(r"\d+(?:\.\d+)?")
CODE = re.compile(r"(?=.*\d)(?=.*[a-z]).{4,}")
"""A model code: four letters and digits or more, some of both."""


def offer(text: str) -> dict[str, str]:
    """Attributes of `COL name VAL value COL ...`; those without a value are left out."""
    parts = [part.partition(" VAL ") for part in f" {text} ".split(" COL ")[1:]]
    return {name.strip(): value.strip() for name, _, value in parts if value.strip()}


def spoken(offered: dict[str, str]) -> str:
    """All attributes as one text, in their order."""
    return normalise("; ".join(offered.values()))


def read_pairs(name: str, split: str) -> tuple[Pairs, NDArray[np.float64]]:
    """A split's pairs and their prices ``(n, 2)``, NaN where there is none."""
    rows = [line.split("\t") for line in lines(raw_data() / "product_matching" / name / f"{split}.txt.gz")]
    offers = [(offer(left), offer(right)) for left, right, _ in rows]
    label = np.array([float(row[2]) for row in rows], np.float32)
    price = np.array([[_price(one) for one in pair] for pair in offers])
    return Pairs([spoken(left) for left, _ in offers], [spoken(right) for _, right in offers], label, f"{name}, {split}").checked(), price


def _price(offered: dict[str, str]) -> float:
    try:
        return float(offered.get(NUMBER, "").replace("$", "").replace(",", ""))
    except ValueError:
        return float("nan")


class TfIdf:
    """Cosine of words weighed by how rare they are in the training pairs."""

    def __init__(self, pairs: Pairs) -> None:
        self.words = TfidfVectorizer(token_pattern=r"\S+", sublinear_tf=True).fit([*pairs.first, *pairs.second])

    def score(self, pairs: Pairs) -> Column:
        """``(n,) float64``."""
        left, right = (self.words.transform(list(texts)) for texts in (pairs.first, pairs.second))
        return np.asarray(left.multiply(right).sum(axis=1), np.float64).ravel()


class Similarities:
    """Logistic regression on a handful of similarities, classes weighing the same; their `table` by itself."""

    def __init__(self, pairs: Pairs, price: NDArray[np.float64]) -> None:
        self.words = TfIdf(pairs)
        model = make_pipeline(StandardScaler(), LogisticRegression(class_weight="balanced", max_iter=1_000))
        self.model = model.fit(self.table(pairs, price), pairs.label > 0)

    def score(self, table: NDArray[np.float64]) -> Column:
        """``(n,) float64``: probability of being the same, of pairs with this `table`."""
        return np.asarray(self.model.predict_proba(table)[:, 1], np.float64)

    def table(self, pairs: Pairs, price: NDArray[np.float64]) -> NDArray[np.float64]:
        """``(n, columns)``: cosine, shared words, shared words with digits, likeness of the beginnings, whether prices are known and how
        near they are; then what `_held` says of model codes, of numbers and of words."""
        words = [(set(a.split()), set(b.split())) for a, b in zip(pairs.first, pairs.second, strict=True)]
        codes = [tuple({word for word in one if any(map(str.isdigit, word))} for one in pair) for pair in words]
        start = [SequenceMatcher(None, a[:60], b[:60], autojunk=False).ratio() for a, b in zip(pairs.first, pairs.second, strict=True)]
        known = np.isfinite(price).all(axis=1)
        near = np.where(known, np.exp(-np.abs(np.log(np.maximum(price[:, 0], 0.01) / np.maximum(price[:, 1], 0.01)))), 0.0)
        columns: Sequence[Sequence[float] | Column] = [
            self.words.score(pairs), [_shared(*pair) for pair in words], [_shared(*pair) for pair in codes], start, known, near,
        ]  # fmt: skip
        table = np.nan_to_num(np.array(columns, np.float64).T)
        return np.hstack([table, [_held(a, b) for a, b in zip(pairs.first, pairs.second, strict=True)]])


def _held(left: str, right: str) -> list[float]:
    """Which share of each text's model codes the other one holds, spaces and signs aside, whether it holds none of those there are, and
    the overlap of numbers and of words: what is shared as a part of the fewer."""
    codes = [{glued for word in text.split() if CODE.fullmatch(glued := GAPS.sub("", word))} for text in (left, right)]
    other = GAPS.sub("", right), GAPS.sub("", left)
    shares = [sum(code in whole for code in mine) / max(1, len(mine)) for mine, whole in zip(codes, other, strict=True)]
    silent = [float(bool(mine) and share == 0) for mine, share in zip(codes, shares, strict=True)]
    parts = [(set(NUMBERS.findall(left)), set(NUMBERS.findall(right))), (set(left.split()), set(right.split()))]
    return [*shares, *silent, *(len(a & b) / max(1, min(len(a), len(b))) for a, b in parts)]


def _shared(left: set[str], right: set[str]) -> float:
    """Jaccard's share, 0 where both are empty."""
    return len(left & right) / len(left | right) if left | right else 0.0
