"""Leaving an item out of the history gives what the source would score if the item had never been there."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from aisle.core.events import Dataset
from aisle.retrieval.als import Als
from aisle.retrieval.base import ItemToItem, history, without
from aisle.retrieval.dense import Content
from aisle.retrieval.ease import Ease
from aisle.retrieval.item_knn import ItemKnn
from aisle.retrieval.markov import FirstOrder, Markov
from aisle.testing import toys
from aisle.testing.blocks import ask, block, every_item
from aisle.text.ngram import NgramEncoder

TITLES = [title for title, *_ in toys.DOZEN.values()]
SOURCES = [ItemKnn(), Markov(), FirstOrder(), Ease(), Content(NgramEncoder(32).fit(TITLES)), Als(8, epochs=3)]


def forgetting(data: Dataset, user: str, item: int) -> Dataset:
    """The shop without what ``user`` did with ``item``."""
    mine = data.events.user == list(data.events.users).index(user)
    return replace(data, events=data.events.where(~(mine & (data.events.item == item))))


@pytest.mark.parametrize("data", [toys.bilingual(), toys.checkerboard(12), toys.checkerboard(12, clock=False), toys.sequential(8)])
@pytest.mark.parametrize("decay", [0.2, 0.7, 1.0])
def test_the_weights_are_those_of_the_shorter_history(data: Dataset, decay: float) -> None:
    asked = [ask("home", f"u{number}") for number in range(8)]
    whole = block(data, asked)
    for number, request in enumerate(asked):
        past = history(whole, decay)
        items = past.item[past.of(number)]
        left = without(whole, number, decay)
        for place, item in enumerate(items.tolist()):
            shorter = history(block(forgetting(data, str(request.user_id), item), [request]), decay)
            wanted = np.zeros(len(items))
            wanted[np.searchsorted(items, shorter.item)] = shorter.values["weight"]
            np.testing.assert_allclose(left[place], wanted, atol=1e-6)


@pytest.mark.parametrize("source", SOURCES, ids=lambda source: source.name)
def test_scores_are_those_of_the_shorter_history(source: ItemToItem) -> None:
    data = toys.bilingual()
    fitted = source.fit(data)
    request = ask("home", "u3")
    whole = block(data, [request])
    items = history(whole, fitted.decay).item
    every = np.arange(len(data.catalogue), dtype=np.int32)
    found = fitted.without(whole, 0, every)
    close = 0.1 if isinstance(source, Als) else 1e-5  # ALS keeps the others' confidence as it was
    for place, item in enumerate(items.tolist()):
        shorter = block(forgetting(data, "u3", item), [request])
        wanted = np.nan_to_num(fitted.score(shorter, every_item(len(every), 1)))
        np.testing.assert_allclose(found[place], wanted, atol=close)


def test_als_is_exact_when_all_weigh_the_same() -> None:
    data = toys.checkerboard(12)
    source = Als(8, epochs=3, decay=1.0).fit(data)
    whole = block(data, [ask("home", "u3")])
    items = history(whole, 1.0).item
    every = np.arange(12, dtype=np.int32)
    for place, left in enumerate(source.without(whole, 0, every)):
        rest = np.delete(items, place)
        np.testing.assert_allclose(left, source.factors_ @ source.fold(rest, np.ones(len(rest))), atol=1e-4)


def test_a_seed_alone_leaves_silence() -> None:
    data = toys.bilingual()
    source = ItemKnn().fit(data)
    page = block(data, [ask("item", items=["lamp_red"]), ask("basket", items=["lamp_red", "cup_tea"])])
    every = np.arange(12, dtype=np.int32)
    assert not source.without(page, 0, every).any()
    lamp = source.score(block(data, [ask("item", items=["lamp_red"])]), every_item(12, 1))
    place = list(history(page, source.decay).item[history(page, source.decay).of(1)]).index(data.catalogue.row_of["cup_tea"])
    np.testing.assert_allclose(source.without(page, 1, every)[place], np.nan_to_num(lamp), atol=1e-6)


def test_a_stranger_has_nothing_to_leave_out() -> None:
    data = toys.bilingual()
    nobody = block(data, [ask("home", "nobody")])
    for source in SOURCES[:4]:
        assert source.fit(data).without(nobody, 0, np.arange(3, dtype=np.int32)).shape == (0, 3)
