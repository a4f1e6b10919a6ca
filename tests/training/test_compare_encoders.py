"""`aisle encoders`: what measures taught nobody, every encoder at hand has its row, and the advice follows from the rows."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from aisle.core.errors import InputError
from aisle.evaluation.results import Measured
from aisle.simulate.shop import simulate
from aisle.text.encoder import Encoder, OnnxEncoder
from aisle.text.ngram import NgramEncoder
from aisle.training import compare_encoders
from aisle.training.advice import Row, judged, within
from aisle.training.compare_encoders import compare
from aisle.training.encoders import model_folder
from tests.text.test_adapted import adapter
from tests.text.tiny import tiny_encoder, tiny_model


@pytest.fixture(autouse=True)
def without_the_package(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(compare_encoders, "installed", lambda: False)


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("shop")
    simulate(folder, items=1_000, events=6_000, seed=7, pictures=False)
    return folder


def test_a_shop_with_queries_is_measured_by_its_own(shop: Path) -> None:
    found = compare(shop, quiet=True)
    (row,) = found.rows
    assert row.name == found.take == "ngram" and 0.1 < row.recall.value <= 1
    assert row.recall.low <= row.recall.value <= row.recall.high
    assert row.texts > 0 and row.query_ms > 0 and row.megabytes > 1
    assert "queries of windows 3 and 4" in found.asked
    assert json.loads(json.dumps(found.to_json()))["encoders"][0]["name"] == "ngram"


def test_without_queries_words_of_titles_measure_and_that_is_said(tmp_path: Path) -> None:
    titles = [f"{colour} {thing} {number}" for colour in ("red", "blue") for thing in ("lamp", "sofa", "desk") for number in range(20)]
    (tmp_path / "items.csv").write_text("item_id,title\n" + "".join(f"{n},{title}\n" for n, title in enumerate(titles)))
    found = compare(tmp_path, quiet=True)
    assert "made up of words of titles" in found.asked and found.rows[0].recall.value > 0


def test_a_shop_without_items_is_told_so(tmp_path: Path) -> None:
    (tmp_path / "items.csv").write_text("item_id,title\n")
    with pytest.raises(InputError, match=r"[Nn]o item"):
        compare(tmp_path, quiet=True)


def test_a_folder_that_holds_no_model_is_refused_by_name(shop: Path, tmp_path: Path) -> None:
    pytest.importorskip("torch", reason="the training extra is not installed")
    (tmp_path / "nothing").mkdir()
    with pytest.raises(InputError, match=r"nothing holds no model: config\.json is missing"):
        compare(shop, [tmp_path / "nothing"], quiet=True)


def test_a_model_is_measured_under_every_adapter_beside_it_and_the_best_may_be_named(
    shop: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("peft", reason="the training extra is not installed")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    base = tiny_model(tmp_path / "own", ["red", "lamp", "blue", "shoes"], layers=2)
    for seed, name in enumerate(("one", "two")):
        adapter(base, base / "adapters" / name, seed, 1, 2)
    found = compare(shop, [base], quiet=True, only=())
    assert {row.name for row in found.rows} == {"own", "own+one", "own+two"}
    named = model_folder(str(base / "adapters" / "one"))
    assert (named / "model.safetensors").read_bytes() != (base / "model.safetensors").read_bytes()
    assert (named / "tokenizer.json").is_file() and named == model_folder(str(base / "adapters" / "one")) != model_folder(str(base))


def row(name: str, value: float, query_ms: float, dimension: int = 8) -> Row:
    return Row(name, Measured(value), 1.0, query_ms, 1.0, dimension)


def test_within_a_budget_the_best_is_taken_unless_a_smaller_one_is_not_surely_worse() -> None:
    good, level, bad = [1.0, 0.0] * 50, [0.0, 1.0] * 50, [0.0] * 100
    rows = {
        "slow": (row("slow", 0.6, 9.0), [1.0] * 100),
        "large": (row("large", 0.5, 2.0, 384), good),
        "small": (row("small", 0.49, 3.0, 64), level),
        "poor": (row("poor", 0.0, 0.1), bad),
    }
    found = within(rows, "", 3.0)
    assert found.take == "small" and "not surely worse than large" in found.why and "64 bytes a vector, not 384" in found.why
    assert "slow finds more, 0.600, not 0.490, in 9.00 ms" in found.why
    assert within(rows, "", 2.5).take == "large" and within(rows, "", 10.0).take == "slow"
    assert within(rows, "", 0.5).take == "poor" and "nothing else does" in within(rows, "", 0.5).why


def test_where_nothing_fits_the_budget_that_is_said_and_nothing_is_advised() -> None:
    found = within({"fast": (row("fast", 0.5, 2.0), [0.5])}, "", 1.0)
    assert (found.take, found.to_json()["take"], found.to_json()["budget_ms"]) == ("", None, 1.0)
    assert "None answers one query within 1 ms" in found.why and "fast, takes 2.00" in found.why


def test_with_a_budget_a_model_is_measured_whole_in_full_precision_and_cut(
    shop: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def opened(kind: str, *_: object) -> OnnxEncoder:
        encoder = OnnxEncoder.__new__(OnnxEncoder)
        encoder.name, encoder.dimension = Path(kind).name, 200
        return encoder

    def measured(name: str, encoder: Encoder, *_: object) -> tuple[Row, list[float]]:
        return row(name, 0.5, 1.0, encoder.dimension), [0.5]

    for name, fake in {"open_encoder": opened, "open_exact": opened, "measured": measured, "pinned": str}.items():
        monkeypatch.setattr(compare_encoders, name, fake)
    found = compare(shop, [tmp_path / "own"], quiet=True, only=(), budget_ms=2.0)
    assert {row.name: row.vector_bytes for row in found.rows} == {"own": 200, "own_fp32": 200, "own_128": 128, "own_64": 64}
    assert found.take == "own_64", "as good as all others, and the smallest"


def test_the_best_is_taken_unless_a_faster_one_is_not_surely_worse() -> None:
    good, level, bad = [1.0, 0.0] * 50, [0.0, 1.0] * 50, [0.0] * 100
    found = judged({"slow": (row("slow", 0.5, 9.0), good), "fast": (row("fast", 0.5, 1.0), level), "poor": (row("poor", 0, 0.1), bad)}, "")
    assert found.take == "fast" and "not surely worse than slow" in found.why
    alone = judged({"slow": (row("slow", 0.5, 9.0), good), "poor": (row("poor", 0, 0.1), bad)}, "")
    assert alone.take == "slow" and "surely more than every other" in alone.why


def test_what_tokens_find_stands_beside_whole_vectors(tmp_path: Path) -> None:
    words = ("red", "lamp", "blue", "bag")
    questions = compare_encoders.Questions(["lamp", "bag"], ["red lamp", "blue lamp", "red bag"] * 5, [{0, 1}, {2}], "made up")
    row, _ = compare_encoders.measured("tiny", tiny_encoder(words), questions, tmp_path / "tiny")
    assert row.by_token is not None and 0 <= row.by_token.low <= row.by_token.value <= row.by_token.high <= 1
    found = json.loads(json.dumps(judged({"tiny": (row, [1.0])}, "made up").to_json()))["encoders"][0]
    assert found["recall@10_by_token"]["value"] == row.by_token.value
    ngram, _ = compare_encoders.measured("ngram", NgramEncoder().fit(questions.items), questions, tmp_path / "ngram")
    assert ngram.by_token is None, "n-grams have no states"
