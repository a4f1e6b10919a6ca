"""What it costs to keep a catalogue's vectors in fewer bytes: Home Depot's titles by MiniLM as float32, float16 and packed in bytes.

``python -m benchmarks.packed_vectors``. Every item is compared with every test query; nothing is learned.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from aisle.query.understand import understand
from aisle.retrieval.packed import floats, packed
from benchmarks.alone import encoded_titles
from benchmarks.figures import Figure, Lines, show
from benchmarks.homedepot_parts import HomeDepot
from benchmarks.measure import interval
from benchmarks.minilm import minilm_encoder

LINES = Lines("packed_vectors")
DEPTHS = (10, 100)
BATCH = 100
Floats = NDArray[np.float32]
FORMS: dict[str, Callable[[Floats], NDArray[np.number]]] = {
    "float32": lambda vectors: vectors,
    "float16": lambda vectors: vectors.astype(np.float16),
    "bytes": packed,
}


def packed_figures() -> list[Figure]:
    """Size, how far each vector moves, how many of the exact first 100 stay among them, and the recall that comes of it."""
    shop = HomeDepot()
    _, test = shop.split()
    wanted = {query: items for query in test.tolist() if (items := shop.relevant(query))}
    encoder = minilm_encoder(threads=2)
    whole = encoded_titles(encoder, shop.catalogue)
    asked = encoder.encode([understand(shop.texts[query]).text for query in wanted], "query")
    exact = nearest(whole, asked)
    figures = [LINES.machine()]
    for name, form in FORMS.items():
        held = form(whole)
        read = floats(held)
        found = nearest(read, asked)
        same = np.mean([len(set(a.tolist()) & set(b.tolist())) / len(a) for a, b in zip(found, exact, strict=True)])
        figures += [
            LINES.one(f"{name}: bytes of an item", held[:1].nbytes),
            LINES.one(f"{name}: lowest cosine with float32", float((read * whole).sum(axis=1).min()), n=len(whole)),
            LINES.one(f"{name}: of the exact first 100 kept", float(same), n=len(wanted)),
        ]
        for depth in DEPTHS:
            shares = [len(items.intersection(row[:depth].tolist())) / len(items) for row, items in zip(found, wanted.values(), strict=True)]
            figures.append(LINES.held(f"{name}: recall@{depth}", interval(np.array(shares)), "by meaning alone, untouched MiniLM"))
    return figures


def nearest(vectors: Floats, asked: Floats, most: int = max(DEPTHS)) -> NDArray[np.int64]:
    """``(queries, most) int64``: the items with the largest products, best first, ties to the lower row."""
    found = []
    for start in range(0, len(asked), BATCH):
        score = asked[start : start + BATCH] @ vectors.T
        found.append(np.argsort(-score, axis=1, kind="stable")[:, :most])
    return np.concatenate(found)


if __name__ == "__main__":
    show(packed_figures())
