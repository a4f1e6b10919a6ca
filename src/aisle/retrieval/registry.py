"""Which sources exist: a new source is one file and one line here."""

from __future__ import annotations

from pathlib import Path

from aisle.core.catalogue import Catalogue
from aisle.core.stage import Source
from aisle.retrieval.als import Als
from aisle.retrieval.dense import Content, Dense
from aisle.retrieval.ease import Ease
from aisle.retrieval.item_knn import Bm25Knn, ItemKnn, SessionKnn
from aisle.retrieval.late import LateInteraction
from aisle.retrieval.lexical import Lexical
from aisle.retrieval.markov import FirstOrder, Markov
from aisle.retrieval.ncf import Ncf
from aisle.retrieval.new_items import NewItems
from aisle.retrieval.pictures import Pictures
from aisle.retrieval.popularity import Popularity
from aisle.retrieval.repeat import Repeat
from aisle.retrieval.sasrec import SasRec
from aisle.retrieval.trending import Trending
from aisle.retrieval.two_tower import TwoTower

SOURCES: dict[str, type[Source]] = {
    kind.name: kind
    for kind in (
        Lexical, Dense, LateInteraction, Content, Pictures, ItemKnn, Markov, FirstOrder, Als, Ease, SasRec, TwoTower, Ncf, Bm25Knn,
        SessionKnn, Popularity, Trending, Repeat, NewItems,
    )
}  # fmt: skip
"""Name to class; the name is the column, the folder in a bundle and the key in the settings."""

WORDS = ("lexical", "dense", "late_interaction")
"""Sources that read the query: what answers a search."""

COUNTED = ("popularity", "trending", "new")
"""Sources that read counters as of the request: in a log with a clock they may see the whole log."""


def load(folder: Path, name: str, catalogue: Catalogue) -> Source:
    """Open a source that was saved in ``folder / name``."""
    return SOURCES[name].load(folder / name, catalogue)
