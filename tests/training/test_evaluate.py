"""`aisle evaluate`: a bundle is scored on what came after it, else its own report is shown; nothing on what it was fitted on."""

from __future__ import annotations

import csv
import json
import shutil
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path

import numpy as np
import pytest

from aisle.bundle import Store
from aisle.core.errors import BundleError
from aisle.core.events import Dataset
from aisle.testing.toys import bilingual, catalogue
from aisle.training import evaluate as evaluating
from aisle.training.evaluate import Report, evaluate, in_rows_of, summary

Rows = list[dict[str, str]]


def rewritten(folder: Path, name: str, change: Callable[[Rows], Rows]) -> None:
    """A CSV file with its rows changed."""
    path = folder / name
    with path.open(encoding="utf-8", newline="") as lines:
        rows = list(csv.DictReader(lines))
    with path.open("w", encoding="utf-8", newline="") as lines:
        writer = csv.DictWriter(lines, list(rows[0]))
        writer.writeheader()
        writer.writerows(change(rows))


def later(rows: Rows, share: float = 0.15, days: int = 30) -> Rows:
    """What happened last happens again ``days`` later."""
    again = [
        {**row, "timestamp": (datetime.fromisoformat(row["timestamp"]) + timedelta(days=days)).isoformat(), "event_id": f"again-{place}"}
        for place, row in enumerate(rows[int((1 - share) * len(rows)) :])
    ]
    return [*rows, *({name: one[name] for name in rows[0]} for one in again)]


@pytest.fixture(scope="module")
def month(folder: Path, store: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The shop a month after its bundle was made."""
    made = tmp_path_factory.mktemp("later") / "shop"
    shutil.copytree(folder, made, ignore=shutil.ignore_patterns("bundles"))
    rewritten(made, "events.csv", later)
    return made


@pytest.fixture(scope="module")
def report(month: Path, store: Path) -> Report:
    """The bundle on that month."""
    return evaluate(month, store, quiet=True)


def test_only_what_came_after_the_bundle_is_scored(report: Report, store: Path) -> None:
    protocol = report.json["protocol"]
    assert isinstance(protocol, dict)
    assert protocol["bundle"] == Store(store).current()
    assert set(protocol["requests"]) >= {"home", "search"}  # type: ignore[arg-type]
    counts = report.json["data"]["counts"]  # type: ignore[index,call-overload]
    assert 1_000 < counts["events_after"] < 2_400  # type: ignore[index,operator,call-overload]


def test_the_baselines_stand_beside_it(report: Report) -> None:
    models = report.json["models"]
    assert isinstance(models, dict)
    for model in ("fused", "popularity", "repeat", "item_knn"):
        assert "home/ndcg@10" in models[model], model  # type: ignore[operator]
    assert "search/ndcg@10" in models["lexical"] and "search/ndcg@10" in models["fused"]  # type: ignore[operator]
    assert "home/coverage@10" in models["fused"]  # type: ignore[operator]
    assert "fused" in report.text and "home/ndcg@10" in report.text
    assert report.html.startswith("<!")


def test_new_items_in_the_catalogue_do_not_mix_up_whose_events_are_whose(month: Path, store: Path, report: Report, tmp_path: Path) -> None:
    """Forty new items move every row; what users bought before, and so the figures, must stay."""
    more = tmp_path / "shop"
    shutil.copytree(month, more)
    names = [f"fresh{place}" for place in range(40)]
    rewritten(more, "items.csv", lambda rows: [*rows, *({**rows[0], "item_id": name, "title": name} for name in names)])
    found = evaluate(more, store, quiet=True)

    def value(one: Report, model: str) -> float:
        return one.json["models"][model]["home/ndcg@10"]["value"]  # type: ignore[index,call-overload]

    for model in ("repeat", "item_knn", "fused"):
        assert value(found, model) == pytest.approx(value(report, model), abs=1e-9), model
    assert value(found, "repeat") > 0.1


def test_events_are_told_in_the_rows_of_another_catalogue() -> None:
    data = bilingual()
    other = catalogue({name: {"title": name} for name in reversed([*data.catalogue.ids][1:])})
    moved = in_rows_of(other, data)
    for before, after in zip(data.events.item.tolist(), moved.item.tolist(), strict=True):
        assert after == (-1 if before == 0 else other.row_of[data.catalogue.ids[before]])
    unknown = replace(data, events=replace(data.events, item=np.full(len(data.events), -1, np.int32)))
    assert set(in_rows_of(other, unknown).item.tolist()) == {-1}


def test_where_too_little_came_after_the_bundle_its_own_report_is_shown(folder: Path, store: Path) -> None:
    stored = json.loads((store / str(Store(store).current()) / "report.json").read_text(encoding="utf-8"))
    assert evaluate(folder, store, quiet=True).json == stored == evaluate(folder, quiet=True).json


def test_without_a_bundle_the_windows_are_fitted_and_none_is_written(folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    fresh = tmp_path / "shop"
    shutil.copytree(folder, fresh, ignore=shutil.ignore_patterns("bundles"))
    seen: list[tuple[float, int]] = []

    class Measured:
        report = evaluating.Evaluation({"requests": {}}, {}, {})

    def measured(data: Dataset, settings: object, store: Path, budget: object, *_: object) -> Measured:
        seen.append((budget.minutes, len(data.catalogue)))  # type: ignore[attr-defined]
        return Measured()

    monkeypatch.setattr(evaluating, "measure", measured)
    assert evaluate(fresh, minutes=3, quiet=True).json["models"] == {}
    assert seen == [(3.0, 300)]
    assert Store(fresh / "bundles").names() == []


def test_a_store_without_a_bundle_is_refused(folder: Path, tmp_path: Path) -> None:
    with pytest.raises(BundleError, match="no active bundle"):
        evaluate(folder, tmp_path, quiet=True)


def test_the_summary_is_the_notes_and_the_main_numbers() -> None:
    number = {"value": 0.5, "low": 0.4, "high": 0.6}
    by_clicks = {"item_rate": {"search_clicks/auc": number}}
    models = {"fused": {"ndcg@10": number, "mrr": number}, "als": {"ndcg@10": {"value": None}}, **by_clicks}
    found = summary({"notes": ["Repeat wins."], "models": models})
    assert found.splitlines() == ["Repeat wins.", "fused          ndcg@10 0.5000 (0.4000 to 0.6000)", "als            ndcg@10 -"]
    assert summary({"notes": [], "models": {}}) == "There was nothing to measure in this data."
    with pytest.raises(BundleError, match="damaged"):
        summary({"models": []})
