"""The source by pictures, where the shop has any that can be read, and what the plan says of it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from math import inf

from aisle.core.catalogue import Catalogue
from aisle.evaluation.results import PlanRow
from aisle.retrieval.picture_vectors import IMAGE
from aisle.retrieval.pictures import Pictures
from aisle.training.encoders import MOST_TIME, TooSlowError
from aisle.training.text_sources import SURE, Materials, Texts
from aisle.vision.encoders import picture_encoder

ROW = "picture_encoder"
FEWEST = 2
"""Items with a picture below which there is nothing to be alike."""


def pictured(catalogue: Catalogue) -> int:
    """How many items name a picture."""
    return sum(bool(written) for written in catalogue.texts[IMAGE]) if IMAGE in catalogue.texts else 0


def with_pictures(texts: Texts, names: Sequence[str], held: Materials) -> Texts:
    """``texts`` with the source by pictures beside them, if ``names`` has it, and a row of the plan: by what encoder, how many items have a
    picture that was read, why others have none. A source that would take too long, or has nothing to read, is left out."""
    if "pictures" not in names:
        return texts
    try:
        source = held.parts.get("pictures", lambda folder: Pictures.load(folder, held.data.catalogue), lambda: _read(held))
    except TooSlowError:
        return replace(texts, rows=[*texts.rows, PlanRow(ROW, False, why="encoding the pictures took too much of the time given")])
    made = source.vectors_.made
    row = PlanRow(ROW, made.pictures >= FEWEST, why=made.text())
    sources = {**texts.sources, source.name: source} if row.kept else texts.sources
    return replace(texts, sources=sources, rows=[*texts.rows, row])


def _read(held: Materials) -> Pictures:
    """Raises `TooSlowError` when the pictures that are left need more time than is left."""
    encoder, left = picture_encoder(held.settings.pictures), held.budget.part(MOST_TIME)
    begun = left()

    def advance(done: int, of: int) -> None:
        took = begun - left() if begun < inf else 0.0
        if took > SURE and took / done * (of - done) > left():
            raise TooSlowError

    with held.tracker.part(f"read the pictures by {encoder.name}"):
        return Pictures(encoder).fit(held.data, advance)
