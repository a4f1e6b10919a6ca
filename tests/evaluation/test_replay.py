"""Requests read back from the log: one a visit or a search, at its beginning, wanting what came of it and nothing else."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from aisle.core.events import Judgements
from aisle.core.strings import Strings
from aisle.evaluation.lists import Truth
from aisle.evaluation.replay import Replay, home, search_judged, search_log, success_type
from aisle.schema import EVENT_CODE
from tests.evaluation.logs import Deed, hours, inside, shop

PURCHASE = [EVENT_CODE["purchase"]]


def wanted(replay: Replay) -> list[set[str]]:
    """The items that each request wanted, as letters."""
    t = replay.truth
    return [
        {"abcdefgh"[int(item)] if item >= 0 else "?" for item in t.item[t.offsets[number] : t.offsets[number + 1]]}
        for number in range(len(replay))
    ]


def test_success_is_the_first_of_purchase_rating_cart_click_that_the_log_has() -> None:
    clicks = [Deed("u", "click", "a", hour) for hour in range(5)]
    assert success_type(shop(clicks).events) == (EVENT_CODE["click"],)
    assert success_type(shop([*clicks, Deed("u", "cart", "a", 9)]).events) == (EVENT_CODE["cart"],)
    assert success_type(shop([*clicks, Deed("u", "purchase", "a", 9)]).events) == (EVENT_CODE["purchase"],)
    assert success_type(shop([Deed("u", "impression", "a", 1)]).events) == ()


def test_a_type_as_rare_as_an_accident_is_no_success() -> None:
    many = [Deed("u", "click", "a", hour / 100) for hour in range(2_000)]
    assert success_type(shop([*many, Deed("u", "purchase", "a", 99)]).events) == (EVENT_CODE["click"],)


def test_success_by_setting_stands() -> None:
    assert success_type(shop([]).events, ("cart", "favourite")) == (EVENT_CODE["cart"], EVENT_CODE["favourite"])


def test_a_user_asks_once_before_the_visit_that_brought_the_first_success() -> None:
    """The visit of session 7 begins at hour 50 with a click; it may not be known yet. The purchase of session 8 is wanted too."""
    deeds = [
        Deed("u", "purchase", "a", 1, 1), Deed("u", "click", "e", 40, 6), Deed("u", "click", "b", 50, 7), Deed("u", "cart", "b", 51, 7),
        Deed("u", "purchase", "b", 52, 7), Deed("u", "purchase", "c", 60, 8), Deed("v", "click", "b", 55, 9),
    ]  # fmt: skip
    data = shop(deeds)
    replay = home(data, inside(data, 30), PURCHASE, new_only=False)
    assert [request.user_id for request in replay.requests] == ["u"], "v took nothing"
    assert hours(replay.requests[0].as_of) == 50 and replay.requests[0].as_of < data.events.time[2]
    assert wanted(replay) == [{"b", "c"}]
    assert replay.requests[0].exclude_seen is False and replay.requests[0].surface == "home"


def test_a_visit_that_began_before_the_window_is_cut_at_its_edge() -> None:
    data = shop([Deed("u", "click", "a", 9, 3), Deed("u", "click", "b", 11, 3), Deed("u", "purchase", "c", 12, 3)])
    assert hours(home(data, inside(data, 10), PURCHASE, False).requests[0].as_of) == 11


def test_without_sessions_the_success_itself_is_the_moment() -> None:
    data = shop([Deed("u", "click", "a", 10), Deed("u", "purchase", "b", 12)])
    assert hours(home(data, inside(data, 0), PURCHASE, False).requests[0].as_of) == 12


def test_only_new_leaves_out_what_was_owned_before_the_window_but_not_what_is_bought_twice_in_it() -> None:
    deeds = [
        Deed("u", "purchase", "a", 1), Deed("u", "click", "b", 2), Deed("u", "purchase", "a", 20), Deed("u", "purchase", "b", 21),
        Deed("u", "purchase", "b", 25), Deed("v", "purchase", "a", 22), Deed("w", "rating", "c", 3), Deed("w", "purchase", "c", 23),
    ]  # fmt: skip
    data = shop(deeds)
    replay = home(data, inside(data, 10), PURCHASE, new_only=True)
    assert [request.user_id for request in replay.requests] == ["u", "v"]
    assert wanted(replay) == [{"b"}, {"a"}]
    assert all(request.exclude_seen for request in replay.requests) and replay.task == "home_new"


def test_a_session_that_nobody_claimed_is_no_user_and_an_item_that_is_unknown_is_not_wanted() -> None:
    data = shop([Deed("session:9", "purchase", "a", 1), Deed("u", "purchase", "z", 2), Deed("v", "purchase", "a", 3)])
    assert [request.user_id for request in home(data, inside(data, 0), PURCHASE, False).requests] == ["v"]


def test_money_is_price_times_quantity_and_what_has_no_price_is_unknown() -> None:
    deeds = [Deed("u", "purchase", "a", 1, price=3, quantity=4), Deed("u", "purchase", "b", 2, price=5), Deed("u", "purchase", "c", 3)]
    data = shop(deeds)
    truth = home(data, inside(data, 0), PURCHASE, False).truth
    assert truth.bought.all()
    assert truth.value.tolist()[:2] == [12, 5] and np.isnan(truth.value[2])


def test_a_search_asks_once_and_wants_what_was_taken_from_it_the_more_the_further_it_went() -> None:
    deeds = [
        Deed("u", "click", "a", 1, 1, "red"), Deed("u", "purchase", "a", 2, 1, "red", price=9), Deed("u", "click", "b", 1.5, 1, "red"),
        Deed("u", "click", "c", 3, 1, "blue"), Deed("u", "click", "d", 9, 2, "red"), Deed("v", "impression", "a", 4, 3, "red"),
        Deed("v", "cart", "e", 5, 3, "red"),
    ]  # fmt: skip
    data = shop(deeds)
    replay = search_log(data, inside(data, 0))
    asked = {
        (request.user_id, request.query, hours(request.as_of)): found
        for request, found in zip(replay.requests, wanted(replay), strict=True)
    }
    assert asked == {
        ("u", "red", 1.0): {"a", "b"}, ("u", "blue", 3.0): {"c"}, ("u", "red", 9.0): {"d"}, ("v", "red", 5.0): {"e"}
    }  # fmt: skip
    first = [request.as_of for request in replay.requests].index(min(request.as_of for request in replay.requests))
    grades = dict(zip(replay.truth.item.tolist(), replay.truth.grade.tolist(), strict=True))
    assert (grades[0], grades[1], grades[4]) == (3, 1, 2)
    assert replay.truth.bought[replay.truth.request == first].tolist() == [True, False]


def judgements() -> Judgements:
    query, item, grade = (np.array(part) for part in ([0, 0, 1, 2], [0, 1, 2, 3], [1.0, 3.0, 2.0, 3.0]))
    names = Strings.of(["red", "blue", "green"])
    return Judgements(names, query.astype(np.int32), item.astype(np.int32), grade.astype(np.float32), np.zeros(3, np.int8), 2.5)


def test_judged_queries_have_no_user_and_no_moment_and_grades_from_nought() -> None:
    replay = search_judged(shop([], judged=judgements()), np.array([True, False, True]))
    assert [(request.query, request.user_id) for request in replay.requests] == [("red", None), ("green", None)]
    assert all(np.isnan(request.as_of) for request in replay.requests)
    assert replay.truth.grade.tolist() == [0, 2, 2]
    assert replay.truth.relevant.tolist() == [False, True, True]
    assert replay.users.tolist() == [-1, -1]


@pytest.mark.parametrize(("relevant_from", "gained"), [(2.0, 1.0), (2.5, 0.0)])
def test_one_grade_for_every_right_answer_gains_something(relevant_from: float, gained: float) -> None:
    every = replace(judgements(), grade=np.full(4, 2, np.float32), relevant_from=relevant_from)
    replay = search_judged(shop([], judged=every), np.ones(3, bool))
    assert replay.truth.grade.tolist() == [gained] * 4
    assert replay.truth.relevant.tolist() == [gained > 0] * 4


def numbered(count: int) -> Replay:
    deeds = [Deed(f"u{number}", "purchase", "abcdefgh"[number % 8], 1 + number) for number in range(count)]
    data = shop(deeds)
    return home(data, inside(data, 0), PURCHASE, False)


def test_picked_requests_keep_their_own_truth_and_users_in_the_order_asked() -> None:
    whole = numbered(8)
    some = whole.pick(np.array([5, 0, 3]))
    assert [request.user_id for request in some.requests] == ["u5", "u0", "u3"]
    assert wanted(some) == [{"f"}, {"a"}, {"d"}]
    assert some.users.tolist() == whole.users[[5, 0, 3]].tolist()
    assert len(whole.pick(np.array([], int))) == 0


@pytest.mark.parametrize("most", [0, 3, 8, 99])
def test_the_first_requests_are_no_more_than_there_are(most: int) -> None:
    assert wanted(numbered(8).first(most)) == wanted(numbered(8))[:most]


def test_a_sample_has_no_request_twice_and_is_the_same_for_the_same_seed() -> None:
    one, two = (numbered(50).sample(20, 3) for _ in range(2))
    ids = [request.request_id for request in one.requests]
    assert len(set(ids)) == 20
    assert ids == [request.request_id for request in two.requests]
    assert isinstance(one.truth, Truth) and len(one.truth) == 20
