"""bert_ctr in a training: learned from window 1 alone, read by rankers that surely gain by it, a model of clicks beside the others."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from aisle.assemble import head_of, opened, save, told
from aisle.core.events import Dataset
from aisle.core.profiles import LIKED
from aisle.core.runner import Runner
from aisle.data.windows import cut
from aisle.evaluation.impressions import shown_pages
from aisle.pipeline import Pipeline
from aisle.ranking.ctr.bert_score import BertScore, last_liked
from aisle.ranking.ctr.settings import BERT_CTR
from aisle.retrieval.dense import Content
from aisle.retrieval.vectors import ItemVectors
from aisle.schema import EVENT_CODE
from aisle.settings import Settings
from aisle.text.ngram import NgramEncoder
from aisle.training import bert_ctr, clicks
from aisle.training.bert_ctr import Reading, learn_reading
from aisle.training.clicks import learn_clicks
from aisle.training.job import Job, plain_stacks
from aisle.training.tasks import Planned, replays
from tests.training.conftest import NAMES, job_of

STACK = plain_stacks(NAMES)["search"]


@pytest.fixture(scope="module", autouse=True)
def small() -> Iterator[None]:
    """This shop may have a head, and no other net."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(bert_ctr, "FEWEST", 20)
        patch.setattr(bert_ctr, "ROWS", 100)
        patch.setattr(bert_ctr, "MOST", 300)
        patch.setattr(bert_ctr, "LEAST_SECONDS", 0.0)
        patch.setattr(clicks, "NETS", ())
        yield


@pytest.fixture(scope="module")
def vectors(data: Dataset) -> ItemVectors:
    """What stands for a language model: n-grams of the shop's titles."""
    encoder = NgramEncoder(31).fit([*data.catalogue.texts["title"]])
    return ItemVectors.of(encoder, data.catalogue)


@pytest.fixture(scope="module")
def over(job: Job, vectors: ItemVectors) -> Pipeline:
    """The pipeline with a source by meaning, that has the vectors."""
    sources = {**{name: job.source(name, False) for name in NAMES}, "content": Content(vectors=vectors)}
    return job.pipeline(sources, False, plain_stacks(NAMES))


@pytest.fixture(scope="module")
def learned(job: Job, over: Pipeline, vectors: ItemVectors) -> Reading:
    """The head, in two rounds."""
    return learn_reading(job, over, vectors, "minilm", {"search": 200, "home": 100, "rounds": 2})


def test_it_says_what_it_read_and_a_plan_makes_it_again(
    job: Job, over: Pipeline, vectors: ItemVectors, learned: Reading, tmp_path: Path
) -> None:
    assert learned.head is not None and learned.taken == {"search": 200, "home": 100, "rounds": 2}
    assert "300 pages of window 1" in learned.why
    fresh = replace(job, parts=job_of(job.data, job.windows, tmp_path).parts)
    again = learn_reading(fresh, over, vectors, "minilm", learned.taken)
    assert again.head is not None
    block = over.block(replays(job)["search"][2].requests[:20])
    found = over.propose(STACK, block, over.allowed(block), Runner())
    for one in (learned, again):
        assert one.head is not None
    scores = [BertScore(one.head, vectors)(block, found)[BERT_CTR] for one in (learned, again) if one.head is not None]
    np.testing.assert_allclose(scores[0], scores[1], rtol=1e-4)
    assert np.std(scores[0]) > 0.01


