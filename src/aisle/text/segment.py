"""From a text in matching form to the tokens that are indexed: stems, codes and measures whole and in parts, Chinese words and bigrams."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cache, lru_cache
from itertools import pairwise

import Stemmer

from aisle.text.chinese import cut, cut_for_search

HAN = "\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uac00-\ud7af\uf900-\ufaff\U00020000-\U0003ffff"
"""Scripts written without spaces."""

UNITS = {
    "inch": "inch inches in \"", "foot": "foot feet ft '", "yard": "yard yards yd", "meter": "m meter", "centimeter": "cm",
    "millimeter": "mm",
    "pound": "pound pounds lb lbs", "ounce": "ounce ounces oz", "gram": "g gram", "kilogram": "kg",
    "gallon": "gallon gallons gal", "quart": "quart quarts qt", "liter": "l liter litre", "milliliter": "ml", "sqft": "sqft",
    "sqin": "sqin",
    "cuft": "cuft", "cuin": "cuin", "watt": "watt watts w", "volt": "volt volts v", "amp": "amp amps a",
    "degree": "degree degrees deg", "btu": "btu",
    "gauge": "gauge ga", "gigabyte": "gb", "terabyte": "tb", "megabyte": "mb", "piece": "piece pieces pc pcs",
    "pack": "pack packs pk", "light": "light lights",
}  # fmt: skip
"""A measure's one name and how shops write it."""
UNIT = {word: unit for unit, words in UNITS.items() for word in words.split()}
JOINING = frozenset({"an", "and", "by", "for", "from", "in", "of", "on", "or", "the", "to", "with", "和", "与", "及", "或", "的", "了"})
"""Words that join others: nobody asks for what has them."""
GLUED_ONLY = frozenset("wvamlg")
"""One-letter units count only where they touch the number."""
ALONE = {word: unit for word, unit in UNIT.items() if len(word) > 1 and word not in ("in", "light", "lights", "pack", "packs")}
GRAM = 3
Ways = tuple[tuple[str, ...], ...]
"""How a text may say one word: by all tokens of one of these."""

_NUMBER = r"\d{1,3}(?:,\d{3})+(?:\.\d+)?|\d+-\d+/\d+(?![\d/])|(?<![\d.])\d \d+/\d+(?![\d/])|\d+/\d+(?![\d/])|\d+\.\d+|(?<!\w)\.\d+|\d+"
_ATOM = re.compile(rf"(?P<number>{_NUMBER})|(?P<han>[{HAN}]+)|(?P<word>[^\W\d_{HAN}]+)|(?P<mark>[\"'])")
_SQUARE = re.compile(r"\b(sq|cu|square|cubic)\.? ?(ft|feet|foot|in|inch|inches)\b")
_POSSESSIVE = re.compile(r"(?<=[a-z])'s?(?![a-z])")
_LETTERS = re.compile(r"[a-z]+")
_HAN = re.compile(f"[{HAN}]")


@dataclass(frozen=True, slots=True)
class Atom:
    """A run of one kind of character; ``gap`` is what stands between it and the one before."""

    kind: str
    text: str
    gap: str


def language(text: str) -> str:
    """``zh`` when any character is Chinese (or of another script without spaces), else ``en``."""
    return "zh" if _HAN.search(text) else "en"


@cache
def _stemmer() -> Stemmer.Stemmer:
    return Stemmer.Stemmer("english", 50_000)


def words(text: str) -> list[str]:
    """The words of ``text`` (matching form) in order: English stemmed; a code or measure whole, then its parts; Chinese cut for search.

    Numbers are written one way (1-1/2, 1 1/2 and 1.5 are the same), units too; a size is joined as well.

    >>> words('iphone15pro 1/2 in. x 8 ft')
    ['iphone15pro', 'iphon', '15', 'pro', '0.5inch', '0.5', 'inch', '8foot', '8', 'foot', '0.5x8']
    """
    atoms = _atoms(text)
    found: list[str] = []
    at = 0
    while at < len(atoms):
        atom = atoms[at]
        if atom.gap not in ("", "-") or at == 0:
            found += _whole(atoms, at)
        unit = _unit(atoms, at)
        if unit:
            found += (atom.text + unit, atom.text, stem(unit))
        elif atom.kind == "han":
            found += cut_for_search(atom.text)
        elif atom.kind == "number" or (atom.kind == "word" and not _crosses(atoms, at)):
            found.append(atom.text if atom.kind == "number" else stem(ALONE.get(atom.text, atom.text)))
        at += 2 if unit else 1
    return found + _sizes(atoms)


