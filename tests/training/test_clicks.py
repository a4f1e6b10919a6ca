"""Click models: fitted on what was shown, better than one rate for all, position no merit, and silent where the log is."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import numpy as np
import pytest

from aisle.fusion.stack import ITEM, POSITION
from aisle.pipeline import Pipeline
from aisle.schema import EVENT_CODE
from aisle.training import clicks as clicking
from aisle.training.clicks import ClickResult, _rate, learn_clicks
from aisle.training.frames import Frame
from aisle.training.job import Job, plain_stacks
from aisle.training.tasks import Planned
from tests.training.conftest import NAMES

ALWAYS = lambda: 1e9  # noqa: E731
STACK = plain_stacks(NAMES)["search"]
MODELS = ("logistic", "boosted", "dcn")


@pytest.fixture(scope="module", autouse=True)
def one_net() -> Iterator[None]:
    """One net is enough, and this small shop may have it."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(clicking, "NETS", ("dcn",))
        patch.setattr(clicking, "NET_ROWS", 100)
        yield


@pytest.fixture(scope="module")
def result(job: Job, pipeline: Pipeline) -> ClickResult:
    """The click model of search."""
    found = learn_clicks(job, pipeline, STACK, Planned(), ALWAYS)
    assert found is not None
    return found


def test_models_stand_beside_what_needs_no_model_on_both_windows(result: ClickResult) -> None:
    for summary in (result.dev, result.test):
        assert summary.task == "search_clicks"
        assert set(summary.models) == {"constant_rate", "item_rate", "position_rate", *MODELS}
        assert set(summary.models["boosted"]) == {"auc", "gauc", "logloss", "ne", "brier", "ece"}
    assert {c.metric for c in result.test.comparisons} == {"auc", "logloss"}


def test_what_is_shown_first_and_what_fits_is_clicked_more_and_the_models_know(result: ClickResult) -> None:
    """The simulated shoppers look from the top and click on what fits their query; in so small a shop the place says nearly all of it."""
    auc = {model: numbers["auc"].value for model, numbers in result.test.models.items()}
    assert auc["constant_rate"] == 0.5
    assert auc["position_rate"] > 0.7 > auc["item_rate"]
    assert max(auc[name] for name in MODELS) > auc["position_rate"] - 0.01
    assert min(result.test.models[name]["ne"].value for name in MODELS) < 1


def test_the_kept_model_is_the_one_that_errs_least_on_development(result: ClickResult) -> None:
    loss = {name: result.dev.models[name]["logloss"].value for name in MODELS}
    assert result.stack.clicks is not None
    assert result.kept == result.stack.clicks.name == min(loss, key=lambda name: loss[name])
    assert [row.part for row in result.plan if row.kept] == [f"search clicks: {result.kept}"]
    assert {row.part for row in result.plan} == {f"search clicks: {name}" for name in MODELS}
    assert result.stack.event == "click"
    assert POSITION in result.stack.click_names


def test_its_probability_means_what_it_says_and_has_a_classification_report_on_both_windows(result: ClickResult) -> None:
    assert result.curve.ece < 0.1 and result.curve.event == "click"
    assert set(result.reports) == {"development", "test"}
    for report in result.reports.values():
        assert [row.name for row in report.rows] == ["not clicked", "clicked"]
        assert report.n == sum(row.support for row in report.rows)
    assert result.reports["test"].n == result.curve.n


def test_when_answering_every_item_is_taken_as_if_it_stood_first(result: ClickResult, job: Job, pipeline: Pipeline) -> None:
    from aisle.evaluation.impressions import shown_pages
    from aisle.training.candidates import frame

    pages = shown_pages(job.data, job.windows.event == 4, True).replay.first(20)
    made = frame(pipeline, STACK, pages, STACK.sources, names=[name for name in result.stack.click_names if name not in (POSITION, ITEM)])
    probability = result.stack.probability(made.features)
    assert probability is not None and ((probability > 0) & (probability < 1)).all()
    far = result.stack.probability({**made.features, POSITION: np.full(len(made.item), np.log1p(30), np.float32)})
    assert np.array_equal(probability, far), "a place that somebody gave changes nothing"


def without(job: Job, *types: str) -> Job:
    """The same run over a log without events of these types."""
    kept = ~np.isin(job.data.events.type, [EVENT_CODE[name] for name in types])
    windows = replace(job.windows, event=job.windows.event[kept])
    return replace(job, data=replace(job.data, events=job.data.events.where(kept)), windows=windows)


