"""Click, cart and purchase by one net or by a net each, and what the position's tower learned beside the truth, on a simulated shop."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray
from scipy.stats import spearmanr

from aisle.evaluation.summary import ClickRuns, summarise_clicks
from aisle.ranking.calibrate import Calibrator
from aisle.ranking.ctr.base import sigmoid
from aisle.ranking.ctr.examples import Examples, Floats
from aisle.ranking.ctr.net import Net
from aisle.ranking.ctr.settings import KINDS
from aisle.simulate.truth import load
from benchmarks.ctr import METRICS
from benchmarks.ctr_tables import Tables, simulated
from benchmarks.figures import WORK, Figure, Lines, show

ITEMS, EVENTS = 2_000, 200_000
OUTCOMES = ("cart", "purchase")


def task_figures() -> list[Figure]:
    """AUC, GAUC, log loss, normalised entropy and calibration a task; clicks by rank as the tower has them."""
    lines, tables = Lines("ctr_tasks"), simulated(ITEMS, EVENTS)
    return [lines.machine(), *_tasks(lines, tables), *_position(lines, tables)]


def _tasks(lines: Lines, tables: Tables) -> list[Figure]:
    """One net for all three against the same net fitted for each outcome alone, over all impressions; each calibrated on dev."""
    together = Net("esmm", replace(KINDS["esmm"], outcomes=OUTCOMES), tables.layout).fit(tables.train)
    dev, test = (together.chances(some) for some in (tables.dev, tables.test))
    users, figures = tables.test.categories["user"].codes, []
    for place, name in enumerate(("click", *OUTCOMES)):
        train, asked, wanted = (_for(some, name) for some in (tables.train, tables.dev, tables.test))
        alone = Net("esmm", layout=tables.layout).fit(train).calibrate(asked)
        curve = Calibrator().fit(_logit(dev[:, place]), asked.label)
        said = {"together": np.asarray(curve.apply(_logit(test[:, place]))), "alone": alone.score(wanted)}
        scores = {"constant_rate": np.full(len(wanted), train.label.mean()), **said}
        found = summarise_clicks(ClickRuns(name, wanted.label, scores, tuple(scores), users, main="together"))
        note = f"{int(train.label.sum()):,} of {len(train):,} impressions to learn from; {tables.note}"
        for model in scores:
            figures += [
                lines.held(f"{name}: {model}: {one}", vars(found.models[model][one]), note) for one in METRICS if one in found.models[model]
            ]
        figures += [
            Figure(
                lines.part,
                f"{name}: together - alone: {one.metric}",
                one.difference,
                lines.command,
                one.low,
                one.high,
                one.n,
                "paired by user",
            )
            for one in found.comparisons
            if one.metric in ("auc", "logloss") and one.b == "alone"
        ]
    return figures


def _for(some: Examples, name: str) -> Examples:
    """The same cases with another outcome as their label."""
    return some if name == "click" else replace(some, label=some.outcomes[name])


def _logit(chance: Floats) -> NDArray[np.float64]:
    held = np.clip(chance, 1e-12, 1 - 1e-12)
    return np.asarray(np.log(held / (1 - held)))


def _position(lines: Lines, tables: Tables) -> list[Figure]:
    """How much a rank is clicked beside rank 0, the same things shown: by the tower, by the truth, and as the log has it."""
    assert tables.truth is not None
    net = Net("dcn", replace(KINDS["dcn"], tower="position"), tables.layout).fit(tables.train)
    blind = Net("dcn", layout=tables.layout).fit(tables.train.without("position"))
    truth, raw = load(WORK / "ctr_simulated"), net.raw(tables.test)
    attracted = tables.truth[np.isfinite(tables.truth)]
    position = tables.train.categories["position"]
    figures, wrong = [], {"the tower": [], "the log": []}  # type: ignore[var-annotated]
    first = np.array([np.nan, np.nan, np.nan])
    for rank, (seen, good, bad) in enumerate(zip(truth.examined, truth.trust_good, truth.trust_bad, strict=True)):
        clicked = seen * (good * attracted + bad * (1 - attracted)).mean()
        learned = sigmoid(raw + net.tower_.get(str(rank), np.nan)).mean()
        here = np.array([name == str(rank) for name in (*position.names, "")])[position.codes]
        logged = tables.train.label[here].mean() if here.any() else np.nan
        found = np.array([learned, logged, clicked])
        first = found if rank == 0 else first
        tower, log, true = found / first
        note = f"truth {true:.3f}, the log {log:.3f}; looked at {seen:.2f}"
        figures.append(lines.one(f"tower: clicks at rank {rank} beside rank 0", float(tower), note))
        if rank:
            wrong["the tower"].append(abs(tower - true))
            wrong["the log"].append(abs(log - true))
    for name, errors in wrong.items():
        figures.append(
            lines.one(f"clicks beside rank 0, mean distance of {name} from the truth", float(np.nanmean(errors)), "over ranks 1 and deeper")
        )
    known = np.isfinite(tables.truth)
    for title, score in (("a tower, left out", raw), ("never read", blind.raw(tables.test))):
        value = float(spearmanr(score[known], tables.truth[known]).statistic)
        figures.append(lines.one(f"position {title}: rank correlation with true attraction", value, n=int(known.sum())))
    return figures


if __name__ == "__main__":
    show(task_figures())
