"""What each user did next, as of moments that know nothing of it: worked by hand on a few days."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from aisle.core.events import Dataset
from aisle.data.windows import Windows
from aisle.schema import EVENT_CODE, SESSION_ACTOR
from aisle.testing.toys import DAY, START, Happening, dozen, shop
from aisle.training.moments import buying, leaving

PURCHASE = (EVENT_CODE["purchase"],)


def cut_at(data: Dataset, *days: float) -> Windows:
    """Windows 2, 3 and 4 begin on these days."""
    cuts = tuple(START + day * DAY for day in days)
    window = (1 + np.searchsorted(cuts, data.events.time, side="right")).astype(np.int8)
    return Windows(window, np.zeros(0, np.int8), "time", cuts)


def test_a_visit_is_asked_about_before_it_began_and_the_answer_is_its_first_purchase() -> None:
    happened: list[Happening] = [
        ("anna", "lamp_red", 1, "purchase"),
        ("anna", "cup_tea", 11.0, "click"),
        ("anna", "pot_tea", 11.01, "purchase"),
        ("anna", "lamp_blue", 11.02, "purchase"),
        ("ben", "lamp_red", 12, "purchase"),
    ]
    data = shop(dozen(), happened)
    data = replace(data, events=replace(data.events, session=np.array([0, 1, 1, 1, 2], np.int32)))
    found = buying(data, cut_at(data, 10, 20, 30).event == 2, PURCHASE)
    assert len(found) == 1, "ben is a stranger until then"
    assert data.events.users[int(found.user[0])] == "anna"
    assert START + 10.99 * DAY < found.as_of[0] < START + 11 * DAY, "before her click"
    assert data.catalogue.ids[int(data.events.item[found.label[0]])] == "pot_tea"


def test_who_comes_back_within_a_week_did_and_who_could_not_be_watched_for_a_week_is_not_asked_about() -> None:
    days = {"anna": (10, 13, 21, 38), "ben": (12, 19.5)}
    happened: list[Happening] = [(user, "lamp_red", day, "purchase") for user, all_ in days.items() for day in all_]
    data = shop(dozen(), [*happened, ("zoe", "cup_tea", 60, "purchase")])
    found = leaving(data, cut_at(data, 10, 30, 50), 2, 2)
    said = {
        (data.events.users[int(u)], round((t - START) / DAY, 1)): y for u, t, y in zip(found.user, found.as_of, found.label, strict=True)
    }
    assert said == {("anna", 10): 1, ("anna", 13): 0, ("anna", 21): 0, ("ben", 12): 0, ("ben", 19.5): 0}
    assert not len(leaving(data, cut_at(data, 10, 50, 59), 4, 4)), "the log ends a day later"


def test_a_session_that_nobody_claimed_is_no_user() -> None:
    happened: list[Happening] = [(f"{SESSION_ACTOR}7", "lamp_red", day, "purchase") for day in (1, 11, 12)]
    data = shop(dozen(), happened)
    windows = cut_at(data, 10, 30, 50)
    assert not len(buying(data, windows.event == 2, PURCHASE)) and not len(leaving(data, windows, 2, 2))


def test_a_sample_keeps_a_users_moments_side_by_side() -> None:
    happened: list[Happening] = [(f"u{user}", "lamp_red", day + user / 50, "purchase") for user in range(9) for day in range(20)]
    data = shop(dozen(), happened)
    found = buying(data, cut_at(data, 10, 30, 50).event == 2, PURCHASE).sample(40, 7)
    assert len(found) == 40 and (np.diff(found.user) >= 0).all()
