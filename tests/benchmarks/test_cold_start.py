"""Cold start, measured fairly: nothing of what is withheld is learned, the wanted is ranked among what it says, a bundle takes items in."""

from __future__ import annotations

import numpy as np
import pytest

from aisle.core.catalogue import Catalogue
from aisle.core.strings import Strings
from aisle.retrieval.dense import Content
from aisle.retrieval.popularity import Popularity
from aisle.retrieval.vectors import ItemVectors
from aisle.text.ngram import NgramEncoder
from benchmarks import cold_start
from benchmarks.cold_start import Cold, later, recall
from benchmarks.last_out import LastOut

ITEMS, EACH = 40, 8


def toy() -> LastOut:
    """Sixty users who buy eight of forty items, those of their colour; item 36 and on are the last tenth."""
    dice = np.random.default_rng(0)
    bought = [dice.permutation(np.arange(user % 4, ITEMS, 4))[:EACH] for user in range(60)]
    titles = [f"{('red', 'blue', 'green', 'black')[row % 4]} thing number {row}" for row in range(ITEMS)]
    catalogue = Catalogue(Strings.of([f"i{row}" for row in range(ITEMS)]), {"title": Strings.of(titles)}, {})
    return LastOut([f"p{user}" for user in range(60)], np.full(60, EACH), np.concatenate(bought).astype(np.int32), catalogue)


@pytest.fixture
def cold(monkeypatch: pytest.MonkeyPatch) -> Cold:
    monkeypatch.setattr(cold_start, "NEW_USERS", 6)
    return Cold.of(toy())


@pytest.fixture
def vectors(cold: Cold) -> ItemVectors:
    return ItemVectors.of(NgramEncoder(dimension=16).fit(list(cold.shop.catalogue.text("title"))), cold.shop.catalogue)


def test_nothing_of_cold_items_new_users_and_last_items_is_learned(cold: Cold) -> None:
    events = cold.training().events
    assert (cold.warm, cold.cold) == (36, 4)
    assert len(events) and events.item.max() < 36
    assert not cold.withheld[np.unique(events.user)].any() and cold.withheld.sum() == 6
    last = {(user, item) for user, item in enumerate(cold.shop.target(1).tolist())}
    assert not last & set(zip(events.user.tolist(), events.item.tolist(), strict=True))


def test_who_wants_a_cold_item_is_known_by_warm_ones_alone(cold: Cold) -> None:
    users = cold.wanting(36, 40, None)
    assert len(users) and (cold.shop.target(1)[users] >= 36).all() and not cold.withheld[users].any()
    for rows, user in zip(cold.histories(users), users, strict=True):
        assert (cold.shop.item[rows] < 36).all() and (cold.shop.user[rows] == user).all() and (cold.shop.place[rows] >= 1).all()
    assert all(len(rows) > max(cold_start.KNOWN) for rows in cold.histories(np.flatnonzero(cold.withheld), 0))


def test_the_wanted_item_is_ranked_among_what_is_said(cold: Cold, vectors: ItemVectors, monkeypatch: pytest.MonkeyPatch) -> None:
    """Four cold items, one of each colour: the first by text is that of the user's colour. Nobody bought one, so popularity is silent."""
    monkeypatch.setattr(cold_start, "DEPTH", 1)
    monkeypatch.setattr(cold_start, "FUSED", ("content", "popularity"))
    fitted = {one.name: one.fit(cold.training()) for one in (Content(vectors=vectors), Popularity())}
    users = cold.wanting(36, 40, None)
    found = recall(cold, fitted, users, cold.histories(users), cold.shop.target(1)[users], (36, 40))
    assert found["content"].mean() == 1 and found["popularity"].mean() == 0
    nowhere = recall(cold, fitted, users, cold.histories(users), cold.shop.target(1)[users], (0, 36))
    assert nowhere["content"].mean() == 0, "the wanted item is not among these"


def test_a_bundle_that_takes_the_items_in_later_says_the_same(cold: Cold, vectors: ItemVectors) -> None:
    users = cold.wanting(36, 40, None)
    asked = cold.histories(users), cold.shop.target(1)[users]
    found = recall(cold, {"content": Content(vectors=vectors), "sasrec": Popularity().fit(cold.training()), "bundle": later(cold, vectors)},
                   users, *asked, (0, 40))  # fmt: skip
    assert np.array_equal(found["content"], found["bundle"])


def test_a_new_user_without_purchases_can_be_asked_for(cold: Cold, vectors: ItemVectors) -> None:
    fitted = {"content": Content(vectors=vectors), "sasrec": Popularity().fit(cold.training())}
    nothing = [np.zeros(0, np.int64)] * 3
    found = recall(cold, fitted, np.arange(3), nothing, np.array([0, 1, 2], np.int32), (0, 36))
    assert found["content"].tolist() == [0, 0, 0] and len(found["sasrec"]) == 3
