"""The curves of a training that runs in a process of its own, as JSON lines on standard output, for whoever waits for it."""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping

from aisle.tracking.run import Json


class Spoken:
    """The sink of such a process: every point and fact is said at once."""

    def point(self, part: str, step: int, values: Mapping[str, float]) -> None:
        """``{"point": part, "step", "values"}``."""
        say(point=part, step=step, values=values)

    def fact(self, name: str, value: Json) -> None:
        """``{"fact": name, "value"}``."""
        say(fact=name, value=value)

    def close(self) -> None:
        """Everything was said."""


def say(**values: object) -> None:
    """One line."""
    sys.stdout.write(json.dumps(values) + "\n")
    sys.stdout.flush()
