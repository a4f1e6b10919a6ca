"""A bundle store on disk that holds the toy dozen, written in a moment, for everything that needs a real server."""

from __future__ import annotations

from pathlib import Path

from aisle.assemble import save
from aisle.bundle import Store
from aisle.query.complete import Completer
from aisle.settings import Settings
from aisle.testing import toys
from tests.pipeline.toy import pipeline


def toy_store(folder: Path, *names: str) -> Path:
    """A store in ``folder/bundles`` with bundles of these names, all alike, the first of them active."""
    data, store = toys.bilingual(), Store(folder / "bundles")
    made, completer = pipeline(data), Completer().fit(data)
    settings = Settings(name="Toys").model_dump(mode="json")
    for name in names or ("one",):
        facts = {"name": "Toys", "created_at": "2024-05-01T00:00:00+00:00", "settings": settings, "newest_event": float(data.until)}
        with store.write(name, facts) as place:
            save(made, place)
            completer.save(place / "completions")
    store.activate((names or ("one",))[0])
    return store.folder
