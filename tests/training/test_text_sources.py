"""Which encoder a shop gets: by language, package, time and setting; and that a slow one gives way in time."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from aisle.core.events import Dataset
from aisle.data.windows import cut
from aisle.retrieval.dense import Content, Dense
from aisle.retrieval.late import LateInteraction
from aisle.retrieval.lexical import Lexical
from aisle.settings import Settings
from aisle.text.ngram import NgramEncoder
from aisle.tracking import Tracker
from aisle.training import text_sources as texts
from aisle.training.answers import Answers
from aisle.training.budget import Budget
from aisle.training.parts import Parts
from aisle.training.text_sources import text_sources
from tests.text.tiny import tiny_encoder, tiny_model
from tests.training.clock import Clock
from tests.training.english import english

pytestmark = pytest.mark.usefixtures("exported")

EVERY = ("lexical", "dense", "content")


class Slow(NgramEncoder):
    """An encoder that takes a second a text."""

    clock = Clock()

    def encode(self, texts: Sequence[str], kind: str) -> np.ndarray:  # type: ignore[override]
        self.clock.pass_(len(texts))
        return super().encode(texts, kind)  # type: ignore[arg-type]


def fitted(
    data: Dataset, work: Path, budget: Budget, monkeypatch: pytest.MonkeyPatch, planned: str = "", names: Sequence[str] = EVERY
) -> texts.Texts:
    def opened(kind: str, *_: object) -> NgramEncoder:
        made = (Slow if kind == "minilm" else NgramEncoder)().fit([f"red lamp {place}" for place in range(50)])
        if isinstance(made, Slow):
            made.clock = budget.clock  # type: ignore[assignment]
        return made

    monkeypatch.setattr(texts, "open_encoder", opened)
    monkeypatch.setattr(texts, "TRIAL", 8)
    return text_sources(names, texts.Materials(data, cut(data.events), Settings(), budget, Parts(work, {}), Tracker(quiet=True)), planned)


def test_the_sources_share_the_vectors_and_say_which_encoder_made_them(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    found = fitted(english(), tmp_path, Budget(60, Clock()), monkeypatch)
    assert list(found.sources) == list(EVERY) and found.encoder == "minilm"
    dense, content = found.sources["dense"], found.sources["content"]
    assert isinstance(dense, Dense) and isinstance(content, Content) and dense.vectors_ is content.vectors_
    assert "linear map" in found.why


def test_an_encoder_that_would_not_end_in_time_gives_way_after_a_few_texts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """50 texts at a second each, half of a minute is given: after eight texts it is clear that this is too little."""
    clock = Clock()
    found = fitted(english(), tmp_path, Budget(1, clock), monkeypatch)
    assert found.encoder == "ngram" and "took too much of the time given" in found.why
    assert clock.now == 108
    again = fitted(english(), tmp_path, Budget(1, clock), monkeypatch)
    assert again.encoder == "ngram" and clock.now == 108, "a run that is taken up does not try again"


def test_an_encoder_that_was_fine_tuned_is_not_given_up_where_half_of_the_time_is_too_little(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """50 texts at a second each of the 72 that are left: too much for one that was not."""
    assert fitted(english(), tmp_path / "plain", Budget(1.2, Clock()), monkeypatch).encoder == "ngram"
    monkeypatch.setattr(texts, "fine_tuned", lambda *_: texts.Tuned(encoder=tmp_path, why="fine-tuned on window 1"))
    found = fitted(english(), tmp_path / "tuned", Budget(1.2, Clock()), monkeypatch)
    assert found.encoder == "minilm" and found.tuned.encoder == tmp_path


def test_by_plan_the_encoder_takes_as_long_as_it_takes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    clock = Clock()
    found = fitted(english(), tmp_path, Budget(0.1, clock, planned=True), monkeypatch, planned="minilm")
    assert found.encoder == "minilm" and clock.now >= 150


def test_finished_vectors_are_taken_up(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    clock = Clock()
    fitted(english(), tmp_path, Budget(60, clock), monkeypatch)
    before = clock.now
    fitted(english(), tmp_path, Budget(60, clock), monkeypatch)
    assert clock.now == before


def test_without_a_source_by_meaning_nothing_is_encoded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    found = fitted(english(), tmp_path, Budget(60, Clock()), monkeypatch, names=("lexical",))
    assert list(found.sources) == ["lexical"] and (found.encoder, found.why) == ("", "")


def test_a_joint_encoder_teaches_its_model_what_that_reads(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of a lamp's title the English part, and no query that is Chinese alone."""
    asked = ["red lamp", "红色台灯", "lamp 台灯"]
    answers = Answers(asked, np.arange(3), np.arange(3), np.ones(3, np.int8))
    monkeypatch.setattr(texts.Answers, "of", classmethod(lambda *_: answers))
    monkeypatch.setattr(texts, "refused", lambda known, seconds: f"{known.queries(1).tolist()}" if len(known.queries(1)) == 3 else "")
    seen = []
    monkeypatch.setattr(texts.Tuning, "run", lambda self, data, known, *_: seen.append((self.reads, known)) or texts.Tuned(why="done"))
    held = texts.Materials(english(), cut(english().events), Settings(), Budget(60, Clock()), Parts(tmp_path, {}), Tracker(quiet=True))
    assert texts.fine_tuned(held, "joint:/models/own", Lexical(), None).why == "done"
    reads, known = seen[0]
    assert known.queries(1).tolist() == [0, 2] and [reads(text) for text in asked] == ["red lamp", "", "lamp"]


