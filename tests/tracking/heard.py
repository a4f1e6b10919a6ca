"""A sink that remembers, for tests of what loops tell."""

from __future__ import annotations

from collections.abc import Mapping

from aisle.tracking.run import Json


class Heard:
    """A sink that remembers."""

    def __init__(self) -> None:
        self.points: list[tuple[str, int, dict[str, float]]] = []
        self.facts: dict[str, Json] = {}
        self.closed = False

    def point(self, part: str, step: int, values: Mapping[str, float]) -> None:
        self.points.append((part, step, dict(values)))

    def fact(self, name: str, value: Json) -> None:
        self.facts[name] = value

    def close(self) -> None:
        self.closed = True

    def of(self, part: str) -> dict[int, dict[str, float]]:
        """What was told of one part, by step."""
        found: dict[int, dict[str, float]] = {}
        for name, step, values in self.points:
            if name == part and values:
                found.setdefault(step, {}).update(values)
        return found
