"""What happened to a block on its way: the log line and the debug view."""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass(frozen=True)
class Step:
    """One stage: how long it took and how many things it gave (candidates, where it gives candidates)."""

    name: str
    took_ms: float
    gave: int


@dataclass
class Trace:
    """The steps in order, what was skipped and why, how many candidates the filters removed, whether the fallback answered; all of it
    for the ``requests`` of the block together."""

    steps: list[Step] = field(default_factory=list)
    skipped: dict[str, str] = field(default_factory=dict)
    removed: int = 0
    fallback: bool = False
    requests: int = 1

    @property
    def degraded(self) -> bool:
        """Whether anything was left out of this answer."""
        return self.fallback or bool(self.skipped)
