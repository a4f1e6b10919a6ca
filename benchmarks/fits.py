"""How long the models take to fit: sources on amazon_beauty, trees on a million rows; two cores. ``python -m benchmarks.fits``"""

from __future__ import annotations

from math import ceil
from time import perf_counter, process_time

import numpy as np

from aisle.core.events import Dataset
from aisle.core.stage import Source
from aisle.ranking.boosted import Boosted
from aisle.retrieval.als import Als
from aisle.retrieval.ease import Ease
from aisle.retrieval.item_knn import ItemKnn
from aisle.retrieval.markov import Markov
from aisle.retrieval.ncf import Ncf
from aisle.retrieval.sasrec import SasRec
from aisle.retrieval.two_tower import TwoTower
from benchmarks.amazon_parts import amazon
from benchmarks.figures import Figure, Lines, show

ROWS, COLUMNS, GROUP = 1_000_000, 50, 100
SOURCES: tuple[type[Source], ...] = (Markov, ItemKnn, Als, Ease, SasRec, TwoTower, Ncf)


def fit_figures() -> list[Figure]:
    """Wall and CPU seconds of each fit, with default settings."""
    lines, shop = Lines("fits"), amazon()
    data = shop.before(1)
    figures = [lines.machine()]
    for kind in SOURCES:
        figures += _fitted(lines, kind, data)
    return [*figures, *_trees(lines)]


def _fitted(lines: Lines, kind: type[Source], data: Dataset) -> list[Figure]:
    wall, cpu = perf_counter(), process_time()
    kind().fit(data)
    note = f"amazon_beauty, all but each user's last: {len(data.events):,} events, {len(data.catalogue):,} items"
    return [
        lines.one(f"{kind.name}: seconds", perf_counter() - wall, note),
        lines.one(f"{kind.name}: CPU seconds", process_time() - cpu, note),
    ]


def _trees(lines: Lines) -> list[Figure]:
    """Order by LambdaMART on random features of which five matter, a tenth missing."""
    dice = np.random.default_rng(7)
    x = dice.standard_normal((ROWS, COLUMNS), np.float32)
    gain = (x[:, :5].sum(axis=1) + dice.standard_normal(ROWS) > 3).astype(float)
    x[dice.random(x.shape) < 0.1] = np.nan
    groups = np.full(ceil(ROWS / GROUP), GROUP)
    wall, cpu = perf_counter(), process_time()
    model = Boosted("order").fit(x, gain, groups, [f"f{place}" for place in range(COLUMNS)])
    note = f"{model.epochs} trees of {model.leaves} leaves on {ROWS:,} x {COLUMNS}, groups of {GROUP}"
    return [
        lines.one("lambdamart: seconds", perf_counter() - wall, note),
        lines.one("lambdamart: CPU seconds", process_time() - cpu, note),
    ]


if __name__ == "__main__":
    show(fit_figures())
