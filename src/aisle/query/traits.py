"""What the tagger sees of each token of a text: the words around it, how they are written and joined, Chinese words, known values."""

from __future__ import annotations

from collections.abc import Sequence

from aisle.text.chinese import cut
from aisle.text.segment import stem

JOINED = ("", "-", ".")
"""What stands between the parts of one code: `mj-wbl2531h`."""


def gaps_of(text: str, found: Sequence[tuple[str, slice]]) -> list[str]:
    """Before each token that `placed` found: nothing, a space, or the first sign that is none.

    >>> gaps_of("b-22,dw 30ml", [("b", slice(0, 1)), ("22", slice(2, 4)), ("dw", slice(5, 7)), ("30", slice(8, 10)), ("ml", slice(10, 12))])
    [' ', '-', ',', ' ', '']
    """
    ends = [0, *(place.stop for _, place in found)]
    between = [text[end : place.start] for end, (_, place) in zip(ends, found, strict=False)]
    return [" ", *(gap.strip()[:1] or gap[:1] for gap in between[1:])][: len(found)]


def traits(tokens: Sequence[str], known: Sequence[str], gaps: Sequence[str]) -> list[list[str]]:
    """Of each token: itself, its ends and its form, two neighbours on each side, their pairs; the values ``known``; what joins it to its
    neighbours (``gaps``, as `gaps_of` gives them); the Chinese word or the code that it is part of."""
    words, values, joints = ["<<", "<", *tokens, ">", ">>"], ["", "", *known, "", ""], ["", "", *gaps, "", ""]
    forms = ["", "", *map(_form, tokens), "", ""]
    parts, codes = [("S", ""), *chinese(tokens, gaps), ("S", "")], coded(tokens, gaps)
    spoken = any(word for _, word in parts)
    result = []
    for at in range(2, len(words) - 2):
        word, form, gap = words[at], forms[at], joints[at]
        near = [f"{step}={words[at + step]}" for step in (-2, -1, 0, 1, 2)]
        pairs = [f"-1,0={words[at - 1]} {word}", f"0,1={word} {words[at + 1]}", f"v-1,0,1={values[at - 1]} {values[at]} {values[at + 1]}"]
        said = [f"v={values[at]}", f"v+1={values[at + 1]}", f"f={form}", f"f-1,0,1={forms[at - 1]} {form} {forms[at + 1]}"]
        place = [f"at={min(at - 2, 4)}", f"left={min(len(words) - 3 - at, 4)}", f"v,at={values[at]} {min(at - 2, 2)}"]
        ends = [f"s={stem(word)}", f"<={word[:3]}", f">={word[-3:]}"] if len(word) > 1 else []
        joint = [f"g={gap}", f"g,+1={gap} {joints[at + 1]}", f"g,f={gap} {form}"]
        joint += [f"g,f-1,0,1={forms[at - 1]}{gap}{form}{joints[at + 1]}{forms[at + 1]}", f"c={codes[at - 2]}", f"cp={codes[at - 2][0]}"]
        part = _within(parts[at - 2 : at + 1]) if spoken else []
        result.append([*near, *pairs, *said, *place, *ends, *joint, *part, "always"])
    return result


def _within(parts: Sequence[tuple[str, str]]) -> list[str]:
    """The Chinese words of the token before, of the token and of the one after it, and its place in its own."""
    (before, last), (place, word), (behind, coming) = parts
    return [f"w={word}", f"w-1={last}", f"w+1={coming}", f"wl={len(word)}{place}", f"wp-1,0,1={before}{place}{behind}"]


def chinese(tokens: Sequence[str], gaps: Sequence[str]) -> list[tuple[str, str]]:
    """Of each token where it stands in its Chinese word (``B``egins it, in its ``M``iddle, ``E``nds it, ``S``ingle), and that word; "" for
    tokens in letters and digits.

    >>> chinese(["补", "水", "面", "膜", "xl"], [" ", "", "", "", ""])
    [('B', '补水'), ('E', '补水'), ('B', '面膜'), ('E', '面膜'), ('S', '')]
    """
    found = [("S", "")] * len(tokens)
    for start, stop in _runs([han(token) for token in tokens], [gap == "" for gap in gaps]):
        at = start
        for word in cut("".join(tokens[start:stop])):
            found[at : at + len(word)] = [(place, word) for place in _places(len(word))]
            at += len(word)
    return found


def coded(tokens: Sequence[str], gaps: Sequence[str]) -> list[str]:
    """Of each token its place in the letters and digits that nothing but a hyphen or a point parts, as in `chinese`, and their form.

    >>> coded(["mj", "wbl", "2531", "lamp"], [" ", "-", "", " "])
    ['Ba-a0', 'Ma-a0', 'Ea-a0', 'Sa']
    """
    found = ["S字"] * len(tokens)
    for start, stop in _runs([not han(token) for token in tokens], [gap in JOINED for gap in gaps]):
        form = "".join(gap + _form(token)[:1] for gap, token in zip(["", *gaps[start + 1 : stop]], tokens[start:stop], strict=True))
        found[start:stop] = [place + form for place in _places(stop - start)]
    return found


def han(token: str) -> bool:
    """Whether a token is Chinese.

    >>> han("膜"), han("ml")
    (True, False)
    """
    return "\u4e00" <= token[0] <= "\u9fff"


def _runs(wanted: Sequence[bool], glued: Sequence[bool]) -> list[tuple[int, int]]:
    """Start and stop of each run of wanted tokens, each but the first ``glued`` to the one before it."""
    runs: list[tuple[int, int]] = []
    for at, yes in enumerate(wanted):
        if yes and runs and runs[-1][1] == at and glued[at]:
            runs[-1] = runs[-1][0], at + 1
        elif yes:
            runs.append((at, at + 1))
    return runs


def _places(size: int) -> str:
    """Of so many parts: `S` alone, else `B`, `M`, ..., `E`."""
    return "S" if size == 1 else f"B{'M' * (size - 2)}E"


def _form(token: str) -> str:
    """Letters, digits, Chinese: each run as one sign, and how long a token with digits is."""
    signs = "".join("字" if han(c) else "0" if c.isdigit() else "a" if c.isalpha() else "." for c in token)
    short = "".join(sign for place, sign in enumerate(signs) if place == 0 or sign != signs[place - 1])
    return f"{short}{min(len(token), 9) if '0' in short else ''}"
