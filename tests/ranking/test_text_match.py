"""Text-match features worked by hand, missing where there is no query, the same alone and in a block."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as some

from aisle.core.candidates import Candidates
from aisle.core.catalogue import Catalogue
from aisle.core.profiles import Profiles, Slices
from aisle.core.request import Request
from aisle.core.stage import Block
from aisle.core.strings import Strings
from aisle.query.understand import understand
from aisle.ranking.text_match import QUERY, TITLE, TextMatch
from aisle.text.tokens import Tokens

TITLES = ["Acme Round Toilet Seat in White", "White Toilet with Seat", "Oak Door 36 in. x 80 in.", "Seat Cushion", ""]
BRANDS = ["Acme", "Bolt", "", "", ""]


@pytest.fixture(scope="module")
def match() -> TextMatch:
    texts = {"title": Strings.of(TITLES), "brand": Strings.of(BRANDS)}
    return TextMatch(Tokens.fit(Catalogue(Strings.of(map(str, range(len(TITLES)))), texts, {})))


def columns(match: TextMatch, *texts: str | None) -> dict[str, np.ndarray]:
    """Every item of the toy for every query: ``(queries, items)``."""
    n = len(texts)
    requests = [Request(f"r{number}", "search", query=text) for number, text in enumerate(texts)]
    queries = [None if text is None else understand(text) for text in texts]
    block = Block(requests, np.full(n, np.nan), queries, Profiles.strangers(n), Slices.none(n), Slices.none(n))
    found = match(block, Candidates.of([np.arange(len(TITLES), dtype=np.int32)] * n))
    return {name: values.reshape(n, -1) for name, values in found.items()}


def test_overlap_is_what_one_counts_by_hand(match: TextMatch) -> None:
    found = {name: values[0].tolist() for name, values in columns(match, "toilet seats").items()}
    assert found["title_words"] == [1, 1, 0, 0.5, 0]
    assert found["title_all"] == [1, 1, 0, 0, 0]
    assert found["title_head"] == [1, 1, 0, 1, 0], "the query is about seats"
    assert found["title_first"] == [1, 1, 0, 0, 0]
    assert found["title_adjacent"] == [1, 0, 0, 0, 0]
    assert found["title_subject"] == [1, 1, 0, 0, 0], "what stands before in and with, or at the end"
    assert found["title_subject_last"] == [1, 0, 0, 0, 0]
    assert found["title_opening"] == [0, 0, 0, 1, 0]
    assert found["title_length"] == [6, 4, 9, 2, 0]
    assert found["query_words"] == [2] * 5


def test_rarity_weighs_the_words(match: TextMatch) -> None:
    found = columns(match, "cushion seat")
    idf = match.tokens.fields["title"].idf[match.tokens.words.find(["cushion", "seat"])]
    np.testing.assert_allclose(found["title_covered"][0, 0], idf[1] / idf.sum(), rtol=1e-5)
    np.testing.assert_allclose(found["title_missed"][0, 0], idf[0], rtol=1e-5)
    assert found["title_rarest"][0].tolist() == [0, 0, 0, 1, 0]


def test_numbers_are_compared_where_the_query_has_any(match: TextMatch) -> None:
    assert columns(match, "36x80 door")["title_numbers"][0, [2, 3]].tolist() == [1, 0]
    assert np.isnan(columns(match, "door")["title_numbers"]).all()


def test_a_word_that_no_item_has_counts_as_the_rarest(match: TextMatch) -> None:
    found = columns(match, "unheardof seat")
    assert found["query_unknown"][0, 0] == 1 and found["title_covered"][0, 0] < 0.4 and found["title_rarest"][0].sum() == 0


def test_an_attribute_that_an_item_has_not_is_missing_not_zero(match: TextMatch) -> None:
    brand = columns(match, "acme seat")["brand_bm25"][0]
    assert brand[0] > 0 and brand[1] == 0 and np.isnan(brand[2:]).all()


def test_without_a_query_everything_is_missing(match: TextMatch) -> None:
    for text in (None, "", "🙂"):
        assert all(np.isnan(values).all() for values in columns(match, text).values())


def test_a_block_gives_what_each_request_gives_alone(match: TextMatch) -> None:
    texts = ("toilet seat", None, "acme 36 in. door", "white")
    together = columns(match, *texts)
    for number, text in enumerate(texts):
        for name, values in columns(match, text).items():
            np.testing.assert_array_equal(values[0], together[name][number], err_msg=name)


def test_the_names_are_the_same_for_every_block(match: TextMatch) -> None:
    assert list(columns(match, None)) == list(columns(match, "seat")) == [*TITLE, *QUERY, "brand_bm25", "brand_covered"]


@settings(max_examples=80, deadline=None)
@given(some.text(max_size=40))
def test_any_query_gives_finite_columns_or_missing_ones(match: TextMatch, text: str) -> None:
    assert all(not np.isinf(values).any() for values in columns(match, text).values())


def test_a_shop_without_any_text_is_no_accident() -> None:
    empty = TextMatch(Tokens.fit(Catalogue(Strings.of(map(str, range(5))), {}, {})))
    assert columns(empty, "seat")["title_words"][0].tolist() == [0] * 5
