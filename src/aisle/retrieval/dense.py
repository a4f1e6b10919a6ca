"""Sources by meaning: `Dense` finds items near the query's vector, `Content` items like those a page or a person starts from."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from copy import copy
from pathlib import Path
from typing import Any, Self

import numpy as np

from aisle.core.catalogue import Catalogue
from aisle.core.events import Dataset
from aisle.core.stage import Allowed, Block, Query
from aisle.retrieval.base import load_settings, save_settings
from aisle.retrieval.by_vector import ByVector, LikeHistory, Near, Vector
from aisle.retrieval.later_vectors import rewritten
from aisle.retrieval.overlay import Step
from aisle.retrieval.vectors import ItemVectors
from aisle.text.adapt import Adapter, Pairs
from aisle.text.encoder import Encoder


class Nearest(ByVector):
    """A source by the texts' vectors."""

    def __init__(self, encoder: Encoder | None = None, vectors: ItemVectors | None = None) -> None:
        self._encoder, self._vectors = encoder, vectors

    @property
    def vectors_(self) -> ItemVectors:
        """The items' vectors, to be shared with another source."""
        if self._vectors is None:
            raise ValueError("fit or load first")
        return self._vectors

    def fit(self, data: Dataset) -> Self:
        """Encode the catalogue, unless the vectors handed in were made from the same texts."""
        if self._vectors is not None:
            self._vectors = self._vectors.for_catalogue(data.catalogue)
        elif self._encoder is not None:
            self._vectors = ItemVectors.of(self._encoder, data.catalogue)
        return self

    def near(self, vector: Vector, block: Block, allowed: Allowed, request: int, limit: int) -> Near:
        """As `ByVector.near`; what one source found near a vector another over the same vectors does not look for again."""
        key = f"near/{request}"
        vectors, among, known, most, found = block.memo.get(key, (None, allowed, vector, 0, None))
        if vectors is not self.vectors_ or among is not allowed or most < limit or not np.array_equal(known, vector):
            found = super().near(vector, block, allowed, request, limit)
            block.memo[key] = self.vectors_, allowed, vector, limit, found
        rows, score = found
        return rows[:limit], score[:limit]

    def over(self, step: Step) -> Self:
        """With the vectors of texts that were written since; silent on one until it is encoded."""
        later = copy(self)
        later._vectors = step.once(self.vectors_, lambda: rewritten(self.vectors_, step.stale, step.vectors, len(step.catalogue)))
        return later

    def on(self, vectors: ItemVectors) -> Self:
        """The same with other vectors of the same encoder."""
        found = copy(self)
        found._vectors = vectors
        return found

    def save(self, folder: Path) -> None:
        """Write the settings into ``folder``, and vectors and encoder beside it, where other sources of the bundle find them too."""
        save_settings(folder, {"vectors": self.vectors_.save(folder.parent)} | self.settings())

    def settings(self) -> dict[str, Any]:
        """What is kept apart from the vectors."""
        return {}

    @classmethod
    def load(cls, folder: Path, catalogue: Catalogue) -> Self:
        """Open what `save` wrote."""
        settings = load_settings(folder)
        return cls(vectors=ItemVectors.load(folder.parent / str(settings.pop("vectors"))), **settings)


class Dense(Nearest):
    """Near the query. ``mapping`` ``(d, d) float32`` (`aisle.text.adapt`), learned from judgements or clicks, turns the query's vector."""

    name = "dense"
    surfaces = frozenset({"search", "rank"})

    def __init__(self, encoder: Encoder | None = None, vectors: ItemVectors | None = None, mapping: Vector | None = None) -> None:
        super().__init__(encoder, vectors)
        self.mapping = mapping

    def learn(self, queries: Sequence[Query], pairs: Pairs, adapter: Adapter | None = None) -> Self:
        """Learn the map from relevant pairs of ``queries`` and catalogue rows; absent where it gains nothing on queries kept out."""
        texts = [query.correction or query.text for query in queries]
        asked = (
            np.stack([self.vectors_.query(text) for text in texts]) if texts else np.zeros((0, self.vectors_.encoder.dimension), np.float32)
        )
        self.mapping = (adapter or Adapter()).fit(asked, self.vectors_.whole(), pairs)
        return self

    def wanted(self, block: Block) -> Iterator[Vector | None]:
        """The query's vector; the better spelling's where there is one."""
        for query in block.queries:
            vector = None if query is None else self.vectors_.query(query.correction or query.text)
            yield None if vector is None or not vector.any() else self.turned(vector)

    def turned(self, vector: Vector) -> Vector:
        """The query's vector after the learned map, of unit length again."""
        if self.mapping is None:
            return vector
        turned = self.mapping @ vector
        return np.asarray(turned / max(float(np.linalg.norm(turned)), 1e-9), np.float32)

    def save(self, folder: Path) -> None:
        """As every source by meaning, and the map."""
        super().save(folder)
        if self.mapping is not None:
            np.save(folder / "mapping.npy", self.mapping)

    @classmethod
    def load(cls, folder: Path, catalogue: Catalogue) -> Self:
        """Open what `save` wrote."""
        source = super().load(folder, catalogue)
        path = folder / "mapping.npy"
        source.mapping = np.load(path, allow_pickle=False) if path.exists() else None
        return source


class Content(LikeHistory, Nearest):
    """Items whose texts say what those of the page, or else of the newest ones the user took interest in, say."""

    name = "content"
    surfaces = frozenset({"home", "item", "basket", "similar", "rank"})

    def __init__(self, encoder: Encoder | None = None, vectors: ItemVectors | None = None, decay: float = 0.8) -> None:
        super().__init__(encoder, vectors)
        self.decay = decay
