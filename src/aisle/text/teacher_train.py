"""A cross-encoder as teacher: learns from the same answers as the encoder, then says how far apart right and wrong are; training only."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from aisle.text.contrast_train import Batch, Pairs
from aisle.text.cross_learn_train import Course, Listed, Lists, teach
from aisle.text.cross_model_train import Opened, open_cross
from aisle.text.loop_train import History


class Teacher:
    """Reads a query and an item together. ``model`` is trained by `learn`, which an interrupted run repeats from its ``checkpoint``."""

    def __init__(self, model: Opened, pairs: Pairs, texts: Sequence[str]) -> None:
        self.model, self.pairs, self.texts = model, pairs, texts

    @classmethod
    def of(cls, folder: Path, pairs: Pairs, texts: Sequence[str]) -> Teacher:
        """From a pretrained model's folder, with all its layers."""
        return cls(open_cross(folder), pairs, texts)

    def learn(self, course: Course) -> History:
        """From each answer among its query's hard negatives (`aisle.text.cross_learn_train.Listed`): what measures teaches nothing."""
        held = self.pairs
        hard = [np.asarray(rows, np.int64) for rows in held.hard]
        lists = Lists(held.queries, self.texts, held.query, held.item, np.ones(len(held.query), np.float32), hard)
        return teach(self.model, Listed(self.model, lists, seed=course.seed), None, course)

    def scores(self, queries: Sequence[int], items: Sequence[int]) -> Tensor:
        """``(n,) float32``: log-odds by which an item answers a query, both by number."""
        self.model.net.eval()
        first, second = [self.pairs.queries[number] for number in queries], [self.texts[row] for row in items]
        with torch.no_grad():
            return self.model.scores(self.model.tokens(first, second)).cpu()

    def __call__(self, batch: Batch) -> Tensor:
        """``(pairs,) float32``: each right answer's score minus that of its query's hard negative, NaN where there is none."""
        found = torch.full((len(batch.query),), torch.nan)
        rows = np.flatnonzero(batch.other >= 0)
        if len(rows):
            query, item, other = batch.asked[batch.query[rows]], batch.shown[batch.item[rows]], batch.shown[batch.other[rows]]
            cells, place = np.unique(np.stack([np.tile(query, 2), np.concatenate([item, other])]), axis=1, return_inverse=True)
            scores = self.scores(cells[0].tolist(), cells[1].tolist())[torch.from_numpy(place.ravel())]
            found[torch.from_numpy(rows)] = scores[: len(rows)] - scores[len(rows) :]
        return found
