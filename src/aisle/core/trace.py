"""What happened to a block on its way: the log line and the debug view."""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass
class Step:
    """One stage: how long it took and how many candidates went in and came out."""

    name: str
    took_ms: float
    before: int
    after: int


@dataclass
class Trace:
    """The steps in order, what was skipped and why, and whether the answer came from the fallback."""

    steps: list[Step] = field(default_factory=list)
    skipped: dict[str, str] = field(default_factory=dict)
    fallback: bool = False

    @property
    def degraded(self) -> bool:
        """Whether anything was left out of this answer."""
        return self.fallback or bool(self.skipped)
