"""The pool of queries that shoppers type: a meaning (type and wished attributes) and a form with all the ways people write it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from aisle.simulate.words import Words

Ints = NDArray[np.int32]

FORMS = ("plain", "synonym", "typo", "mixed", "piece")
"""How a query is written; a `piece` is cut out of the words and so may mean more than was meant."""

_FORM_SHARE = (0.55, 0.16, 0.12, 0.09, 0.08)
_FORM_WEIGHT = (1.0, 0.7, 0.3, 0.4, 0.4)
"""How often each query of a form is typed, against a plain one."""

_WISH_SHARE = (0.28, 0.32, 0.22, 0.3)
"""How likely a query names a brand, a colour, a style, a feature."""


@dataclass(frozen=True)
class Pool:
    """``n`` different queries. ``texts`` as typed; ``kind`` ``(n,)`` the type meant; ``wish`` ``(n, 4)`` the brand, colour, style and
    feature wished for, -1 for none;
    ``form`` ``(n,)`` into `FORMS`; ``chinese`` ``(n,)``; ``weight`` ``(n,)``: head and tail."""

    texts: tuple[str, ...]
    kind: Ints
    wish: Ints
    form: NDArray[np.int8]
    chinese: NDArray[np.bool_]
    weight: NDArray[np.float64]

    def __len__(self) -> int:
        return len(self.texts)


@dataclass(frozen=True)
class Meaning:
    """What one query is about: a type and the four wishes, -1 for none."""

    kind: int
    wish: tuple[int, int, int, int]
    chinese: bool


def make(words: Words, queries: int, rng: np.random.Generator) -> Pool:
    """Draw up to ``queries`` different queries, at least the plain name of each type in both languages; ends early when drawing finds no
    new ones."""
    found: dict[str, tuple[Meaning, int]] = {}
    for kind, entry in enumerate(words.kinds):
        for chinese in (False, True):
            name = entry.name[chinese]
            found[name.lower()] = (Meaning(kind, (-1, -1, -1, -1), chinese), 0)
    weight = np.array([kind.weight for kind in words.kinds])
    kinds = rng.choice(len(weight), 3 * queries, p=weight / weight.sum())
    forms = rng.choice(len(FORMS), 3 * queries, p=_FORM_SHARE)
    for kind, form in zip(kinds.tolist(), forms.tolist(), strict=True):
        if len(found) >= queries:
            break
        meaning = _mean(words, kind, rng)
        found.setdefault(write(words, meaning, FORMS[form], rng), (meaning, form))
    found.pop("", None)
    return _pool(found, rng)


def _pool(found: dict[str, tuple[Meaning, int]], rng: np.random.Generator) -> Pool:
    meanings = [meaning for meaning, _ in found.values()]
    wish = np.array([meaning.wish for meaning in meanings], np.int32)
    head = 1.0 / (1 + rng.permutation(len(meanings))) ** 0.7
    return Pool(
        texts=tuple(found),
        kind=np.array([meaning.kind for meaning in meanings], np.int32),
        wish=wish,
        form=np.array([form for _, form in found.values()], np.int8),
        chinese=np.array([meaning.chinese for meaning in meanings]),
        weight=head
        * np.array(_FORM_WEIGHT)[[form for _, form in found.values()]]
        * np.array([3.0, 1.0, 0.4, 0.25, 0.25])[(wish >= 0).sum(1)],
    )


def _mean(words: Words, kind: int, rng: np.random.Generator) -> Meaning:
    entry = words.kinds[kind]
    department = words.brands[entry.category[0]]
    colours = words.colours[entry.colour_group]
    counts = (len(department), len(colours) if colours[0][0] else 0, len(words.styles[entry.style_group]), len(entry.features))
    drawn = rng.random((2, len(counts)))
    wish = [int(drawn[1, i] * count) if count and drawn[0, i] < _WISH_SHARE[i] else -1 for i, count in enumerate(counts)]
    return Meaning(kind, (wish[0], wish[1], wish[2], wish[3]), bool(rng.random() < 0.4))


def parts(words: Words, meaning: Meaning) -> list[tuple[str, int, tuple[str, str]]]:
    """The words of a meaning in order, each with its tag (`brand`, `style`, `feature`, `colour`, `type`) and both languages."""
    entry, (brand, colour, style, feature) = words.kinds[meaning.kind], meaning.wish
    found: list[tuple[str, int, tuple[str, str]]] = []
    if brand >= 0:
        found.append(("brand", brand, words.brand(meaning.kind, brand)[:2]))
    if colour >= 0:
        found.append(("colour", colour, words.colour(meaning.kind, colour)[:2]))
    if style >= 0:
        found.append(("style", style, words.style(meaning.kind, style)))
    if feature >= 0:
        found.append(("feature", feature, entry.features[feature]))
    found.append(("type", meaning.kind, entry.name))
    return found


def write(words: Words, meaning: Meaning, form: str, rng: np.random.Generator) -> str:
    """The text of ``meaning`` in one `FORMS`; English is lower case, Chinese runs together or stands apart."""
    said = parts(words, meaning)
    sides = [meaning.chinese] * len(said)
    if form == "mixed":
        sides = _mix(sides, rng)
    texts = [word[side] for (_, _, word), side in zip(said, sides, strict=True)]
    if form == "synonym":
        options = words.kinds[meaning.kind].synonyms[meaning.chinese]
        texts[-1] = options[rng.integers(len(options))]
    elif form == "piece":
        return _piece(texts, meaning.chinese, rng)
    elif rng.random() < 0.15:
        texts = texts[-1:] + texts[:-1]
    together = meaning.chinese and form != "mixed" and rng.random() < 0.5
    text = ("" if together else " ").join(texts).lower()
    return _misspell(words, text, rng) if form == "typo" else text


def _mix(sides: list[bool], rng: np.random.Generator) -> list[bool]:
    """The type in the other language; a query of one word stays as it is."""
    if len(sides) == 1:
        return sides
    at = len(sides) - 1 if rng.random() < 0.6 else 0
    return [side != (i == at) for i, side in enumerate(sides)]


def _piece(texts: list[str], chinese: bool, rng: np.random.Generator) -> str:
    """A piece of the type's name, one or two Chinese characters or the first half of an English word, as typed half-way."""
    if chinese:
        name = texts[-1]
        start = int(rng.integers(0, max(1, len(name) - 1)))
        return "".join(texts[:-1][-1:]) + name[start : start + int(rng.integers(1, 3))]
    word = texts[-1].lower().split()[0]
    head = " ".join(texts[:-1][-1:]).lower()
    return f"{head} {word[: max(3, int(rng.integers(3, max(4, len(word)))))]}".strip()


def _misspell(words: Words, text: str, rng: np.random.Generator) -> str:
    """One slip: neighbouring keys, a swap, a letter lost or doubled; in Chinese a character of the same sound, or one lost."""
    same = [i for i, letter in enumerate(text) if letter in words.homophones]
    if same:
        at = same[rng.integers(len(same))]
        return text[:at] + words.homophones[text[at]] + text[at + 1 :]
    letters = [i for i in range(1, len(text)) if text[i].isalpha()]
    if not letters:
        return text
    at = letters[rng.integers(len(letters))]
    slip = int(rng.integers(4))
    near = words.keyboard.get(text[at], "")
    if slip == 0 and near:
        return text[:at] + near[rng.integers(len(near))] + text[at + 1 :]
    if slip == 1 and text[at - 1].isalpha():
        return text[: at - 1] + text[at] + text[at - 1] + text[at + 1 :]
    return text[:at] + text[at + 1 :] if slip == 2 else text[:at] + text[at] + text[at:]
