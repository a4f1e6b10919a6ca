"""Training teaches a bundle to read queries, and the report says how well, beside what needs no learning."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from aisle.bundle import Store
from aisle.core.catalogue import Catalogue
from aisle.core.events import Dataset, Events
from aisle.core.request import Request
from aisle.core.strings import Strings
from aisle.opening import open_shop
from aisle.retrieval.vectors import ItemVectors
from aisle.text.ngram import NgramEncoder
from aisle.tracking import Tracker
from aisle.training.language import learn_language, texts_to_learn
from tests.query import branded

INTENTS = {"order": "where is my {}", "refund": "refund for the {}", "price": "is the {} on sale"}
STARTS, ENDS = ("lam", "tab", "pho", "jac", "ket", "dri", "sof", "mug"), ("p", "le", "ne", "ket", "ll", "rd", "st", "fe")
THINGS = [start + end for start in STARTS for end in ENDS]


def data(rows: list[tuple[str, str]] | None) -> Dataset:
    """A shop of two items and no events."""
    catalogue = Catalogue(Strings.of(["1", "2"]), {"title": Strings.of(["lamp", "desk"])}, {})
    said = {} if rows is None else {"text": Strings.of(text for text, _ in rows), "intent": Strings.of(intent for _, intent in rows)}
    return Dataset(catalogue, Events.none(), tables={} if rows is None else {"examples": said})


def test_a_trained_shop_reads_queries_in_both_languages(store: Path) -> None:
    shop = open_shop(store)
    asked = [Request(str(n), "search", query=text) for n, text in enumerate(("where is my lamp", "台灯怎么退货", "what is the weather"))]
    status, sent_back, strange = (one.understanding.intent for one in shop.answer(asked))
    assert status is not None and sent_back is not None and strange is not None
    assert (status.name, status.in_scope) == ("order_status", True)
    assert (sent_back.name, sent_back.in_scope) == ("return_item", True)
    assert strange.score < min(status.score, sent_back.score)


def test_the_report_shows_intents_beside_majority_and_linear_model(store: Path) -> None:
    report = json.loads((store / str(Store(store).current()) / "report.json").read_text(encoding="utf-8"))
    language = report["parts"][-1]
    rows = {(figure["model"], figure["metric"]): figure for figure in language["figures"]}
    for model in ("intent_reader", "majority", "tfidf_linear"):
        for window in ("development", "test"):
            assert 0 <= rows[model, "intent/accuracy"][window]["value"] <= 1
    assert rows["intent_reader", "intent/accuracy"]["test"]["value"] > rows["majority", "intent/accuracy"]["test"]["value"]
    classes = {row["name"] for row in language["reports"]["intent, test"]["rows"]}
    assert "return_item" in classes
    assert any(note.startswith("intent: 8 from") for note in report["notes"])


def test_examples_without_events_are_enough() -> None:
    rows = [(line.format(thing), intent) for intent, line in INTENTS.items() for thing in THINGS]
    language = learn_language(data(rows), None, 1_000, Tracker(quiet=True))
    assert language.reader.intents is not None
    assert language.reader.intents.find("refund for the chair", None).name == "refund"
    assert {figure.metric for figure in language.figures} == {"intent/accuracy", "intent/in_scope", "intent/accuracy_in_scope"}
    assert set(language.reports) == {"intent, development", "intent, test"}


@pytest.mark.parametrize("rows", [None, [], [("a text", "only"), ("another", "only")]])
def test_without_two_intents_there_is_none_and_the_report_says_why(rows: list[tuple[str, str]] | None) -> None:
    language = learn_language(data(rows), None, 1_000, Tracker(quiet=True))
    assert language.reader.intents is None
    assert not language.figures
    assert any("fewer than two intents" in note for note in language.notes) == (rows is not None)


def test_the_reader_names_the_encoder_it_learned_with() -> None:
    good, bad = ["fine", "super", "great", "lovely"], ["awful", "poor", "horrid", "dire"]
    rows = [(f"{word} {mark}", name) for name, words in (("praise", good), ("blame", bad)) for word in words for mark in "klmnopqrst"]
    shop = data(rows)

    class Knowing(NgramEncoder):
        def encode(self, texts: object, kind: object) -> np.ndarray:  # type: ignore[type-arg,override]
            return np.array([[1.0, 0.0] if text.split()[0] in good else [0.0, 1.0] for text in texts], np.float32)  # type: ignore[attr-defined]

    vectors = ItemVectors.of(Knowing(2), shop.catalogue)
    language = learn_language(shop, vectors, 1_000, Tracker(quiet=True))
    assert language.reader.encoder == vectors.encoder.fingerprint
    assert learn_language(shop, None, 1_000, Tracker(quiet=True)).reader.encoder == ""


def test_little_time_teaches_few_texts() -> None:
    assert texts_to_learn(None, 1) == 3_000
    assert texts_to_learn(None, 60) == 12_000
    rows = [(f"{line.format(thing)} {number}", intent) for intent, line in INTENTS.items() for thing in THINGS for number in range(3)]
    language = learn_language(data(rows), None, 100, Tracker(quiet=True))
    assert any("100 of them" in note for note in language.notes)


def test_titles_teach_which_words_are_brands_and_the_report_shows_it_beside_the_lookup() -> None:
    pytest.importorskip("pycrfsuite", reason="the training extra is not installed")
    language = learn_language(Dataset(branded.shop(), Events.none()), None, 2_000, Tracker(quiet=True))
    found = {figure.model: figure.test for figure in language.figures if figure.metric == "attributes/f1"}
    tagger, lookup = found["brand_tagger"], found["brand_lookup"]
    assert tagger is not None and lookup is not None and tagger.low > lookup.high
    assert language.reader.tags is not None and "brand" in language.reader.tags.kept
    assert any(note.startswith("tags: ") and "answers for brand, model" in note for note in language.notes)
