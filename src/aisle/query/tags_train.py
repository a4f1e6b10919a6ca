"""Teaches the tagger from the shop's own columns: a title that contains its item's brand shows where a brand stands. Measured beside
looking values up, on titles kept out and on queries made up of their words."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import pairwise
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
from numpy.typing import NDArray

from aisle.core.catalogue import Catalogue
from aisle.query.attributes import Attributes, Key, keys_of, placed
from aisle.query.tags import LONGEST, OUTSIDE, Tagger, joined, marks, runs
from aisle.query.traits import gaps_of, han, traits
from aisle.text.normalise import normalise
from aisle.text.segment import stem
from aisle.text.tokens import HIDDEN, TITLES

MOST = 6_000
"""Titles that teach; twice as many sequences with the queries made up of them."""
FEWEST = 100
"""Titles that must contain an attribute's own value for it to be learned."""
ITERATIONS = 60
RESAMPLES = 1_000
SEED = 7
HELD = 0.2
"""Share of the titles that teaches nothing: one half chooses the attributes that the tagger answers for, the other measures."""
Entities = frozenset[tuple[str, str]]
Counts = NDArray[np.int64]


@dataclass(frozen=True)
class Text:
    """A title, or a query made up of its words: its tokens, the label of each and what stands before it (`gaps_of`)."""

    tokens: tuple[str, ...]
    labels: tuple[str, ...]
    gaps: tuple[str, ...]

    @property
    def entities(self) -> Entities:
        """(attribute, words) of what it names."""
        return entities(self.tokens, self.labels)


Said = Mapping[str, Mapping[str, Sequence[Entities]]]


@dataclass(frozen=True)
class Learned:
    """The ``tagger`` (None: it is nowhere better), the attributes ``names`` that titles show, how many titles ``taught``, and for each
    kind of text (`title`, `query`) what tagger, lookup and truth name, on texts that neither taught nor chose, and on those that
    ``chose``; ``why`` nothing was learned."""

    tagger: Tagger | None = None
    names: Sequence[str] = ()
    taught: int = 0
    said: Said = field(default_factory=dict)
    chose: Said = field(default_factory=dict)
    why: str = ""


def learn_tags(catalogue: Catalogue, most: int = MOST, seed: int = SEED) -> Learned:
    """Learn from at most so many titles of this catalogue what its columns show."""
    random = np.random.default_rng(seed)
    fold, rows = _folds(catalogue, random)
    every = Attributes().fit(catalogue)
    titles = _labelled(catalogue, every, rows)
    names = _frequent(titles.values())
    if not names:
        return Learned(why=f"tags: no attribute's values stand in {FEWEST} titles or more")
    titles = {row: _only(text, names) for row, text in titles.items()}
    teaching = [row for row in titles if fold[row] < 2][: min(most, MOST)]
    showing = sum(bool(titles[row].entities) for row in teaching)
    if showing < FEWEST:
        return Learned(why=f"tags: {showing} titles name what their columns hold, {FEWEST} are needed")
    tagger = fit([_with(titles[row], random) for row in teaching], fold[teaching], _lookups(catalogue, fold))
    known = Attributes().fit(_part(catalogue, fold < 2))
    held = {number: [titles[row] for row in titles if fold[row] == number][:MOST] for number in (2, 3)}
    texts = {number: {"title": some, "query": [made_up(text, random) for text in some]} for number, some in held.items()}
    choosing = {kind: answers(tagger, known, some, names) for kind, some in texts[2].items()}
    kept = frozenset(name for name in names if _better(choosing, name))
    said = {kind: answers(tagger, known, some, names) for kind, some in texts[3].items()}
    return Learned(replace(tagger, kept=kept) if kept else None, names, len(teaching), said, choosing)