def test_clicks_on_searches_teach_the_map_where_nobody_judged(data: Dataset, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    seen = []
    monkeypatch.setattr(texts.Adapter, "fit", lambda self, asked, vectors, pairs: seen.append((len(asked), len(pairs.item))))
    windows = cut(data.events, data.judgements)
    held = texts.Materials(data, windows, Settings(encoder_size=48), Budget(60, Clock()), Parts(tmp_path, {}), Tracker(quiet=True))
    vectors = texts._vectors("ngram", held, lambda: 1e9)
    assert vectors.vectors.shape[1] == 48, "as many numbers as the settings keep"
    texts._mapping(vectors, replace(data, judgements=None), windows)
    texts._mapping(vectors, data, windows)
    (clicks, pairs), (judged, graded) = seen
    assert 0 < clicks <= pairs and 0 < judged <= graded and (clicks, pairs) != (judged, graded)


def test_fine_tuning_takes_what_others_will_not_need(data: Dataset) -> None:
    """An hour: a shop without a log has three quarters for it; one with a log two fifths, and with a long one three tenths."""
    hour = texts.time_to_learn(data.known(np.zeros(len(data.events), bool)), Budget(60, Clock()))
    assert hour == pytest.approx(0.75 * 3_600, rel=0.05)
    assert 0.3 * 3_600 < texts.time_to_learn(data, Budget(60, Clock())) < 0.4 * 3_600
    costly = {**texts.COST, "sasrec": lambda *_: 850.0}
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(texts, "COST", costly)
        assert texts.time_to_learn(data, Budget(60, Clock())) == pytest.approx(0.3 * 3_600, rel=0.05)


def test_a_fine_tuned_model_is_handed_on_where_there_is_one_and_it_is_wanted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    model = tiny_model(tmp_path / "parts" / "finetuning" / "model", ["red", "lamp"])
    base = tiny_model(tmp_path / "base", ["red", "lamp"])
    parts, data = SimpleNamespace(folder=tmp_path / "parts"), SimpleNamespace(fingerprint="0123456789abcdef")
    tuned = texts.Tuned(tmp_path, tmp_path / "encoder", {"pieces": 3, "pairs": 4, "rate": 1e-4}, why="fine-tuned on window 1")

    def handed(name: str, tuned: texts.Tuned, keep: bool = True) -> Path:
        settings = Settings.model_validate({"finetuning": {"keep": keep}})
        texts.hand_on_tuned(tuned, SimpleNamespace(parts=parts, data=data, settings=settings, encoder=str(base)), tmp_path / name)  # type: ignore[arg-type]
        return tmp_path / name

    said = (handed("kept", tuned) / "README.md").read_text(encoding="utf-8")
    assert "from base by aisle train, steps: 3 on pieces, 4 on pairs." in said and "fingerprint 0123456789ab:" in said
    assert not (tmp_path / "adapter").exists(), "in full there is none"
    (model.parent / "adapter").mkdir()
    (model.parent / "adapter" / "adapter_config.json").write_text("{}")
    handed("kept", tuned)
    assert (tmp_path / "adapter" / "adapter_config.json").is_file()
    assert not handed("unwanted", tuned, keep=False).exists()
    assert not handed("nothing", texts.Tuned(why="not fine-tuned")).exists()
    assert model.is_dir()


def test_a_bundle_tells_where_its_model_comes_from_unless_it_has_none(tmp_path: Path) -> None:
    base = tiny_model(tmp_path / "base", ["red", "lamp"])
    (base / "README.md").write_text("---\nlicense: mit\n---\n", encoding="utf-8")

    def told(name: str, encoder: str, tuned: texts.Tuned) -> str:
        (tmp_path / name).mkdir()
        texts.tell_origin(tuned, SimpleNamespace(encoder=encoder), tmp_path / name)  # type: ignore[arg-type]
        path = tmp_path / name / "ENCODER.md"
        return path.read_text(encoding="utf-8") if path.is_file() else ""

    said = told("plain", f"joint:{base}", texts.Tuned())
    assert "Made from base, encoder joint:base, not fine-tuned." in said and "states it: mit." in said
    assert "fine-tuned on this shop" in told("tuned", str(base), texts.Tuned(encoder=tmp_path))
    assert told("own", "ngram", texts.Tuned()) == told("none", "", texts.Tuned()) == ""


def test_tokens_are_compared_where_the_encoder_tells_them_and_the_plan_says_where_not(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    names = (*EVERY, "late_interaction")
    found = fitted(english(), tmp_path / "plain", Budget(60, Clock()), monkeypatch, names=names)
    assert list(found.sources) == list(EVERY)
    assert [(row.part, row.kept) for row in found.rows] == [("late_interaction", False)] and "single words" in found.rows[0].why
    monkeypatch.setattr(texts, "MANY", 10)
    tiny = tiny_encoder(("red", "lamp"))
    held = texts.Materials(english(), cut(english().events), Settings(), Budget(60, Clock()), Parts(tmp_path, {}), Tracker(quiet=True))
    monkeypatch.setattr(texts, "open_encoder", lambda *_: tiny)
    none = text_sources(names, held)
    assert "late_interaction" not in none.sources and "GB; `[retrieval] late_interaction = true` keeps them" in none.rows[0].why
    kept = replace(held, settings=Settings(retrieval={"late_interaction": True}), parts=Parts(tmp_path / "kept", {}))
    late = text_sources(names, kept).sources["late_interaction"]
    assert isinstance(late, LateInteraction) and late.vectors_.tokens is not None and len(late.vectors_.tokens) == len(english().catalogue)
