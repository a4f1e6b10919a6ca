"""`aisle pretrain`: what a shop's text is, that nothing that measures is learned, and that no gain is called none."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from aisle.core.errors import InputError
from aisle.core.events import Dataset
from aisle.data.windows import cut
from aisle.evaluation.results import Measured
from aisle.text.normalise import normalise
from aisle.training import pretrain as made
from aisle.training.advice import Comparison, Row
from aisle.training.pretrain import Gained, pretrain, shop_texts
from tests.cli.command import aisle
from tests.text.tiny import tiny_model

torch = pytest.importorskip("torch", reason="the training extra is not installed")


def gained(own: float, ngram: float) -> Gained:
    from aisle.text.pretrain_train import Told

    rows = [Row(name, Measured(value, value - 0.1, value + 0.1, 40), 1.0, 1.0, 1.0, 8) for name, value in (("own", own), ("ngram", ngram))]
    told = Told("bert", 2, 128, 4_000, 5_000, 700, 90.0, 4_100.0, 60.5, 12)
    return Gained(told, Comparison(rows, "ngram", "why.", "40 queries"), Path("/models/own"))


def test_queries_that_measure_teach_nothing(data: Dataset) -> None:
    windows, texts = cut(data.events, data.judgements), set(shop_texts(data))
    assert data.judgements is not None
    judged = {row: normalise(text) for row, text in enumerate(data.judgements.queries)}
    early, late = ({judged[row] for row in np.flatnonzero(np.isin(windows.query, some)).tolist()} for some in ((1, 2), (3, 4)))
    rows = np.unique(data.events.query[windows.of(1, 2) & (data.events.query >= 0)])
    asked = {normalise(data.events.queries[row]) for row in rows.tolist()}
    assert early and early <= texts
    assert late - early - asked and not (late - early - asked) & texts


def test_each_text_is_there_once_and_descriptions_are_whole(data: Dataset) -> None:
    texts = shop_texts(data)
    assert len(texts) == len(set(texts)) and "" not in texts
    assert sum("favourite of our customers" in text for text in texts)


def test_no_gain_is_called_none_and_a_gain_is_named() -> None:
    worse, better = ("\n".join(gained(own, 0.5).lines()) for own in (0.2, 0.6))
    assert "It gains nothing over ngram: 0.300 less." in worse and "own 0.200 (0.100 to 0.300)" in worse
    assert "It finds most." in better and "gains nothing" not in better
    assert "700 steps in 1.5 min over 5,000 texts" in worse and "60.5, 4,100.0 before" in worse and "12 words added" in worse
    assert gained(0.2, 0.5).to_json()["pretraining"]["perplexity"] == 60.5  # type: ignore[index,call-overload]


def test_a_folder_that_holds_a_model_is_left_alone(folder: Path, tmp_path: Path) -> None:
    (tmp_path / "config.json").write_text("{}")
    with pytest.raises(InputError, match="holds a model already"):
        pretrain(folder, tmp_path, quiet=True)


def test_from_a_shops_folder_to_a_model_that_is_measured(folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from aisle.text import pretrain_train

    monkeypatch.setattr(pretrain_train, "SHAPES", ((1, 32),))
    monkeypatch.setattr(pretrain_train, "PASSES", 1)
    monkeypatch.setattr(pretrain_train, "MOST_PASSES", {"bert": 1, "gpt": 1})
    asked: list[list[Path]] = []

    def compared(shop: Path, more: list[Path], quiet: bool, only: tuple[str, ...]) -> Comparison:
        asked.append(more)
        return gained(0.2, 0.5).compared

    monkeypatch.setattr(made, "compare", compared)
    found = pretrain(folder, tmp_path / "own", minutes=1, quiet=True)
    assert found.told.steps > 0 and found.told.perplexity < found.told.before
    assert asked == [[tmp_path / "own"]] and (tmp_path / "own" / "model.safetensors").is_file()


def test_an_encoder_goes_on_by_pairs_that_are_counted(folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from aisle.text import alike_train

    monkeypatch.setattr(alike_train, "PASSES", 1)
    start, asked = tiny_model(tmp_path / "tiny", ["lamp", "red"]), []

    def compared(shop: Path, more: list[Path], quiet: bool, only: tuple[str, ...]) -> Comparison:
        asked.append((more, only))
        return gained(0.2, 0.5).compared

    monkeypatch.setattr(made, "compare", compared)
    found = pretrain(folder, tmp_path / "own", "contrastive", start=start, quiet=True, pairs=("clicked",))
    assert found.told.steps > 1 and found.told.pairs.keys() == {"clicked"} and found.told.pairs["clicked"] > alike_train.LEAST
    assert asked == [([tmp_path / "own", start], ("ngram",))] and (tmp_path / "own" / "model.safetensors").is_file()
    curve = [json.loads(line) for line in (tmp_path / "own" / "tracking.jsonl").read_text().splitlines()]
    assert sum("loss" in line and line["part"] == "contrastive" for line in curve) == found.told.steps


def test_an_encoder_starts_from_nothing_and_is_measured_beside_ngrams_alone(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from aisle.text import alike_train, pretrain_train

    monkeypatch.setattr(pretrain_train, "SHAPES", ((1, 64),))
    monkeypatch.setattr(alike_train, "OWN_PASSES", 1)
    asked = []

    def compared(shop: Path, more: list[Path], quiet: bool, only: tuple[str, ...]) -> Comparison:
        asked.append((more, only))
        return gained(0.2, 0.5).compared

    monkeypatch.setattr(made, "compare", compared)
    found = pretrain(folder, tmp_path / "own", "contrastive", start=made.NOTHING, quiet=True, pairs=("described", "halved"))
    assert found.told.own and found.told.pairs["halved"] > 0 and found.told.perplexity < found.told.before
    assert asked == [([tmp_path / "own"], ("ngram",))] and (tmp_path / "own" / "model.safetensors").is_file()


def test_pairs_are_told_by_sort_with_the_reason_where_there_are_none() -> None:
    some, told = gained(0.2, 0.5), {"dropout": 1_200, "halved": 30, "described": 0, "clicked": 0}
    lines = "\n".join(replace(some, told=replace(some.told, pairs=told)).lines())
    assert (
        "perplexity of pairs kept out 60.500, " in lines and "1,200 of a text twice through dropout; 30 of the halves of a text; " in lines
    )
    assert "no item has one of its own" in lines and "window 1 has no such click" in lines


def test_pairs_are_for_contrastive_alone_and_of_known_sorts(folder: Path, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="Leave --pairs out, or give --kind contrastive"):
        pretrain(folder, tmp_path / "own", "gpt", quiet=True, pairs=("dropout",))
    told = aisle("pretrain", folder, "--out", tmp_path / "own", "--kind", "contrastive", "--pairs", "clicked", "--pairs", "bought")
    assert told.status == 1 and "no pairs of the sort bought. --pairs takes dropout, halved, described, clicked." in told.error
