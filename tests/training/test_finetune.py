"""Fine-tuning from a training's side: who gets it, what the process is told, that nothing that measures teaches, what comes back."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import load_file

from aisle.core.catalogue import Catalogue
from aisle.core.errors import InputError
from aisle.core.events import Dataset, Events, Judgements
from aisle.core.strings import Strings
from aisle.data.windows import Windows, cut
from aisle.evaluation.words import model
from aisle.retrieval.lexical import Lexical
from aisle.settings import Finetuning
from aisle.testing.toys import catalogue
from aisle.tracking import Tracker
from aisle.tracking.run import Run, tracked
from aisle.training import finetune
from aisle.training.answers import Answers
from aisle.training.finetune import Tuned, Tuning, refused
from tests.text.tiny import tiny_model
from tests.tracking.heard import Heard
from tests.training.inside import inside

COLOURS, THINGS = ("red", "blue", "green", "black"), ("lamp", "sofa", "desk", "chair", "rug")


def goods() -> Catalogue:
    return catalogue({f"{colour}-{thing}": {"title": f"{colour} {thing} for the home"} for colour in COLOURS for thing in THINGS})


def judged() -> Dataset:
    """Every colour and thing is asked for by name and answered by its item, with an item of grade 1 beside it."""
    queries = [f"{thing} {colour} {number}" for number in range(10) for colour in COLOURS for thing in THINGS]
    rows = np.arange(len(queries)) % 20
    query, item = np.repeat(np.arange(len(queries)), 2), np.stack([rows, (rows + 1) % 20], axis=1).ravel()
    grade = np.tile([3.0, 1.0], len(queries))
    split = np.full(len(queries), -1, np.int8)
    texts = Strings.of(queries)
    return Dataset(
        goods(), Events.none(), Judgements(texts, query.astype(np.int32), item.astype(np.int32), grade.astype(np.float32), split, 2.0)
    )


def written(data: Dataset, folder: Path) -> tuple[dict[str, np.ndarray], dict[str, object], Answers, Windows]:  # type: ignore[type-arg]
    windows = cut(data.events, data.judgements)
    answers = Answers.of(data, windows)
    Tuning(folder, Path("model"), 60.0, {}).write(data, answers, Lexical().fit(data))
    return load_file(folder / "pairs.safetensors"), json.loads((folder / "job.json").read_text()), answers, windows


def test_only_relevant_grades_are_answers() -> None:
    data = judged()
    answers = Answers.of(data, cut(data.events, data.judgements))
    assert len(answers.query) == 200 and answers.item.tolist() == (np.arange(200) % 20).tolist()


def test_what_measures_teaches_nothing(tmp_path: Path) -> None:
    arrays, _, _, windows = written(judged(), tmp_path)
    asked = {int(query) for name, rows in arrays.items() if name.startswith("asked_") for query in rows}
    teaching = {int(query) for query in arrays["query"]}
    assert teaching and asked and not teaching & asked
    assert {int(windows.query[query]) for query in teaching} == {1}
    assert {int(windows.query[query]) for query in arrays["asked_test"]} == {4}
    assert not {int(query) for query in arrays["hard_query"]} & asked


def test_no_answer_is_a_hard_negative_and_every_answer_that_is_asked_for_is_in_the_pool(tmp_path: Path) -> None:
    arrays, said, answers, _ = written(judged(), tmp_path)
    known = answers.known()
    pairs = zip(arrays["hard_query"].tolist(), arrays["hard_item"].tolist(), strict=True)
    assert not [row for query, row in pairs if row in known[query]]
    pool = set(arrays["pool"].tolist())
    assert all(known[int(query)] <= pool for name, rows in arrays.items() if name.startswith("asked_") for query in rows)
    assert len(said["texts"]) == 20 and len(said["queries"]) == 200  # type: ignore[arg-type]


def test_without_judgements_what_was_opened_after_a_search_answers_it_in_its_first_window() -> None:
    number = np.arange(8)
    zero, real = np.zeros(8, np.int32), np.full(8, np.nan, np.float32)
    types = np.array([1, 1, 1, 1, 0, 1, 1, 1], np.uint8)
    events = Events(
        Strings.of(["u"]), Strings.of(["lamp", "sofa"]), zero, (number % 4).astype(np.int32), number.astype(float), types,
        np.array([0, 0, 1, -1, 0, 0, 1, 1], np.int32), zero - 1, real, real, real, real,
    )  # fmt: skip
    windows = Windows(np.array([1, 1, 1, 1, 1, 2, 3, 4], np.int8), np.zeros(0, np.int8), "time")
    answers = Answers.of(Dataset(goods(), events), windows)
    assert answers.window.tolist() == [1, 1]
    assert list(zip(answers.query.tolist(), answers.item.tolist(), strict=True)) == [(0, 0), (0, 1), (1, 2)]


def test_too_few_answers_or_seconds_are_told() -> None:
    data = judged()
    answers = Answers.of(data, cut(data.events, data.judgements))
    known = len(answers.queries(1))
    assert refused(answers, 1_000) == f"not fine-tuned: {known} queries of window 1 have an answer, 300 are needed"
    many = Answers(answers.texts * 3, np.arange(600), np.arange(600) % 20, np.ones(600, np.int8))
    assert "100 s were left for it, 150 are needed" in refused(many, 100.0)
    assert refused(many, 1_000.0) == ""


def test_a_process_that_fails_tells_its_last_words_and_the_mend(tmp_path: Path) -> None:
    data = judged()
    answers = Answers.of(data, cut(data.events, data.judgements))
    with pytest.raises(InputError, match=r"cannot be fine-tuned: .*model.*finetune = false"):
        Tuning(tmp_path / "work", tmp_path / "nowhere", 60.0, {}).run(data, answers, Lexical().fit(data), Tracker(quiet=True))


def test_a_process_that_does_not_end_is_ended(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(finetune, "GRACE", 1e-6)
    data = judged()
    answers = Answers.of(data, cut(data.events, data.judgements))
    found = Tuning(tmp_path / "work", tmp_path / "nowhere", 60.0, {}).run(data, answers, Lexical().fit(data), Tracker(quiet=True))
    assert found.encoder is None and found.why == "not fine-tuned: it did not end in its time"
    found.save(tmp_path / "kept")
    assert Tuned.load(tmp_path / "kept").why == found.why


CELLS = [(colour, thing) for colour in range(8) for thing in range(8)]


def tiny(model: Path, cells: list[tuple[int, int]]) -> Dataset:
    """A model of one layer in ``model``, and a shop whose shoppers call colours c0 to c7 and things t0 to t7, words that no title holds:
    only what answered tells."""
    said, shown = [f"{kind}{n}" for kind in "ct" for n in range(8)], [f"{kind}{n}" for kind in ("colour", "thing") for n in range(8)]
    tiny_model(model, [*said, *shown, *map(str, range(6))])
    queries = [f"c{colour} t{thing} {number}" for number in range(6) for colour, thing in cells]
    shop = catalogue({f"{colour}-{thing}": {"title": f"colour{colour} thing{thing}"} for colour, thing in cells})
    number, once = np.arange(len(queries), dtype=np.int32), np.ones(len(queries), np.float32)
    judgements = Judgements(Strings.of(queries), number, number % 64, once, np.full(len(queries), -1, np.int8), 1.0)
    return Dataset(shop, Events.none(), judgements)


def test_a_tiny_model_learns_the_toy_and_what_comes_back_is_served(tmp_path: Path) -> None:
    model = tmp_path / "model"
    data = tiny(model, CELLS)
    answers = Answers.of(data, cut(data.events, data.judgements))
    steps, outside, inside = {"pieces": 5, "pairs": 60}, Heard(), Heard()
    job = Tuning(tmp_path / "work", model, float("inf"), steps, Finetuning(learning_rate=3e-4), examples=3)
    with tracked(Run([outside], [inside])):
        found = job.run(data, answers, Lexical().fit(data), Tracker(quiet=True))
    values = {figure.model: figure.test.value for figure in found.figures if figure.test is not None}
    assert found.encoder is not None and found.taken == steps, found.why
    assert values["encoder_untouched"] < 0.4 and values["encoder_finetuned"] > 0.5, values
    assert abs(values["encoder_int8"] - values["encoder_finetuned"]) < 0.2
    found.save(tmp_path / "kept")
    again = Tuned.load(tmp_path / "kept")
    assert again.encoder == tmp_path / "kept" / "encoder" and again.why == found.why
    assert not list((tmp_path / "work").glob("checkpoint-*"))
    assert again.why.endswith("(65 steps; rate 0.0003 as told)")
    learned = outside.of("encoder: learn what answers queries")
    assert max(learned) == 60 and all(learned[step]["loss"] > 0 for step in range(1, 61))
    assert max(values.get("rate", 0.0) for values in learned.values()) == 3e-4
    assert learned[60]["development"] > learned[0]["development"] and learned[60]["per_second"] > 0
    counts, examples = outside.facts["changed_answers"], inside.facts["changed_examples"]
    assert counts["became_right"] > counts["became_wrong"] and counts["asked"] >= counts["changed"] > 3  # type: ignore[index,call-overload]
    assert len(examples) == 3 and {row["is_right"] for row in examples} == {True}  # type: ignore[arg-type,union-attr,index,call-overload]
    assert "changed_examples" not in outside.facts, "what people typed stays on this machine"


def test_nested_sizes_are_served_and_told_and_a_teacher_comes_first(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    data = tiny(tmp_path / "model", CELLS)
    from aisle.text.tune_train import tune

    inside(monkeypatch, tune)
    answers, lexical = Answers.of(data, cut(data.events, data.judgements)), Lexical().fit(data)
    answers = replace(answers, weight=np.linspace(0.5, 1.5, len(answers.query), dtype=np.float32), how="answers weighed by hand")
    how, steps = Finetuning(learning_rate=3e-4, sizes=(24,), margin=0.05), {"pieces": 5, "teacher": 3, "pairs": 60}
    heard = Heard()
    with tracked(Run([heard])):
        job = Tuning(tmp_path / "work", tmp_path / "model", float("inf"), steps, how, size=16)
        found = job.run(data, answers, lexical, Tracker(quiet=True))
    values = {figure.model: figure.test.value for figure in found.figures if figure.test is not None}
    assert found.encoder is not None and found.taken == steps, found.why
    assert list(values)[-2:] == ["encoder_int8", "encoder_int8_24"] and "served in int8, first 24 numbers" in found.why
    assert found.why.endswith("; answers weighed by hand)")
    assert values["encoder_untouched"] < 0.4 < values["encoder_int8"], "both by the 16 numbers that are served"
    assert model("encoder_int8_24") == "the same in int8, as served, its first 24 numbers"
    assert max(heard.of("encoder: teach a cross-encoder first")) == 3


def test_a_range_test_proposes_the_rate_of_both_steps_and_a_plan_keeps_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    data = tiny(tmp_path / "model", CELLS)
    from aisle.text.tune_train import tune

    inside(monkeypatch, tune)
    answers, lexical = Answers.of(data, cut(data.events, data.judgements)), Lexical().fit(data)
    heard = Heard()
    with tracked(Run([heard])):
        job = Tuning(tmp_path / "work", tmp_path / "model", float("inf"), {}, Finetuning(range_test=True))
        found = job.run(data, answers, lexical, Tracker(quiet=True))
    ranged = heard.of("encoder: range of rates")
    rates = [values["rate"] for values in ranged.values()]
    assert rates == sorted(rates) and len(rates) > 10
    told = heard.facts["range_test"]
    assert isinstance(told, dict) and str(told["why"]) in found.why
    used = max(values.get("rate", 0.0) for values in heard.of("encoder: learn the titles' words").values())
    assert used == pytest.approx(told["proposal"] or 2e-4)
    assert found.taken.get("rate") == told["proposal"]
    job = Tuning(tmp_path / "planned", tmp_path / "model", 60.0, found.taken, Finetuning(range_test=True))
    job.write(data, answers, lexical)
    said = json.loads((tmp_path / "planned" / "job.json").read_text())
    assert (said["rate"], said["ranged"]) == (told["proposal"], False)


def test_the_settings_say_how_it_learns() -> None:
    tune_train = pytest.importorskip("aisle.text.tune_train", reason="the training extra is not installed")
    how = Finetuning(optimizer="sgd", decay="linear", weight_decay=0.1, layer_decay=0.9)
    none = np.zeros(0, np.int64)
    task = tune_train.Task(Path(), 1.0, 3, [], tune_train.Pairs([], none, none, [], []), none, {}, {}, how=how)
    found = tune_train._recipe(task, 5, 0.01)
    assert (found.optimizer, found.decay, found.weight_decay, found.layer_decay) == ("sgd", "linear", 0.1, 0.9)
    assert (found.steps, found.learning_rate, found.seed) == (5, 0.01, 3)
    assert tune_train._recipe(replace(task, how=Finetuning()), 5, 0.01) == tune_train.Recipe(5, 0.01, seed=3), "the defaults are the loop's"