def test_nothing_of_later_windows_reaches_the_head(job: Job, over: Pipeline, vectors: ItemVectors) -> None:
    """Without the events after window 1 it reads the very same cases."""
    seen, queries, _ = bert_ctr._seen(job, over, vectors, {}, lambda: 1e9)
    first = job.windows.event == 1
    data = replace(job.data, events=job.data.events.where(first))
    before = replace(job, data=data, windows=replace(job.windows, event=job.windows.event[first]))
    sources = {**{name: job.source(name, False) for name in NAMES}, "content": Content(vectors=vectors)}
    alone, asked, _ = bert_ctr._seen(before, before.pipeline(sources, False, plain_stacks(NAMES)), vectors, {}, lambda: 1e9)
    for name in ("time", "rank", "item", "query", "past"):
        np.testing.assert_array_equal(getattr(seen, name), getattr(alone, name))
    np.testing.assert_array_equal(queries, asked)
    assert (np.diff(seen.time) >= 0).all()
    assert (seen.clicked != alone.clicked).mean() < 0.01, "the half hour after the last page lies in window 2"


def test_what_was_taken_last_is_what_the_log_says(job: Job, over: Pipeline) -> None:
    """By hand, for some pages: the last items that the shopper took before the moment, the newest at the right."""
    events = job.data.events
    asked = shown_pages(job.data, job.windows.event == 2, True).replay.first(15)
    found = last_liked(over.block(asked.requests), 5)
    for row, (request, user) in enumerate(zip(asked.requests, asked.users.tolist(), strict=True)):
        liked = (events.user == user) & (events.time <= request.as_of) & np.isin(events.type, LIKED) & (events.item >= 0)
        wanted = events.item[liked][np.argsort(events.time[liked], kind="stable")][-5:]
        known = found[row][found[row] >= 0]
        assert set(known.tolist()) <= set(events.item[liked].tolist())
        if len(known):
            assert known[-1] == wanted[-1]


def test_it_competes_for_the_clicks_and_the_others_do_not_read_it(job: Job, over: Pipeline, learned: Reading) -> None:
    pipeline = told(over, learned.head)
    found = learn_clicks(job, pipeline, STACK, Planned({2: 300, 3: 150, 4: 150}), lambda: 1e9)
    assert found is not None
    for summary in (found.dev, found.test):
        assert {"logistic", "boosted", BERT_CTR} <= set(summary.models)
        assert set(summary.models[BERT_CTR]) == {"auc", "gauc", "logloss", "ne", "brier", "ece"}
    assert found.test.models[BERT_CTR]["auc"].value > 0.5
    assert f"search clicks: {BERT_CTR}" in {row.part for row in found.plan}
    if found.kept != BERT_CTR:
        assert BERT_CTR not in found.stack.click_names


def test_a_bundle_answers_with_it_as_before(over: Pipeline, learned: Reading, job: Job, tmp_path: Path) -> None:
    pipeline = told(over, learned.head)
    save(pipeline, tmp_path)
    again = opened(tmp_path, Settings())
    assert head_of(again) is not None and head_of(over) is None
    asked = replays(job)["search"][3].requests[:5]
    values = []
    for one in (pipeline, again):
        block = one.block(asked)
        found = one.propose(STACK, block, one.allowed(block), Runner())
        values.append(one.features(block, found)[BERT_CTR])
    np.testing.assert_array_equal(values[0], values[1])


@pytest.mark.parametrize("encoder", ["", "ngram"])
def test_without_a_language_model_there_is_none(job: Job, over: Pipeline, vectors: ItemVectors, encoder: str) -> None:
    assert learn_reading(job, over, vectors, encoder, None) == Reading()
    assert learn_reading(job, over, None, "minilm", None) == Reading()
    assert learn_reading(job, over, vectors, "minilm", {}) == Reading(), "a plan without one"


def test_without_impressions_or_time_it_says_why(
    job: Job, over: Pipeline, vectors: ItemVectors, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    kept = job.data.events.type != EVENT_CODE["impression"]
    data = replace(job.data, events=job.data.events.where(kept))
    silent = replace(job_of(data, cut(data.events, data.judgements), tmp_path), text=job.text)
    found = learn_reading(silent, over, vectors, "minilm", None)
    assert found.head is None and "0 clicks on 0 shown items" in found.why
    monkeypatch.setattr(bert_ctr, "LEAST_SECONDS", 1e9)
    assert "are needed (--minutes)" in learn_reading(silent, over, vectors, "minilm", None).why
