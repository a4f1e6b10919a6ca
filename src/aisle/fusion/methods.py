"""The ways to fuse that compete with the global α, by name."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Protocol

from aisle.core.errors import SettingsError
from aisle.core.nearest import mend_of
from aisle.fusion.best_source import BestSource
from aisle.fusion.fuser import Fuser
from aisle.fusion.gate import Gate
from aisle.fusion.majority_vote import Majority
from aisle.fusion.segments import Segments
from aisle.fusion.softmax_vote import SoftmaxVote


class Opens(Protocol):
    """A fuser's class."""

    name: str

    def load(self, folder: Path) -> Fuser: ...


MADE: Mapping[Opens, Callable[[Sequence[str]], Fuser]] = {
    Segments: lambda _: Segments(),
    Majority: Majority,
    SoftmaxVote: SoftmaxVote,
    Gate: Gate,
    BestSource: BestSource,
}
"""Each way's class, and how an unfitted one over some sources is made: a new way is one file and one line here."""
FUSERS: Mapping[str, Opens] = {one.name: one for one in MADE}
WEIGHTED = "weighted_average"
"""The global α, which is no fuser: the stack's own sum."""


def known_way(name: str | None) -> None:
    """Raise `SettingsError` where the settings name no way to fuse; None leaves it to the measurement."""
    known = [WEIGHTED, *FUSERS]
    if name is not None and name not in known:
        raise SettingsError(f"aisle.toml: setting `ranking.fusion` names no way to fuse: `{name}`.", mend_of(name, known))


def unfitted(name: str, sources: Sequence[str]) -> Fuser:
    """A fuser over these sources that has learned nothing yet. Raises `SettingsError` where there is none of that name."""
    known_way(name)
    return MADE[FUSERS[name]](sources)
