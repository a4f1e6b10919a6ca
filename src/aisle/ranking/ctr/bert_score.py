"""bert_ctr inside the pipeline: its logit as a feature of every candidate, and alone, with the place, as a model of clicks."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from aisle.core.candidates import Candidates
from aisle.core.profiles import LIKED
from aisle.core.stage import Block
from aisle.ranking.ctr.bert_head import BertHead, Vectors
from aisle.ranking.ctr.settings import BERT_CTR
from aisle.ranking.features import Columns
from aisle.ranking.logistic import Logistic
from aisle.retrieval.vectors import ItemVectors


@dataclass(frozen=True)
class BertScore:
    """A group of the feature function: one column, NaN for an item whose text is still to be encoded. ``head`` was fitted on vectors of
    the same encoder."""

    head: BertHead
    vectors: ItemVectors

    def __call__(self, block: Block, candidates: Candidates) -> Columns:
        title = self.vectors.take(candidates.item)
        silent = np.isnan(title[:, 0])
        title[silent] = 0
        past = last_liked(block, self.head.length)
        read = np.nan_to_num(self.vectors.take(np.maximum(past, 0).ravel())).reshape(*past.shape, -1)
        read[past < 0] = 0
        logit = self.head.logit(title, asked(block, self.vectors), read, candidates.request)
        logit[silent] = np.nan
        return {BERT_CTR: logit}


def last_liked(block: Block, length: int) -> NDArray[np.int32]:
    """``(requests, length) int32``: rows of what each one last took interest in, the newest at the right, -1 where there was less."""
    recent = block.profiles.recent
    liked = recent.where(np.isin(recent.values["type"], LIKED))
    place = liked.offsets[1:, None] + np.arange(-length, 0)
    inside = place >= liked.offsets[:-1, None]
    found = np.full(place.shape, -1, np.int32)
    found[inside] = liked.item[place[inside]]
    return found


def asked(block: Block, vectors: ItemVectors) -> Vectors:
    """``(requests, d) float32``: the queries' vectors, in the better spelling where there is one; zero without a query."""
    found = np.zeros((len(block), vectors.encoder.dimension), np.float32)
    for row, query in enumerate(block.queries):
        if query is not None:
            found[row] = vectors.query(query.correction or query.text)
    return found


class ReadAlone(Logistic):
    """A line over the logit and log(1 + rank shown at): the probability of a click by what was read alone."""

    name = BERT_CTR
