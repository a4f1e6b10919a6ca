"""What every source of behaviour promises, whatever it is made of."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from aisle.core.stage import Allowed, Source
from aisle.retrieval import als
from aisle.retrieval.als import Als
from aisle.retrieval.ease import Ease
from aisle.retrieval.item_knn import ItemKnn
from aisle.retrieval.markov import FirstOrder, Markov
from aisle.retrieval.new_items import NewItems
from aisle.retrieval.popularity import Popularity
from aisle.retrieval.repeat import Repeat
from aisle.retrieval.trending import Trending
from tests.retrieval.shop import DAY, START, block, catalogue, random_shop, saved, shop

MAKE: dict[str, Callable[[], Source]] = {
    "item_knn": ItemKnn,
    "markov": Markov,
    "markov_first": FirstOrder,
    "ease": lambda: Ease(regularization=5.0),
    "als": lambda: Als(embedding_size=8),
    "popularity": Popularity,
    "trending": Trending,
    "repeat": Repeat,
    "new": NewItems,
}
PASTS = [[0, 2, 4], [1, 3], [], [7], [6, 6, 8, 10, 12]]
AS_OF = START + 35 * DAY


@pytest.fixture(scope="module", params=MAKE)
def source(request: pytest.FixtureRequest) -> Source:
    return MAKE[request.param]().fit(random_shop())


def test_it_is_called_as_its_settings_call_it(source: Source) -> None:
    assert isinstance(source, Source)
    assert source.name in MAKE


def test_candidates_come_best_first_with_the_score_that_score_gives(source: Source) -> None:
    asked = block(PASTS, AS_OF)
    found = source.retrieve(asked, Allowed.everything(40, len(asked)), 12)
    assert found.requests == len(PASTS)
    assert (found.counts <= 12).all()
    assert np.array_equal(found.order_by("score"), np.arange(len(found)))
    assert np.array_equal(source.score(asked, found), found["score"])
    assert np.isfinite(found["score"]).all()


def test_what_is_not_proposed_scores_no_better_than_what_is(source: Source) -> None:
    asked, every = block([PASTS[0]], AS_OF), Allowed.everything(40, 1)
    top, all_of_it = source.retrieve(asked, every, 3), source.retrieve(asked, every, 40)
    assert np.array_equal(top.item, all_of_it.item[: len(top)])


def test_a_narrow_filter_still_fills_the_page(source: Source) -> None:
    asked, every = block([PASTS[0]], AS_OF), Allowed.everything(40, 1)
    whole = source.retrieve(asked, every, 40)
    shared = np.zeros(40, bool)
    shared[whole.item[-4:]] = True
    narrow = source.retrieve(asked, Allowed(shared, [None], [whole.item[-1:]]), 3)
    assert np.array_equal(narrow.item, whole.item[-4:-1])


def test_a_request_gets_the_same_alone_as_in_a_block(source: Source) -> None:
    together = source.retrieve(block(PASTS, AS_OF), Allowed.everything(40, len(PASTS)), 10)
    for number, past in enumerate(PASTS):
        alone = source.retrieve(block([past], AS_OF), Allowed.everything(40, 1), 10)
        part = together.of_request(number)
        assert np.array_equal(alone.item, together.item[part])
        np.testing.assert_allclose(alone["score"], together["score"][part], rtol=1e-5, atol=1e-6)  # the last digit of products


def test_it_is_the_same_after_saving(source: Source, tmp_path: Path) -> None:
    again = saved(source, tmp_path / "source", random_shop().catalogue)
    asked, every = block(PASTS, AS_OF), Allowed.everything(40, len(PASTS))
    before, after = source.retrieve(asked, every, 10), again.retrieve(block(PASTS, AS_OF), every, 10)
    assert np.array_equal(before.item, after.item)
    assert np.array_equal(before["score"], after["score"])


@pytest.mark.parametrize("name", ["item_knn", "markov", "ease", "als"])
def test_even_people_are_shown_even_items(name: str) -> None:
    source = MAKE[name]().fit(random_shop())
    found = source.retrieve(block([[0, 2, 4], [1, 3, 5]]), Allowed.everything(40, 2), 10)
    assert (found.item[found.of_request(0)] % 2 == 0).all()
    assert (found.item[found.of_request(1)] % 2 == 1).all()
    assert (found.counts == 10).all()


@pytest.mark.parametrize("name", ["item_knn", "markov", "ease", "als"])
def test_seeds_take_the_place_of_the_history(name: str) -> None:
    source = MAKE[name]().fit(random_shop())
    seeded = source.retrieve(block([[1, 3, 5]], seeds=[[0]]), Allowed.everything(40, 1), 10)
    plain = source.retrieve(block([[0]]), Allowed.everything(40, 1), 10)
    assert np.array_equal(seeded.item, plain.item)


@pytest.mark.parametrize("name", MAKE)
@pytest.mark.parametrize("rows", [[], [(0, 1, START)]], ids=["no event", "one event"])
def test_a_shop_with_hardly_an_event_is_silent_not_broken(name: str, rows: list[tuple[int, int, float]]) -> None:
    source = MAKE[name]().fit(shop(rows, 3))
    found = source.retrieve(block([[1], []]), Allowed.everything(3, 2), 10)
    assert set(found.item.tolist()) <= {1}


@pytest.mark.parametrize("name", ["trending", "new"])
def test_without_a_clock_nothing_is_trending_or_new(name: str) -> None:
    source = MAKE[name]().fit(shop([(user, user % 5, float(place)) for user in range(9) for place in range(4)], 5, clock=False))
    assert not len(source.retrieve(block([[1]], clock=False), Allowed.everything(5, 1), 10))


def test_a_stranger_is_told_nothing_by_those_who_need_a_history() -> None:
    for name in ("item_knn", "markov", "ease", "als", "repeat"):
        source = MAKE[name]().fit(random_shop())
        assert not len(source.retrieve(block([[]]), Allowed.everything(40, 1), 10))


def test_of_very_many_items_the_codes_find_nearly_all_that_the_factors_would(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    random, every = np.random.default_rng(5), Allowed.everything(6_000, 1)
    exact = Als(embedding_size=16, confidence=5.0)
    exact.factors_ = random.standard_normal((6_000, 16)).astype(np.float32)
    exact.save(tmp_path)
    monkeypatch.setattr(als, "WIDE", 5_000)
    coded = Als.load(tmp_path, catalogue(6_000))
    asked = [block([random.integers(0, 6_000, 7).tolist()]) for _ in range(10)]
    wanted = [exact.retrieve(one, every, 100).item for one in asked]
    for one in asked:
        one.memo.clear()
    found = [coded.retrieve(one, every, 100) for one in asked]
    assert np.mean([len(np.intersect1d(a, b.item)) / 100 for a, b in zip(wanted, found, strict=True)]) > 0.97
    assert np.array_equal(coded.score(asked[0], found[0]), found[0]["score"])
    coded = coded.moved(np.arange(6_000, dtype=np.int32))
    assert coded.factors_.dtype == np.float16
    asked[0].memo.clear()
    found = [coded.retrieve(asked[0], every, 100)]
    assert len(np.intersect1d(wanted[0], found[0].item)) > 95, "half the bytes, the same items"
    assert np.array_equal(coded.score(asked[0], found[0]), found[0]["score"])
    coded.save(tmp_path / "again")
    again = Als.load(tmp_path / "again", catalogue(6_000))
    asked[0].memo.clear()
    assert np.array_equal(again.retrieve(asked[0], every, 100).item, found[0].item)
