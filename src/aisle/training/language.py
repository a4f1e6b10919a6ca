"""What a shop's texts teach of queries: intents from examples, categories from the log, measured by windows, then learned from all; brands,
colours and the like from titles and columns."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from aisle.core.events import Dataset
from aisle.evaluation.classification import ClassReport, classification_report
from aisle.evaluation.results import Figure, Measured
from aisle.query.attributes import Attributes
from aisle.query.category_train import SURE, category_examples
from aisle.query.examples import Examples, read_examples
from aisle.query.intent import Intents
from aisle.query.intent_train import Answers, affordable, learn, measure
from aisle.query.reader import Reader
from aisle.query.tags_train import Entities, Learned, counts, f1, learn_tags, resampled
from aisle.retrieval.vectors import ItemVectors
from aisle.text.encoder import Vectors
from aisle.tracking import Tracker

Encode = Callable[[Sequence[str]], Vectors]
BETWEEN = 1.96
TITLE_COST = 2
"""A title that teaches where values stand takes the time of so many texts."""
TAGGED = ("tagger", "lookup")
"""What names attributes."""


@dataclass(frozen=True)
class Language:
    """The reader that goes into the bundle, and its lines of the report: figures, classification reports by task and window, notes."""

    reader: Reader
    figures: Sequence[Figure] = ()
    reports: Mapping[str, ClassReport] = field(default_factory=dict)
    notes: Sequence[str] = ()


def learn_language(data: Dataset, vectors: ItemVectors | None, most: int, tracker: Tracker, tuned: bool = False) -> Language:
    """Learn what the data can teach from at most so many texts a task; ``vectors`` hold the encoder, None: n-grams alone; ``tuned``: it
    was fine-tuned on window 1."""
    known: dict[str, Examples] = {}
    notes: list[str] = []
    if "examples" in data.tables:
        known["intent"] = read_examples(data.tables["examples"])
    if (found := category_examples(data)) is not None:
        known["category"] = found
    models: dict[str, Intents] = {}
    answers: dict[str, Mapping[str, Answers]] = {}
    for task, examples in known.items():
        some, threshold = examples.at_most(most), SURE if task == "category" else None
        encode = _remembered(vectors)
        with tracker.part(f"learn {task} from {len(some):,} texts"):
            answers[task] = measure(some, encode, threshold, tuned)
            model = learn(some, encode, threshold, some.window > 1 if tuned else None)
        if model is None:
            notes.append(f"{task}: the examples name fewer than two intents, so there is nothing to tell apart.")
            continue
        models[task] = model
        notes += [f"{task}: {note}" for note in some.notes] + _said(task, some, answers[task], model)
    read = any(model.reads_vectors for model in models.values())
    fingerprint = vectors.encoder.fingerprint if read and vectors is not None else ""
    with tracker.part("learn which words are brands, colours and the like"):
        learned = learn_tags(data.catalogue, most // TITLE_COST)
    reader = Reader(Attributes().fit(data.catalogue), models.get("intent"), models.get("category"), fingerprint, learned.tagger)
    figures = [figure for task, found in answers.items() for figure in _figures(task, found)] + _tag_figures(learned)
    notes += _tags_said(learned)
    reports = {f"{task}, {window}": _report(one, known[task].names) for task, found in answers.items() for window, one in found.items()}
    return Language(reader, figures, reports, notes)


def _tag_figures(learned: Learned) -> list[Figure]:
    """F1 of each attribute in titles that taught nothing, of the tagger and of looking values up: those that chose, those that did not."""
    found = []
    for name in learned.names:
        chose, held = (_tagged(said["title"], name) for said in (learned.chose, learned.said))
        found += [Figure(f"{name}_{way}", "attributes/f1", chose[way], held[way]) for way in TAGGED]
    return found


def _tagged(ways: Mapping[str, Sequence[Entities]], name: str) -> dict[str, Measured]:
    tables = [counts(ways[way], ways["truth"], name) for way in TAGGED]
    low, high = np.percentile(resampled(tables), (2.5, 97.5), axis=0).tolist()
    return {way: Measured(f1(one), low[place], high[place], len(one)) for place, (way, one) in enumerate(zip(TAGGED, tables, strict=True))}


def _tags_said(learned: Learned) -> list[str]:
    """For which attributes a query's words are tagged."""
    if not learned.names:
        return [learned.why] if learned.why else []
    kept = ", ".join(sorted(learned.tagger.kept)) if learned.tagger is not None else "none"
    return [
        f"tags: {learned.taught:,} titles teach where the values of {', '.join(learned.names)} stand. The tagger answers for {kept}: "
        "what it surely finds better than looking values up, in titles that taught nothing, and no worse in queries made up of their words."
    ]


