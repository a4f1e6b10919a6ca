"""Trees keep what a click-through model promises; large categories are left to the numbers."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from aisle.ranking.ctr.base import Ctr
from aisle.ranking.ctr.examples import Column
from aisle.ranking.ctr.trees import SPLIT, Trees
from aisle.testing.ctr import CtrSuite, additive, auc, exclusive


class TestTrees(CtrSuite):
    def model(self) -> Ctr:
        return Trees()


def test_trees_learn_an_exclusive_or() -> None:
    assert auc(Trees().fit(exclusive()), exclusive(1_000, seed=8)) > 0.9


def test_a_category_of_many_values_is_no_feature() -> None:
    some = additive()
    many = Column((np.arange(len(some)) % (SPLIT + 50)).astype(np.int32), [str(number) for number in range(SPLIT + 50)])
    model = Trees().fit(replace(some, categories={**some.categories, "many": many}))
    assert model._small == ["item", "user"]
