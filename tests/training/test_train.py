"""From a folder to a bundle: what is fitted on what, what is written, what a second run does."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from aisle.bundle import Store, verify
from aisle.opening import open_shop
from aisle.serving.batch import batch
from aisle.training.budget import FLOOR
from aisle.training.evaluate import evaluate
from aisle.training.run import read_plan, train


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
    assert batch(store, asked, out) == 1
    search, home, complete, bad = (json.loads(line) for line in out.read_text(encoding="utf-8").splitlines())
    assert search["items"]
    assert not search["degraded"]
    assert home["items"][0]["probability"] is None or 0 <= home["items"][0]["probability"] <= 1
    assert complete["completions"]
    assert bad["error"]["line"] == 4


def test_a_long_file_is_answered_by_several_processes_as_by_one(store: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    users = open_shop(store).users(20)
    lines = [json.dumps({"surface": "home", "user_id": user, "limit": 3}) for user in users] + ["not json"]
    asked = tmp_path / "asked.jsonl"
    asked.write_text("\n".join(lines * 3) + "\n", encoding="utf-8")
    monkeypatch.setattr("aisle.serving.batch.CHUNK", 16)
    seen: list[int] = []
    assert batch(store, asked, tmp_path / "one.jsonl", processes=1) == 3
    assert batch(store, asked, tmp_path / "two.jsonl", seen.append, processes=2) == 3
    one, two = ((tmp_path / name).read_text(encoding="utf-8").splitlines() for name in ("one.jsonl", "two.jsonl"))
    assert sum(seen) == 63 == len(two)
    assert [_without_time(line) for line in one] == [_without_time(line) for line in two]


def _without_time(line: str) -> object:
    return {name: value for name, value in json.loads(line).items() if name != "took_ms"}


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


def test_a_folder_without_items_ends_with_a_message(tmp_path: Path) -> None:
    (tmp_path / "items.csv").write_text("item_id,title\n")
    with pytest.raises(Exception, match="no item"):
        train(tmp_path, minutes=0.5, quiet=True)
