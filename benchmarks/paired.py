"""Are the fused answers better than simple baselines on the same users? The baselines are made here, outside the package.

Reads what `make results ONLY=online_retail_cut` left in build/results: the shop's raw rows, the requests, the answers and the truth.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from scipy import sparse
from scipy.stats import norm

from benchmarks.figures import WORK, Figure, Lines
from benchmarks.folders import Folder, read
from benchmarks.logs import is_purchase
from benchmarks.measure import METRICS, interval, load

SHRINK = 20.0
FLIPS = 10_000
LIMIT = 100
Floats = NDArray[np.float64]
METRIC = "ndcg@10"
NOTE = "p: sign-flip test over users, times 3 for three baselines; what would be seen: with power .8 at level .05"


@dataclass(frozen=True)
class Log:
    """Purchases before the cut: ``rows[user]`` is item to (number of different invoices, newest of them)."""

    rows: Mapping[str, Mapping[str, tuple[int, str]]]

    @classmethod
    def of(cls, path: Path) -> Log:
        """Read the raw invoice file of the folder that was trained on."""
        invoices: dict[str, dict[str, dict[str, str]]] = {}
        for row in read(path):
            if is_purchase(row):
                invoices.setdefault(row["CustomerID"], {}).setdefault(row["StockCode"], {})[row["InvoiceNo"]] = row["InvoiceDate"]
        return cls({user: {i: (len(days), max(days.values())) for i, days in bought.items()} for user, bought in invoices.items()})


class Frequency:
    """A user's own items, the most often bought first, then the newest."""

    name = "repeat"

    def __init__(self, log: Log) -> None:
        self.log = log

    def page(self, user: str, unseen: bool) -> list[str]:
        """The first hundred."""
        own = self.log.rows.get(user, {})
        return [] if unseen else sorted(own, key=lambda item: (own[item], item), reverse=True)[:LIMIT]


class Neighbours:
    """Item-KNN: cosine over customers, shrunk (Sarwar et al. 2001; shrinkage after Bell and Koren 2007), summed over what a user bought."""

    name = "item_knn"

    def __init__(self, log: Log) -> None:
        self.log = log
        self.items = sorted({item for own in log.rows.values() for item in own})
        self.number = {item: at for at, item in enumerate(self.items)}
        user = np.repeat(np.arange(len(log.rows)), [len(own) for own in log.rows.values()])
        item = [self.number[item] for own in log.rows.values() for item in own]
        bought = sparse.csr_array((np.ones(len(item)), (user, item)), shape=(len(log.rows), len(self.items)))
        counts = np.asarray(bought.sum(axis=0))
        both = (bought.T @ bought).toarray()
        np.fill_diagonal(both, 0)
        self.similar: Floats = both / (np.sqrt(np.outer(counts, counts)) + SHRINK)

    def page(self, user: str, unseen: bool) -> list[str]:
        """The first hundred."""
        own = [self.number[item] for item in self.log.rows.get(user, {})]
        score = self.similar[own].sum(axis=0)
        if unseen:
            score[own] = 0
        order = np.argsort(-score, kind="stable")[:LIMIT]
        return [self.items[at] for at in order if score[at] > 0]


class Popular:
    """What most customers bought."""

    name = "popularity"

    def __init__(self, log: Log) -> None:
        self.log = log
        count: dict[str, int] = {}
        for own in log.rows.values():
            for item in own:
                count[item] = count.get(item, 0) + 1
        self.order = sorted(count, key=lambda item: (-count[item], item))

    def page(self, user: str, unseen: bool) -> list[str]:
        """The first hundred."""
        own = self.log.rows.get(user, {}) if unseen else {}
        return list(islice((item for item in self.order if item not in own), LIMIT))


BASELINES: tuple[Callable[[Log], Frequency | Neighbours | Popular], ...] = (Frequency, Neighbours, Popular)


def paired(difference: Floats, seed: int = 7) -> dict[str, float]:
    """Mean of ``(n,)`` differences with its bootstrap interval, the two-sided p of the sign-flip test (Fisher 1935) and the smallest true
    difference that so many users show with power .8 at level .05."""
    dice = np.random.default_rng(seed)
    flips = np.concatenate([dice.choice((-1.0, 1.0), (FLIPS // 10, len(difference))) @ difference for _ in range(10)])
    far = (np.abs(flips) >= abs(difference.sum()) - 1e-9).sum()
    error = difference.std(ddof=1) / np.sqrt(len(difference))
    return interval(difference) | {"p": (far + 1) / (FLIPS + 1), "detectable": float((norm.ppf(0.975) + norm.ppf(0.8)) * error)}


def compare(lines: Lines, folder: Folder, protocol: str, log: Log) -> list[Figure]:
    """Each baseline's NDCG@10 on the protocol's users, and how far the fused answers stand above it."""
    requests, truths, answers = (load(folder.truth / f"{protocol}.{kind}.jsonl") for kind in ("requests", "truth", "answers"))
    metric = METRICS[METRIC]
    fused = np.array([metric([item["item_id"] for item in a.get("items", ())], t) for a, t in zip(answers, truths, strict=True)])
    figures = [lines.held(f"{protocol}: fused {METRIC}", interval(fused), NOTE)]
    for make in BASELINES:
        model = make(log)
        pages = (model.page(request["user_id"], request["exclude_seen"]) for request in requests)
        values = np.array([metric(page, truth) for page, truth in zip(pages, truths, strict=True)])
        if not values.any():
            continue
        test, pair = paired(fused - values), f"fused - {model.name}"
        said = f"p = {min(1.0, test['p'] * len(BASELINES)):.4f}; a true difference of {test['detectable']:.4f} would be seen"
        figures.append(lines.held(f"{protocol}: {model.name} {METRIC}", interval(values), NOTE))
        figures.append(lines.held(f"{protocol}: {pair} {METRIC}", test, said))
    return figures


def retail_paired() -> list[Figure]:
    """Both protocols of Online Retail."""
    folder = Folder(WORK / "online_retail_cut")
    if not (folder.truth / "all_purchases.answers.jsonl").exists():
        sys.exit("There are no answers to compare: run make results ONLY=online_retail_cut first.")
    lines, log = Lines("retail_paired"), Log.of(folder.out / "online_retail.csv.gz")
    return [figure for protocol in ("all_purchases", "new_purchases") for figure in compare(lines, folder, protocol, log)]
