"""What a cross-encoder is taught: answers of windows 1 and 2 only, beside what only looks like them; who gets one; that it comes back."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from safetensors.numpy import load_file

from aisle.core.errors import InputError
from aisle.core.events import Dataset
from aisle.data.windows import Windows, cut
from aisle.retrieval.lexical import Lexical
from aisle.settings import Ranking, Settings
from aisle.text.cross import Cross
from aisle.tracking import Tracker
from aisle.training.answers import Answers
from aisle.training.budget import Budget
from aisle.training.cross import Crossed, Crossing, cross_encoder, gains, refused, teaching
from aisle.training.parts import Parts
from aisle.training.text_sources import Materials, Texts
from tests.text.tiny import tiny_model
from tests.training.test_finetune import COLOURS, THINGS, judged


def written(folder: Path) -> tuple[dict[str, NDArray[np.int64]], dict[str, object], Answers, Windows]:
    data = judged()
    windows = cut(data.events, data.judgements)
    answers = Answers.of(data, windows)
    Crossing(folder, Path("model"), 2, 60.0)._write(data, answers, Lexical().fit(data))
    return load_file(folder / "lists.safetensors"), json.loads((folder / "job.json").read_text()), answers, windows


def test_windows_3_and_4_and_what_looks_on_teach_nothing(tmp_path: Path) -> None:
    arrays, _, _, windows = written(tmp_path)
    learned, looking = set(arrays["query"].tolist()), set(arrays["asked"].tolist())
    assert learned and looking and not learned & looking
    assert {int(windows.query[query]) for query in learned | looking} == {1, 2}
    assert not set(arrays["hard_query"].tolist()) & looking


def test_no_answer_is_among_what_only_looks_like_one(tmp_path: Path) -> None:
    arrays, said, answers, _ = written(tmp_path)
    known = answers.known()
    assert not [row for query, row in zip(arrays["hard_query"].tolist(), arrays["hard_item"].tolist(), strict=True) if row in known[query]]
    shown = zip(arrays["asked"].tolist(), arrays["shown"].tolist(), arrays["shown_gain"].tolist(), strict=True)
    assert all((gain > 0) == (row in known[query]) for query, row, gain in shown)
    assert len(arrays["asked"]) % int(str(said["wide"])) == 0 and said["layers"] == 2


def test_a_higher_grade_weighs_more_and_a_click_weighs_one() -> None:
    data = judged()
    assert data.judgements is not None
    graded = replace(data.judgements, grade=np.tile(np.float32([3, 1, 2, 1]), 100))
    data = replace(data, judgements=graded)
    answers = Answers.of(data, cut(data.events, data.judgements))
    assert np.unique(gains(data, answers)).tolist() == pytest.approx([1 / 3, 1.0])
    assert gains(replace(data, judgements=None), answers).tolist() == [1.0] * len(answers.query)


def test_too_few_answers_or_seconds_are_told() -> None:
    data = judged()
    answers = Answers.of(data, cut(data.events, data.judgements))
    assert (
        refused(answers, 1_000.0) == f"no cross-encoder: {len(teaching(answers))} queries of windows 1 and 2 have an answer, 300 are needed"
    )
    many = Answers(answers.texts * 3, np.arange(600), np.arange(600) % 20, np.ones(600, np.int8))
    assert "100 s were left for it, 120 are needed (--minutes)" in refused(many, 100.0)
    assert refused(many, 1_000.0) == ""


def held(data: Dataset, work: Path, ms: float) -> Materials:
    settings = Settings(ranking=Ranking(cross_ms=ms))
    return Materials(data, cut(data.events, data.judgements), settings, Budget(30), Parts(work, {"test": str(work)}), Tracker(quiet=True))


@pytest.mark.parametrize(
    ("ms", "encoder", "planned", "said"),
    [
        (0.0, "minilm", None, ""),
        (5.0, "ngram", None, "no pretrained encoder"),
        (5.0, "minilm", {}, "by the plan"),
        (5.0, "minilm", None, "300"),
    ],
)
def test_who_gets_none_and_why(ms: float, encoder: str, planned: dict[str, int] | None, said: str, tmp_path: Path) -> None:
    data = judged()
    found = cross_encoder(held(data, tmp_path, ms), Texts({"lexical": Lexical().fit(data)}, encoder, ""), planned)
    assert found.folder is None and said in found.why and bool(found.why) == bool(said)


def test_a_process_that_fails_tells_its_last_words_and_the_mend(tmp_path: Path) -> None:
    data = judged()
    answers = Answers.of(data, cut(data.events, data.judgements))
    with pytest.raises(InputError, match=r"cross-encoder cannot be trained: .*model.*cross_ms = 0"):
        Crossing(tmp_path / "work", tmp_path / "nowhere", 2, 60.0).run(data, answers, Lexical().fit(data), Tracker(quiet=True))


def test_a_tiny_model_is_trained_by_the_process_and_comes_back(tmp_path: Path) -> None:
    pytest.importorskip("torch", reason="the training extra is not installed")
    data = judged()
    model = tiny_model(tmp_path / "model", [*COLOURS, *THINGS, "for", "the", "home", *map(str, range(10))], dropout=0.0)
    answers = Answers.of(data, cut(data.events, data.judgements))
    found = Crossing(tmp_path / "work", model, 1, float("inf"), 30).run(data, answers, Lexical().fit(data), Tracker(quiet=True))
    assert found.folder is not None and found.steps == 30
    found.save(tmp_path / "kept")
    again = Crossed.load(tmp_path / "kept")
    assert again.folder is not None and (again.steps, again.why) == (30, "cross-encoder of 1 layers, 30 steps")
    assert np.isfinite(Cross(again.folder).score("lamp red", ["red lamp for the home", "blue sofa for the home"])).all()
    assert not (tmp_path / "work" / "checkpoint").exists()
