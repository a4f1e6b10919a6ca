"""Sources alone and together, through the classes that training uses: what each proposes, how they are fused, where the wanted stands."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from aisle.core.candidates import Candidates, union
from aisle.core.catalogue import Catalogue
from aisle.core.stage import Allowed, Block, Source
from aisle.fusion.rank_fusion import reciprocal_rank
from aisle.fusion.recall import Recall
from aisle.ranking.features import share
from aisle.retrieval.vectors import ItemVectors, item_texts
from aisle.text.encoder import Encoder
from benchmarks.figures import WORK
from benchmarks.minilm import minilm_encoder

Column = NDArray[np.float32]
Wanted = Sequence[set[int]]
Lists = Sequence[NDArray[np.int32]]
LIMIT = 100


@dataclass(frozen=True)
class Proposed:
    """What all sources together propose to a block, with the columns that fusion reads: ``<source>_share`` and ``<source>_rank``."""

    candidates: Candidates
    columns: Mapping[str, Column]

    @classmethod
    def by(cls, sources: Mapping[str, Source], block: Block, allowed: Allowed) -> Proposed:
        """Ask every source for its best."""
        held = union({name: source.retrieve(block, allowed, LIMIT) for name, source in sources.items()}, len(block))
        columns: dict[str, Column] = {}
        for name, source in sources.items():
            columns[f"{name}_share"] = share(source.score(block, held), held[f"{name}_best"])
            columns[f"{name}_rank"] = np.log1p(held[f"{name}_rank"])
        return cls(held, columns)

    def alone(self, name: str) -> Column:
        """One source's own proposals, NaN for those of others."""
        return np.asarray(-self.columns[f"{name}_rank"])

    def together(self, names: Sequence[str]) -> Column:
        """NaN where none of ``names`` proposed the item, else 0."""
        ranks = np.stack([self.columns[f"{name}_rank"] for name in names])
        return np.where(np.isfinite(ranks).any(axis=0), 0, np.nan).astype(np.float32)

    def by_rank(self, names: Sequence[str]) -> Column:
        """Reciprocal rank fusion."""
        return reciprocal_rank(self.columns, names) + self.together(names)

    def by_weight(self, model: Recall) -> Column:
        """The recall side's weighted sum."""
        return model.score(self.columns) + self.together(model.sources)

    def learn(self, names: Sequence[str], wanted: Wanted) -> Recall:
        """Weights of the recall side from what was wanted here."""
        held = self.candidates
        taken = np.array([item in wanted[r] for r, item in zip(held.request.tolist(), held.item.tolist(), strict=True)], float)
        return Recall(names).fit(self.columns, taken, held.offsets)

    def ranked(self, score: Column, most: int = LIMIT) -> list[NDArray[np.int32]]:
        """Each request's items by ``score``; those without one are left out."""
        order = Candidates(self.candidates.offsets, self.candidates.item, {"score": score}).order_by("score")
        lists = []
        for request in range(self.candidates.requests):
            rows = order[self.candidates.of_request(request)][:most]
            lists.append(self.candidates.item[rows[np.isfinite(score[rows])]])
        return lists


def ndcg(lists: Lists, wanted: Wanted, depth: int = 10) -> NDArray[np.float64]:
    """``(requests,)``: NDCG at ``depth`` where every wanted item gains 1; NaN where nothing is wanted."""
    discount = 1 / np.log2(np.arange(2, depth + 2))
    found = np.full(len(wanted), np.nan)
    for request, (row, items) in enumerate(zip(lists, wanted, strict=True)):
        if items:
            gain = sum(discount[rank] for rank, item in enumerate(row[:depth].tolist()) if item in items)
            found[request] = gain / discount[: len(items)].sum()
    return found


def hits(lists: Lists, wanted: Wanted, depth: int = 10) -> NDArray[np.float64]:
    """``(requests,)``: 1 where any wanted item stands among the first ``depth``; NaN where nothing is wanted."""
    pairs = zip(lists, wanted, strict=True)
    return np.array([float(bool(items.intersection(row[:depth].tolist()))) if items else np.nan for row, items in pairs])


def minilm(catalogue: Catalogue, name: str) -> ItemVectors:
    """The items' vectors by MiniLM, kept from one run to the next."""
    kept = WORK / "encoded"
    for folder in (kept / name).glob("vectors-*"):
        return ItemVectors.load(folder).for_catalogue(catalogue)
    vectors = ItemVectors.of(minilm_encoder(threads=2), catalogue)
    vectors.save(kept / name)
    return vectors


def encoded_titles(encoder: Encoder, catalogue: Catalogue) -> NDArray[np.float32]:
    """``(items, d)``: Home Depot's titles in the order of `homedepot_parts.HomeDepot`, not packed, kept for the next run."""
    kept = WORK / "encoded" / "homedepot_titles.npy"
    if not kept.exists():
        np.save(kept, encoder.encode(item_texts(catalogue), "item"))
    return np.asarray(np.load(kept, allow_pickle=False))
