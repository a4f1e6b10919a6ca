"""Reading requests: what the contract allows becomes a `Request`; anything else a `RequestError` that names the field and the mend."""

import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from aisle.core.errors import RequestError
from aisle.core.request import SURFACES, Condition, Request
from aisle.serving.fields import FieldError
from aisle.serving.parse import FIELDS, Prefix, parse, parse_complete

NOW = 1_700_000_000.0


def refused(body: object, surface: str = "search") -> FieldError:
    with pytest.raises(FieldError) as caught:
        parse(body, surface, NOW)
    return caught.value


def test_the_contracts_example_is_read_whole():
    body = {"query": "red lamp", "user_id": "42", "session_id": "s1", "filters": {"category": ["Lamps"], "price": {"lte": 30}},
            "limit": 10, "offset": 0, "sort": "relevance", "facets": ["brand"], "explain": True}  # fmt: skip
    assert parse(body, "search", NOW, "r1") == Request(
        "r1", "search", "42", "s1", "red lamp", (), {"category": Condition(("Lamps",)), "price": Condition(lte=30.0)},
        10, 0, "relevance", ("brand",), None, NOW, None, True,
    )  # fmt: skip


@pytest.mark.parametrize("actor", [{"query": "x"}, {"user_id": "1"}, {"session_id": "1"}, {"items": ["1"]}])
def test_one_of_the_four_is_enough(actor):
    assert parse(actor, "search", NOW).surface == "search"


@pytest.mark.parametrize("body", [{}, {"limit": 3}, {"query": None, "user_id": None}])
def test_none_of_the_four_is_refused(body):
    assert refused(body).code == "missing_field"


def test_null_is_absent():
    assert parse({"query": "x", "user_id": None, "limit": None, "as_of": None}, "search", NOW) == parse({"query": "x"}, "search", NOW)


def test_a_blank_query_browses():
    assert parse({"query": "  "}, "search", NOW).query is None


def test_leading_zeros_of_ids_stay():
    assert parse({"items": ["007"]}, "similar", NOW).items == ("007",)


def test_an_item_named_twice_stands_once():
    assert parse({"items": ["b", "a", "b"]}, "similar", NOW).items == ("b", "a")


def test_rank_answers_all_that_it_is_given():
    assert parse({"items": [str(n) for n in range(700)]}, "rank", NOW).limit == 700


@pytest.mark.parametrize("surface", ["item", "similar", "basket", "rank"])
def test_surfaces_that_start_from_items_need_them(surface):
    assert refused({"user_id": "1"}, surface).field == "items"


def test_similar_to_nothing_is_refused_but_ranking_nothing_is_not():
    assert refused({"items": []}, "similar").code == "missing_value"
    assert parse({"items": []}, "rank", NOW).items == ()


def test_the_recommendation_route_takes_its_three_surfaces_and_no_other():
    assert parse({"items": ["1"], "surface": "basket"}, "home", NOW).surface == "basket"
    assert refused({"query": "x", "surface": "search"}, "home").field == "surface"
    assert refused({"query": "x", "surface": "home"}, "search").field == "surface"


def test_a_batch_line_names_its_surface():
    assert parse({"query": "x", "surface": "search"}, "", math.nan).surface == "search"
    assert refused({"query": "x"}, "").field == "surface"
    assert refused({"query": "x", "surface": "serach"}, "").mend == "Did you mean `search`?"


@pytest.mark.parametrize(
    ("filters", "condition"),
    [
        (["a", "b", "a"], Condition(("a", "b"))),
        ("a", Condition(("a",))),
        (30.0, Condition(("30",))),
        (2.5, Condition(("2.5",))),
        (True, Condition(("true",))),
        ({"not": "a"}, Condition(none_of=("a",))),
        ({"not": ["a", 3]}, Condition(none_of=("a", "3"))),
        ({"lt": 1, "lte": 2, "gt": -3, "gte": 4.5}, Condition((), (), 1, 2, -3, 4.5)),
        ({"gte": "1970-01-02"}, Condition(gte=86_400.0)),
    ],
)
def test_every_form_of_a_filter(filters, condition):
    assert parse({"query": "x", "filters": {"f": filters}}, "search", NOW).filters == {"f": condition}


