"""Sort orders, facets and highlights of a page."""

from __future__ import annotations

import numpy as np
import pytest

from aisle.arrange.facets import MOST, facet
from aisle.arrange.highlight import highlights
from aisle.query.understand import understand
from aisle.testing import toys
from tests.pipeline.toy import request, shop, with_columns

EVERY = np.arange(12)


def test_a_facet_counts_each_value_largest_first() -> None:
    counts = facet(toys.dozen(), "brand", EVERY)
    assert counts["Lumo"] == 2
    assert list(counts.values()) == sorted(counts.values(), reverse=True)
    assert sum(counts.values()) == 12


def test_a_facet_over_some_rows_counts_those_alone() -> None:
    items = toys.dozen()
    rows = items.rows(["lamp_red", "lamp_floor"])
    assert facet(items, "brand", rows) == {"Lumo": 1, "Nord": 1}


def test_numbers_are_counted_by_value_and_missing_ones_not() -> None:
    items = with_columns(toys.dozen(), watts=[5.0, 5.0, 7.5, *[float("nan")] * 9])
    assert facet(items, "watts", EVERY) == {"5": 2, "7.5": 1}


def test_an_unknown_facet_is_empty() -> None:
    assert facet(toys.dozen(), "nonsense", EVERY) == {}


def test_a_facet_is_cut() -> None:
    assert len(facet(toys.checkerboard(120).catalogue, "title", np.arange(120))) == MOST


@pytest.mark.parametrize(
    ("text", "query", "marked"),
    [
        ("Red desk lamp", "red lamps", ["Red", "lamp"]),
        ("Lightweight running shoes", "run", ["running"]),
        ("红色台灯", "台灯", ["台灯"]),
        ("Steel cup", "lamp", []),
        ("<b>Red</b> lamp", "red", ["Red"]),
    ],
)
def test_the_words_that_match_are_marked(text: str, query: str, marked: list[str]) -> None:
    spans = highlights({"title": text}, understand(query)).get("title", [])
    assert [text[start:end] for start, end in spans] == marked


def test_newest_comes_first_and_what_has_no_date_last() -> None:
    data = toys.bilingual()
    from dataclasses import replace

    from tests.pipeline.toy import pipeline

    dated = with_columns(data.catalogue, created_at=[1.0, 3.0, *[float("nan")] * 10])
    answer = shop(pipeline(replace(data, catalogue=dated))).answer([request("search", query="lamp", sort="newest")])[0]
    assert [item.item_id for item in answer.items][:3] == ["lamp_blue", "lamp_red", "lamp_floor"]