@pytest.mark.parametrize("missing", [("impression",), ("click", "cart", "purchase", "favourite")])
def test_a_log_without_impressions_or_without_clicks_has_no_click_model(job: Job, pipeline: Pipeline, missing: tuple[str, ...]) -> None:
    assert learn_clicks(without(job, *missing), pipeline, STACK, Planned(), ALWAYS) is None


def test_too_few_clicks_teach_nothing(job: Job, pipeline: Pipeline, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(clicking, "FEWEST", 10_000)
    assert learn_clicks(job, pipeline, STACK, Planned(), ALWAYS) is None


def test_the_clock_ends_it_early_and_the_plan_makes_the_same_again(
    job: Job, pipeline: Pipeline, result: ClickResult, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("aisle.ranking.boosted.TRIAL_ROWS", 10**9)
    seen = iter([1e3] * 40)
    short = learn_clicks(job, pipeline, STACK, Planned(), lambda: next(seen, 0.0))
    assert short is not None
    assert short.effort["boosted"]["trees"] < result.effort["boosted"]["trees"]
    again = learn_clicks(job, pipeline, STACK, Planned(short.sizes, short.effort), ALWAYS)
    assert again is not None and again.effort == short.effort and again.sizes == short.sizes
    for name in ("logistic", "boosted"):
        assert again.test.models[name]["auc"].value == short.test.models[name]["auc"].value


@pytest.mark.parametrize("left", [5.0, 1e9])
def test_with_little_time_or_few_rows_or_by_a_plan_without_nets_none_is_begun(
    job: Job, pipeline: Pipeline, left: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    if left > 5:
        monkeypatch.setattr(clicking, "NET_ROWS", 10**6)
    for planned in (Planned(), Planned(effort={"boosted": {"requests": 50, "trees": 10}})):
        found = learn_clicks(job, pipeline, STACK, planned, lambda: left)
        assert found is not None
        assert set(found.effort) == {"boosted"} and "dcn" not in found.test.models


def test_a_net_of_the_plan_is_made_again_with_as_many_rounds(job: Job, pipeline: Pipeline, result: ClickResult) -> None:
    rounds = result.effort["dcn"]["rounds"]
    plan = Planned(result.sizes, {"boosted": result.effort["boosted"], "dcn": {"rounds": rounds}})
    again = learn_clicks(job, pipeline, STACK, plan, lambda: 0.1)
    assert again is not None and again.effort["dcn"] == {"rounds": rounds}
    assert again.test.models["dcn"]["auc"].value == pytest.approx(result.test.models["dcn"]["auc"].value, abs=1e-6)


def test_a_rate_is_drawn_to_the_overall_one_by_twenty_impressions() -> None:
    """Of 40 shown 10 were clicked, a quarter. Key 0: 8 of 20, key 1: 2 of 20, key 2 was never shown."""
    known, clicked = np.repeat([0, 1], 20), np.concatenate([np.repeat([1.0, 0.0], [8, 12]), np.repeat([1.0, 0.0], [2, 18])])
    assert _rate(known, clicked, np.array([0, 1, 2])).tolist() == pytest.approx([(8 + 5) / 40, (2 + 5) / 40, 0.25])


def test_the_ranks_belong_to_the_items(job: Job, pipeline: Pipeline) -> None:
    """Read back from the log by hand: each item's rank on its page."""
    from aisle.evaluation.impressions import shown_pages

    shown = shown_pages(job.data, job.windows.event == 2, True)
    pages = clicking._pages(job, pipeline, STACK, shown, 15, {}, ALWAYS)
    events, row_of, made = job.data.events, job.data.catalogue.row_of, pages.frame
    assert isinstance(made, Frame)
    for number, request in enumerate(made.replay.requests):
        rows = slice(int(made.offsets[number]), int(made.offsets[number + 1]))
        user = list(events.users).index(request.user_id or "")
        at = np.nextafter(request.as_of, np.inf)
        there = (events.time == at) & (events.user == user) & (events.type == EVENT_CODE["impression"])
        expected = {int(item): float(rank) for item, rank in zip(events.item[there], events.rank[there], strict=True)}
        assert {row_of[one] for one in request.items} >= set(made.item[rows].tolist()), "what may not be shown today teaches nothing"
        for item, rank in zip(made.item[rows].tolist(), pages.rank[rows].tolist(), strict=True):
            assert expected[item] == rank