@pytest.mark.parametrize(
    ("body", "field", "code"),
    [
        ({"query": 5}, "query", "wrong_type"),
        ({"query": "x" * 1_000_000}, "query", "too_long"),
        ({"user_id": 42}, "user_id", "wrong_type"),
        ({"user_id": " "}, "user_id", "missing_value"),
        ({"items": "A1"}, "items", "wrong_type"),
        ({"items": ["A1", 5]}, "items[1]", "wrong_type"),
        ({"items": ["x"] * 1_001}, "items", "too_long"),
        ({"query": "x", "limit": 501}, "limit", "out_of_range"),
        ({"query": "x", "limit": -1}, "limit", "out_of_range"),
        ({"query": "x", "limit": True}, "limit", "wrong_type"),
        ({"query": "x", "limit": 2.5}, "limit", "wrong_type"),
        ({"query": "x", "limit": "10"}, "limit", "wrong_type"),
        ({"query": "x", "limit": 10**400}, "limit", "out_of_range"),
        ({"query": "x", "limit": math.nan}, "limit", "out_of_range"),
        ({"query": "x", "offset": -1}, "offset", "out_of_range"),
        ({"query": "x", "sort": "prize"}, "sort", "unknown_value"),
        ({"query": "x", "facets": "brand"}, "facets", "wrong_type"),
        ({"query": "x", "exclude_seen": "yes"}, "exclude_seen", "wrong_type"),
        ({"query": "x", "as_of": "yesterday"}, "as_of", "wrong_type"),
        ({"query": "x", "as_of": 1e300}, "as_of", "out_of_range"),
        ({"query": "x", "language": "fr"}, "language", "unknown_value"),
        ({"query": "x", "explain": 1}, "explain", "wrong_type"),
        ({"query": "x", "why": ["A", None]}, "why[1]", "wrong_type"),
        ({"query": "x", "deadline_ms": 0}, "deadline_ms", "out_of_range"),
        ({"query": "x", "filters": ["a"]}, "filters", "wrong_type"),
        ({"query": "x", "filters": {"a": []}}, "filters.a", "missing_value"),
        ({"query": "x", "filters": {"a": {}}}, "filters.a", "missing_value"),
        ({"query": "x", "filters": {"a": {"lower": 3}}}, "filters.a.lower", "unknown_field"),
        ({"query": "x", "filters": {"a": {"lt": "3"}}}, "filters.a.lt", "wrong_type"),
        ({"query": "x", "filters": {"a": {"lt": math.inf}}}, "filters.a.lt", "out_of_range"),
        ({"query": "x", "filters": {"a": [["b"]]}}, "filters.a[0]", "wrong_type"),
        ({"query": "x", "filters": {"": "b"}}, "filters", "missing_value"),
        ({"query": "x", "filters": {str(n): "b" for n in range(51)}}, "filters", "too_long"),
    ],
)
def test_what_cannot_be_read_is_named(body, field, code):
    error = refused(body)
    assert (error.field, error.code) == (field, code)


def test_an_unknown_field_names_the_nearest():
    error = refused({"querry": "x"})
    assert error.code == "unknown_field"
    assert error.mend == "Did you mean `query`?"


@pytest.mark.parametrize("body", [[], "x", 5, None, True])
def test_a_request_is_one_object(body):
    with pytest.raises(RequestError, match="one JSON object"):
        parse(body, "search", NOW)


@pytest.mark.parametrize(
    "written", [1_700_000_000, 1_700_000_000_000, "2023-11-14T22:13:20Z", "2023-11-14T22:13:20", "2023-11-15T06:13:20+08:00"]
)
def test_every_way_to_write_an_instant(written):
    assert parse({"query": "x", "as_of": written}, "search", 0.0).as_of == NOW


def test_far_pages_keep_small_numbers():
    assert parse({"query": "x", "offset": 10**12}, "search", NOW).offset == 500


@pytest.mark.parametrize(("said", "meant"), [("zh-CN", "zh"), ("EN", "en"), ("en_US", "en")])
def test_regional_languages_are_their_main_one(said, meant):
    assert parse({"query": "x", "language": said}, "search", NOW).language == meant


def test_controls_and_surrogates_can_be_encoded_afterwards():
    request = parse({"query": "a\x00b\ud800c", "user_id": "\udfff"}, "search", NOW)
    assert request.query == "a b\ufffdc"
    assert (request.user_id or "").encode() == "\ufffd".encode()


def test_complete_reads_a_prefix():
    assert parse_complete({"query": " red la", "limit": 3}) == Prefix("red la", 3)
    assert parse_complete({"query": ""}) == Prefix("", 8)


@pytest.mark.parametrize("body", [{}, {"query": 1}, {"query": "x", "sort": "price"}, {"query": "x", "limit": 501}, []])
def test_complete_refuses_the_rest(body):
    with pytest.raises(RequestError):
        parse_complete(body)


json = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(st.characters(), max_size=20),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=12,
)
bodies = st.dictionaries(st.sampled_from(FIELDS) | st.text(max_size=6), json, max_size=6) | json


@settings(max_examples=400, deadline=None)
@given(bodies, st.sampled_from((*SURFACES, "")))
def test_whatever_comes_in_is_a_request_or_refused(body, surface):
    try:
        request = parse(body, surface, NOW, "r")
    except RequestError as error:
        str(error).encode()
        return
    assert isinstance(request, Request)
    assert 0 <= request.limit <= 1_000
    assert 0 <= request.offset <= 500
    assert math.isfinite(request.as_of)
    assert request.surface in SURFACES


@settings(max_examples=200, deadline=None)
@given(st.dictionaries(st.text(min_size=1, max_size=4), json, max_size=4))
def test_whatever_stands_in_filters_is_conditions_or_refused(filters):
    try:
        request = parse({"query": "x", "filters": filters}, "search", NOW)
    except RequestError:
        return
    assert all(one.any_of or one.none_of or one.bounded for one in request.filters.values())
