"""Sources that a weighted sum saw no use for, looked at again by trees: they learn when to believe a source, a sum cannot."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from math import inf

import numpy as np
from numpy.typing import NDArray

from aisle.evaluation.results import PlanRow
from aisle.ranking.boosted import Boosted
from aisle.ranking.features import agreement
from aisle.training.budget import Left
from aisle.training.choose import gain_of, mean, quality
from aisle.training.frames import Frame, best
from aisle.training.learn import levels

DEEP = 60
"""Candidates of a request that the trees see: those that most sources put far up. What stands below them reaches no first page."""
FEWEST = 300
"""Requests of window 2 whose wanted item stands among those, below which trees learn less than a sum."""
LEAVES, TREES = 8, 100
UNTRIED = "stays untried by trees: the time for choosing was used up"
NEEDED = "without it trees lose NDCG@10 on window 3, though a sum does not"
NEEDLESS = "trees find as much without it on window 3, and so does a sum"
SURE = 0.5
"""Standard errors that a source must gain. On the real logs one that helps gains one to two, by so few requests; on a page a source costs
a tenth of the time, so that one which gains nothing should go."""


def look_again(rows: Sequence[PlanRow], fit: Frame, dev: Frame, left: Left = lambda: inf, seed: int = 7) -> list[PlanRow]:
    """``rows`` of `aisle.training.choose` with those sources kept as well whose absence costs LambdaMART over what the sources say, fitted
    on ``fit`` (window 2), judged on ``dev`` (window 3): backward elimination from all of them, of those that the sum did not keep.

    Adding the best of them one by one instead finds on one draw of requests nearly all, on the next hardly any: each gains little alone,
    several together a tenth of NDCG@10 on amazon_beauty. So where no time is ``left`` for it, all stay.
    """
    doubtful = [row.part for row in rows if not row.kept]
    found = {row.part: row if row.kept else replace(row, kept=True, why=UNTRIED) for row in rows}
    if not doubtful or left() <= 0:
        return list(found.values())
    trials = _Trials(list(found), fit, dev, seed)
    if trials.taught < FEWEST:
        return list(rows)
    rest = list(found)
    before = trials.quality(rest)
    while doubtful and left() > 0:
        lost = {name: before - trials.quality([one for one in rest if one != name]) for name in doubtful if left() > 0}
        found |= {name: PlanRow(name, True, gain=mean(values), why=NEEDED) for name, values in lost.items()}
        name = min(lost, key=lambda one: mean(lost[one]), default="")
        value, error = gain_of(lost[name]) if name else (inf, 0.0)
        if value > SURE * error:
            break
        before = before - lost[name]
        rest.remove(name)
        doubtful.remove(name)
        found[name] = PlanRow(name, False, gain=value, why=NEEDLESS)
    return list(found.values())


class _Trials:
    """The candidates that trees see of each window; a trial is one small model."""

    def __init__(self, sources: Sequence[str], fit: Frame, dev: Frame, seed: int) -> None:
        self.seed, self.dev = seed, _near(dev, sources)
        self.fit = _wanted(_near(fit, sources))

    @property
    def taught(self) -> int:
        """Requests that teach."""
        return int(self.fit.wanting.sum())

    def quality(self, sources: Sequence[str]) -> NDArray[np.float64]:
        """``(requests,) float64``: NDCG@10 on the later window of trees that read these sources alone."""
        fit, dev = _wanted(self.fit.only(sources)), self.dev.only(sources)
        names = list(fit.names)
        model = Boosted("order", leaves=LEAVES, epochs=TREES, seed=self.seed).fit(fit.table(names), levels(fit), fit.groups, names)
        return quality(dev, dev.by(model, names))


def _near(frame: Frame, sources: Sequence[str]) -> Frame:
    """The candidates that ``sources`` together put far up, with what the sources say and nothing else."""
    shares, ranks = (np.stack([frame.features[f"{name}_{what}"] for name in sources]) for what in ("share", "rank"))
    together = agreement(shares, ranks)
    mask = np.zeros(len(frame.item), bool)
    mask[best(frame.offsets, together["places_summed"], DEEP)] = True
    names = [f"{name}_{what}" for name in sources for what in ("share", "rank")]
    kept = frame.keep(mask, names)
    more = np.stack([values[mask] for values in together.values()])
    return replace(kept, names=(*kept.names, *together), x=np.concatenate([kept.x, more]))


def _wanted(frame: Frame) -> Frame:
    """The requests that wanted something which was proposed, and no other row."""
    return frame.keep(frame.wanting[frame.request], frame.names)