def fit(texts: Sequence[Sequence[Text]], fold: NDArray[np.int64], known: Sequence[Attributes]) -> Tagger:
    """Titles, each with queries made up of it; each sees as known the values of items outside its ``fold``, so that the field
    learns what to do with a value that nobody knows."""
    import pycrfsuite

    trainer = pycrfsuite.Trainer(algorithm="lbfgs", verbose=False)
    trainer.set_params({"c1": 0.1, "c2": 0.01, "max_iterations": ITERATIONS, "feature.possible_transitions": True})
    for pair, number in zip(texts, fold.tolist(), strict=True):
        for text in pair:
            trainer.append(traits(text.tokens, marks(text.tokens, known[number]), text.gaps), list(text.labels))
    with TemporaryDirectory() as folder:
        trainer.train(str(Path(folder) / "field"))
        opened = pycrfsuite.Tagger()
        with opened.open(str(Path(folder) / "field")):
            told = opened.info()
    labels = tuple(sorted(told.labels))
    number = {label: place for place, label in enumerate(labels)}
    rows = {name: place for place, name in enumerate(sorted({name for name, _ in told.state_features}))}
    state, move = np.zeros((len(rows), len(labels)), np.float32), np.zeros((len(labels), len(labels)), np.float32)
    for (name, label), weight in told.state_features.items():
        state[rows[name], number[label]] = weight
    for (first, second), weight in told.transitions.items():
        move[number[first], number[second]] = weight
    return Tagger(labels, rows, state, move)


def answers(tagger: Tagger, known: Attributes, texts: Sequence[Text], names: Sequence[str]) -> dict[str, list[Entities]]:
    """What each way names in these texts of the attributes ``names``."""
    said = {"tagger": [entities(text.tokens, tagger.tag(text.tokens, known, text.gaps)) for text in texts]}
    said["lookup"] = [entities(text.tokens, marks(text.tokens, known)) for text in texts]
    said["truth"] = [text.entities for text in texts]
    return {way: [frozenset(one for one in some if one[0] in names) for some in found] for way, found in said.items()}


def entities(tokens: Sequence[str], labels: Sequence[str]) -> Entities:
    """(attribute, words) of each run of labels."""
    return frozenset((name, joined(tokens[start : start + size])) for name, start, size in runs(labels))


def counts(found: Sequence[Entities], truth: Sequence[Entities], name: str = "") -> Counts:
    """``(n, 3)``: how many are right, were named, are true; of one attribute, or of all."""
    pairs = [({e for e in a if name in ("", e[0])}, {e for e in b if name in ("", e[0])}) for a, b in zip(found, truth, strict=True)]
    return np.array([(len(a & b), len(a), len(b)) for a, b in pairs], np.int64).reshape(-1, 3)


def f1(table: Counts) -> float:
    """Of all texts together; 0 where nothing is right."""
    right, found, wanted = table.sum(axis=0)
    return float(2 * right / max(1, found + wanted))


def resampled(tables: Sequence[Counts], resamples: int = RESAMPLES) -> NDArray[np.float64]:
    """``(resamples, ways)``: F1 of each table over the same texts drawn with replacement."""
    random = np.random.default_rng(SEED)
    rows = [random.integers(0, len(tables[0]), len(tables[0])) for _ in range(resamples)]
    return np.array([[f1(table[row]) for table in tables] for row in rows])


def made_up(text: Text, random: np.random.Generator) -> Text:
    """One to four words or whole values of a text, mostly with a value among them, one time in three in another order."""
    taken = {start: size for _, start, size in runs(text.labels)}
    within = {place for start, size in taken.items() for place in range(start + 1, start + size)}
    starts = [place for place in range(len(text.tokens)) if place not in within]
    chosen = random.permutation(starts)[: int(random.integers(1, 5))].tolist()
    if taken and not set(chosen) & taken.keys() and random.random() < 0.8:
        chosen[0] = int(random.choice(list(taken)))
    order = chosen if random.random() < 1 / 3 else sorted(chosen)
    places = [place for start in order for place in range(start, start + taken.get(start, 1))]
    gaps = [" ", *(_between(text, one, other) for one, other in pairwise(places))]
    return Text(tuple(text.tokens[place] for place in places), tuple(text.labels[place] for place in places), tuple(gaps[: len(places)]))


def _between(text: Text, one: int, other: int) -> str:
    """What stands between two of its tokens where the second follows the first: as in the text, nothing between Chinese, else a space."""
    if other == one + 1:
        return text.gaps[other]
    return "" if han(text.tokens[one]) and han(text.tokens[other]) else " "


