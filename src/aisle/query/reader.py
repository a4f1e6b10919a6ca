"""Reads a query as a whole: its intent, the attributes and prices that it names, the category that shoppers mean by it."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property, lru_cache
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from aisle.core.answer import Intent, Json
from aisle.core.stage import Query
from aisle.query.attributes import Attributes
from aisle.query.intent import Intents
from aisle.query.tags import Tagger

Encode = Callable[[str], NDArray[np.float32]]
"""A text in matching form to its vector."""
REMEMBERED = 4_096
"""Queries whose reading is kept: many shoppers type the same."""


@dataclass(frozen=True)
class Reader:
    """What a bundle knows of queries; what it was not taught it does not say. Information only: nothing is filtered by it.

    ``categories`` names a category where it is in its scope. ``tags`` answers for the attributes that it finds better than the lookup,
    which answers for all others. ``encoder``: the fingerprint of the encoder it learned with, "" where it reads
    n-grams alone. One reader may be asked from several threads.
    """

    attributes: Attributes = field(default_factory=Attributes)
    intents: Intents | None = None
    categories: Intents | None = None
    encoder: str = ""
    tags: Tagger | None = None

    def __call__(self, query: Query, encode: Encode | None) -> Query:
        """The query with its intent and attributes, read from what was typed, whatever the spelling became.

        Without the encoder it learned with (``encode`` None) it says only what n-grams tell. What was asked lately is not read again.
        """
        intent, attributes = self._read(query.text, encode if self.encoder else None)
        return replace(query, intent=intent, attributes=attributes)

    @cached_property
    def _read(self) -> Callable[[str, Encode | None], tuple[Intent | None, Mapping[str, Json]]]:
        return lru_cache(REMEMBERED)(self._said)

    def _said(self, text: str, encode: Encode | None) -> tuple[Intent | None, Mapping[str, Json]]:
        vector = None if encode is None else encode(text)
        intent, category = _found(self.intents, text, vector), _found(self.categories, text, vector)
        attributes = self.attributes.find(text)
        if self.tags is not None:
            others = {name: value for name, value in attributes.items() if name not in self.tags.kept}
            attributes = others | self.tags.find(text, self.attributes)
        if category is not None and category.in_scope:
            attributes |= {"category": category.name, "category_probability": round(category.score, 4)}
        return intent, attributes

    def save(self, folder: Path) -> None:
        """Write a folder a part and ``reader.json``."""
        self.attributes.save(folder)
        (folder / "reader.json").write_text(json.dumps({"encoder": self.encoder}), encoding="utf-8")
        if self.intents is not None:
            self.intents.save(folder / "intents")
        if self.categories is not None:
            self.categories.save(folder / "categories")
        if self.tags is not None:
            self.tags.save(folder / "tags")

    @classmethod
    def load(cls, folder: Path) -> Reader:
        """Open what `save` wrote."""
        facts = json.loads((folder / "reader.json").read_text(encoding="utf-8"))
        intents = Intents.load(folder / "intents") if (folder / "intents").is_dir() else None
        categories = Intents.load(folder / "categories") if (folder / "categories").is_dir() else None
        tags = Tagger.load(folder / "tags") if (folder / "tags").is_dir() else None
        return cls(Attributes.load(folder), intents, categories, str(facts["encoder"]), tags)


def _found(model: Intents | None, text: str, vector: NDArray[np.float32] | None) -> Intent | None:
    """None, too, from a model that needs a vector where there is none."""
    return None if model is None or (vector is None and model.reads_vectors) else model.find(text, vector)
