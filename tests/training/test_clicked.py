"""A click counts by the place where the page of that search showed the item; where the log does not say so, no weights are made."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from aisle.evaluation.places import Places
from aisle.evaluation.replay import search_log
from aisle.training import clicked as clicking
from aisle.training.choose import weighed
from aisle.training.clicked import Clicked, clicked, on_rows
from aisle.training.frames import Frame
from aisle.training.job import Job
from tests.evaluation.logs import Deed, inside, shop
from tests.training.shelves import shelf


def page(user: str, at: float, items: str = "abc", query: str = "lamp") -> list[Deed]:
    return [Deed(user, "impression", item, at, query=query, rank=rank) for rank, item in enumerate(items)]


def click(user: str, at: float, item: str, query: str = "lamp") -> Deed:
    return Deed(user, "click", item, at, query=query)


def ranks(*deeds: Deed) -> list[float]:
    data = shop(list(deeds))
    return Places.of(data.events).rank_of(search_log(data, inside(data, 0))).tolist()


def test_the_place_is_that_of_the_page_of_the_search() -> None:
    assert ranks(*page("ann", 1), click("ann", 1.1, "c")) == [2]


def test_of_two_pages_the_later_counts_and_one_after_the_search_does_not() -> None:
    two = [*page("ann", 1, "abc"), *page("ann", 1.1, "cab")]
    assert ranks(*two, click("ann", 1.2, "c")) == [0]
    assert ranks(*page("ann", 1, "abc"), click("ann", 1.1, "c"), *page("ann", 3, "cab")) == [2]


@pytest.mark.parametrize("other", [page("bob", 1), page("ann", 1, query="rug"), page("ann", 0.2), page("ann", 1, "ab")])
def test_other_users_queries_times_and_items_say_nothing(other: list[Deed]) -> None:
    assert np.isnan(ranks(*other, click("ann", 1.1, "c"))).all()


def test_the_truths_rows_are_laid_on_the_candidates_and_the_rest_counts_once() -> None:
    frame = shelf(3)
    often = on_rows(frame, np.array([2.0, 3.0, 4.0]))
    assert often[frame.grade > 0].tolist() == [2, 3, 4]
    assert (often[frame.grade == 0] == 1).all()


def test_weighed_quality_counts_a_click_as_often_as_it_says() -> None:
    """The first request's item stands first, the second's second: gains 1 and 1 / log2(3)."""
    frame = shelf(2)
    score = -np.tile(np.arange(20.0), 2)
    first, second = (np.flatnonzero(frame.grade > 0)[number] for number in range(2))
    score[first], score[second], score[20 if second != 20 else 21] = 2, 1, 2
    plain = weighed(frame, score, np.ones(2))
    assert plain.tolist() == pytest.approx([1, 1 / np.log2(3)])
    assert weighed(frame, score, np.array([1.0, 3.0])).tolist() == pytest.approx([0.5, 1.5 / np.log2(3)])


def searched(job: Job) -> tuple[Job, Frame]:
    """The shop as if it had no judgements, and a frame whose replay is its searches of window 2."""
    plain = replace(job, data=replace(job.data, judgements=None))
    replay = search_log(plain.data, job.windows.event == 2)
    none = np.zeros(0, np.int32)
    return plain, Frame.of(replay, np.zeros(len(replay) + 1, np.int64), none, ("noise",), np.zeros((1, 0), np.float32), {})


def test_searches_whose_pages_are_logged_have_weights_that_grow_downwards(job: Job, monkeypatch: pytest.MonkeyPatch) -> None:
    plain, frame = searched(job)
    monkeypatch.setattr(clicking, "KNOWN", 0.3)
    found = clicked(plain, frame)
    assert isinstance(found, Clicked)
    rank, often = found.places.rank_of(frame.replay), found(frame.replay)
    assert (often[np.isnan(rank)] == 1).all()
    assert often[rank == 0].mean() == 1 < often[rank == 3].mean()


def test_judgements_purchases_and_logs_without_places_have_none(job: Job) -> None:
    plain, frame = searched(job)
    assert clicked(job, frame) is None, "the simulated shop has judgements, which no place misleads"
    assert clicked(plain, shelf(5)) is None, "what a visit to the home page took is no click on one page"
    silent = replace(plain.data.events, rank=np.full(len(plain.data.events), np.nan, np.float32))
    assert clicked(replace(plain, data=replace(plain.data, events=silent)), frame) is None
