"""From a folder to a bundle: what is fitted on what, what is written, what a second run does."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from aisle.bundle import Store, verify
from aisle.core.events import Dataset
from aisle.data.dataset import load_dataset
from aisle.data.windows import Windows, cut
from aisle.opening import open_shop
from aisle.pipeline import Pipeline
from aisle.retrieval.registry import SOURCES
from aisle.serving.batch import batch
from aisle.settings import Settings, load
from aisle.tracking import Tracker
from aisle.training.budget import FLOOR, Budget, choose_sources
from aisle.training.candidates import frame
from aisle.training.evaluate import evaluate
from aisle.training.job import Job, plain_stacks
from aisle.training.parts import Parts
from aisle.training.refit import stability
from aisle.training.run import read_plan, train
from aisle.training.tasks import replays

NAMES = ("lexical", "popularity", "repeat", "item_knn", "markov", "trending")


def test_the_bundle_is_whole_active_and_says_what_it_is(store: Path) -> None:
    bundle = verify(store / str(Store(store).current()))
    manifest = bundle.manifest
    assert set(FLOOR) <= set(manifest["plan"]["sources"])  # type: ignore[call-overload,index,arg-type]
    assert manifest["data"]["items"] == 300  # type: ignore[call-overload,index]
    assert manifest["newest_event"] is not None


def test_the_report_has_every_baseline_beside_the_fused_list(store: Path) -> None:
    report = json.loads((store / str(Store(store).current()) / "report.json").read_text(encoding="utf-8"))
    for metric, models in (("home/ndcg@10", ("popularity", "repeat", "item_knn", "fused")), ("search/ndcg@10", ("lexical", "fused"))):
        for model in models:
            assert metric in report["models"][model], (metric, model)
    assert report["comparisons"]
    assert len(report["parts"]) == 5
    assert any("fused" in note for note in report["notes"])


def test_search_finds_and_home_answers_for_a_known_user(store: Path) -> None:
    shop = open_shop(store)
    assert shop.users(3)
    lines = [
        {"surface": "search", "query": "lamp"},
        {"surface": "home", "user_id": shop.users(1)[0]},
        {"surface": "complete", "query": "la"},
    ]
    asked, out = store.parent / "asked.jsonl", store.parent / "answers.jsonl"
    asked.write_text("\n".join(json.dumps(line) for line in lines) + "\nnot json\n", encoding="utf-8")
    assert batch(shop, asked, out) == 1
    search, home, complete, bad = (json.loads(line) for line in out.read_text(encoding="utf-8").splitlines())
    assert search["items"]
    assert not search["degraded"]
    assert home["items"][0]["probability"] is None or 0 <= home["items"][0]["probability"] <= 1
    assert complete["completions"]
    assert bad["error"]["line"] == 4


def test_evaluate_shows_the_stored_report(folder: Path, store: Path) -> None:
    report = evaluate(folder, quiet=True)
    assert "fused" in report.text
    assert report.html.startswith("<!")
    assert set(report.json) >= {"protocol", "data", "models", "comparisons", "slices", "calibration"}


def test_a_plan_is_read_back_from_the_manifest(store: Path, tmp_path: Path) -> None:
    plan = read_plan(store / str(Store(store).current()) / "manifest.json")
    assert plan.requests["home"][2]
    assert plan.of("home").effort["lambdamart"]["trees"] == 160
    (tmp_path / "x.json").write_text("[]")
    with pytest.raises(Exception, match="manifest"):
        read_plan(tmp_path / "x.json")


def prepared(data: Dataset, windows: Windows, work: Path) -> Job:
    parts = Parts(work, {"test": str(work)})
    text = {"lexical": SOURCES["lexical"]().fit(data)}
    return Job(data, windows, Settings(), Budget(5), Tracker(quiet=True), parts, text)


def built(job: Job) -> Pipeline:
    return job.pipeline({name: job.source(name, False) for name in NAMES}, False, plain_stacks(NAMES))


def test_a_ranker_never_reads_a_score_that_saw_its_label(folder: Path, tmp_path: Path) -> None:
    """The features of window 2's requests stay the same to the bit when all that came after each request's moment is taken away."""
    data, _ = load_dataset(folder, load(folder))
    windows = cut(data.events, data.judgements)
    job = prepared(data, windows, tmp_path / "a")
    stacks = plain_stacks(NAMES)
    asked = replays(job)["home"][2].sample(25, 0)
    whole = frame(built(job), stacks["home"], asked, NAMES)
    moment = max(request.as_of for request in asked.requests)
    seen = data.events.time <= moment
    early = replace(data, events=data.events.where(seen))
    cut_job = prepared(early, Windows(windows.event[seen], windows.query, windows.by, windows.cuts), tmp_path / "b")
    less = frame(built(cut_job), stacks["home"], asked, NAMES, names=whole.names)
    assert np.array_equal(whole.item, less.item)
    for name, values in whole.features.items():
        if name != "popularity_ever":  # its scale is the whole log's mean, one constant for all
            assert np.array_equal(values, less.features[name], equal_nan=True), name


def test_sources_on_window_1_do_not_know_later_events(folder: Path, tmp_path: Path) -> None:
    data, _ = load_dataset(folder, load(folder))
    windows = cut(data.events, data.judgements)
    job = prepared(data, windows, tmp_path)
    first = data.known(windows.event == 1)
    fitted, alone = job.fit("markov", False), SOURCES["markov"]().fit(first)
    assert (fitted.neighbours_.weight == alone.neighbours_.weight).all()  # type: ignore[attr-defined]


def test_an_interrupted_run_takes_up_its_finished_parts(tmp_path: Path) -> None:
    class Part:
        def save(self, folder: Path) -> None:
            folder.mkdir(parents=True, exist_ok=True)
            (folder / "x").write_text("1")

    made: list[str] = []

    def make() -> Part:
        made.append("made")
        return Part()

    for _ in range(2):
        Parts(tmp_path / "work", {"data": 1}).get("part", lambda folder: Part(), make)
    assert made == ["made"]
    Parts(tmp_path / "work", {"data": 2}).get("part", lambda folder: Part(), make)
    assert made == ["made", "made"]


def test_a_part_that_was_cut_off_is_made_again(tmp_path: Path) -> None:
    class Broken:
        def save(self, folder: Path) -> None:
            folder.mkdir(parents=True)
            raise OSError("disk full")

    parts = Parts(tmp_path / "work", {})
    with pytest.raises(OSError, match="disk full"):
        parts.get("part", lambda folder: Broken(), Broken)
    assert not parts.holds("part")


def test_a_short_budget_keeps_the_floor_and_says_what_it_left_out() -> None:
    names, why = choose_sources({}, Budget(0.1), 100_000, 5_000_000)
    assert set(names) >= set(FLOOR)
    assert "ease" in why
    names, why = choose_sources({"markov": False}, Budget(60), 1_000, 10_000)
    assert "markov" not in names
    assert why["markov"] == "switched off by the settings"


def test_the_stability_index_is_nought_for_the_same_and_large_for_another() -> None:
    random = np.random.default_rng(0)
    a, b = random.normal(size=5_000), random.normal(size=5_000)
    assert stability(a, b) < 0.02
    assert stability(a, b + 1) > 0.25


def test_a_folder_without_items_ends_with_a_message(tmp_path: Path) -> None:
    (tmp_path / "items.csv").write_text("item_id,title\n")
    with pytest.raises(Exception, match="no item"):
        train(tmp_path, minutes=0.5, quiet=True)
