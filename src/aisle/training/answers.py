"""What answered which query, and among which items an encoder is measured: all answers, what looks like them, others by chance."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Self

import numpy as np
from numpy.typing import NDArray

from aisle.core.events import Dataset
from aisle.core.profiles import LIKED, Profiles, Slices
from aisle.core.request import Request
from aisle.core.stage import Allowed, Block
from aisle.data.windows import Windows
from aisle.query.understand import understand
from aisle.retrieval.lexical import Lexical

ASKED, POOL = 400, 4_000
"""Queries of each window that measure, and items among which they look."""
NEAR = 20
"""First places of the lexical list that go into the pool."""
LISTED = 60
"""Places of the lexical list that are looked at."""
BLOCK = 256
Numbers = NDArray[np.int64]


@dataclass(frozen=True)
class Answers:
    """What answers which query: ``item[k]`` answers ``texts[query[k]]``; ``window`` ``(queries,)``, 1 to 4, 0 for none. ``weight``
    ``(pairs,) float32``: how much each teaches (`training.worth`), None: all alike; ``how``: in words, may be empty."""

    texts: Sequence[str]
    query: Numbers
    item: Numbers
    window: NDArray[np.int8]
    weight: NDArray[np.float32] | None = None
    how: str = ""

    @classmethod
    def of(cls, data: Dataset, windows: Windows) -> Self:
        """From judgements, or without any from what was opened or bought after a search; a query belongs to its first window."""
        judgements, events = data.judgements, data.events
        if judgements is not None and len(judgements.query):
            rows = (judgements.item >= 0) & (judgements.grade >= judgements.relevant_from)
            return cls(
                list(judgements.queries), judgements.query[rows].astype(np.int64), judgements.item[rows].astype(np.int64), windows.query
            )
        rows = (events.query >= 0) & (events.item >= 0) & np.isin(events.type, LIKED)
        query, item = events.query[rows].astype(np.int64), events.item[rows].astype(np.int64)
        window = np.full(len(events.queries), 9, np.int8)
        np.minimum.at(window, query, windows.event[rows])
        early = windows.event[rows] == window[query]
        window[window == 9] = 0
        pairs = np.unique(np.stack([query[early], item[early]], axis=1), axis=0)
        return cls(list(events.queries), pairs[:, 0], pairs[:, 1], window)

    def queries(self, window: int) -> Numbers:
        """The queries of a window that have an answer."""
        found = np.unique(self.query)
        return found[self.window[found] == window]

    def where(self, queries: NDArray[np.bool_]) -> Self:
        """Of these queries ``(queries,)`` alone; the others keep their texts and lose their answers."""
        kept = queries[self.query]
        weight = None if self.weight is None else self.weight[kept]
        return replace(self, query=self.query[kept], item=self.item[kept], weight=weight)

    def known(self) -> dict[int, set[int]]:
        """All rows that answer each query."""
        found: dict[int, set[int]] = {}
        for query, item in zip(self.query.tolist(), self.item.tolist(), strict=True):
            found.setdefault(query, set()).add(item)
        return found


def pool(
    queries: Sequence[int],
    known: Mapping[int, set[int]],
    near: Mapping[int, Numbers],
    items: int,
    random: np.random.Generator,
    most: int = POOL,
) -> Numbers:
    """Rows among which is measured, about ``most``: answers, what looks like them, and others by chance. Where answers would fill more than
    half of it one of each query stays, and others by chance up to that half: more would take longer to encode than learning takes."""
    found = np.array(sorted({row for query in queries for row in known[query]}), np.int64)
    if len(found) > most // 2:
        each = np.unique([random.choice(sorted(known[query])) for query in queries if known[query]])
        more = np.setdiff1d(found, each)
        found = np.concatenate([each, random.permutation(more)[: max(0, most // 2 - len(each))]])
    for rows in (np.unique(np.concatenate([near[query][:NEAR] for query in queries])), np.arange(items)):
        more = np.setdiff1d(rows, found)
        found = np.concatenate([found, random.permutation(more)[: max(0, most - len(found))]])
    return np.sort(found)


def lookalikes(data: Dataset, answers: Answers, lexical: Lexical, queries: Numbers) -> dict[int, Numbers]:
    """The rows that the lexical source proposes to each query, best first."""
    found: dict[int, Numbers] = {}
    wanted = np.unique(queries)
    for start in range(0, len(wanted), BLOCK):
        some = wanted[start : start + BLOCK].tolist()
        count = len(some)
        requests = [Request(f"q{query}", "search", query=answers.texts[query]) for query in some]
        asked = [understand(answers.texts[query], lexical.speller_) for query in some]
        nobody = Slices.none(count)
        block = Block(requests, np.full(count, np.nan), asked, Profiles.strangers(count), nobody, nobody)
        held = lexical.retrieve(block, Allowed.everything(len(data.catalogue), count), LISTED)
        found |= {query: held.item[held.of_request(place)].astype(np.int64) for place, query in enumerate(some)}
    return found
