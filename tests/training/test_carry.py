"""What an update may learn again: the cheapest first, by what each source took in the full training."""

from __future__ import annotations

import pytest

from aisle.arrange.rules import Rules
from aisle.retrieval.als import Als
from aisle.retrieval.item_knn import ItemKnn
from aisle.retrieval.popularity import Popularity
from aisle.settings import Settings
from aisle.testing import toys
from aisle.training.carry import Carried, alike

SECONDS = {"fit item_knn on everything": 4.0, "fit als on window 1": 6.0, "fit popularity on everything": 0.1}


@pytest.fixture(scope="module")
def carried() -> Carried:
    data = toys.bilingual()
    sources = {"item_knn": ItemKnn().fit(data), "als": Als(embedding_size=4).fit(data), "popularity": Popularity().fit(data)}
    return Carried(data, Settings(), Rules(data.catalogue), sources, {}, None, 0)


@pytest.mark.parametrize(("allowed", "names"), [(5.9, ()), (6.1, ("als",)), (13.9, ("als",)), (14.1, ("als", "item_knn"))])
def test_twice_the_seconds_of_the_full_training_must_fit(carried: Carried, allowed: float, names: tuple[str, ...]) -> None:
    """Item-KNN 2 x 4; ALS, timed on three fifths of the log and three of ten rounds, 2 x 6 / .6 x .3; what only counts is no question."""
    assert carried.affordable(SECONDS, allowed) == names


def test_a_source_goes_on_where_it_can_and_is_fitted_where_it_cannot(carried: Carried) -> None:
    assert carried.how("als") == "carried on" and carried.how("item_knn") == "fitted again"
    nothing = Carried(carried.data, Settings(), carried.rules, {"als": Als(embedding_size=4)}, {}, None, 0)
    assert nothing.how("als") == "fitted again"
    again = carried.again("als", carried.data, carried.data.until)
    assert isinstance(again, Als) and again.factors_.shape == carried.sources["als"].factors_.shape  # type: ignore[attr-defined]


def test_catalogues_are_alike_where_ids_order_and_texts_are() -> None:
    one = {"a": {"title": "x"}, "b": {"title": "y"}}
    assert alike(toys.catalogue(one), toys.catalogue(one))
    assert not alike(toys.catalogue(one), toys.catalogue(dict(reversed(one.items()))))
    assert not alike(toys.catalogue(one), toys.catalogue({**one, "b": {"title": "z"}}))
    assert not alike(toys.catalogue(one), toys.catalogue({name: {**item, "brand": "B"} for name, item in one.items()}))
