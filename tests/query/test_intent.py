"""Intents from examples: right, calibrated, aware of what they were not taught; and whatever examples a shop brings."""

from __future__ import annotations

from pathlib import Path
from time import perf_counter

import numpy as np
import pytest
from numpy.typing import NDArray

from aisle.core.strings import Strings
from aisle.query.classifier_train import RIDGE, Known, fit
from aisle.query.examples import Examples, read_examples
from aisle.query.intent import Intents, Scope
from aisle.query.intent_train import affordable, learn, measure
from aisle.text.ngram import NgramEncoder

TALK = {
    "order_status": ["where is my {}", "when does my {} arrive", "track my order of the {}", "{}到哪里了", "查一下{}的订单"],
    "return_item": ["i want to return the {}", "how do i send back my {}", "refund for the {}", "{}怎么退货", "我要退{}"],
    "price_question": ["is the {} on sale", "any discount for the {}", "can i get the {} cheaper", "{}有优惠吗", "{}能便宜点吗"],
}
THINGS = ["lamp", "table", "phone", "jacket", "kettle", "drill", "台灯", "手机", "外套", "水壶", "桌子", "电钻"]
ROWS = [(line.format(thing), intent) for intent, lines in TALK.items() for line in lines for thing in THINGS]
STRANGE = ["the weather in april", "who won the match", "sing a song for grandma", "今天天气怎么样", "quantum physics lecture"]


def table(rows: list[tuple[str, str]], split: list[str] | None = None) -> dict[str, Strings]:
    found = {"text": Strings.of([text for text, _ in rows]), "intent": Strings.of([intent for _, intent in rows])}
    return found if split is None else {**found, "split": Strings.of(split)}


def learned(rows: list[tuple[str, str]]) -> Intents:
    intents = learn(read_examples(table(rows)), None)
    assert intents is not None
    return intents


@pytest.fixture(scope="module")
def intents() -> Intents:
    return learned(ROWS)


@pytest.mark.parametrize(
    ("text", "intent"),
    [("where is my sofa", "order_status"), ("沙发怎么退货", "return_item"), ("any discount for the sofa", "price_question")],
)
def test_a_new_text_of_either_language_finds_its_intent(intents: Intents, text: str, intent: str) -> None:
    found = intents.find(text, None)
    assert (found.name, found.in_scope) == (intent, True)
    assert found.score > 0.8


@pytest.mark.parametrize("text", [*STRANGE, "", "???", "🙂", "\x00"])
def test_what_is_like_no_example_is_out_of_scope_and_still_has_a_best_intent(intents: Intents, text: str) -> None:
    found = intents.find(text, None)
    assert found.name in TALK
    assert not found.in_scope
    assert 0 <= found.score < intents.scope.threshold


def test_in_scope_is_decided_on_the_score(intents: Intents) -> None:
    for text in [row[0] for row in ROWS[::7]] + STRANGE:
        found = intents.find(text, None)
        assert found.in_scope == (found.score >= intents.scope.threshold)


def test_nineteen_of_twenty_texts_that_were_not_learned_from_are_accepted() -> None:
    answers = measure(read_examples(table(ROWS)), None)
    assert set(answers) == {"development", "test"}
    assert np.mean(np.concatenate([one.in_scope for one in answers.values()])) >= 0.85
    assert (answers["test"].said["intents"] == answers["test"].truth).mean() > 0.95
    assert (answers["test"].said["majority"] == answers["test"].truth).mean() < 0.6
    assert len(answers["test"].said["tfidf_linear"]) == len(answers["test"].truth)


def test_a_text_of_many_thousand_characters_costs_little(intents: Intents) -> None:
    start = perf_counter()
    assert not intents.find("zx qv " * 20_000, None).in_scope
    assert perf_counter() - start < 2


def test_many_at_once_are_as_one_by_one(intents: Intents) -> None:
    texts = [*(row[0] for row in ROWS[::9]), *STRANGE, ""]
    best, score = intents.read(texts, None)
    for place, text in enumerate(texts):
        found = intents.find(text, None)
        assert found.name == intents.classifier.names[best[place]]
        assert found.score == pytest.approx(float(score[place]), abs=1e-5)


def test_saved_intents_say_the_same(intents: Intents, tmp_path: Path) -> None:
    intents.save(tmp_path)
    opened = Intents.load(tmp_path)
    assert opened.find("where is my sofa", None) == intents.find("where is my sofa", None)
    assert not [path for path in tmp_path.iterdir() if path.suffix not in (".npy", ".json")]


