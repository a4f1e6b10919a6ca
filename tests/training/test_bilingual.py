"""A shop of two languages: the joint encoder is tried on its own queries, and taught only what its model reads."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest

from aisle.core.events import Dataset, Events
from aisle.retrieval.lexical import Lexical
from aisle.retrieval.vectors import item_texts
from aisle.testing.toys import catalogue
from aisle.text.encoder import Kind, Vectors
from aisle.text.joint import JointEncoder
from aisle.text.ngram import NgramEncoder
from aisle.training import bilingual
from aisle.training.answers import Answers
from aisle.training.bilingual import Trial, tried
from aisle.training.budget import Budget
from tests.training.clock import Clock

WHY = "two languages"
PLACES = 600


class Knowing(NgramEncoder):
    """Knows that a `couch` is a sofa, or sends every text somewhere else."""

    knows = True

    def encode(self, texts: Sequence[str], kind: Kind) -> Vectors:
        if not self.knows:
            drawn = [np.random.default_rng([len(text), *map(ord, text)]).standard_normal(self.dimension) for text in texts]
            return np.stack([vector / np.linalg.norm(vector) for vector in drawn]).astype(np.float32)
        return super().encode([text.replace("couch", "sofa") for text in texts], kind)


def shop() -> tuple[Dataset, Answers, Lexical]:
    """Sofas by number; half of the queries say couch, half say it in Chinese, by the same number."""
    data = Dataset(catalogue({str(n): {"title": f"sofa number{n}", "title_zh": f"沙发{n}号"} for n in range(PLACES)}), Events.none())
    texts = [f"couch number{n}" if n % 2 else f"沙发{n}号" for n in range(PLACES)]
    own = np.arange(PLACES)
    return data, Answers(texts, own, own, np.ones(PLACES, np.int8)), Lexical().fit(data)


@pytest.fixture(scope="module")
def encoder() -> JointEncoder:
    texts = item_texts(shop()[0].catalogue)
    return JointEncoder(Knowing(48).fit(texts), NgramEncoder(48).fit(texts))


@pytest.fixture
def opened(monkeypatch: pytest.MonkeyPatch, encoder: JointEncoder) -> type[Knowing]:
    monkeypatch.setattr(bilingual, "open_encoder", lambda *_: encoder)
    monkeypatch.setattr(Knowing, "knows", True)
    return Knowing


def test_what_finds_more_of_the_shops_queries_is_taken_and_each_languages_share_is_said(opened: type[Knowing], tmp_path: Path) -> None:
    kind, why = tried("joint", WHY, shop(), tmp_path, Budget(60, Clock()))
    assert kind == "joint" and why.startswith(f"{WHY}; recall@10 of 200 queries of window 1: joint ")
    assert why.count("Chinese") == why.count("other") == 2


def test_chance_alone_sends_no_model_away(opened: type[Knowing], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """One query of many fewer is no sure loss: what can be fine-tuned stays."""
    monkeypatch.setattr(Trial, "recall", lambda trial, encoder: (np.arange(200.0) >= isinstance(encoder, JointEncoder)) * 1.0)
    assert tried("joint", WHY, shop(), tmp_path, Budget(60, Clock()))[0] == "joint"


def test_a_model_that_knows_nothing_gives_way_to_the_shops_own_text(opened: type[Knowing], tmp_path: Path) -> None:
    opened.knows = False
    kind, why = tried("joint", WHY, shop(), tmp_path, Budget(60, Clock()))
    assert kind == "ngram" and "n-grams alone" in why


def test_without_answers_or_time_it_stays_and_says_so(opened: type[Knowing], tmp_path: Path) -> None:
    data, answers, lexical = shop()
    few = answers.where(np.arange(PLACES) < 10)
    assert tried("joint", WHY, (data, few, lexical), tmp_path, Budget(60, Clock()))[1].endswith(
        "too few queries have an answer to measure it"
    )
    assert tried("joint", WHY, (data, answers, lexical), tmp_path, Budget(0.1, Clock())) == (
        "joint",
        f"{WHY}; not measured, for want of time",
    )


def test_answers_of_some_queries_alone() -> None:
    _, answers, _ = shop()
    english = answers.where(np.array(["couch" in text for text in answers.texts]))
    assert english.queries(1).tolist() == list(range(1, PLACES, 2)) and english.texts == answers.texts