def label(title: str, keys: Mapping[Key, str]) -> Text:
    """The words of a title in matching form with the labels of its own item's values (``keys``: tokens to attribute), the longest first."""
    found = placed(title)[:LONGEST]
    tokens = [token for token, _ in found]
    labels, stems = [OUTSIDE] * len(tokens), [stem(token) for token in tokens]
    for key, name in sorted(keys.items(), key=lambda one: (-len(one[0]), one)):
        size = len(key)
        for at in range(len(tokens) - size + 1):
            here = tuple(tokens[at : at + size]) == key or (name == "category" and tuple(stems[at : at + size]) == key)
            if here and all(one == OUTSIDE for one in labels[at : at + size]):
                labels[at : at + size] = [f"B-{name}", *[f"I-{name}"] * (size - 1)]
    return Text(tuple(tokens), tuple(labels), tuple(gaps_of(title, found)))


def _folds(catalogue: Catalogue, random: np.random.Generator) -> tuple[NDArray[np.int64], list[int]]:
    """Each item's fold, the same for the same title: 0 and 1 teach, 2 chooses, 3 measures; and one row of each title, shuffled."""
    titles = [normalise(title or "") for title in catalogue.text("title")]
    number = {title: place for place, title in enumerate(dict.fromkeys(titles))}
    share = (1 - HELD) / 2
    drawn = random.choice(4, len(number), p=[share, share, HELD / 2, HELD / 2])
    fold = np.array([drawn[number[title]] for title in titles], np.int64)
    rows = list({title: row for row, title in enumerate(titles) if title}.values())
    return fold, random.permutation(rows).tolist()[: 4 * MOST]


def _labelled(catalogue: Catalogue, every: Attributes, rows: Sequence[int]) -> dict[int, Text]:
    """Each row's title with labels; an item with titles in both languages shows the one that names more."""
    columns = [name for name in catalogue.texts if name not in (*TITLES, *HIDDEN, "description")]
    called: dict[tuple[str, str], list[Key]] = {}
    for key, match in every.values_.items():
        called.setdefault(match, []).append(key)
    found = {}
    for row in rows:
        values = [(name, part.strip()) for name in columns for part in (catalogue.texts[name].get(row) or "").split("|")]
        keys = {key: name for name, value in values for key in (*keys_of(name, value), *called.get((name, value), ()))}
        told = [normalise(catalogue.texts[name].get(row) or "") for name in TITLES if name in catalogue.texts]
        found[row] = max((label(title, keys) for title in told), key=lambda text: len(text.entities))
    return found


def _frequent(texts: Iterable[Text]) -> list[str]:
    """The attributes that enough titles name."""
    names = [name for text in texts for name in {name for name, _ in text.entities}]
    known, times = np.unique(np.array(names, str), return_counts=True)
    return [str(name) for name, count in zip(known, times, strict=True) if count >= FEWEST]


def _only(text: Text, names: Sequence[str]) -> Text:
    return replace(text, labels=tuple(label if label[2:] in names else OUTSIDE for label in text.labels))


def _with(text: Text, random: np.random.Generator) -> tuple[Text, Text]:
    return text, made_up(text, random)


def _lookups(catalogue: Catalogue, fold: NDArray[np.int64]) -> list[Attributes]:
    """For each teaching fold the values that the other one knows."""
    return [Attributes().fit(_part(catalogue, fold == 1 - number)) for number in (0, 1)]


def _part(catalogue: Catalogue, mask: NDArray[np.bool_]) -> Catalogue:
    rows = np.flatnonzero(mask)
    return Catalogue(catalogue.ids.take(rows), {name: column.take(rows) for name, column in catalogue.texts.items()}, {})


def _better(said: Said, name: str) -> bool:
    """Whether the tagger finds an attribute surely better in titles (95 %) and no worse in queries made up of them."""
    tables = {kind: [counts(ways[way], ways["truth"], name) for way in ("tagger", "lookup")] for kind, ways in said.items()}
    drawn = resampled(tables["title"])
    surely = bool(np.percentile(drawn[:, 0] - drawn[:, 1], 2.5) > 0)
    return surely and f1(tables["query"][0]) >= f1(tables["query"][1])