def test_examples_of_what_is_out_of_scope_are_no_intent_and_set_the_threshold() -> None:
    rows = [*ROWS, *((f"{text} {thing}", "Out-of-Scope") for text in STRANGE for thing in THINGS)]
    examples = read_examples(table(rows))
    assert examples.names[examples.outside] == "Out-of-Scope"
    intents = learned(rows)
    best, score = intents.read([text + " sofa" for text in STRANGE], None)
    assert {intents.classifier.names[number] for number in best} <= set(TALK)
    assert (score < intents.scope.threshold).all()
    assert intents.find("refund for the sofa", None).in_scope
    answers = measure(examples, None)["test"]
    assert (answers.said["intents"] == answers.truth).mean() > 0.9


@pytest.mark.parametrize(("noise", "chance"), [(0.25, 0.65), (0.05, 0.88)])
def test_the_score_is_a_probability_on_texts_that_were_not_learned_from(noise: float, chance: float) -> None:
    """The intent follows from the words but for ``noise``: the score says how often it is right, not more."""
    random = np.random.default_rng(1)
    drawn = [random.choice(30, 4, replace=False).tolist() for _ in range(1_000)]
    rows = [(" ".join(f"w{number}" for number in one), "ab"[(min(one) < 3) ^ (random.random() < noise)]) for one in drawn]
    answers = measure(read_examples(table(rows)), None)
    score = np.concatenate([one.score for one in answers.values()])
    right = np.concatenate([one.said["intents"] == one.truth for one in answers.values()])
    assert score.mean() == pytest.approx(right.mean(), abs=0.07)
    assert score.mean() == pytest.approx(chance, abs=0.1)


def test_one_intent_alone_teaches_nothing() -> None:
    assert learn(read_examples(table([(f"text {number}", "only") for number in range(50)])), None) is None
    assert measure(read_examples(table([(f"text {number}", "only") for number in range(50)])), None) == {}
    assert learn(read_examples(table([])), None) is None


def test_two_examples_are_enough_to_answer() -> None:
    intents = learned([("where is my order", "order"), ("refund please", "refund")])
    assert intents.find("refund", None).name == "refund"


def test_spellings_of_an_intent_are_one() -> None:
    rows = [("a b", "Card Arrival"), ("c d", "card_arrival"), ("e f", " card  arrival "), ("g h", "Card Arrival"), ("i j", "other thing")]
    examples = read_examples(table(rows))
    assert examples.names == ("Card Arrival", "other thing")
    assert any("spelt" in note for note in examples.notes)


def test_a_text_with_two_intents_teaches_both_by_its_share() -> None:
    rows = [("my card", "lost"), ("My  CARD", "stolen"), ("my card", "stolen"), ("x", "lost"), ("y", "")]
    examples = read_examples(table(rows))
    assert examples.texts == ("my card", "x")
    assert examples.targets[0].tolist() == pytest.approx([1 / 3, 2 / 3])
    assert examples.names[examples.truth[0]] == "stolen"
    assert any("several intents" in note for note in examples.notes)


def test_a_text_in_train_and_test_is_left_out_of_train_and_reported() -> None:
    rows = [("same text", "a"), ("same TEXT", "a"), ("other", "b"), ("third", "b")]
    examples = read_examples(table(rows, ["train", "test", "train", "dev"]))
    assert examples.window[examples.texts.index("same text")] == 4
    assert examples.window[examples.texts.index("third")] == 3
    assert any("left out of train" in note for note in examples.notes)


def test_windows_are_cut_by_text_alone() -> None:
    whole, half = read_examples(table(ROWS)), read_examples(table(ROWS[::2]))
    window = dict(zip(whole.texts, whole.window.tolist(), strict=True))
    assert all(window[text] == number for text, number in zip(half.texts, half.window.tolist(), strict=True))


def test_a_sample_keeps_every_intent() -> None:
    rows = [*((f"common {number}", "common") for number in range(200)), ("rare one", "rare"), ("rare two", "rare")]
    some = read_examples(table(rows)).at_most(40)
    assert len(some) == 40
    assert set(some.truth.tolist()) == {0, 1}
    assert any("too many" in note for note in some.notes)


def test_more_time_affords_more_texts() -> None:
    assert affordable(1, 0.005) == 500
    assert 500 < affordable(60, 0.005) < affordable(600, 0.005) <= 12_000


