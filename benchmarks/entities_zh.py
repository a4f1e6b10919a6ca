"""Products, brands, models and other names in Taobao titles, character by character: `python -m benchmarks.entities_zh`.

A conditional random field on characters stands beside the lookup of values that reads queries here. Both learn from training titles that
are no test titles (the official split repeats nearly half of those); an entity is found where its tag and its text are right, so that what
gives no places can be measured beside what does.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from time import process_time

import numpy as np
from numpy.typing import NDArray

from aisle.core.catalogue import Catalogue
from aisle.core.strings import Strings
from aisle.core.threads import one_thread
from aisle.query.attributes import Attributes
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
    every, test = (read_titles(lines(raw_data() / "ecommerce_ner_zh" / f"{split}.txt.gz")) for split in ("train", "test"))
    train, wanted = without(every, test), [truth(title) for title in test]
    attributes = lookup(train)
    begun = process_time()
    said = {"value lookup": [looked_up(attributes, title) for title in test], "random field": field_of(train, test)}
    note = f"{len(train):,} titles teach, {len(every) - len(train):,} more are left out: they are test titles; lookup included"
    figures = [machine, LINES.one("random field: CPU seconds", process_time() - begun, note)]
    for name, found in said.items():
        figures += [_f1(f"{name}: all", counts(found, wanted)), *(_f1(f"{name}: {WORDS[t]}", counts(found, wanted, t)) for t in COLUMNS)]
    return figures


def _f1(name: str, table: NDArray[np.int64]) -> Figure:
    """F1 with a 95 % bootstrap interval over the titles."""
    dice = np.random.default_rng(7)
    low, high = np.percentile([f1(table[dice.integers(0, len(table), len(table))]) for _ in range(RESAMPLES)], (2.5, 97.5))
    right, found, wanted = table.sum(axis=0).tolist()
    note = f"precision {right / max(1, found):.3f}, recall {right / max(1, wanted):.3f}; {wanted:,} entities"
    return LINES.held(f"{name}: F1", {"value": f1(table), "low": float(low), "high": float(high), "n": len(table)}, note)


if __name__ == "__main__":
    show(entity_figures())
