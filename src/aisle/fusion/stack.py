"""All that orders one task's candidates: the ranker (CTR), the recall side (RER), and Z = α·CTR + (1-α)·RER."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from aisle.core.request import Request
from aisle.fusion.fuser import CTR, RER, Fuser, asked
from aisle.fusion.methods import FUSERS
from aisle.fusion.recall import Recall
from aisle.fusion.segments import mixed
from aisle.ranking.calibrate import Calibrator
from aisle.ranking.ctr.bert_score import ReadAlone
from aisle.ranking.ctr.matrix import OverFeatures
from aisle.ranking.ctr.settings import KINDS
from aisle.ranking.features import matrix
from aisle.ranking.rankers import Ranker, opened

Column = NDArray[np.float32]
POSITION = "position"
"""Feature of click models alone: log(1 + rank shown at), 0 when answering, so that a place on the page is not taken for merit."""


ITEM = "item"
"""Feature of click-through nets alone: the item's row in the bundle."""


class Chance(Protocol):
    """A fitted model that gives the probability of a click from the feature matrix."""

    name: str

    def score(self, x: NDArray[np.float32]) -> Column: ...
    def save(self, folder: Path) -> None: ...


@dataclass
class Stack:
    """How one task is answered. Without a ranker the recall side alone decides, which is what a shop without labels gets.

    ``sources`` propose; ``names`` are the ranker's features in order; ``ctr`` and ``rer`` calibrate the two sides to the same scale.
    ``fuser``: another way to fuse them, where window 3 surely prefers one; it reads which queries are ``heads``.
    ``clicks``, where the log has impressions, is the calibrated probability of a click on what was shown.
    """

    task: str
    sources: tuple[str, ...]
    recall: Recall
    names: tuple[str, ...] = ()
    ranker: Ranker | None = None
    ctr: Calibrator | None = None
    rer: Calibrator | None = None
    alpha: float = 0.5
    clicks: Chance | None = None
    click_names: tuple[str, ...] = ()
    click_calibrator: Calibrator | None = None
    event: str | None = None
    fuser: Fuser | None = None
    heads: frozenset[str] = frozenset()

    def recall_score(self, features: Mapping[str, Column]) -> Column:
        """RER, calibrated where a calibrator was fitted."""
        score = self.recall.score(features)
        return score if self.rer is None else np.asarray(self.rer.apply(score), np.float32)

    def rank_score(self, features: Mapping[str, Column]) -> Column | None:
        """CTR, None without a ranker."""
        if self.ranker is None or self.ctr is None:
            return None
        return np.asarray(self.ctr.apply(self.ranker.score(matrix(features, self.names))), np.float32)

    def fuse(self, features: Mapping[str, Column]) -> dict[str, Column]:
        """``rer``, ``ctr`` where there is a ranker, and ``score``, the fused Z."""
        rer, ctr = self.recall_score(features), self.rank_score(features)
        if ctr is None:
            return {"rer": rer, "score": rer}
        sides = {RER: rer, CTR: ctr}
        score = mixed(self.alpha, ctr, rer) if self.fuser is None else self.fuser.score({**features, **sides})
        return {**sides, "score": score}

    def asked(self, requests: Sequence[Request], request: NDArray[np.integer]) -> dict[str, Column]:
        """What `fuse` reads of the requests beside the features, ``(n,)`` each for candidates of ``request`` ``(n,)``; nothing under α."""
        return {} if self.fuser is None else asked(requests, request, self.heads)

    def probability(self, features: Mapping[str, Column]) -> Column | None:
        """The calibrated probability of ``event`` at the top of the page, None where the log had no negatives to learn it from."""
        if self.clicks is None or self.click_calibrator is None:
            return None
        first = {**features, POSITION: np.zeros(len(next(iter(features.values()), [])), np.float32)}
        return np.asarray(self.click_calibrator.apply(self.clicks.score(matrix(first, self.click_names))), np.float32)

    def moved(self, rows: NDArray[np.int32]) -> Stack:
        """The same in a bundle whose items stand in other rows: ``rows`` ``(n,) int32`` says where each stood, -1 for a new one."""
        return replace(self, clicks=self.clicks.moved(rows)) if isinstance(self.clicks, OverFeatures) else self

    def save(self, folder: Path) -> None:
        """Write the models and ``stack.json``."""
        folder.mkdir(parents=True, exist_ok=True)
        self.recall.save(folder)
        for part, model in (("ranker", self.ranker), ("clicks", self.clicks)):
            if model is not None:
                model.save(folder / part)
        if self.fuser is not None:
            (folder / "fuser").mkdir(exist_ok=True)
            self.fuser.save(folder / "fuser")
        state = {
            "task": self.task,
            "sources": self.sources,
            "names": self.names,
            "ranker": self.ranker.name if self.ranker else None,
            "clicks": self.clicks.name if self.clicks else None,
            "click_names": self.click_names,
            "alpha": self.alpha,
            "event": self.event,
            "fuser": self.fuser.name if self.fuser else None,
            "heads": sorted(self.heads) if self.fuser else [],
            "calibrators": {name: held.to_dict() for name, held in self._calibrators().items() if held is not None},
        }
        (folder / "stack.json").write_text(json.dumps(state), encoding="utf-8")

    def _calibrators(self) -> dict[str, Calibrator | None]:
        return {"ctr": self.ctr, "rer": self.rer, "click_calibrator": self.click_calibrator}

    @classmethod
    def load(cls, folder: Path) -> Stack:
        """Open what `save` wrote."""
        state = json.loads((folder / "stack.json").read_text(encoding="utf-8"))
        calibrators = {name: Calibrator.from_dict(held) for name, held in state["calibrators"].items()}
        return cls(
            task=state["task"],
            sources=tuple(state["sources"]),
            recall=Recall.load(folder),
            names=tuple(state["names"]),
            ranker=_ranker(folder / "ranker", state["ranker"]),
            alpha=state["alpha"],
            clicks=_chance(folder / "clicks", state["clicks"]),
            click_names=tuple(state["click_names"]),
            event=state["event"],
            fuser=FUSERS[state["fuser"]].load(folder / "fuser") if state.get("fuser") else None,
            heads=frozenset(state.get("heads", ())),
            **calibrators,
        )


def _chance(folder: Path, name: str | None) -> Chance | None:
    return OverFeatures.load(folder) if name in KINDS else _ranker(folder, name)


def _ranker(folder: Path, name: str | None) -> Ranker | None:
    if name is None:
        return None
    return ReadAlone.load(folder) if name == ReadAlone.name else opened(name, folder)
