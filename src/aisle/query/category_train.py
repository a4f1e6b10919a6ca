"""Which category a query asks for, learned from what shoppers took after it and from judged items: weak labels, cut by query."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_matrix

from aisle.core.events import Dataset
from aisle.core.profiles import LIKED
from aisle.data.windows import cut_texts
from aisle.query.examples import Examples
from aisle.text.normalise import normalise

FEWEST = 50
"""Queries with a known category below which nothing is learned."""
MOST = 4_000
"""Queries that are learned from: each costs time in every search."""
SURE = 0.6
"""A category is named from this probability on."""
Numbers = NDArray[np.int64]


def category_examples(data: Dataset) -> Examples | None:
    """Queries with the categories of the items clicked, bought or judged relevant; None where there are too few, or one category only.

    A query that led to several categories teaches each by its share; a query is the surer the more events speak for it. Categories that
    fewer than two queries ask for are left out.
    """
    texts, query, item = _pairs(data)
    codes = data.catalogue.labels("category").first[item] if len(item) else np.zeros(0, np.int32)
    known = codes >= 0
    size = (len(texts), len(data.catalogue.labels("category").names))
    table = csr_matrix((np.ones(int(known.sum()), np.float32), (query[known], codes[known])), shape=size)
    wanted = np.flatnonzero(np.bincount(table.indices, minlength=size[1]) >= 2)
    table = table[:, wanted]
    total = np.asarray(table.sum(axis=1)).ravel()
    rows = np.argsort(-total, kind="stable")[: int((total > 0).sum())][:MOST]
    if len(rows) < FEWEST or len(wanted) < 2:
        return None
    targets = np.asarray(table[rows].toarray() / total[rows, None], np.float32)
    names = tuple(data.catalogue.labels("category").names[int(code)] for code in wanted)
    kept = tuple(texts[int(row)] for row in rows)
    window = cut_texts(kept, np.full(len(kept), -1, np.int8))
    return Examples(kept, targets, names, window, np.asarray(2 * total[rows] / (1 + total[rows]), np.float32))


def _pairs(data: Dataset) -> tuple[list[str], Numbers, Numbers]:
    """Distinct queries in matching form, and each event's or judgement's query and item."""
    events, judged = data.events, data.judgements
    taken = (events.query >= 0) & (events.item >= 0) & np.isin(events.type, LIKED)
    pairs = [(events.queries, events.query[taken], events.item[taken])]
    if judged is not None:
        good = (judged.item >= 0) & (judged.grade >= judged.relevant_from)
        pairs.append((judged.queries, judged.query[good], judged.item[good]))
    number: dict[str, int] = {}
    query, item = [np.zeros(0, np.int64)], [np.zeros(0, np.int64)]
    for names, asked, found in pairs:
        forms = np.full(len(names), -1, np.int64)
        for place in np.unique(asked).tolist():
            form = normalise(names[place])
            forms[place] = number.setdefault(form, len(number)) if form else -1
        kept = forms[asked] >= 0
        query.append(forms[asked][kept])
        item.append(found[kept].astype(np.int64))
    return list(number), np.concatenate(query), np.concatenate(item)