def texts_to_learn(vectors: ItemVectors | None, seconds: float) -> int:
    """How many texts a task may learn from in this time."""
    encoding = 0.0 if vectors is None else (0.0005 if vectors.encoder.name == "ngram" else 0.005)
    return affordable(seconds, encoding)


def _remembered(vectors: ItemVectors | None) -> Encode | None:
    """The encoder, each text encoded once."""
    if vectors is None:
        return None
    held: dict[str, Vectors] = {}
    encoder = vectors.encoder

    def encode(texts: Sequence[str]) -> Vectors:
        fresh = [text for text in dict.fromkeys(texts) if text not in held]
        held.update(zip(fresh, encoder.encode(fresh, "query"), strict=True))
        return np.stack([held[text] for text in texts]) if texts else np.zeros((0, encoder.dimension), np.float32)

    return encode


def _figures(task: str, answers: Mapping[str, Answers]) -> list[Figure]:
    """Accuracy of each model, development beside test, and how sure ours is of what is right."""
    if not answers:
        return []
    models = list(dict.fromkeys(name for one in answers.values() for name in one.said))
    found = []
    for name in models:
        shares = {window: _share(one.said[name] == one.truth) for window, one in answers.items()}
        found.append(Figure(_called(name, task), f"{task}/accuracy", shares.get("development"), shares.get("test")))
    accepted = {window: _share(one.in_scope) for window, one in answers.items()}
    sure = {window: _share((one.said["intents"] == one.truth)[one.in_scope]) for window, one in answers.items() if one.in_scope.any()}
    for name, shares in (("in_scope", accepted), ("accuracy_in_scope", sure)):
        found.append(Figure(_called("intents", task), f"{task}/{name}", shares.get("development"), shares.get("test")))
    return found


def _called(model: str, task: str) -> str:
    return f"{task}_reader" if model == "intents" else model


def _share(right: NDArray[np.bool_]) -> Measured:
    """A share with its 95 % interval (Wilson 1927)."""
    n, share = len(right), float(right.mean())
    middle = (share + BETWEEN**2 / (2 * n)) / (1 + BETWEEN**2 / n)
    half = BETWEEN * np.sqrt(share * (1 - share) / n + BETWEEN**2 / (4 * n * n)) / (1 + BETWEEN**2 / n)
    return Measured(share, float(middle - half), float(middle + half), n)


def _report(one: Answers, names: Sequence[str]) -> ClassReport:
    """Of the intents that occur or were named."""
    used = np.union1d(one.truth, one.said["intents"])
    return classification_report(np.searchsorted(used, one.truth), np.searchsorted(used, one.said["intents"]), [names[n] for n in used])


def _said(task: str, examples: Examples, answers: Mapping[str, Answers], model: Intents) -> list[str]:
    """One sentence on how good the reader is where nothing was learned from."""
    if "test" not in answers:
        return [f"{task}: too few texts to measure what {len(examples):,} texts teach."]
    one, rejects, meaning = answers["test"], model.scope.rejects, model.classifier.meaning
    shares = {name: float((said == one.truth).mean()) for name, said in one.said.items()}
    return [
        f"{task}: {len(examples.names)} from {len(examples):,} texts, right for {shares['intents']:.1%} of {len(one.truth):,} test texts "
        f"(majority {shares['majority']:.1%}, linear on TF-IDF {shares['tfidf_linear']:.1%}). The encoder's share is {meaning:.0%}; of "
        f"texts whose {task} nobody had taught {rejects:.1%} would be told to be none of these."
    ]
