"""Pages read back from the log: what stood together, at which rank, and what was clicked there and not elsewhere."""

from __future__ import annotations

import numpy as np
import pytest

from aisle.core.events import Dataset
from aisle.evaluation.impressions import Shown, shown_pages, was_clicked
from aisle.ranking.ctr.labels import PATIENCE
from tests.evaluation.logs import HOUR, Deed, hours, inside, shop


def page(user: str, at: float, items: str, query: str = "", session: int = 1) -> list[Deed]:
    return [Deed(user, "impression", item, at, session, query, rank) for rank, item in enumerate(items)]


def read(deeds: list[Deed], searching: bool = False, start: float = 0) -> tuple[Dataset, Shown]:
    data = shop(deeds)
    return data, shown_pages(data, inside(data, start), searching)


def clicked(shown: Shown) -> list[set[str]]:
    t = shown.replay.truth
    return [{"abcdefgh"[i] for i in t.item[(t.request == n) & (t.grade > 0)].tolist()} for n in range(len(shown.replay))]


def test_what_one_user_was_shown_at_one_moment_is_one_page() -> None:
    deeds = [*page("u", 1, "abc"), *page("u", 2, "ad"), *page("v", 1, "ab", session=2), Deed("u", "click", "b", 1.1)]
    _, shown = read(deeds)
    pages = {(request.user_id, hours(request.as_of)): request.items for request in shown.replay.requests}
    assert {key: set(items) for key, items in pages.items()} == {
        ("u", 1.0): {"a", "b", "c"}, ("u", 2.0): {"a", "d"}, ("v", 1.0): {"a", "b"}
    }  # fmt: skip
    assert all(request.surface == "rank" and request.query is None for request in shown.replay.requests)
    assert sorted(map(len, clicked(shown))) == [0, 0, 1]


def test_pages_of_searches_and_of_the_rest_are_told_apart() -> None:
    deeds = [*page("u", 1, "ab"), *page("u", 2, "cd", "lamp")]
    assert [request.query for request in read(deeds, True)[1].replay.requests] == ["lamp"]
    assert [set(request.items) for request in read(deeds, False)[1].replay.requests] == [{"a", "b"}]


def test_the_page_is_asked_for_before_it_was_shown() -> None:
    data, shown = read(page("u", 3, "ab"))
    assert shown.replay.requests[0].as_of < data.events.time[0]
    assert hours(shown.replay.requests[0].as_of) == 3


def test_ranks_belong_to_their_items_and_one_shown_twice_has_its_first() -> None:
    deeds = [
        Deed("u", "impression", "b", 1, 1, "", 0), Deed("u", "impression", "a", 1, 1, "", 1), Deed("u", "impression", "b", 1, 1, "", 2)
    ]  # fmt: skip
    _, shown = read(deeds)
    assert dict(zip(shown.replay.truth.item.tolist(), shown.rank.tolist(), strict=True)) == {0: 1.0, 1: 0.0}


@pytest.mark.parametrize("kind", ["click", "cart", "purchase", "favourite"])
def test_taking_it_soon_after_counts(kind: str) -> None:
    assert clicked(read([*page("u", 1, "ab"), Deed("u", kind, "b", 1.2)])[1]) == [{"b"}]


@pytest.mark.parametrize(
    "deed",
    [
        Deed("u", "click", "b", 0.9),
        Deed("u", "click", "b", 1 + (PATIENCE + 1) / HOUR),
        Deed("v", "click", "b", 1.1),
        Deed("u", "dismiss", "b", 1.1),
        Deed("u", "click", "c", 1.1),
    ],
    ids=["before", "too late", "another user", "no taking", "another item"],
)
def test_what_is_no_click_of_this_page(deed: Deed) -> None:
    assert clicked(read([*page("u", 1, "ab"), deed])[1]) == [set()]


def test_patience_ends_to_the_second() -> None:
    assert clicked(read([*page("u", 1, "ab"), Deed("u", "click", "b", 1 + PATIENCE / HOUR)])[1]) == [{"b"}]


def test_a_click_belongs_to_the_last_page_that_showed_the_item() -> None:
    deeds = [*page("u", 1, "ab"), *page("u", 1.1, "bc"), Deed("u", "click", "b", 1.2), Deed("u", "click", "a", 1.3)]
    assert clicked(read(deeds)[1]) == [{"a"}, {"b"}]


def test_a_click_after_the_window_still_belongs_to_the_page_shown_in_it() -> None:
    data = shop([*page("u", 9.9, "ab"), Deed("u", "click", "a", 10.1)])
    assert clicked(shown_pages(data, inside(data, 0, 10), False)) == [{"a"}]


def test_unknown_items_and_windows_without_pages() -> None:
    _, shown = read([*page("u", 1, "azb")])
    assert set(shown.replay.requests[0].items) == {"a", "b"}
    _, nothing = read(page("u", 1, "ab"), start=5)
    assert len(nothing.replay) == 0 and len(nothing.rank) == 0


def test_no_event_was_ever_clicked_where_nobody_takes_anything() -> None:
    data = shop(page("u", 1, "abc"))
    assert was_clicked(data.events, np.arange(3)).tolist() == [False] * 3
