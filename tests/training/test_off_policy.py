"""The logged pages in the fused order: answered where the log allows, by what it states first, and set aside with the reason where not."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from aisle.core.events import Events
from aisle.pipeline import Pipeline
from aisle.schema import EVENT_CODE
from aisle.training import off_policy as asking
from aisle.training.job import Job, plain_stacks
from aisle.training.off_policy import off_policy, past
from tests.training.conftest import NAMES

ALWAYS = lambda: 1e9  # noqa: E731
STACKS = plain_stacks(NAMES)


def over(job: Job, events: Events, kept: np.ndarray | None = None) -> Job:
    """The same run over another log."""
    windows = job.windows if kept is None else replace(job.windows, event=job.windows.event[kept])
    return replace(job, windows=windows, data=replace(job.data, events=events if kept is None else events.where(kept)))


def test_the_answer_names_what_was_logged_and_what_the_order_would_have_got(job: Job, pipeline: Pipeline) -> None:
    found = off_policy(job, pipeline, STACKS["home"], ALWAYS)
    assert found.pages > 50
    by_look = found.estimates["position_based_ips"]
    assert by_look.low < by_look.value < by_look.high and by_look.ess > 50
    assert by_look.difference == pytest.approx(by_look.value - found.logged[0])
    assert found.text.startswith(f"as shown {found.logged[0]:.3f} clicks a page")
    assert found.examined[0] == 1 and 0.3 < found.examined[1] < 1
    assert found.estimates["item_position_ips"].refused, "the simulated shop's log states no propensities"


def test_propensities_that_the_log_states_come_first(job: Job, pipeline: Pipeline) -> None:
    """As if every page had been shuffled: each place with one over the number of places."""
    events = job.data.events
    stated = over(job, replace(events, propensity=np.where(events.type == EVENT_CODE["impression"], 0.2, np.nan).astype(np.float32)))
    found = off_policy(stated, pipeline, STACKS["home"], ALWAYS)
    assert found.propensities == "stated by the log"
    assert not found.estimates["item_position_snips"].refused
    assert found.estimates["item_position_ips"].ess < found.estimates["position_based_ips"].ess


def test_what_search_never_tried_is_refused(job: Job, pipeline: Pipeline) -> None:
    found = off_policy(job, pipeline, STACKS["search"], ALWAYS)
    assert found.propensities.startswith("estimated")
    assert "the log never tried" in found.estimates["item_position_snips"].refused


def test_a_log_without_impressions_or_ranks_or_clicks_sets_it_aside(job: Job, pipeline: Pipeline, monkeypatch: pytest.MonkeyPatch) -> None:
    events = job.data.events
    silent = over(job, events, events.type != EVENT_CODE["impression"])
    assert "log impressions" in off_policy(silent, pipeline, STACKS["home"], ALWAYS).text
    placeless = over(job, replace(events, rank=np.full(len(events), np.nan, np.float32)))
    assert "carry no rank" in off_policy(placeless, pipeline, STACKS["home"], ALWAYS).text
    monkeypatch.setattr(asking, "FEWEST", 10_000)
    found = off_policy(job, pipeline, STACKS["home"], ALWAYS)
    assert "10000 are needed" in found.text and not found.estimates


def test_without_clicks_before_the_window_nothing_is_known_of_places(job: Job, pipeline: Pipeline) -> None:
    early = (job.windows.event < 4) & (job.data.events.type != EVENT_CODE["impression"])
    found = off_policy(over(job, job.data.events, ~early), pipeline, STACKS["home"], ALWAYS)
    assert found.text.startswith("no estimate stands") and "too few clicks" in found.text


def test_propensities_are_read_before_the_window_that_is_asked(job: Job) -> None:
    for searching in (True, False):
        before = past(job, searching)
        shown = (job.windows.event < 4) & (job.data.events.type == EVENT_CODE["impression"]) & (job.data.events.user >= 0)
        assert len(before.rank) == int((shown & ((job.data.events.query >= 0) == searching)).sum())
