"""What says alike in a shop, without labels: a text twice, its halves, title and description, titles of what one session clicked."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from aisle.core.catalogue import Catalogue
from aisle.core.events import Dataset, Events
from aisle.data.windows import cut
from aisle.retrieval.sequences import Sequences
from aisle.retrieval.vectors import item_texts
from aisle.text.alike import Alike, Sort
from aisle.text.normalise import normalise
from aisle.text.pieces import halves

CLICKS = (1,)
"""Windows whose clicks teach: those of the others measure, as a query's answers or as what comes next."""
NEAR = 3
"""Clicks of one session that are at most so many apart are a pair."""
SHARED = 5
"""A description that more titles have tells none of them apart."""
Numbers = NDArray[np.int64]


class Numbered(dict[str, int]):
    """Texts by the number that each got when it was first seen."""

    def of(self, texts: Iterable[str]) -> Numbers:
        """``(n,) int64``, -1 for an empty text."""
        return np.array([self.setdefault(text, len(self)) if text else -1 for text in texts], np.int64)


def alike(data: Dataset, texts: Sequence[str]) -> Alike:
    """The shop's ``texts`` in matching form, each a pair with itself; the two halves of each that is long enough; a title, with brand and
    category, and the description that stands with it; what the encoder reads of two items that were clicked in one session of window 1."""
    catalogue, known = data.catalogue, Numbered()
    alone, whole = known.of(texts), known.of(item_texts(catalogue))
    columns = dict(catalogue.texts)
    told = known.of(map(normalise, columns.pop("description", [])))
    titles = known.of(item_texts(Catalogue(catalogue.ids, columns, catalogue.numbers)))
    described = _described(titles, told if len(told) else np.full(len(titles), -1))
    windows = cut(data.events, data.judgements)
    clicked = _unequal(whole[together(data.events.where(windows.of(*CLICKS)), len(catalogue))])
    first, second = halved(known, texts)
    parts = [_unequal(np.stack([alone, half], axis=1)) for half in (first, second)]
    links = np.concatenate([described, _unequal(np.stack([whole, titles], axis=1)), *parts])
    pairs: dict[Sort, Numbers] = {
        "dropout": np.stack([alone, alone], axis=1),
        "halved": _unequal(np.stack([first, second], axis=1)),
        "described": described,
        "clicked": clicked,
    }
    return Alike(list(known), _topics(links, len(known)), pairs)


def halved(known: Numbered, texts: Sequence[str]) -> tuple[Numbers, Numbers]:
    """``(texts,) int64`` twice: the halves of each text, -1 where it has none, or one that another text has too: such would make all that
    have it one topic."""
    cut = [halves(text) or ("", "") for text in texts]
    times = Counter(half for pair in cut for half in pair)
    cut = [pair if times[pair[0]] == times[pair[1]] == 1 else ("", "") for pair in cut]
    first, second = zip(*cut, strict=True) if cut else ((), ())
    return known.of(first), known.of(second)


def together(events: Events, items: int) -> Numbers:
    """``(n, 2) int64``: rows of items that one session (one user, where the log has none) was interested in, `NEAR` apart at most; each
    pair once, the lower row first."""
    log = Sequences.of(events, items)
    found = [np.zeros((0, 2), np.int64)]
    for lag in range(1, NEAR + 1):
        same = (log.user[lag:] == log.user[:-lag]) & (log.session[lag:] == log.session[:-lag])
        found.append(np.stack([log.item[:-lag][same], log.item[lag:][same]], axis=1).astype(np.int64))
    pairs = np.sort(np.concatenate(found), axis=1)
    return np.unique(pairs[pairs[:, 0] != pairs[:, 1]], axis=0)


def _described(titles: Numbers, told: Numbers) -> Numbers:
    """Each title with its description, without those that many titles share."""
    pairs = np.unique(_unequal(np.stack([titles, told], axis=1)), axis=0)
    titles_of = np.bincount(pairs[:, 1]) if len(pairs) else np.zeros(0, np.int64)
    return pairs[titles_of[pairs[:, 1]] <= SHARED]


def _unequal(pairs: Numbers) -> Numbers:
    """Those of two different texts, none of them empty."""
    return pairs[(pairs >= 0).all(axis=1) & (pairs[:, 0] != pairs[:, 1])]


def _topics(links: Numbers, size: int) -> Numbers:
    """``(size,) int64``: texts that are linked, over however many others, have one."""
    graph = coo_array((np.ones(len(links), np.int8), (links[:, 0], links[:, 1])), shape=(size, size))
    return np.asarray(connected_components(graph, directed=False)[1], np.int64)
