"""The report's rows for search by meaning where nothing is fine-tuned: the encoder as it is, and what the learned map adds."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from aisle.core.events import Dataset
from aisle.data.windows import cut
from aisle.evaluation.results import Figure
from aisle.retrieval.dense import Dense
from aisle.retrieval.lexical import Lexical
from aisle.retrieval.vectors import item_texts
from aisle.settings import Settings
from aisle.text.adapt import Adapter
from aisle.text.ngram import NgramEncoder
from aisle.tracking import Tracker
from aisle.training.answers import Answers
from aisle.training.budget import Budget
from aisle.training.finetune import Tuned, Tuning
from aisle.training.meaning import meaning_figures
from aisle.training.parts import Parts
from aisle.training.text_sources import Materials, text_sources
from tests.training.clock import Clock


@pytest.fixture(scope="module")
def answers(data: Dataset) -> Answers:
    return Answers.of(data, cut(data.events, data.judgements))


@pytest.fixture(scope="module")
def lexical(data: Dataset) -> Lexical:
    return Lexical().fit(data)


def found(data: Dataset, answers: Answers, lexical: Lexical, dense: Dense, kind: str = "ngram", minutes: float = 60) -> dict[str, float]:
    rows = meaning_figures((data, answers, lexical), dense, kind, Budget(minutes, Clock()), Tuned(), Path("nowhere"))
    assert {row.metric for row in rows} <= {"dense_pool/recall@10"}
    return {row.model: row.test.value for row in rows if row.test is not None}


def test_a_map_has_a_row_beside_the_encoder_as_it_is(data: Dataset, answers: Answers, lexical: Lexical, tmp_path: Path) -> None:
    held = Materials(
        data, cut(data.events, data.judgements), Settings(encoder="ngram"), Budget(60, Clock()), Parts(tmp_path, {}), Tracker(quiet=True)
    )
    texts = text_sources(("lexical", "dense"), held)
    dense = texts.sources["dense"]
    assert isinstance(dense, Dense)
    plain = Dense(vectors=dense.vectors_)
    size = dense.vectors_.vectors.shape[1]
    same = found(data, answers, lexical, Dense(vectors=dense.vectors_, mapping=np.eye(size, dtype=np.float32)))
    assert same["encoder_adapted"] == same["encoder_ngram"] > 0.2, "a map that turns nothing adds nothing"
    away = found(data, answers, lexical, Dense(vectors=dense.vectors_, mapping=-np.eye(size, dtype=np.float32)))
    assert away["encoder_adapted"] < away["encoder_ngram"] == same["encoder_ngram"]
    assert set(found(data, answers, lexical, plain)) == {"encoder_ngram"}
    assert set(found(data, answers, lexical, plain, "joint:static")) == {"encoder_distilled"}
    assert set(found(data, answers, lexical, plain, "joint")) == {"encoder_untouched"}
    assert {row.model for row in texts.tuned.figures} >= {"encoder_ngram"}, "and it is handed on to the report"
    assert found(data, answers, lexical, plain, minutes=0.1) == {}, "without time nothing is measured"
    few = Answers(answers.texts, answers.query, answers.item, np.where(answers.window == 4, 0, answers.window).astype(np.int8))
    assert found(data, few, lexical, plain) == {}, "without queries of window 4 neither"


def test_beside_a_fine_tuning_that_gained_nothing_the_map_is_measured_as_that_was(
    data: Dataset, answers: Answers, lexical: Lexical, tmp_path: Path
) -> None:
    Tuning(tmp_path, tmp_path, 1.0, {}).write(data, answers, lexical)
    dense = Dense(NgramEncoder().fit(item_texts(data.catalogue))).fit(data)
    dense.mapping = np.eye(dense.vectors_.vectors.shape[1], dtype=np.float32)
    tuned = Tuned(figures=[Figure("encoder_untouched", "dense_pool/recall@10", None, None)])
    budget = Budget(60, Clock())
    rows = meaning_figures((data, answers, lexical), dense, "minilm", budget, tuned, tmp_path / "pairs.safetensors")
    assert [row.model for row in rows] == ["encoder_untouched", "encoder_adapted"]
    assert rows[1].test is not None and rows[1].test.n == min(400, len(answers.queries(4))) and rows[1].test.value > 0.2
    assert meaning_figures((data, answers, lexical), dense, "minilm", budget, tuned, tmp_path / "gone") == tuned.figures


def test_the_map_has_the_rank_of_the_settings(data: Dataset, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    ranks: list[int] = []
    monkeypatch.setattr(Adapter, "fit", lambda self, *_: ranks.append(self.rank))
    for rank in (0, 4):
        settings = Settings.model_validate({"encoder": "ngram", "finetuning": {"map_rank": rank}})
        parts, windows = Parts(tmp_path / str(rank), {}), cut(data.events, data.judgements)
        text_sources(("dense",), Materials(data, windows, settings, Budget(60, Clock()), parts, Tracker(quiet=True)))
    assert ranks == [0, 4]
