"""Filters decide what may be shown; what they cannot tell is not shown."""

from __future__ import annotations

import numpy as np
import pytest

from aisle.core.errors import RequestError
from aisle.core.overlay import Overlaid
from aisle.core.request import Condition
from aisle.core.stage import Allowed
from aisle.filters.asked import Asked
from aisle.filters.policy import Availability, Gone, Stock
from aisle.filters.seen import Seen
from aisle.testing import toys
from aisle.testing.blocks import ask, block
from tests.pipeline.toy import request, with_columns

NAN = float("nan")
DATA = toys.bilingual()
HOME = block(DATA, [ask("home", "u0")])


def shown(allowed: Allowed, number: int = 0) -> set[str]:
    return {DATA.catalogue.ids[int(row)] for row in np.flatnonzero(allowed.mask(number))}


def test_false_stock_is_obeyed_whether_armed_or_not() -> None:
    items = with_columns(toys.dozen(), in_stock=[0.0] * 12)
    assert not Stock(items).allowed(HOME).mask(0).any()
    assert Stock(toys.dozen()).allowed(HOME).mask(0).all()


def test_a_setting_arms_the_stock_filter_without_a_column() -> None:
    assert not Stock(toys.dozen(), armed=True).allowed(HOME).mask(0).any()


def test_an_item_is_shown_from_its_first_day_until_its_last() -> None:
    items = with_columns(toys.dozen(), available_from=[10.0, NAN, 10.0, *[NAN] * 9], available_until=[NAN, 20.0, 20.0, *[NAN] * 9])
    masks = {time: Availability(items).allowed(block(DATA, [ask("home", as_of=time)])).mask(0)[:4].tolist() for time in (9.0, 10.0, 20.0)}
    assert masks == {9.0: [False, True, False, True], 10.0: [True, True, True, True], 20.0: [True, False, False, True]}


def test_without_a_time_a_bounded_item_is_not_shown() -> None:
    items = with_columns(toys.dozen(), available_from=[10.0, *[NAN] * 11])
    asked = block(DATA, [ask("home"), ask("home")])
    assert Availability(items).allowed(asked).mask(1).tolist() == [False, *[True] * 11]


@pytest.mark.parametrize(
    ("attribute", "condition", "count"),
    [
        ("brand", Condition(any_of=("Lumo", "Nord")), 4),
        ("brand", Condition(none_of=("Lumo",)), 10),
        ("category", Condition(any_of=("Kitchen",)), 3),
        ("category", Condition(any_of=("Kitchen > Cups",)), 2),
        ("price", Condition(lte=12), 3),
        ("price", Condition(gt=12, lt=27), 2),
        ("price", Condition(any_of=("29", "27.0")), 2),
        ("brand", Condition(any_of=("nonsense",)), 0),
    ],
)
def test_a_condition_lets_through_what_meets_it(attribute: str, condition: Condition, count: int) -> None:
    assert int(Asked(DATA.catalogue).meets(attribute, condition).sum()) == count


def test_a_missing_value_meets_no_condition() -> None:
    items = with_columns(toys.dozen(), watts=[5.0, *[NAN] * 11])
    assert Asked(items).meets("watts", Condition(gte=0)).sum() == 1
    assert Asked(items).meets("watts", Condition(none_of=("7",))).sum() == 1


@pytest.mark.parametrize(
    ("attribute", "condition", "message"),
    [
        ("pric", Condition(lte=1), "price"),
        ("brand", Condition(lte=1), "number"),
        ("price", Condition(any_of=("cheap",)), "not a number"),
    ],
)
def test_a_condition_that_makes_no_sense_is_refused_by_name(attribute: str, condition: Condition, message: str) -> None:
    with pytest.raises(RequestError, match=message):
        Asked(DATA.catalogue).meets(attribute, condition)


def test_home_leaves_out_what_was_bought_on_one_day_only() -> None:
    profiles = block(DATA, [ask("home", "u0")]).profiles.owned
    once = {DATA.catalogue.ids[int(row)] for row, days in zip(profiles.item, profiles.values["days"], strict=True) if days < 2}
    twice = {DATA.catalogue.ids[int(row)] for row, days in zip(profiles.item, profiles.values["days"], strict=True) if days >= 2}
    seen = Seen(DATA.catalogue)
    assert shown(seen.allowed(HOME)) == set(toys.DOZEN) - once
    assert shown(seen.allowed(block(DATA, [request(user_id="u0", exclude_seen=True)]))) == set(toys.DOZEN) - once - twice
    assert shown(seen.allowed(block(DATA, [request(user_id="u0", exclude_seen=False)]))) == set(toys.DOZEN)


def test_a_page_never_shows_the_item_it_stands_on() -> None:
    assert "lamp_red" not in shown(Seen(DATA.catalogue).allowed(block(DATA, [ask("similar", items=["lamp_red"])])))


def test_what_both_filters_allow_is_what_each_allows() -> None:
    a = Allowed(np.array([True, True, False]), [np.array([True, False, True])], [np.array([0], np.int32)])
    b = Allowed(np.array([True, True, True]), [None], [np.array([2], np.int32)])
    assert np.array_equal((a & b).mask(0), a.mask(0) & b.mask(0))


def test_a_live_edit_is_obeyed_and_arms_nothing() -> None:
    edited = Overlaid(toys.dozen(), ["n"], {"in_stock": {0: False, 1: True}, "available_until": {2: 20.0}})
    home = block(DATA, [ask("home", as_of=30.0), ask("home")])
    assert Stock(edited).allowed(home).mask(0).tolist() == [False, *[True] * 12]
    assert Availability(edited).allowed(home).mask(0).tolist() == [True, True, False, *[True] * 10]
    assert Availability(edited).allowed(home).mask(1).all(), "unarmed: what cannot be told is shown"
    armed = Overlaid(with_columns(toys.dozen(), in_stock=[1.0] * 12), ["n"], {"title": {12: "of unknown stock"}})
    assert Stock(armed).allowed(home).mask(0).tolist() == [*[True] * 12, False]


def test_what_was_deleted_is_not_shown() -> None:
    later = Overlaid(toys.dozen(), ["n"], gone={0: True, 12: True})
    assert np.flatnonzero(~Gone(later).allowed(HOME).mask(0)).tolist() == [0, 12]
    assert Gone(Overlaid(later, gone={12: False})).allowed(HOME).mask(0).tolist() == [False, *[True] * 12]
    assert Gone(toys.dozen()).allowed(HOME).mask(0).all()
