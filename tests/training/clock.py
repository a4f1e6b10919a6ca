"""A clock that tests move by hand, or that moves with every look at it."""

from __future__ import annotations


class Clock:
    """Seconds that pass when told to, and ``step`` more with each look."""

    def __init__(self, step: float = 0.0) -> None:
        self.now, self.step = 100.0, step

    def __call__(self) -> float:
        self.now += self.step
        return self.now

    def pass_(self, seconds: float) -> None:
        """So much time goes by."""
        self.now += seconds


def countdown(looks: int) -> object:
    """Seconds left that are gone after so many looks: 1 each time, then 0."""
    seen = iter([1.0] * looks)
    return lambda: next(seen, 0.0)
