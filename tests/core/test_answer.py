"""Answers as JSON: the contract's shape, readable values, and never a NaN."""

import json
import math

from hypothesis import given
from hypothesis import strategies as st

from aisle.core.answer import Absence, Answer, AnsweredItem, Completion, Intent, Reason, Understanding, completions_json, to_json
from aisle.core.trace import Step

ITEM = AnsweredItem(
    "A1",
    {"item_id": "A1", "title": "Red lamp", "price": 12.5, "in_stock": 1.0, "created_at": 86_400.0, "watts": 5.0},
    score=0.83,
    probability=0.12,
    scores={"lexical": 7.1, "dense": math.nan},
    highlights={"title": [(0, 3)]},
    reasons=[Reason("bought_with", "Often bought with Bulb", ("B2",))],
)


def test_the_shape_is_the_contracts():
    answer = Answer("r", "b1", [ITEM], 812, {"brand": {"Acme": 3}}, Understanding(Intent("find", 0.9, True), {"colour": "red"}, None))
    assert to_json(answer) == {
        "request_id": "r",
        "bundle": "b1",
        "items": [
            {
                "item_id": "A1", "title": "Red lamp", "price": 12.5, "in_stock": True, "created_at": "1970-01-02T00:00:00Z", "watts": 5.0,
                "score": 0.83, "probability": 0.12, "scores": {"lexical": 7.1}, "highlights": {"title": [[0, 3]]},
                "reasons": [{"code": "bought_with", "text": "Often bought with Bulb", "items": ["B2"]}],
            }
        ],
        "total": 812,
        "facets": {"brand": {"Acme": 3}},
        "understanding": {"intent": {"name": "find", "score": 0.9, "in_scope": True}, "attributes": {"colour": "red"}, "correction": None},
        "degraded": False,
        "skipped": [],
        "took_ms": 0.0,
    }  # fmt: skip


def test_a_removed_item_has_no_score_and_says_why():
    item = to_json(Answer("r", "b", [AnsweredItem("X", score=math.nan, removed="unknown")]))["items"][0]
    assert (item["item_id"], item["score"], item["removed"]) == ("X", None, "unknown")


def test_explanations_variants_and_the_trace_are_there_where_there_are_any():
    item = AnsweredItem("X", variants=("Y",), explanation={"alpha": 0.5, "ctr": {"score": math.inf}})
    answer = to_json(Answer("r", "b", [item], trace=(Step("rank", 1.25, 3),)))
    assert answer["items"][0]["variants"] == ["Y"]
    assert answer["items"][0]["explanation"] == {"alpha": 0.5, "ctr": {"score": None}}
    assert answer["trace"] == [{"stage": "rank", "took_ms": 1.25, "gave": 3}]
    plain = to_json(Answer("r", "b", [ITEM]))
    assert not {"variants", "explanation", "trace", "why"} & {*plain, *plain["items"][0]}


def test_only_removed_items_carry_the_word():
    assert "removed" not in to_json(Answer("r", "b", [ITEM]))["items"][0]


def test_absences_asked_for_are_explained():
    lost = Absence("page", "ranked below the page", {"rank": 17, "score": math.nan})
    assert to_json(Answer("r", "b", why={"Z": lost}))["why"] == [
        {"item_id": "Z", "stage": "page", "reason": "ranked below the page", "rank": 17, "score": None}
    ]


def test_an_attribute_named_like_our_own_field_gives_way():
    item = to_json(Answer("r", "b", [AnsweredItem("X", {"item_id": "Y", "score": "five stars"}, score=0.5)]))["items"][0]
    assert (item["item_id"], item["score"]) == ("X", 0.5)


def test_a_time_out_of_the_calendar_is_left_out():
    assert "created_at" not in to_json(Answer("r", "b", [AnsweredItem("X", {"created_at": 1e30})]))["items"][0]


def test_completions():
    one = {"text": "red lamp", "kind": "query", "score": 2.0}
    assert completions_json([Completion("red lamp", "query", 2.0)]) == {"completions": [one]}


numbers = st.floats() | st.none()
values = st.floats() | st.text(max_size=5) | st.booleans() | st.none()


@given(numbers, numbers, st.dictionaries(st.text(max_size=5), st.floats()), st.dictionaries(st.text(max_size=12), values), st.floats())
def test_no_json_reader_is_ever_shown_a_nan(score, probability, scores, attributes, took):
    item = AnsweredItem("X", attributes, score, probability, scores)
    found = Understanding(attributes={"price": {"lte": took, "all": [took]}})
    text = json.dumps(to_json(Answer("r", "b", [item], understanding=found, took_ms=took)), allow_nan=False)
    assert json.loads(text)["request_id"] == "r"
