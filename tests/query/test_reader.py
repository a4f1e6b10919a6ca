"""A query read as a whole, and the category that the log teaches."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from aisle.core.catalogue import Catalogue
from aisle.core.events import Dataset, Events, Judgements
from aisle.core.strings import Strings
from aisle.query.attributes import Attributes
from aisle.query.category_train import MOST, category_examples
from aisle.query.examples import read_examples
from aisle.query.intent_train import learn, measure
from aisle.query.reader import Reader
from aisle.query.understand import understand
from aisle.schema import EVENT_CODE

CATEGORIES = ("Home > Lamps", "Home > Chairs", "Bags")
WORDS = {"Home > Lamps": ("lamp", "light", "台灯"), "Home > Chairs": ("chair", "stool", "椅子"), "Bags": ("bag", "backpack", "背包")}
STYLES = ("red", "blue", "old", "big", "soft", "cheap", "nice", "wide", "tall", "plain", "round", "small")


def catalogue() -> Catalogue:
    categories = [CATEGORIES[row % 3] for row in range(30)]
    texts = {"title": Strings.of(f"thing {row}" for row in range(30)), "category": Strings.of(categories)}
    return Catalogue(Strings.of(map(str, range(30))), texts, {"price": np.ones(30)})


def log(kind: str = "click", wrong: bool = True) -> Dataset:
    """Every style and word of a category leads to its items, one click of five to another's."""
    asked = [(f"{style} {word}", category) for category, words in WORDS.items() for word in words for style in STYLES]
    queries, query, item = [text for text, _ in asked], [], []
    for place, (_, category) in enumerate(asked):
        for number in range(5):
            query.append(place)
            item.append(3 * number + (CATEGORIES.index(category) + (number == 4 and wrong)) % 3)
    n = len(query)
    number = np.zeros(n, np.int32)
    real = np.full(n, np.nan, np.float32)
    events = Events(
        Strings.of(["u"]), Strings.of(queries), number, np.array(item, np.int32), np.arange(n, dtype=float),
        np.full(n, EVENT_CODE[kind], np.uint8), np.array(query, np.int32), number - 1, real, real, real, real,
    )  # fmt: skip
    return Dataset(catalogue(), events)


@pytest.fixture(scope="module")
def reader() -> Reader:
    examples = category_examples(log())
    assert examples is not None
    talk = [(f"{start} {word}", intent) for intent, start in (("order", "where is my"), ("refund", "refund for the")) for word in STYLES]
    said = {"text": Strings.of(text for text, _ in talk), "intent": Strings.of(intent for _, intent in talk)}
    return Reader(Attributes().fit(catalogue()), learn(read_examples(said), None), learn(examples, None, 0.6))


@pytest.mark.parametrize(("query", "category"), [("green light", "Home > Lamps"), ("grey stool", "Home > Chairs"), ("黑色背包", "Bags")])
def test_the_log_teaches_what_a_new_query_asks_for(reader: Reader, query: str, category: str) -> None:
    found = reader(understand(query), None).attributes
    assert found["category"] == category
    assert 0.6 <= float(str(found["category_probability"])) <= 1


def test_a_probability_is_no_surer_than_the_log() -> None:
    examples = category_examples(log())
    assert examples is not None
    scores = np.concatenate([one.score for one in measure(examples, None, 0.6).values()])
    assert scores.mean() == pytest.approx(0.8, abs=0.1), "one click of five went elsewhere"


@pytest.mark.parametrize("query", ["quantum physics", "???", "12 34"])
def test_without_confidence_no_category_is_named(reader: Reader, query: str) -> None:
    assert "category" not in reader(understand(query), None).attributes


def test_a_category_named_in_words_is_found_without_a_log() -> None:
    reader = Reader(Attributes().fit(catalogue()))
    query = reader(understand("Blue Lamps under 30"), None)
    assert query.attributes == {"category": "Home > Lamps", "price": {"lte": 30.0}}
    assert query.intent is None


def test_an_intent_is_read_from_what_was_typed_not_from_its_better_spelling(reader: Reader) -> None:
    query = understand("where is my parcel", lambda text: "refund for the parcel")
    read = reader(query, None)
    assert read.intent is not None
    assert read.intent.name == "order"
    assert read.correction == "refund for the parcel"
    assert replace(read, intent=None, attributes={}) == query


def test_a_saved_reader_reads_the_same(reader: Reader, tmp_path: Path) -> None:
    reader.save(tmp_path)
    opened = Reader.load(tmp_path)
    for text in ("where is my lamp", "green light", "blue bags under 30"):
        assert opened(understand(text), None) == reader(understand(text), None)
    Reader().save(tmp_path / "nothing")
    assert Reader.load(tmp_path / "nothing")(understand("lamp"), None) == understand("lamp")


def test_a_model_that_needs_vectors_says_nothing_without_them(reader: Reader) -> None:
    def encode(texts: list[str]) -> np.ndarray:  # type: ignore[type-arg]
        return np.eye(2, dtype=np.float32)[[int("refund" in text) for text in texts]]

    rows = {"text": Strings.of(["refund", "xx", "refund b", "xy"] * 9), "intent": Strings.of(["a", "b", "a", "b"] * 9)}
    intents = learn(read_examples(rows), encode)
    assert intents is not None
    needing = Reader(intents=intents, encoder="some")
    asked: list[str] = []
    read = needing(understand("refund"), lambda text: asked.append(text) or encode([text])[0])  # type: ignore[func-returns-value]
    assert asked == ["refund"]
    assert read.intent is not None
    assert (needing(understand("refund"), None).intent is None) == intents.reads_vectors


def test_what_was_only_shown_teaches_no_category() -> None:
    assert category_examples(log("impression")) is None


def test_judgements_teach_categories_too() -> None:
    events = log().events
    n = len(events)
    grades = np.where(np.arange(n) % 5 < 4, 3, 0).astype(np.float32)
    judged = Judgements(events.queries, events.query, events.item, grades, np.full(len(events.queries), -1, np.int8), 2.0)
    examples = category_examples(Dataset(catalogue(), Events.none(), judged))
    assert examples is not None
    assert len(examples) == len(events.queries)
    assert (examples.targets.max(axis=1) == 1).all(), "an item that was judged unfit says nothing"
    assert len(examples) <= MOST


def test_one_category_or_few_queries_teach_nothing() -> None:
    data = log()
    rows = data.events.query < 20
    assert category_examples(replace(data, events=data.events.where(rows))) is None
    texts = {**data.catalogue.texts, "category": Strings.of(["Bags"] * 30)}
    assert category_examples(replace(data, catalogue=Catalogue(data.catalogue.ids, texts, {}))) is None
    assert category_examples(replace(data, catalogue=Catalogue(data.catalogue.ids, {}, {}))) is None


def test_what_was_asked_before_is_not_read_again(reader: Reader, monkeypatch: pytest.MonkeyPatch) -> None:
    fresh, read = replace(reader), list[str]()
    true = Attributes.find
    monkeypatch.setattr(Attributes, "find", lambda found, text: (read.append(text), true(found, text))[1])
    first, again = (fresh(understand("Green light"), None) for _ in range(2))
    other = fresh(understand("GREEN  light"), None)
    assert first == again and other.raw == "GREEN  light" and other.intent == first.intent and read == ["green light"]