def asked(text: str) -> list[Ways]:
    """The words that a query asks for, in order; of those of `words` a text says one where it has all tokens of one of its ways.

    A measure is one word, a code or a size too, said by all its parts; an English word may be written as one with its neighbour; Chinese
    is cut without overlaps. Words that join others are left out, unless there are no others.

    >>> asked("deck over iphone15 in 8 ft")
    [(('deck',), ('deckov',)), (('over',), ('deckov',)), (('iphon', '15'),), (('8foot',),)]
    """
    atoms = _atoms(text)
    alone: list[str] = []
    found: list[Ways] = []
    at = 0
    while at < len(atoms):
        end = _end(atoms, at)
        if atoms[at].kind == "han":
            found += [((word,),) for word in cut(atoms[at].text)]
        elif parts := _parts(atoms, at, end):
            found.append((parts, *((size,) for size in _sizes(atoms[at:end])[-1:])))
        plain = atoms[at].kind == "word" and end == at + 1
        alone += [atoms[at].text if plain else ""] * (len(found) - len(alone))
        at = end
    for place, (first, second) in enumerate(pairwise(alone)):
        if first and second:
            found[place] += ((stem(first + second),),)
            found[place + 1] += ((stem(first + second),),)
    return [ways for ways in found if ways[0][0] not in JOINING] or found


def _end(atoms: list[Atom], at: int) -> int:
    """Where the measure, code, size or plain atom that starts at ``at`` ends."""
    end = at + (2 if _unit(atoms, at) else 1)
    while end < len(atoms) and (_crosses(atoms, end) or _crosses(atoms, end - 1) or _codes(atoms[end - 1], atoms[end])):
        end += 2 if _unit(atoms, end) else 1
    return end


def _codes(before: Atom, after: Atom) -> bool:
    """Whether two atoms touch as those of a code do, one of them a number."""
    kinds = {before.kind, after.kind}
    return after.gap in ("", "-") and "number" in kinds and kinds <= {"number", "word"}


def _parts(atoms: list[Atom], at: int, end: int) -> tuple[str, ...]:
    found: list[str] = []
    while at < end:
        atom, unit = atoms[at], _unit(atoms, at)
        if atom.kind == "number" or (atom.kind == "word" and not _crosses(atoms, at)):
            found.append(atom.text + unit if atom.kind == "number" else stem(ALONE.get(atom.text, atom.text)))
        at += 2 if unit else 1
    return tuple(found)


def compounds(text: str) -> list[str]:
    """Neighbouring English words as one, stemmed: `deck over` finds `deckover`.

    >>> compounds("deck over stain")
    ['deckov', 'overstain']
    """
    found = _LETTERS.findall(text)
    return [stem(first + second) for first, second in pairwise(found)]


def bigrams(text: str) -> list[str]:
    """Every character and every pair of neighbours, of any script; a space parts them.

    >>> bigrams("补水 x")
    ['补', '水', 'x', '补水']
    """
    return [*text.replace(" ", ""), *(word[at : at + 2] for word in text.split() for at in range(len(word) - 1))]


def grams(text: str) -> list[str]:
    """Letter trigrams inside the words of ``text``, a word's edge marked by a space, for codes and misspelt words.

    >>> grams("red 5x")
    [' re', 'red', 'ed ', ' 5x', '5x ']
    """
    found: list[str] = []
    for word in _HAN.sub(" ", text).split():
        edged = f" {word} "
        found += [edged[at : at + GRAM] for at in range(len(edged) - GRAM + 1)]
    return found


