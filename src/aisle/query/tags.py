"""Which words of a query or title are its brand, model, colour, size or product: a conditional random field over words and known values."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from aisle.core.answer import Json
from aisle.query.attributes import Attributes, placed, together
from aisle.query.traits import gaps_of, han, traits

LONGEST = 64
"""Tokens of a text that are read."""
OUTSIDE = "O"
Floats = NDArray[np.float32]


@dataclass(frozen=True)
class Tagger:
    """A linear-chain conditional random field (Lafferty et al. 2001): ``state`` ``(a, m) float32`` weighs the ``traits`` (name to row) of a
    token for each of the ``m`` ``labels`` (`O`, `B-brand`, `I-brand`, ...), ``move`` ``(m, m) float32`` a label after another. It answers
    for the attributes in ``kept`` alone: those that it finds better than their values are looked up."""

    labels: tuple[str, ...]
    traits: Mapping[str, int]
    state: Floats
    move: Floats
    kept: frozenset[str] = field(default_factory=frozenset)

    def find(self, text: str, known: Attributes) -> dict[str, Json]:
        """What a text in matching form names of the attributes ``kept``: the catalogue's own spelling where it knows the value, else the
        words as they stand; a category that the catalogue does not have is not named."""
        found = placed(text)[:LONGEST]
        tokens, pairs = [token for token, _ in found], []
        for name, start, size in runs(self.tag(tokens, known, gaps_of(text, found))):
            typed = text[found[start][1].start : found[start + size - 1][1].stop]
            value = known.value(name, tokens[start : start + size]) or ("" if name == "category" else typed)
            if name in self.kept and value:
                pairs.append((name, value))
        return together(pairs)

    def tag(self, tokens: Sequence[str], known: Attributes, gaps: Sequence[str]) -> list[str]:
        """The likeliest label of each token, together (Viterbi 1967); ``gaps`` stand before them (`aisle.query.traits.gaps_of`)."""
        if not tokens:
            return []
        scores = self._scores(traits(tokens, marks(tokens, known), gaps))
        back = np.zeros(scores.shape, np.int64)
        best = scores[0]
        for place in range(1, len(scores)):
            ways = best[:, None] + self.move
            back[place] = ways.argmax(axis=0)
            best = ways.max(axis=0) + scores[place]
        path = [int(best.argmax())]
        for place in range(len(scores) - 1, 0, -1):
            path.append(int(back[place, path[-1]]))
        return [self.labels[label] for label in reversed(path)]

    def _scores(self, seen: Sequence[Sequence[str]]) -> Floats:
        rows = [[self.traits[trait] for trait in some if trait in self.traits] for some in seen]
        return np.array([self.state[row].sum(axis=0) for row in rows], np.float32)

    def save(self, folder: Path) -> None:
        """Write ``tags.json`` and an array a file."""
        folder.mkdir(parents=True, exist_ok=True)
        np.save(folder / "state.npy", self.state)
        np.save(folder / "move.npy", self.move)
        facts = {"labels": self.labels, "traits": list(self.traits), "kept": sorted(self.kept)}
        (folder / "tags.json").write_text(json.dumps(facts, ensure_ascii=False), encoding="utf-8")

    @classmethod
    def load(cls, folder: Path) -> Tagger:
        """Open what `save` wrote."""
        facts = json.loads((folder / "tags.json").read_text(encoding="utf-8"))
        state, move = (np.load(folder / f"{name}.npy", allow_pickle=False) for name in ("state", "move"))
        return cls(tuple(facts["labels"]), {name: row for row, name in enumerate(facts["traits"])}, state, move, frozenset(facts["kept"]))


def runs(labels: Sequence[str]) -> Iterator[tuple[str, int, int]]:
    """Attribute, first token and number of tokens of each run of `B-x I-x ...`; an `I-x` that continues nothing starts one.

    >>> list(runs(["B-brand", "I-brand", "O", "B-colour"]))
    [('brand', 0, 2), ('colour', 3, 1)]
    """
    start, name = 0, ""
    for place, label in enumerate([*labels, OUTSIDE]):
        if name and label != f"I-{name}":
            yield name, start, place - start
            name = ""
        if label != OUTSIDE and not name:
            start, name = place, label[2:]


def joined(words: Sequence[str]) -> str:
    """Tokens as text: Chinese characters stand without spaces.

    >>> joined(["雅", "诗", "兰", "黛"]), joined(["da", "lite"])
    ('雅诗兰黛', 'da lite')
    """
    text = ""
    for word in words:
        text += word if not text or (han(word) and han(text[-1])) else f" {word}"
    return text


def marks(tokens: Sequence[str], known: Attributes) -> list[str]:
    """What the catalogue's values say of each token: `B-brand` where the longest one begins, `I-brand` within it, else `O`."""
    found = [OUTSIDE] * len(tokens)
    for start, size, (name, _) in known.spans(tokens):
        found[start : start + size] = [f"B-{name}", *[f"I-{name}"] * (size - 1)]
    return found
