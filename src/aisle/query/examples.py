"""A shop's examples of intents made ready to learn from: one row a text, one spelling an intent, cut into windows by text."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from aisle.core.strings import Strings
from aisle.data.windows import cut_texts
from aisle.query.grams import LONGEST
from aisle.text.normalise import normalise

Floats = NDArray[np.float32]
SPLITS = {"train": 0, "dev": 1, "development": 1, "validation": 1, "test": 2}
OUTSIDE = frozenset(
    {"oos", "out of scope", "outofscope", "out of domain", "none", "none of these", "other", "others", "unknown", "fallback", "no intent"}
    | {"其他", "其它", "无", "未知", "超出范围", "无意图"}
)
"""What shops call the examples of what is no intent of theirs."""
_GAP = re.compile(r"[\s_\-]+")


@dataclass(frozen=True)
class Examples:
    """``n`` distinct ``texts`` in matching form; ``targets`` ``(n, intents) float32``, the share of each intent among the rows of a text;
    ``window`` ``(n,) int8``, 1 to 4; ``weights`` ``(n,) float32``, how sure each text is. ``notes`` say what was found; ``outside`` is the
    number of "none of these", -1 where there is none."""

    texts: tuple[str, ...]
    targets: Floats
    names: tuple[str, ...]
    window: NDArray[np.int8]
    weights: Floats
    notes: tuple[str, ...] = ()
    outside: int = -1

    @cached_property
    def truth(self) -> NDArray[np.int64]:
        """``(n,) int64``: each text's most frequent intent."""
        return np.asarray(self.targets.argmax(axis=1), np.int64) if self.targets.size else np.zeros(len(self), np.int64)

    def __len__(self) -> int:
        return len(self.texts)

    def where(self, rows: NDArray[np.bool_] | NDArray[np.integer]) -> Examples:
        """Some of the texts; intents keep their numbers."""
        places = np.flatnonzero(rows) if rows.dtype == bool else rows
        texts = tuple(self.texts[int(place)] for place in places)
        return replace(self, texts=texts, targets=self.targets[places], window=self.window[places], weights=self.weights[places])

    def at_most(self, most: int, seed: int = 7) -> Examples:
        """A sample in which every intent keeps its share, and at least one text; all of them where they are no more than ``most``."""
        if len(self) <= most:
            return self
        order = np.random.default_rng(seed).permutation(len(self))
        place = np.empty(len(self), np.float64)
        for intent in range(len(self.names)):
            own = order[self.truth[order] == intent]
            place[own] = np.arange(len(own)) / max(len(own), 1)
        kept = np.sort(np.argsort(place, kind="stable")[: max(most, len(self.names))])
        note = f"{len(self):,} texts are too many for the time given: {len(kept):,} of them, every intent's share, teach and are measured."
        return replace(self.where(kept), notes=(*self.notes, note))


def read_examples(table: Mapping[str, Strings]) -> Examples:
    """The table ``examples`` (`text`, `intent` and maybe `split`); rows without a text or an intent are left out.

    Spellings of an intent that differ in case, spaces, ``_`` or ``-`` alone are one, named as it is written most often. A text that stands
    twice counts once; one that stands in train and test, too, is left out of train.
    """
    rows = _rows(table)
    texts = list(dict.fromkeys(text for text, _, _ in rows))
    spelt = Counter(label for _, label, _ in rows)
    known = {_key(label): label for label, _ in sorted(spelt.items(), key=lambda one: (one[1], one[0]))}
    names = tuple(known[key] for key in sorted(known))
    number = {key: place for place, key in enumerate(sorted(known))}
    place_of = {text: place for place, text in enumerate(texts)}
    targets, stated = np.zeros((len(texts), len(names)), np.float32), np.full((len(texts), 3), 0, np.int64)
    for text, label, split in rows:
        targets[place_of[text], number[_key(label)]] += 1
        if split >= 0:
            stated[place_of[text], split] += 1
    said = np.where(stated[:, 2] > 0, 2, np.where(stated[:, 1] > 0, 1, np.where(stated[:, 0] > 0, 0, -1))).astype(np.int8)
    notes = _notes(rows, targets, stated, len(spelt) - len(names))
    targets /= np.maximum(targets.sum(axis=1, keepdims=True), 1)
    outside = next((place for key, place in number.items() if key in OUTSIDE), -1)
    return Examples(tuple(texts), targets, names, cut_texts(texts, said), np.ones(len(texts), np.float32), notes, outside)


def named(names: Sequence[str], outside: int, known: Sequence[str]) -> dict[str, int]:
    """Each intent's own name (the last part of a path) as one more text of it, where it has letters and is not an example yet."""
    taken = set(known)
    found = {normalise(_GAP.sub(" ", name.rpartition(" > ")[2])): place for place, name in enumerate(names) if place != outside}
    return {text: place for text, place in found.items() if text not in taken and re.search(r"[^\W\d_]", text)}


def _rows(table: Mapping[str, Strings]) -> list[tuple[str, str, int]]:
    """Text in matching form, label, stated split (-1: none)."""
    splits = [str(word).strip().lower() for word in table["split"]] if "split" in table else [""] * len(table["text"])
    rows = []
    for text, label, split in zip(table["text"], table["intent"], splits, strict=True):
        form, kept = normalise(text[:LONGEST]), " ".join(label.split())
        if form and kept:
            rows.append((form, kept, SPLITS.get(split, -1)))
    return rows


def _key(label: str) -> str:
    return _GAP.sub(" ", normalise(label)).strip()


def _notes(rows: Sequence[tuple[str, str, int]], targets: Floats, stated: NDArray[np.int64], merged: int) -> tuple[str, ...]:
    """Sentences on what is odd in the examples."""
    both = int(((stated > 0).sum(axis=1) > 1).sum())
    found = (
        (len(rows) - len(targets), "{} rows repeat another row's text; each text counts once, and in one window only."),
        (int(((targets > 0).sum(axis=1) > 1).sum()), "{} texts stand under several intents; they teach each by its share."),
        (both, "{} texts stand in train and in test or dev; they are left out of train."),
        (merged, "{} intents are spelt in several ways (case, spaces, `_`, `-`); each became one."),
    )
    return tuple(text.format(f"{count:,}") for count, text in found if count)
