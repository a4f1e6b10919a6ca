"""Fine-tunes Chinese models that were trained from nothing here, with and without pre-training: categories, sentiment, entities.

A fifth of the labels chooses the epoch. What was said of the test texts is kept, so that an interrupted measurement goes on.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from benchmarks.chinese_reviews import SIZES, asked, reviews
from benchmarks.entities_zh import (
    COLUMNS,
    WORDS,
    Entities,
    Title,
    counts,
    difference,
    entities,
    entity_titles,
    f1,
    field_of,
    tagged,
    truth,
    without,
)
from benchmarks.figures import Figure, Lines
from benchmarks.measure import interval

RATE = 2e-4
"""Learning rate: higher than that of a large model."""
EPOCHS, BATCH = (30, 10), 16
"""At 100 and at 1,000 labels: where pre-training should pay, and what a quarter of an hour of one core allows."""
DRAWS = (3, 2)
"""Draws of so many labels; their answers are pooled."""
TITLES = 15, 32
"""Epochs and batch of the titles."""
HELD = 0.2
TASKS = ("category", "sentiment")
Rows = NDArray[np.int64]


def tuned_figures(lines: Lines, models: Mapping[str, Path]) -> list[Figure]:
    """Every figure of these models."""
    _, labels, known = reviews()
    tested, figures = asked(known), []
    for name, folder in models.items():
        said = {task: review_answers(folder, task) for task in TASKS}
        for place, size in enumerate(SIZES):
            right = np.concatenate([np.array(one) == labels["category"][tested] for one in said["category"][place]]).astype(float)
            scores = [_macro(labels["sentiment"][tested], one) for one in said["sentiment"][place]]
            note = f"{len(tested):,} test texts, {DRAWS[place]} draws of labels"
            row = f"{name}, fine-tuned, {size:,} labels"
            figures.append(lines.held(f"{row}: category accuracy", interval(right), note))
            figures.append(lines.one(f"{row}: sentiment F1", float(np.mean(scores)), f"{note}; macro", len(tested)))
    return figures + _entity_figures(lines, models)


def review_answers(folder: Path, task: str) -> list[list[list[int]]]:
    """What the model in ``folder`` says of the test reviews for each number of labels and each draw of them, fine-tuned for ``task``."""
    from aisle.text.classify_train import Cases, Classifier
    from aisle.text.study_train import Study

    kept = folder.with_name(f"{folder.name}-{task}.json")
    if not kept.is_file():
        texts, labels, known = reviews()
        label, classes = labels[task], int(labels[task].max()) + 1

        def cases(rows: Rows) -> Cases:
            return Cases([texts[row] for row in rows], [""] * len(rows), label[rows])

        said = []
        for size, epochs, draws in zip(SIZES, EPOCHS, DRAWS, strict=True):
            said.append([])
            for seed in range(draws):
                held, rows = np.split(np.random.default_rng(seed).permutation(known[0])[:size], [int(HELD * size)])
                model = Classifier(folder, classes, seed=seed, pooling="mean")
                model.fit(cases(rows), cases(held), Study(epochs, BATCH, RATE, seed=seed))
                said[-1].append(model.guess(cases(asked(known))).tolist())
        kept.write_text(json.dumps(said), encoding="utf-8")
    found: list[list[list[int]]] = json.loads(kept.read_text(encoding="utf-8"))
    return found


def entity_answers(folder: Path) -> list[list[str]]:
    """The labels that the model in ``folder`` gives the characters of the test titles, fine-tuned on the training titles."""
    from aisle.text.label_train import Labeller
    from aisle.text.study_train import Study

    kept = folder.with_name(f"{folder.name}-entities.json")
    if not kept.is_file():
        train, held, test = _split()
        wanted = [truth(title) for title in held]

        def value(said: list[list[str]]) -> float:
            return f1(counts(_found(held, said), wanted))

        model = Labeller(folder, ["O", *(f"{begin}-{tag}" for tag in COLUMNS for begin in "BI")])
        labels = [[tag for _, tag in title] for title in train]
        model.fit(_characters(train), labels, _characters(held), value, Study(*TITLES, RATE))
        kept.write_text(json.dumps(model.label(_characters(test))), encoding="utf-8")
    said: list[list[str]] = json.loads(kept.read_text(encoding="utf-8"))
    return said


def _split() -> tuple[list[Title], list[Title], list[Title]]:
    """Titles that teach, that choose the epoch, that test; none stands in two of them."""
    train, held, test = (entity_titles(split) for split in ("train", "dev", "test"))
    held = without(held, test)
    return without(train, [*held, *test]), held, test


def _characters(titles: list[Title]) -> list[list[str]]:
    return [[character for character, _ in title] for title in titles]


def _found(titles: list[Title], said: list[list[str]]) -> list[Entities]:
    return [entities([character for character, _ in title], tags) for title, tags in zip(titles, said, strict=True)]


def _entity_figures(lines: Lines, models: Mapping[str, Path]) -> list[Figure]:
    """F1 of all entities and of each kind, beside a random field on characters and the tagger that learned the same titles."""
    train, _, test = _split()
    wanted = [truth(title) for title in test]
    said = {f"{name}, fine-tuned": _found(test, entity_answers(folder)) for name, folder in models.items()}
    said |= {"random field": field_of(train, test), "tagger": tagged(train, test)}
    tables = {name: counts(found, wanted) for name, found in said.items()}
    figures = []
    for name, found in said.items():
        parts = [("all", tables[name]), *((WORDS[tag], counts(found, wanted, tag)) for tag in COLUMNS)]
        figures += [lines.held(f"titles, {name}: {kind}: F1", difference(table)) for kind, table in parts]
    own = "halves, fine-tuned"
    for other in ("untrained, fine-tuned", "random field", "tagger"):
        figures.append(lines.held(f"titles, {own} less {other}: all: F1", difference(tables[own], tables[other])))
    return figures


def _macro(wanted: Rows, said: list[int]) -> float:
    from sklearn.metrics import f1_score

    return float(f1_score(wanted, said, average="macro"))
