"""Two rankers of trees as one: what both say, each in units of its own spread."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Self

import numpy as np
from numpy.typing import NDArray

from aisle.ranking.boosted import Boosted, Matrix

FILE = "blend.json"
LOOKED_AT = 50_000
"""Rows that tell a member's mean and spread."""


class Blend:
    """``z = Σ_m (s_m - mean_m) / deviation_m`` over the members' raw scores ``s_m``, mean and deviation being those over what taught them.

    CombSUM (Fox and Shaw 1994, Combination of Multiple Searches) of scores with zero mean and unit variance (Montague and Aslam 2001,
    Relevance Score Normalization for Metasearch): models that learned by another loss err elsewhere.
    """

    name = "blend"
    link = "identity"

    def __init__(self, members: Sequence[Boosted], means: Sequence[float], deviations: Sequence[float]) -> None:
        self.members = tuple(members)
        self.means, self.deviations = np.array(means, np.float64), np.array(deviations, np.float64)

    @classmethod
    def of(cls, members: Sequence[Boosted], x: Matrix) -> Self:
        """From fitted members and the rows ``x`` ``(n, f)`` that taught them."""
        few = x[:: max(1, len(x) // LOOKED_AT)]
        said = [member.summed(few).astype(np.float64) for member in members]
        return cls(members, [float(one.mean()) for one in said], [float(one.std()) or 1.0 for one in said])

    def score(self, x: Matrix) -> NDArray[np.float32]:
        """``(n,) float32``, fit for an order alone."""
        said = (member.summed(x) for member in self.members)
        return np.asarray(self._joined([one.astype(np.float64) for one in said]), np.float32)

    def raw(self, x: Matrix) -> NDArray[np.float64]:
        """``(n,) float64``: the same, summed in double precision."""
        return self._joined([member.raw(x) for member in self.members])

    def contributions(self, x: Matrix) -> NDArray[np.float64]:
        """``(n, f + 1) float64``: what each feature adds to `raw`, exactly; the base comes last."""
        found = np.zeros((len(x), x.shape[1] + 1))
        for member, mean, deviation in zip(self.members, self.means, self.deviations, strict=True):
            found += member.contributions(x) / deviation
            found[:, -1] -= mean / deviation
        return found

    def _joined(self, said: Sequence[NDArray[np.float64]]) -> NDArray[np.float64]:
        parts = [(one - mean) / deviation for one, mean, deviation in zip(said, self.means, self.deviations, strict=True)]
        return np.asarray(np.sum(parts, axis=0), np.float64)

    def save(self, folder: Path) -> None:
        """Write the members, and ``blend.json`` with their names, means and deviations."""
        folder.mkdir(parents=True, exist_ok=True)
        for member in self.members:
            member.save(folder / member.name)
        told = {
            "members": [member.objective for member in self.members],
            "means": self.means.tolist(),
            "deviations": self.deviations.tolist(),
        }
        (folder / FILE).write_text(json.dumps(told), encoding="utf-8")

    @classmethod
    def load(cls, folder: Path) -> Self:
        """Open what `save` wrote."""
        told = json.loads((folder / FILE).read_text(encoding="utf-8"))
        members = [Boosted.load(folder / Boosted(objective).name, objective) for objective in told["members"]]
        return cls(members, told["means"], told["deviations"])
