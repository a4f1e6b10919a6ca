"""A user as two vectors: as of a moment, the encoder's as the source `content` has it."""

from __future__ import annotations

import numpy as np
import pytest

from aisle.assemble import assemble
from aisle.core.events import Dataset
from aisle.profile.history import History
from aisle.retrieval.counters import Counters
from aisle.retrieval.dense import Content
from aisle.retrieval.popularity import Popularity
from aisle.retrieval.vectors import ItemVectors
from aisle.settings import Settings
from aisle.testing.toys import DAY, START, Happening, dozen, shop
from aisle.text.ngram import NgramEncoder
from aisle.training.described import Described, described
from aisle.training.job import plain_stacks
from aisle.training.moments import Moments

HAPPENED: list[Happening] = [
    ("anna", "lamp_red", 1, "purchase"),
    ("anna", "lamp_blue", 2, "purchase"),
    ("anna", "cup_tea", 3, "click"),
]


def reading(data: Dataset, content: Content, *days: float) -> Described:
    """Anna on these days."""
    items, history = data.catalogue, History.of(data.catalogue, data.events)
    pipeline = assemble(
        items, history, Counters.of(data.events, len(items)), {"popularity": Popularity().fit(data)}, plain_stacks(()), Settings()
    )
    moments = Moments(np.zeros(len(days), np.int32), START + DAY * np.array(days), np.zeros(len(days), np.int64))
    codes = np.arange(len(items.labels("category").names))
    return described(pipeline, data.events.users, moments, content, {"category": codes})


@pytest.fixture(scope="module")
def content() -> Content:
    items = dozen()
    titles = [items.text("title").get(row) or "" for row in range(len(items))]
    return Content(vectors=ItemVectors.of(NgramEncoder(16).fit(titles), items))


def test_the_encoders_vector_is_the_weighted_mean_of_the_titles_of_the_past(content: Content) -> None:
    data = shop(dozen(), HAPPENED)
    found = reading(data, content, 1.5, 2.5)
    rows = data.catalogue.rows(["lamp_red", "lamp_blue"])
    np.testing.assert_allclose(found.encoder[0], content.vectors_.mean(rows[:1], np.ones(1)), atol=1e-6)
    np.testing.assert_allclose(found.encoder[1], content.vectors_.mean(rows, np.array([content.decay, 1.0])), atol=1e-6)


def test_what_comes_later_changes_nothing(content: Content) -> None:
    before, after = (reading(shop(dozen(), HAPPENED[:size]), content, 2.5) for size in (2, 3))
    for name in ("fold", "encoder", "usual", "last"):
        np.testing.assert_array_equal(getattr(before, name), getattr(after, name))


def test_the_usual_category_is_the_most_frequent_and_the_last_item_the_newest(content: Content) -> None:
    data = shop(dozen(), HAPPENED)
    found = reading(data, content, 0.5, 3.5)
    assert found.usual[0] == found.last[0] == -1 and not found.encoder[0].any(), "a stranger"
    assert data.catalogue.labels("category").names[found.usual[1]] == "Home > Lamps"
    assert data.catalogue.ids[int(found.last[1])] == "cup_tea"


def test_a_taste_stands_in_the_column_of_its_category(content: Content) -> None:
    data = shop(dozen(), HAPPENED)
    (row,) = reading(data, content, 2.5).fold
    size = len(data.catalogue.labels("category").names)
    tastes, last = row[-2 * size : -size], row[-size:]
    lamps = data.catalogue.labels("category").number["Home > Lamps"]
    assert tastes[lamps] == pytest.approx(1) and tastes.sum() == pytest.approx(1)
    assert last[lamps] == 1 and last.sum() == 1
