"""Ours and a well-known library on the same work, alternately in one run: time as a ratio, quality as a paired difference.

python -m benchmarks.peers          # needs torch-rechub beside aisle[train]; the libraries' own defaults unless the work says otherwise
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Mapping
from contextlib import redirect_stderr, redirect_stdout
from dataclasses import dataclass, replace
from functools import partial
from importlib.metadata import version
from statistics import median
from tempfile import TemporaryDirectory
from time import perf_counter
from typing import Any

import lightgbm
import numpy as np
from implicit.cpu.als import AlternatingLeastSquares
from implicit.nearest_neighbours import CosineRecommender
from numpy.typing import NDArray
from scipy import sparse

from aisle.core.events import Dataset
from aisle.core.stage import Allowed, Source
from aisle.ranking.boosted import COMMON, Boosted
from aisle.ranking.ctr.net import Net
from aisle.ranking.ctr.settings import KINDS, Settings
from aisle.retrieval.als import Als
from aisle.retrieval.als_train import confidence
from aisle.retrieval.item_knn import ItemKnn
from aisle.retrieval.sequences import Sequences
from benchmarks.alone import hits, ndcg
from benchmarks.amazon_parts import amazon
from benchmarks.ctr_tables import Tables, simulated
from benchmarks.figures import Figure, Lines, show
from benchmarks.last_out import LastOut
from benchmarks.measure import interval
from benchmarks.peers_rechub import Rechub

TIMES, USERS, EPOCHS = 5, 5_000, 3
ROWS, COLUMNS, GROUP = 200_000, 50, 100
TRIALS = 300
Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Timed:
    """Medians of seconds, and what the last run of each gave."""

    ours: float
    theirs: float
    made: Any
    others: Any

    def figure(self, lines: Lines, title: str, note: str) -> Figure:
        """How many times as long ours takes."""
        said = f"{note}; {self.ours:.2f} s and {self.theirs:.2f} s, median of {TIMES} alternate runs"
        return lines.one(f"{title}: seconds, times", self.ours / self.theirs, said)


def peer_figures() -> list[Figure]:
    """Factors and neighbours beside implicit, trees beside LightGBM's own calls, nets beside torch-rechub."""
    lines = Lines("peers")
    shop = amazon()
    return [lines.machine(), *_implicit(lines, shop), *_trees(lines), *_nets(lines, simulated())]


def _alternately(ours: Callable[[], Any], theirs: Callable[[], Any]) -> Timed:
    taken: dict[str, list[float]] = {"ours": [], "theirs": []}
    made: dict[str, Any] = {}
    for _ in range(TIMES):
        for name, work in (("ours", ours), ("theirs", theirs)):
            begun = perf_counter()
            made[name] = work()
            taken[name].append(perf_counter() - begun)
    return Timed(median(taken["ours"]), median(taken["theirs"]), made["ours"], made["theirs"])


def _implicit(lines: Lines, shop: LastOut) -> list[Figure]:
    """The last item of some users of amazon_beauty, all unseen items ranked."""
    data = shop.before(1)
    scale = confidence(Sequences.of(data.events, shop.items).by_user())

    def matrix(observed: float) -> sparse.csr_matrix:
        shape, values = (shop.users, shop.items), np.full(len(data.events), observed, np.float32)
        return sparse.coo_matrix((values, (data.events.user, data.events.item)), shape).tocsr()

    work: Mapping[str, tuple[Callable[[], Source], Callable[[], Any], float]] = {
        "als": (Als, lambda: AlternatingLeastSquares(factors=128, regularization=0.1, iterations=10, random_state=7), 1 + scale),
        "item_knn": (ItemKnn, lambda: CosineRecommender(K=200), 1.0),
    }
    figures, note = [], f"implicit {version('implicit')}, amazon_beauty without each user's last item"
    for name, (own, theirs, observed) in work.items():
        timed = _alternately(partial(_ours_on, own, data), partial(_theirs_on, theirs, matrix, observed))
        figures.append(timed.figure(lines, f"{name} against implicit: fitting", note))
        figures += _ranked(lines, f"{name} against implicit", shop, timed, matrix(observed), note)
    return figures


def _ours_on(kind: Callable[[], Source], data: Dataset) -> Source:
    return kind().fit(data)


def _theirs_on(kind: Callable[[], Any], matrix: Callable[[float], sparse.csr_matrix], observed: float) -> Any:
    """From the log's pairs, as ours does."""
    model = kind()
    model.fit(matrix(observed), show_progress=False)
    return model


