"""The ways to fuse that compete with the global α, by name."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Protocol

from aisle.fusion.fuser import Fuser
from aisle.fusion.gate import Gate
from aisle.fusion.majority_vote import Majority
from aisle.fusion.segments import Segments
from aisle.fusion.softmax_vote import SoftmaxVote


class Opens(Protocol):
    """A fuser's class."""

    def load(self, folder: Path) -> Fuser: ...


FUSERS: Mapping[str, Opens] = {one.name: one for one in (Segments, Majority, SoftmaxVote, Gate)}
WEIGHTED = "weighted_average"
"""The global α, which is no fuser: the stack's own sum."""


def unfitted(name: str, sources: Sequence[str]) -> Fuser:
    """A fuser over these sources that has learned nothing yet."""
    if name == Segments.name:
        return Segments()
    made: Mapping[str, Callable[[Sequence[str]], Fuser]] = {one.name: one for one in (Majority, SoftmaxVote, Gate)}
    return made[name](sources)