@lru_cache(50_000)
def stem(word: str) -> str:
    """The Snowball stem of an English word."""
    found: str = _stemmer().stemWord(word)
    return found


def _atoms(text: str) -> list[Atom]:
    if "sq" in text or "cu" in text:
        text = _SQUARE.sub(lambda found: f"{found[1][:2]}{'ft' if found[2][0] == 'f' else 'in'}", text)
    if "'" in text:
        text = _POSSESSIVE.sub("", text)
    atoms: list[Atom] = []
    end = 0
    for found in _ATOM.finditer(text):
        kind = found.lastgroup or ""
        piece = _number(found[0]) if kind == "number" else found[0]
        atoms.append(Atom(kind, piece, text[end : found.start()]))
        end = found.end()
    return atoms


def _number(text: str) -> str:
    """Fractions and decimals as one decimal; whole numbers as they stand, leading zeros and all."""
    if "/" in text:
        whole, _, fraction = text.replace(" ", "-").rpartition("-")
        above, below = fraction.split("/")
        return f"{int(whole or 0) + int(above) / int(below):.10g}" if len(text) < 12 and int(below) else text
    return f"{float(text.replace(',', '')):.10g}" if ("." in text or "," in text) and len(text) < 12 else text


def _unit(atoms: list[Atom], at: int) -> str:
    """The unit of the number at ``at``, empty for none."""
    if atoms[at].kind != "number" or at + 1 == len(atoms):
        return ""
    after = atoms[at + 1]
    if after.text not in UNIT or after.gap not in ("", "-", " ", "- "):
        return ""
    if after.text in GLUED_ONLY and after.gap not in ("", "-"):
        return ""
    behind = atoms[at + 2] if at + 2 < len(atoms) else Atom("", "", " ")
    four_in_one = after.text == "in" and behind.text == "1" and "." not in behind.gap
    goes_on = behind.gap == "" and behind.kind in ("word", "number") and behind.text != "x"
    return "" if four_in_one or goes_on else UNIT[after.text]


def _whole(atoms: list[Atom], at: int) -> list[str]:
    """The run of letters and digits that starts here, joined over hyphens: codes, and two words that others write as one."""
    end = at + 1
    while end < len(atoms) and atoms[end].gap in ("", "-") and atoms[end].kind in ("number", "word"):
        end += 1
    run = atoms[at:end]
    if len(run) < 2 or atoms[at].kind not in ("number", "word") or (len(run) == 2 and _unit(atoms, at)):
        return []
    if len(run) > 2 and all(atom.kind == "word" for atom in run):
        return []
    joined = "".join(atom.text for atom in run)
    return [] if _is_size(run) else [stem(joined) if joined.isalpha() else joined]


def _is_size(run: list[Atom]) -> bool:
    return len(run) % 2 == 1 and all((atom.text == "x") if place % 2 else (atom.kind == "number") for place, atom in enumerate(run))


def _crosses(atoms: list[Atom], at: int) -> bool:
    """Whether the x at ``at`` stands between two measures."""
    if atoms[at].text != "x" or not 0 < at < len(atoms) - 1:
        return False
    before = atoms[at - 1].kind == "number" or atoms[at - 1].text in UNIT
    return before and atoms[at + 1].kind == "number"


def _sizes(atoms: list[Atom]) -> list[str]:
    """Numbers parted by x, with or without units, joined: 2 in. x 4 in. x 8 ft. and 2x4x8 both give 2x4x8 and 2x4."""
    found: list[str] = []
    numbers: list[str] = []
    for at, atom in enumerate([*atoms, Atom("", "", "")]):
        if atom.kind == "number" and numbers and atoms[at - 1].text == "x":
            numbers.append(atom.text)
        elif not (numbers and (atom.text in UNIT or (atom.text == "x" and _crosses(atoms, at)))):
            found += ["x".join(numbers[:end]) for end in (2, 3) if end <= len(numbers)]
            numbers = [atom.text] if atom.kind == "number" else []
    return found
