"""The profile is a fold over facts: what counts, what decays, what is given back."""

from __future__ import annotations

import math

import numpy as np
import pytest

from aisle.profile.fold import DAY, RECENT, Fact, Profile, fold
from aisle.profile.gather import gather, snapshot
from aisle.profile.history import History
from aisle.schema import EVENT_CODE
from aisle.testing import toys

BUY, CLICK, RETURN, DISMISS, RATE = (EVENT_CODE[name] for name in ("purchase", "click", "return", "dismiss", "rating"))


def folded(*facts: Fact) -> Profile:
    profile = Profile()
    for fact in facts:
        profile = fold(profile, fact)
    return profile


def test_purchases_on_two_days_are_two_days_and_two_on_one_day_are_one() -> None:
    profile = folded(Fact("a", 0, BUY), Fact("a", 3_600, BUY), Fact("a", DAY + 1, BUY))
    assert profile.owned["a"].count == 3
    assert profile.owned["a"].days == 2
    assert profile.owned["a"].first == 0
    assert profile.owned["a"].last == DAY + 1


def test_what_is_returned_is_no_longer_owned() -> None:
    profile = folded(Fact("a", 0, BUY), Fact("a", 10, RETURN))
    assert "a" not in profile.owned
    assert folded(Fact("a", 0, RETURN)).owned == {}


def test_who_rates_an_item_owns_it_once() -> None:
    profile = folded(Fact("a", 0, BUY), Fact("a", 10, RATE), Fact("b", 20, RATE))
    assert profile.owned["a"].count == 1
    assert profile.owned["b"].count == 1


def test_a_dismissed_item_is_forgiven_when_it_is_clicked_again() -> None:
    assert "a" in folded(Fact("a", 0, DISMISS)).dismissed
    assert "a" not in folded(Fact("a", 0, DISMISS), Fact("a", 5, CLICK)).dismissed


def test_interest_in_a_dismissed_item_no_longer_counts_and_others_do() -> None:
    red, both = (("colour", ("red",)),), (("colour", ("red", "blue")),)
    seen = [Fact("a", 0, CLICK, values=both), Fact("b", 9 * DAY, CLICK, values=red), Fact("a", 20 * DAY, BUY, values=both)]
    profile = folded(*seen, Fact("a", 40 * DAY, DISMISS, values=both))
    alone = folded(seen[1])
    assert [item for item, _, _ in profile.recent] == ["b"]
    assert "blue" not in profile.tastes["colour"]
    weight, then = profile.tastes["colour"]["red"]
    assert weight * 2 ** ((then - 9 * DAY) / (30 * DAY)) == pytest.approx(alone.tastes["colour"]["red"][0])
    assert "a" in profile.owned


def test_a_taste_halves_in_thirty_days() -> None:
    red, blue = (("colour", ("red",)),), (("colour", ("blue",)),)
    profile = folded(Fact("a", 0, CLICK, values=red), Fact("b", 30 * DAY, CLICK, values=red), Fact("c", 30 * DAY, CLICK, values=blue))
    assert profile.tastes["colour"]["red"] == (pytest.approx(1.5), 30 * DAY)
    assert profile.tastes["colour"]["blue"] == (1.0, 30 * DAY)


def test_the_usual_price_is_the_mean_of_logs_weighed_by_interest() -> None:
    profile = folded(Fact("a", 0, CLICK, price=math.e), Fact("b", 1, BUY, price=math.e**3), Fact("c", 2, CLICK, price=0.0))
    weight, mean, squares = profile.price
    assert weight == 4
    assert mean == pytest.approx((1 + 3 * 3) / 4)
    assert squares == pytest.approx(1 * (1 - 2.5) ** 2 + 3 * (3 - 2.5) ** 2)


def test_only_the_newest_events_are_kept() -> None:
    profile = folded(*(Fact(f"i{number}", number, CLICK) for number in range(RECENT + 50)))
    assert len(profile.recent) == RECENT
    assert profile.recent[0][0] == "i50"
    assert profile.events == RECENT + 50


def test_a_request_sees_what_came_before_it_and_at_its_moment_but_nothing_later() -> None:
    data = toys.bilingual()
    history = History.of(data.catalogue, data.events)
    times = np.sort(data.events.time[data.events.user == list(data.events.users).index("u4")])
    before, at, after = gather(history, ["u4"] * 3, np.array([np.nextafter(times[2], -np.inf), times[2], np.nan])).events
    assert (before, at, after) == (2, 3, len(times))


def test_gathering_many_equals_gathering_each() -> None:
    data = toys.bilingual()
    history = History.of(data.catalogue, data.events)
    users = ["u3", "nobody", "u3", None, "u7"]
    as_of = np.array([np.nan, np.nan, data.events.time[40], np.nan, data.events.time[90]])
    together = gather(history, users, as_of)
    for number, user in enumerate(users):
        alone = gather(history, [user], as_of[number : number + 1])
        part = together.recent.of(number)
        assert np.array_equal(together.recent.item[part], alone.recent.item)
        assert np.array_equal(together.price[number], alone.price[0], equal_nan=True)
        assert together.events[number] == alone.events[0]


def test_in_a_log_without_a_clock_age_is_the_number_of_later_steps() -> None:
    data = toys.checkerboard(clock=False)
    found = gather(History.of(data.catalogue, data.events), ["u0"], np.array([np.nan]))
    assert found.recent.values["age"].tolist() == list(range(len(found.recent.item) - 1, -1, -1))


def test_items_that_the_catalogue_no_longer_has_are_left_out() -> None:
    profile = folded(Fact("lamp_red", 0, BUY), Fact("gone", 1, BUY))
    taken = snapshot(profile, toys.dozen(), 10.0)
    assert [row for row, *_ in taken.recent] == [toys.dozen().row_of["lamp_red"]]
    assert taken.events == 2


def test_a_history_opens_as_it_was_saved(tmp_path) -> None:  # type: ignore[no-untyped-def]
    data = toys.bilingual()
    made = History.of(data.catalogue, data.events)
    made.save(tmp_path)
    opened = History.load(tmp_path, data.catalogue)
    assert opened.newest == made.newest
    for user in ("u0", "u23"):
        assert str(list(opened.facts(opened.find(user)))) == str(list(made.facts(made.find(user))))
    assert opened.find("nobody") == -1
