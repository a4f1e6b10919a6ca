"""Products, brands, models and other names in Taobao titles, character by character: `python -m benchmarks.entities_zh`.

A conditional random field on characters is the baseline; beside it the lookup of values that reads queries here, and the tagger, which
`aisle train` teaches by a shop's columns and this part by the titles' own labels. All learn from training titles that are no test titles
(the official split repeats nearly half of those); an entity is found where its tag and its text are right, so that what gives no places
can be measured beside what does.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from time import process_time

import numpy as np
from numpy.typing import NDArray

from aisle.core.catalogue import Catalogue
from aisle.core.strings import Strings
from aisle.core.threads import one_thread
from aisle.query.attributes import Attributes, placed
from aisle.query.tags import OUTSIDE, runs
from aisle.query.tags_train import Text, fit
from aisle.query.traits import gaps_of
from aisle.text.normalise import normalise
from benchmarks.figures import Figure, Lines, show
from benchmarks.folders import lines, raw_data
from benchmarks.measure import RESAMPLES

LINES = Lines("entities_zh")
COLUMNS = {"HCCX": "category", "HPPX": "brand", "XH": "model", "MISC": "misc"}
"""Each tag as the column in which a shop would keep it; colours and sizes have no tag of their own in this data."""
WORDS = {"HCCX": "product", "HPPX": "brand", "XH": "model", "MISC": "other names"}
ITERATIONS = 60
Title = list[tuple[str, str]]
Entities = set[tuple[str, str]]


def read_titles(rows: Iterable[str]) -> list[Title]:
    """Titles as characters with their tags, from lines of `character tag` and an empty line behind each title."""
    titles: list[Title] = [[]]
    for row in rows:
        character, _, tag = row.rpartition(" ")
        if tag:
            titles[-1].append((character or " ", tag))
        elif titles[-1]:
            titles.append([])
    return [title for title in titles if title]


def entity_titles(split: str) -> list[Title]:
    """Of `train`, `dev` or `test`."""
    return read_titles(lines(raw_data() / "ecommerce_ner_zh" / f"{split}.txt.gz"))


def entities(characters: Sequence[str], tags: Sequence[str]) -> Entities:
    """``(tag, text in matching form)`` of each run of `B-X I-X ...`; an `I-X` that continues nothing starts one."""
    runs: list[tuple[str, str]] = []
    before = ""
    for character, tag in zip(characters, tags, strict=True):
        kind = tag[2:]
        if kind and tag[0] == "I" and before == kind:
            runs[-1] = kind, runs[-1][1] + character
        elif kind:
            runs.append((kind, character))
        before = kind
    return {(kind, normalise(text)) for kind, text in runs}


def traits(characters: Sequence[str]) -> list[list[str]]:
    """What the field sees of each character: itself, two neighbours on each side, their pairs, and of what kind they are."""
    padded = ["<<", "<", *(character.lower() for character in characters), ">", ">>"]
    kinds = [_kind(character) for character in padded]
    result = []
    for at in range(2, len(padded) - 2):
        near = [f"{step}={padded[at + step]}" for step in range(-2, 3)]
        pairs = [f"{step}:{padded[at + step]}{padded[at + step + 1]}" for step in range(-2, 2)]
        result.append([*near, *pairs, f"kinds={''.join(kinds[at - 2 : at + 3])}", f"three={''.join(padded[at - 1 : at + 2])}"])
    return result


def _kind(character: str) -> str:
    if character.isdigit():
        return "0"
    if character.isascii():
        return "a" if character.isalpha() else character
    return "字" if character.isalpha() else "."


def field_of(titles: Sequence[Title], asked: Sequence[Title], iterations: int = ITERATIONS) -> list[Entities]:
    """What a conditional random field (Lafferty et al. 2001) that learned ``titles`` finds in ``asked``."""
    from sklearn_crfsuite import CRF

    model = CRF(algorithm="lbfgs", c1=0.05, c2=0.01, max_iterations=iterations, all_possible_transitions=True)
    model.fit([traits([c for c, _ in title]) for title in titles], [[tag for _, tag in title] for title in titles])
    characters = [[c for c, _ in title] for title in asked]
    said = model.predict([traits(one) for one in characters])
    return [entities(one, list(tags)) for one, tags in zip(characters, said, strict=True)]


def lookup(titles: Sequence[Title]) -> Attributes:
    """`Attributes` of a shop whose columns hold what the titles name, one entity an item."""
    held = [entity for title in titles for entity in sorted(truth(title))]
    columns = {column: Strings.of(text if kind == tag else None for kind, text in held) for tag, column in COLUMNS.items()}
    return Attributes().fit(Catalogue(Strings.of(str(row) for row in range(len(held))), columns, {}))


def looked_up(attributes: Attributes, title: Title) -> Entities:
    """What the lookup finds in a title."""
    found = attributes.find(plain(title))
    tags = {column: tag for tag, column in COLUMNS.items()}
    values = {tags[name]: value if isinstance(value, list) else [value] for name, value in found.items() if name in tags}
    return {(tag, normalise(str(value))) for tag, some in values.items() for value in some}


def tagged(titles: Sequence[Title], asked: Sequence[Title]) -> list[Entities]:
    """What the tagger that learned ``titles`` finds in ``asked``; half of the titles know the values of the other half."""
    fold = np.random.default_rng(7).integers(0, 2, len(titles))
    known = [lookup([title for title, place in zip(titles, fold, strict=True) if place != number]) for number in (0, 1)]
    tagger, every = fit([(marked(title),) for title in titles], fold, known), lookup(titles)
    tags, said = {column: tag for tag, column in COLUMNS.items()}, []
    for title in asked:
        text = matched(title)
        found = placed(text)
        labels = tagger.tag([token for token, _ in found], every, gaps_of(text, found))
        said.append({(tags[name], text[found[at][1].start : found[at + size - 1][1].stop]) for name, at, size in runs(labels)})
    return said


def marked(title: Title) -> Text:
    """A title as the tagger reads it: a token has the tag of its first character."""
    text = matched(title)
    found = placed(text)
    owner = [tag for character, tag in title for _ in normalise(character) or " "]
    labels, before = [], ""
    for _, place in found:
        tag = owner[place.start]
        kind = tag[2:]
        labels.append(f"{'I' if kind == before and tag[0] == 'I' else 'B'}-{COLUMNS[kind]}" if kind else OUTSIDE)
        before = kind
    return Text(tuple(token for token, _ in found), tuple(labels), tuple(gaps_of(text, found)))


def matched(title: Title) -> str:
    """Its characters in matching form, one by one: none is lost."""
    return "".join(normalise(character) or " " for character, _ in title)


def truth(title: Title) -> Entities:
    """What a title really names."""
    return entities([character for character, _ in title], [tag for _, tag in title])


def without(titles: Sequence[Title], asked: Sequence[Title]) -> list[Title]:
    """The titles whose text is none of ``asked``, in matching form: what measures must not teach."""
    held = {plain(title) for title in asked}
    return [title for title in titles if plain(title) not in held]


def plain(title: Title) -> str:
    """Its text in matching form."""
    return normalise("".join(character for character, _ in title))


def counts(found: Sequence[Entities], wanted: Sequence[Entities], tag: str = "") -> NDArray[np.int64]:
    """``(titles, 3)``: entities right, found and wanted, of one tag or of all."""
    pairs = zip(found, wanted, strict=True)
    kept = [({one for one in a if tag in ("", one[0])}, {one for one in b if tag in ("", one[0])}) for a, b in pairs]
    return np.array([(len(a & b), len(a), len(b)) for a, b in kept], np.int64).reshape(-1, 3)


def f1(table: NDArray[np.int64]) -> float:
    """Of all titles together; 0 where nothing is right."""
    right, found, wanted = table.sum(axis=0)
    return float(2 * right / max(1, found + wanted))


def entity_figures() -> list[Figure]:
    """Every figure of the part."""
    one_thread()
    machine = LINES.machine()
    every, test = entity_titles("train"), entity_titles("test")
    train, wanted = without(every, test), [truth(title) for title in test]
    attributes = lookup(train)
    note = f"{len(train):,} titles teach, {len(every) - len(train):,} more are left out: they are test titles"
    figures = [machine, LINES.one("titles that teach", len(train), note)]
    said = {"value lookup": [looked_up(attributes, title) for title in test]}
    for name, way in (("random field", field_of), ("tagger", tagged)):
        begun = process_time()
        said[name] = way(train, test)
        figures.append(LINES.one(f"{name}: CPU seconds", process_time() - begun))
    for name, found in said.items():
        tables = [("all", counts(found, wanted)), *((WORDS[tag], counts(found, wanted, tag)) for tag in COLUMNS)]
        figures += [_f1(f"{name}: {kind}", table) for kind, table in tables]
    field, tagger = (counts(said[name], wanted) for name in ("random field", "tagger"))
    return [*figures, _f1("tagger less random field: all", tagger, field)]


def difference(table: NDArray[np.int64], other: NDArray[np.int64] | None = None) -> dict[str, float]:
    """F1 of a table of `counts`, less that of another one over the same titles, with a 95 % bootstrap interval over them."""
    dice, few = np.random.default_rng(7), [table] if other is None else [table, other]
    drawn = [dice.integers(0, len(table), len(table)) for _ in range(RESAMPLES)]
    values = [float(np.subtract(*each)) if len(each) > 1 else each[0] for each in ([f1(one[rows]) for one in few] for rows in drawn)]
    low, high = np.percentile(values, (2.5, 97.5))
    value = f1(table) - (0.0 if other is None else f1(other))
    return {"value": value, "low": float(low), "high": float(high), "n": len(table)}


def _f1(name: str, table: NDArray[np.int64], other: NDArray[np.int64] | None = None) -> Figure:
    right, found, wanted = table.sum(axis=0).tolist()
    note = f"precision {right / max(1, found):.3f}, recall {right / max(1, wanted):.3f}; {wanted:,} entities" if other is None else ""
    return LINES.held(f"{name}: F1", difference(table, other), note)


if __name__ == "__main__":
    show(entity_figures())
