"""Causes: what a page costs without each item of the history, by short ways that say the same as the long one."""

from __future__ import annotations

from unittest.mock import patch

import numpy as np
import pytest

from aisle.core.request import Request
from aisle.core.runner import Runner
from aisle.explain import causes as room
from aisle.explain.causes import Causes, causes
from aisle.retrieval.item_knn import ItemKnn
from aisle.testing import toys
from tests.pipeline.toy import pipeline, request

DATA = toys.checkerboard(60)


def found(asked: Request) -> Causes:
    made = pipeline(DATA)
    block, source = made.block([asked]), made.sources["item_knn"]
    assert isinstance(source, ItemKnn)
    ranked = made.answer([asked], Runner())
    return causes(block, 0, ranked.pages[0].rows[:10], ranked.candidates, {"item_knn": source}, {"item_knn": 1.0})


def test_a_page_of_one_seed_owes_it_everything_as_leaving_it_out_says() -> None:
    asked = request("item", items=(DATA.catalogue.ids[0],))
    short = found(asked)
    with patch.object(room, "_whole", lambda *_: False):
        long = found(asked)
    assert short.drop.max() == pytest.approx(1)
    np.testing.assert_array_equal(short.items, long.items)
    np.testing.assert_allclose(short.drop, long.drop, atol=1e-6)


def test_a_pair_is_joined_where_the_matrix_has_it() -> None:
    source = pipeline(DATA).sources["item_knn"]
    assert isinstance(source, ItemKnn)
    held, every = source.neighbours_, np.arange(len(DATA.catalogue), dtype=np.int32)
    joined = [held.joined(np.full_like(every, row), every) for row in every.tolist()]
    np.testing.assert_array_equal(held.between(every, every) > 0, joined)
    assert not held.joined(np.array([len(held), -1], np.int32), every[:2]).any()
