"""How many requests of each window fit into the time and the memory."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from math import inf

from aisle.core.room import free
from aisle.evaluation.replay import Replay
from aisle.training.budget import Left, part_of
from aisle.training.frames import Frame

PARTS = {2: 0.5, 3: 0.2, 4: 0.3}
"""How the windows divide the time and the memory."""
MEMORY = 1.0e9
"""Bytes that the features of one task's windows may take together on a small machine."""
SMALL, WIDEST = 8.0e9, 4.0
"""Free bytes of such a machine; one with more holds more requests of windows 3 and 4, so many times at most. Those of window 2 are learned
from, which takes memory again."""
FIRST, TRIAL, CHEAP = 32, 128, 0.02
"""Requests that are timed; so many more where the first took but this share of the time left, since they made what later ones find made and
so tell too little of the pace."""
FEWEST = 50
"""Requests of each window that are replayed however little time there is."""


@dataclass(frozen=True)
class Pace:
    """``most``: requests of each window by the settings, or exactly so many by an earlier run's plan (``planned``); ``left``: seconds left
    for replaying; ``wider``: how many times as many candidates as in window 2 a request has in the others."""

    most: Mapping[int, int]
    planned: bool
    left: Left
    wider: float = 1.0

    def sizes(self, trial: Callable[[Replay], Frame], windows: Mapping[int, Replay], seed: int) -> dict[int, int]:
        """Window to the most requests to replay, by a few requests of window 2."""
        if self.planned:
            return dict(self.most)
        tried, each = self._timed(trial, windows[2].sample(FIRST, seed))
        if FIRST * each < CHEAP * self.left():
            tried, each = self._timed(trial, windows[2].sample(TRIAL, seed))
        bytes_each = 4 * max(1, len(tried.names)) * max(1.0, len(tried.item) / max(1, len(tried.groups)))
        fits = {window: PARTS[window] * self.left() / each if each > 0 else inf for window in PARTS}
        more = min(WIDEST, max(1.0, free() / SMALL)) / self.wider
        room = {window: MEMORY * PARTS[window] / bytes_each * (1 if window == 2 else more) for window in PARTS}
        return {window: max(FEWEST, int(min(self.most[window], fits[window], room[window]))) for window in PARTS}

    def _timed(self, trial: Callable[[Replay], Frame], few: Replay) -> tuple[Frame, float]:
        """What comes of a few requests, and the seconds for each, 0 without a clock."""
        before = self.left()
        tried = trial(few)
        return tried, (before - self.left()) / max(1, len(few)) if before < inf else 0.0

    def window(self, window: int) -> Left:
        """The time for one window's requests: the machine may have grown slower since the trial."""
        return part_of(self.left, PARTS[window] / sum(share for number, share in PARTS.items() if number >= window))
