"""Search by meaning, token by token: what lies near the query's vector, in the order of how well each word of the query is met."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Self

import numpy as np
from numpy.typing import NDArray

from aisle.core.arrays import found_at
from aisle.core.candidates import Candidates
from aisle.core.events import Dataset
from aisle.core.stage import Allowed, Block, Scores, Source
from aisle.retrieval.base import proposed
from aisle.retrieval.by_vector import Near
from aisle.retrieval.dense import Nearest
from aisle.retrieval.vectors import ItemVectors
from aisle.text.token_head import Asked, together

LOOKED = 200
"""By the query's whole vector so many items are found, or as many as are wanted if more, that are then looked at by their tokens. On Home
Depot recall@10 by these two alone is .480 with 200, 300, 400 or 800, recall@100 .777, .784, .786, .792; each hundred takes half a
millisecond."""
Floats = NDArray[np.float32]
Wanted = tuple[Floats, Asked]


class LateInteraction(Nearest):
    """Late interaction (ColBERT, Khattab and Zaharia 2020): an item is worth what its tokens say to each token of the query, beside what
    both say as a whole. Of an item written since the bundle the tokens are not known: they count what its whole vector lets expect."""

    name = "late_interaction"
    surfaces = frozenset({"search", "rank"})

    def fit(self, data: Dataset) -> Self:
        """Encode the catalogue, unless the vectors handed in were made from the same texts and have their tokens."""
        encoder = self._encoder if self._vectors is None else self._vectors.encoder
        if self._vectors is None or self._vectors.tokens is None:
            assert encoder is not None
            self._vectors = ItemVectors.of(encoder, data.catalogue, tokens=True)
        else:
            self._vectors = self._vectors.for_catalogue(data.catalogue)
        return self

    def retrieve(self, block: Block, allowed: Allowed, limit: int) -> Candidates:
        """The best of the nearest allowed items of each request."""
        return proposed([self._best(wanted, block, allowed, request, limit) for request, wanted in enumerate(self._wanted(block))])

    def score(self, block: Block, candidates: Candidates) -> Scores:
        """The same for candidates of any origin; those that `retrieve` looked at are not read again."""
        result = np.full(len(candidates), np.nan, np.float32)
        for request, wanted in enumerate(self._wanted(block)):
            part = candidates.of_request(request)
            if wanted is not None:
                result[part] = self._scores(wanted, candidates.item[part], block.memo.get(self._key(request)))
        return result

    def _best(self, wanted: Wanted | None, block: Block, allowed: Allowed, request: int, limit: int) -> Near:
        """The items and their scores; all that were looked at are kept for `score`."""
        if wanted is None:
            return np.zeros(0, np.int32), np.zeros(0, np.float32)
        rows, cosine = self.near(wanted[0], block, allowed, request, max(LOOKED, limit))
        order = rows.argsort()
        rows, score = rows[order], self._score(wanted, rows[order], cosine[order])
        block.memo[self._key(request)] = rows, score
        best = (-score).argsort(kind="stable")[:limit]
        return rows[best], score[best]

    def _key(self, request: int) -> str:
        return f"found/{self.name}/{request}"

    def _scores(self, wanted: Wanted, rows: NDArray[np.int32], found: Near | None) -> Floats:
        """``(len(rows),) float32``: as ``found`` where it has them, else worked out."""
        known, score = (np.zeros(0, np.int32), np.zeros(0, np.float32)) if found is None else found
        place = found_at(known, rows)
        result, more = np.empty(len(rows), np.float32), place < 0
        result[~more] = score[place[~more]]
        if more.any():
            result[more] = self._score(wanted, rows[more], self.vectors_.score(wanted[0], rows[more]))
        return result

    def _score(self, wanted: Wanted, rows: NDArray[np.int32], cosine: Floats) -> Floats:
        """``(len(rows),) float32``, NaN where a new text is still to be encoded; ``cosine`` is what whole vectors say."""
        vectors, asked = self.vectors_, wanted[1]
        held = vectors.tokens
        assert held is not None
        here = vectors.has_tokens(rows)
        if here.all():
            return together(held.score(asked, rows), cosine)
        intercept, slope = held.line
        said = intercept + slope * cosine
        said[here] = held.score(asked, rows[here])
        return together(said, cosine)

    def _wanted(self, block: Block) -> Sequence[Wanted | None]:
        """Each request's query as a whole and by its tokens, the better spelling's where there is one; kept from `retrieve` for `score`."""
        key = f"wanted/{self.name}"
        if key not in block.memo:
            texts = [None if query is None else query.correction or query.text for query in block.queries]
            block.memo[key] = [None if text is None else self._asked(text) for text in texts]
        found: Sequence[Wanted | None] = block.memo[key]
        return found

    def _asked(self, text: str) -> Wanted | None:
        vector = self.vectors_.query(text)
        asked = self.vectors_.query_tokens(text)
        return None if asked is None or not vector.any() else (vector, asked)


def without_tokens(sources: Mapping[str, Source]) -> dict[str, Source]:
    """``sources``, none of which reads tokens, over vectors that do not keep them."""
    meaning = [source for source in sources.values() if isinstance(source, Nearest)]
    vectors = meaning[0].vectors_.without_tokens() if meaning else None
    return {name: source.on(vectors) if isinstance(source, Nearest) and vectors is not None else source for name, source in sources.items()}