def _ranked(lines: Lines, title: str, shop: LastOut, timed: Timed, matrix: sparse.csr_matrix, note: str) -> list[Figure]:
    users = np.sort(np.random.default_rng(7).permutation(shop.users)[:USERS])
    wanted = [{int(item)} for item in shop.target(1)[users]]
    block = shop.block(users, 1)
    seen = [np.unique(block.profiles.recent.item[block.profiles.recent.of(request)]) for request in range(len(block))]
    allowed = replace(Allowed.everything(shop.items, len(block)), excluded=seen)
    found = timed.made.retrieve(block, allowed, 10)
    own = [found.item[found.of_request(request)] for request in range(len(block))]
    theirs = list(timed.others.recommend(users, matrix[users], N=10, filter_already_liked_items=True)[0])
    return [
        lines.held(f"{title}: {name}, ours less theirs", interval(metric(own, wanted) - metric(theirs, wanted)), f"{note}; paired")
        for name, metric in (("ndcg@10", ndcg), ("hr@10", hits))
    ]


def _trees(lines: Lines) -> list[Figure]:
    """Order on random features of which five matter: fitting, and scoring the candidates of one request."""
    dice = np.random.default_rng(7)
    x = dice.standard_normal((ROWS, COLUMNS), np.float32)
    gain = (x[:, :5].sum(axis=1) + dice.standard_normal(ROWS) > 3).astype(float)
    groups, names = np.full(ROWS // GROUP, GROUP), [f"f{place}" for place in range(COLUMNS)]
    parameters = Boosted("order")._parameters(gain.astype(np.int32), groups)

    def theirs() -> lightgbm.Booster:
        return lightgbm.train({**COMMON, **parameters}, lightgbm.Dataset(x, gain.astype(np.int32), group=groups, feature_name=names), 160)

    timed = _alternately(lambda: Boosted("order").fit(x, gain, groups, names), theirs)
    few = x[:300]
    alone = partial(timed.others.predict, few, num_threads=1)  # as ours: other workers have the other cores
    scored = _alternately(lambda: [timed.made.score(few) for _ in range(TRIALS)], lambda: [alone() for _ in range(TRIALS)])
    fresh = dice.standard_normal((20_000, COLUMNS), np.float32)
    truth = (fresh[:, :5].sum(axis=1) + dice.standard_normal(len(fresh)) > 3).astype(float).reshape(-1, GROUP)
    gained = _order(timed.made.score(fresh), truth) - _order(timed.others.predict(fresh), truth)
    note = f"LightGBM {version('lightgbm')}, {ROWS:,} x {COLUMNS}, groups of {GROUP}, the same parameters"
    return [
        timed.figure(lines, "lambdamart against LightGBM's own calls: fitting", note),
        scored.figure(lines, "lambdamart against LightGBM's own calls: scoring 300", f"{TRIALS} times 300 rows, one thread"),
        lines.held("lambdamart against LightGBM's own calls: ndcg@10, ours less theirs", interval(gained), "fresh rows; paired"),
    ]


def _order(score: NDArray[np.floating], truth: Floats) -> Floats:
    """NDCG@10 of each group."""
    lists = list(np.argsort(-np.asarray(score).reshape(truth.shape), axis=1, kind="stable").astype(np.int32))
    return ndcg(lists, [set(np.flatnonzero(row).tolist()) for row in truth])


def _nets(lines: Lines, tables: Tables) -> list[Figure]:
    """Clicks of a simulated shop: the same columns, widths, batches and passes, no early stop."""
    figures, note = [], f"torch-rechub {version('torch-rechub')}, {len(tables.train):,} impressions, {EPOCHS} passes"
    for kind in ("deepfm", "dcn"):
        settings = replace(KINDS[kind], epochs=EPOCHS, patience=10**6)

        own, other = partial(_ours, kind, settings, tables), partial(_theirs, kind, settings, tables)
        timed = _alternately(own, other)
        said = timed.made.score(tables.test), timed.others.score(tables.test)
        figures.append(timed.figure(lines, f"{kind} against torch-rechub: fitting", note))
        figures += _sure(lines, f"{kind} against torch-rechub", tables, said, note)
    return figures


def _ours(kind: str, settings: Settings, tables: Tables) -> Net:
    net = Net(kind, settings, tables.layout)
    net.fit(tables.train)
    return net


def _theirs(kind: str, settings: Settings, tables: Tables) -> Rechub:
    with open(os.devnull, "w") as nowhere, redirect_stdout(nowhere), redirect_stderr(nowhere), TemporaryDirectory() as folder:
        return Rechub(kind, settings, tables.layout, folder).fit(tables.train)


def _sure(lines: Lines, title: str, tables: Tables, said: tuple[Floats, Floats], note: str) -> list[Figure]:
    """Log loss of each case, paired; whole users resampled would be wider still."""
    label = tables.test.label
    loss = [-np.log(np.clip(np.where(label > 0.5, one, 1 - one), 1e-12, 1)) for one in said]
    return [lines.held(f"{title}: logloss, theirs less ours", interval(loss[1] - loss[0]), f"{note}; not calibrated; paired")]


if __name__ == "__main__":
    show(peer_figures() if len(sys.argv) == 1 else sys.exit(__doc__))
