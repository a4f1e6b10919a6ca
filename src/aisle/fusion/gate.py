"""Gating by context: a small softmax over what the request is like decides how much each member weighs."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Self

import numpy as np

from aisle.fusion.fuser import CTR, HEAD, IDLE, KNOWN, LENGTH, RANK, RER, Column, Columns, Floats, Lesson, column, rows_of, summed
from aisle.ranking.calibrate import Calibrator

CONTEXT = (KNOWN, IDLE, LENGTH, HEAD, RANK)
STRANGE = 3.0
"""Spreads from the mean at which a context counts no further."""
ROWS = 100_000
"""Candidates that a member's curve needs at most."""
FIRST = 4.0
"""Where fitting starts, a source's weight is this much, in logits, below that of the two sides."""
EPOCHS = 60


class Gate:
    """``Σ_m g_m(x) · v_m`` with ``g(x) = softmax(W x)``: a mixture of experts whose gate sees the request alone (Jacobs, Jordan, Nowlan and
    Hinton, "Adaptive mixtures of local experts", 1991).

    Members ``m`` are the two sides and the sources; ``v_m`` is a probability: a side's own, and for a source the calibrated rate at which
    what stands at its rank is taken, 0 where it is silent. ``x`` is how much is known of the user, how long ago he was last seen, the
    query's length, whether it is a head query and whether items were handed in, in units of their spread, a missing one at the mean.
    Fitted by the likelihood of what was taken among its request's candidates, in proportion to their scores, with ``regularization`` of
    the distance to where it starts: the global α.
    """

    name = "gate"

    def __init__(self, sources: Sequence[str], regularization: float = 1e-3) -> None:
        self.members, self.regularization = (CTR, RER, *sources), regularization
        self.middle_, self.spread_ = np.zeros(len(CONTEXT)), np.ones(len(CONTEXT))
        self.theta_ = np.zeros((len(self.members), 1 + len(CONTEXT)))
        self.curves_ = {name: Calibrator() for name in sources}

    def fit(self, lesson: Lesson) -> Self:
        """The sources' curves, the scale of the context, the gate."""
        from scipy.optimize import minimize  # here, since serving never fits and would load it at its start

        rows = np.flatnonzero(lesson.rows)
        some = rows[:: max(1, len(rows) // ROWS)]
        for name, curve in self.curves_.items():
            curve.fit(-column(lesson.columns, f"{name}_rank")[some], lesson.taken[some].astype(float))
        self._scale(lesson)
        taken, among, x = self._requests(lesson)
        start = np.zeros_like(self.theta_)
        start[:, 0] = [np.log(max(lesson.alpha, 0.02)), np.log(max(1 - lesson.alpha, 0.02)), *[-FIRST] * len(self.curves_)]
        self.theta_ = start
        if len(taken):
            arguments = (taken, among, x, start)
            found = minimize(self._loss, start.ravel(), arguments, jac=True, method="L-BFGS-B", options={"maxiter": EPOCHS})
            self.theta_ = found.x.reshape(start.shape)
        return self

    def _scale(self, lesson: Lesson) -> None:
        for place, name in enumerate(CONTEXT):
            known = lesson.of_request(name)[lesson.use]
            known = known[np.isfinite(known)]
            self.middle_[place], self.spread_[place] = (known.mean(), known.std() or 1.0) if len(known) else (0.0, 1.0)

    def _requests(self, lesson: Lesson) -> tuple[Floats, Floats, Floats]:
        """``(r, members)``: what was taken is worth to each member, and all candidates together; ``(r, 1 + context)``: the requests. One
        row a request that took something: no more of the candidates is needed."""
        counts, filled = np.diff(lesson.offsets), np.diff(lesson.offsets) > 0
        worth, starts = self._worth(lesson.columns), lesson.offsets[:-1][filled]
        among, taken = (np.zeros((len(counts), len(self.members))) for _ in range(2))
        among[filled] = np.add.reduceat(worth, starts, axis=0)
        taken[filled] = np.add.reduceat(worth * lesson.taken[:, None], starts, axis=0)
        x = self._context({name: lesson.of_request(name).astype(np.float32) for name in CONTEXT})
        wanted = lesson.use & (taken.sum(axis=1) > 0)
        return taken[wanted], among[wanted], x[wanted]

    def _loss(self, theta: Floats, taken: Floats, among: Floats, x: Floats, start: Floats) -> tuple[float, Floats]:
        away = theta.reshape(start.shape) - start
        gate = _softmax(x @ theta.reshape(start.shape).T)
        hit, whole = (gate * taken).sum(axis=1), (gate * among).sum(axis=1)
        loss = np.log(whole).mean() - np.log(hit).mean() + self.regularization * (away**2).sum()
        push = among / whole[:, None] - taken / hit[:, None]
        slope = gate * (push - (gate * push).sum(axis=1, keepdims=True)) / len(x)
        return float(loss), (slope.T @ x + 2 * self.regularization * away).ravel()

    def _worth(self, columns: Columns) -> Floats:
        """``(n, members) float64``."""
        sides = [np.nan_to_num(column(columns, side).astype(np.float64)) for side in (CTR, RER)]
        ranks = [np.nan_to_num(curve.apply(-column(columns, f"{name}_rank"))) for name, curve in self.curves_.items()]
        return np.stack([*sides, *ranks], axis=1)

    def _context(self, columns: Columns) -> Floats:
        """``(n, 1 + context) float64``, a constant first."""
        read = [(column(columns, name) - middle) / spread for name, middle, spread in zip(CONTEXT, self.middle_, self.spread_, strict=True)]
        known = np.clip(np.nan_to_num(np.stack(read, axis=1)), -STRANGE, STRANGE)
        return np.column_stack([np.ones(len(known)), known])

    def parts(self, columns: Columns) -> dict[str, Column]:
        """Each member's weight times what the item is worth to it."""
        if not rows_of(columns):
            return {}
        given = _softmax(self._context(columns) @ self.theta_.T) * self._worth(columns)
        return dict(zip(self.members, given.T.astype(np.float32), strict=True))

    def score(self, columns: Columns) -> Column:
        """``(n,) float32``: the gated sum."""
        return summed(self.parts(columns), columns)

    @property
    def weights(self) -> dict[str, float]:
        """Member to its weight for a request that is like the mean."""
        return dict(zip(self.members, _softmax(self.theta_[:, :1].T)[0].tolist(), strict=True))

    def save(self, folder: Path) -> None:
        """Write ``gate.json``."""
        state = {
            "sources": self.members[2:],
            "regularization": self.regularization,
            "middle": self.middle_.tolist(),
            "spread": self.spread_.tolist(),
            "theta": self.theta_.tolist(),
            "curves": {name: curve.to_dict() for name, curve in self.curves_.items()},
        }
        (folder / "gate.json").write_text(json.dumps(state), encoding="utf-8")

    @classmethod
    def load(cls, folder: Path) -> Self:
        """Open what `save` wrote."""
        state = json.loads((folder / "gate.json").read_text(encoding="utf-8"))
        model = cls(state["sources"], state["regularization"])
        model.middle_, model.spread_, model.theta_ = (np.array(state[name], float) for name in ("middle", "spread", "theta"))
        model.curves_ = {name: Calibrator.from_dict(curve) for name, curve in state["curves"].items()}
        return model


def _softmax(logits: Floats) -> Floats:
    grown = np.exp(logits - logits.max(axis=1, keepdims=True))
    return np.asarray(grown / grown.sum(axis=1, keepdims=True), np.float64)