def test_an_encoder_that_cannot_tell_texts_apart_is_given_no_share() -> None:
    def blind(texts: list[str]) -> NDArray[np.float32]:
        """Says of any two texts that they are more or less alike, by their length alone."""
        angles = np.array([len(text) % 7 for text in texts], np.float32)
        return np.stack([np.cos(angles), np.sin(angles)], axis=1)

    found = learn(read_examples(table(ROWS)), blind)
    assert found is not None
    assert not found.reads_vectors


def test_an_encoder_that_knows_better_than_letters_is_used() -> None:
    """Words of one meaning that share no letters: only the vectors tell."""
    good, bad = ["fine", "super", "great", "lovely", "top"], ["awful", "poor", "horrid", "dire", "ugly"]
    rows = [(f"{word} {mark}", "praise") for word in good for mark in "klmnopqrst"]
    rows += [(f"{word} {mark}", "blame") for word in bad for mark in "klmnopqrst"]

    def knowing(texts: list[str]) -> NDArray[np.float32]:
        return np.array([[1.0, 0.0] if text.split()[0] in good else [0.0, 1.0] for text in texts], np.float32)

    found = learn(read_examples(table(rows)), knowing)
    assert found is not None
    assert found.reads_vectors
    vector = np.array([1, 0], np.float32)
    assert found.find("wonderful", vector).name == "praise"


def test_an_encoder_that_knows_its_own_texts_by_heart_is_judged_by_others() -> None:
    """Words tell four of five texts. Of those that it learned the encoder knows all, of others nothing; only these others show it."""
    words = ["lamp", "table", "phone"]
    rows = [(f"{words[(number + (number % 5 == 0)) % 3]} {number:03d}", words[number % 3]) for number in range(600)]
    known = read_examples(table(rows))
    new = np.arange(len(known)) % 2 == 1
    intent_of = dict(zip(known.texts, known.truth.tolist(), strict=True))
    taught = {text for text, one in zip(known.texts, new.tolist(), strict=True) if not one}

    def parrot(texts: list[str]) -> NDArray[np.float32]:
        random = np.random.default_rng(1)
        guessed = random.integers(3, size=len(texts)).tolist()
        return np.eye(3, dtype=np.float32)[
            [intent_of[text] if text in taught else guess for text, guess in zip(texts, guessed, strict=True)]
        ]

    believed, judged = learn(known, parrot), learn(known, parrot, new=new)
    assert believed is not None and judged is not None
    assert judged.classifier.meaning < believed.classifier.meaning
    few = learn(known, parrot, new=np.arange(len(known)) < 10)
    assert few is not None and few.classifier.meaning == believed.classifier.meaning, "ten texts are too few to judge by"


def test_what_is_said_of_a_text_left_out_is_what_a_fit_without_it_says() -> None:
    random = np.random.default_rng(1)
    texts = [f"{a} {b}" for a, b in random.choice(["red", "blue", "lamp", "desk", "sofa", "mug"], (40, 2)).tolist()]
    texts = sorted({f"{text} {number % 7}" for number, text in enumerate(texts)})
    targets = np.eye(3, dtype=np.float32)[random.integers(3, size=len(texts))]
    vectors = NgramEncoder(8).fit(texts).encode(texts, "query")
    model, left_out = fit(Known(texts, vectors, targets, ("a", "b", "c")))
    kernel = model.kernel(texts, vectors) + RIDGE * np.eye(len(texts))
    for gone, said in (([5], left_out.own[5]), (np.flatnonzero(targets[:, 1]).tolist(), left_out.kin[np.flatnonzero(targets[:, 1])])):
        kept = np.setdiff1d(np.arange(len(texts)), gone)
        weights = np.linalg.solve(kernel[np.ix_(kept, kept)], targets[kept] - 1 / 3)
        assert kernel[np.ix_(gone, kept)] @ weights + 1 / 3 == pytest.approx(np.atleast_2d(said), abs=1e-3)


def test_a_score_grows_with_the_chance_and_stays_between_nought_and_one() -> None:
    chances = Scope().chance(np.array([-50, -1, 0, 0.5, 1, 50], np.float32))
    assert (np.diff(chances) >= 0).all()
    assert chances.min() >= 0
    assert chances.max() <= 1


def test_examples_without_text_or_intent_are_left_out() -> None:
    examples: Examples = read_examples(table([("", "a"), ("text", ""), ("  ", "b"), ("fine", "a")]))
    assert examples.texts == ("fine",)
