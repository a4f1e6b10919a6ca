"""The top of a search page read again: a cross-encoder's word on the first of the fused order, mixed into their scores."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Self

import numpy as np
from numpy.typing import NDArray

from aisle.core.candidates import Candidates
from aisle.core.catalogue import Catalogue
from aisle.core.stage import Block, Query
from aisle.fusion.pool import BEYOND
from aisle.ranking.calibrate import Calibrator
from aisle.retrieval.vectors import item_texts
from aisle.text.cross import Cross

Column = NDArray[np.float32]
RAW = "cross_raw"
"""Column of what the cross-encoder said, before calibration."""


@dataclass(frozen=True)
class Top:
    """Re-scores the ``first`` candidates of a request by ``(1 - weight)·Z + weight·C``, where C is calibrated to what Z is: how likely an
    item is wanted. Those behind them keep Z, so that one of the first that disappoints falls among them.

    ``first`` is fixed when the bundle is made, from ``ms``, the milliseconds it may take: no clock changes an answer.
    """

    cross: Cross
    first: int
    weight: float
    calibrator: Calibrator
    ms: float

    def wants(self, block: Block) -> bool:
        """Whether any request of the block is a search by relevance."""
        return any(query is not None for query in self._asked(block))

    def __call__(self, block: Block, candidates: Candidates, catalogue: Catalogue) -> Candidates:
        """The same candidates, their ``score`` mixed; what it was is ``fused`` now, and ``cross`` is C, NaN for what was not read."""
        raw = read(self.cross, self.first, self._asked(block), candidates, catalogue)
        said = np.asarray(self.calibrator.apply(raw), np.float32)
        columns = {**candidates.columns, "fused": candidates["score"], "score": mixed(candidates["score"], said, self.weight)}
        return Candidates(candidates.offsets, candidates.item, {**columns, "cross": said, RAW: raw})

    @staticmethod
    def _asked(block: Block) -> list[Query | None]:
        pairs = zip(block.requests, block.queries, strict=True)
        return [query if request.surface == "search" and request.sort == "relevance" else None for request, query in pairs]

    def save(self, folder: Path) -> None:
        """Write the model and ``top.json``."""
        self.cross.save(folder)
        state = {"first": self.first, "weight": self.weight, "calibrator": self.calibrator.to_dict(), "ms": self.ms}
        (folder / "top.json").write_text(json.dumps(state), encoding="utf-8")

    @classmethod
    def load(cls, folder: Path) -> Self:
        """Open what `save` wrote."""
        state = json.loads((folder / "top.json").read_text(encoding="utf-8"))
        calibrator = Calibrator.from_dict(state["calibrator"])
        return cls(Cross.load(folder), int(state["first"]), float(state["weight"]), calibrator, float(state["ms"]))


def read(cross: Cross, first: int, queries: Sequence[Query | None], candidates: Candidates, catalogue: Catalogue) -> Column:
    """``(n,) float32``: the cross-encoder's score of each request's ``first`` by ``score``, NaN for those behind them and where nothing is
    asked."""
    score = np.where(np.isfinite(candidates["score"]), candidates["score"], -np.inf)
    beyond = candidates.columns.get(BEYOND, np.zeros(len(candidates), np.float32))
    order = np.lexsort((candidates.item, -score, beyond, candidates.request))
    result = np.full(len(candidates), np.nan, np.float32)
    for number, query in enumerate(queries):
        if query is not None:
            rows = order[candidates.of_request(number)][:first]
            result[rows] = cross.score(query.correction or query.text, item_texts(catalogue, candidates.item[rows]))
    return result


def mixed(fused: Column, said: Column, weight: float) -> Column:
    """``(n,) float32``: both together where something was ``said``, else ``fused`` as it was."""
    return np.where(np.isnan(said), fused, (1 - weight) * fused + weight * said).astype(np.float32)
