"""Softmax vote: every member spreads one vote over the candidates by the softmax of its scores; an item's score is what it got."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Self

import numpy as np
from numpy.typing import NDArray

from aisle.fusion.fuser import CTR, RER, Column, Columns, Floats, Lesson, column, rows_of, summed

TEMPERATURES = (0.25, 0.5, 1.0, 2.0, 4.0)
HIGHEST = 40.0
"""A larger exponent would overflow; whoever has it has the whole vote anyway."""
SURE = 1e-6
"""Probabilities nearer to 0 or 1 are taken for this."""


class SoftmaxVote:
    """``Σ_m exp(z_m / T) / N_m``: ``z_m`` is a member's score in units of its spread, ``N_m`` the mean over requests of the sum of
    ``exp(z_m / T)``, both as fitting saw them, so that a member has one vote a request on average and no score leans on what else stands
    there. ``T`` is chosen by quality. Soft voting of probabilities by the softmax of scores (Kittler et al., "On combining classifiers",
    1998, the sum rule; softmax with a temperature: Bridle 1990).

    Members are the sources, by their share of their best score, and the two sides, by the logarithm of their odds. A silent member votes
    for nobody.
    """

    name = "softmax_vote"

    def __init__(self, sources: Sequence[str], temperature: float = 1.0) -> None:
        self.members, self.temperature = (*sources, CTR, RER), temperature
        self.middle_, self.spread_, self.whole_ = np.zeros(len(self.members)), np.ones(len(self.members)), np.ones(len(self.members))

    def fit(self, lesson: Lesson) -> Self:
        """The members' scales by all requests, since what was taken has no part in them; then the temperature."""
        for place, member in enumerate(self.members):
            said = _says(lesson.columns, member)
            said = said[np.isfinite(said)]
            self.middle_[place], self.spread_[place] = (said.mean(), said.std() or 1.0) if len(said) else (0.0, 1.0)
        values = {}
        for temperature in TEMPERATURES:
            self.temperature = temperature
            values[temperature] = lesson.mean(lesson.judged((self.name, temperature), lambda: self._scaled(lesson).score(lesson.columns)))
        self.temperature = max(values, key=lambda one: values[one])
        return self._scaled(lesson)

    def _scaled(self, lesson: Lesson) -> Self:
        """With a vote a request for each member at the temperature that stands."""
        key = (self.name, self.temperature, "whole")
        if key not in lesson.memo:
            self.whole_, requests = np.ones(len(self.members)), max(1, len(lesson.use))
            given = self.parts(lesson.columns)
            lesson.memo[key] = np.array([max(given[name].sum(dtype=np.float64) / requests, 1e-9) for name in self.members])
        self.whole_ = np.asarray(lesson.memo[key], np.float64)
        return self

    def parts(self, columns: Columns) -> dict[str, Column]:
        """What each member gives."""
        if not rows_of(columns):
            return {}
        found = {}
        for place, member in enumerate(self.members):
            z = (_says(columns, member) - self.middle_[place]) / (self.spread_[place] * self.temperature)
            found[member] = np.nan_to_num(np.exp(np.minimum(z, HIGHEST)) / self.whole_[place]).astype(np.float32)
        return found

    def score(self, columns: Columns) -> Column:
        """``(n,) float32``: the votes."""
        return summed(self.parts(columns), columns)

    @property
    def weights(self) -> dict[str, float]:
        """The temperature; every member has one vote."""
        return {"temperature": self.temperature}

    def save(self, folder: Path) -> None:
        """Write ``softmax_vote.json``."""
        scales = {name: getattr(self, f"{name}_").tolist() for name in ("middle", "spread", "whole")}
        state = {"sources": self.members[:-2], "temperature": self.temperature, **scales}
        (folder / "softmax_vote.json").write_text(json.dumps(state), encoding="utf-8")

    @classmethod
    def load(cls, folder: Path) -> Self:
        """Open what `save` wrote."""
        state = json.loads((folder / "softmax_vote.json").read_text(encoding="utf-8"))
        model = cls(state["sources"], state["temperature"])
        model.middle_, model.spread_, model.whole_ = (np.array(state[name], float) for name in ("middle", "spread", "whole"))
        return model


def _says(columns: Columns, member: str) -> Floats:
    """``(n,) float64``: a source's share of its best, a side's log-odds; NaN where silent."""
    if member not in (CTR, RER):
        return column(columns, f"{member}_share").astype(np.float64)
    chance: NDArray[np.float64] = np.clip(column(columns, member).astype(np.float64), SURE, 1 - SURE)
    return np.asarray(np.log(chance) - np.log1p(-chance))
