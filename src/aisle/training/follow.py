"""A training is followed: its curves under one name, with which a run that is taken up goes on, and what the report shows of them."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime

from aisle.core.events import Dataset
from aisle.evaluation.curves import Curve, curves
from aisle.settings import Settings
from aisle.tracking.boards import opened
from aisle.tracking.lines import read
from aisle.tracking.run import Run, fact, tracked
from aisle.training.parts import Parts

PRIVATE = {"sources", "tracking"}
"""Settings that say where the shop keeps its files, which may hold a password, or nothing of the training."""


@contextmanager
def followed(parts: Parts, data: Dataset, settings: Settings) -> Iterator[Run]:
    """Whatever is learned in this block tells its curves to the JSON lines and to the boards of the settings."""
    name = str(parts.decided("tracking", lambda: f"{datetime.now(UTC):%Y%m%d-%H%M%S}-{data.fingerprint[:6]}"))
    with tracked(opened(settings.tracking, parts.folder.parent / "tracking", name)) as run:
        introduce(data, settings)
        yield run


def introduce(data: Dataset, settings: Settings) -> None:
    """What is learned from, and how."""
    fact("data", {"fingerprint": data.fingerprint, "items": len(data.catalogue), "events": len(data.events)})
    fact("settings", settings.model_dump(mode="json", exclude=PRIVATE))


def curves_of(run: Run) -> dict[str, Curve]:
    """What the JSON lines hold so far."""
    return {} if run.path is None else curves(read(run.path))
