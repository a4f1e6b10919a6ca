"""What an attribute's values are called in the other language, read from titles: where `Black` is the colour and titles say 黑色."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_matrix

from aisle.core.catalogue import Catalogue
from aisle.text.normalise import normalise
from aisle.text.segment import HAN
from aisle.text.tokens import TITLES

SAMPLE = 10_000
"""Items whose titles are read."""
FEWEST = 3
PURE, COVERED = 0.9, 0.5
"""A piece is a value's name when this share of the items that have the piece have the value, and this share the other way round."""
_HAN = re.compile(f"[{HAN}]+")
_LATIN = re.compile(r"[a-z]+")


def other_names(catalogue: Catalogue, columns: Sequence[str], seed: int = 7) -> dict[str, tuple[str, str]]:
    """Piece of a title to (attribute, value), for values written in letters that Chinese titles name, and the other way round.

    Of several values that a piece could name it names the one that it goes with best (the harmonic mean of both shares).
    """
    titles = _titles(catalogue)
    written = {name: np.array([bool(_HAN.search(value)) for value in catalogue.labels(name).names], bool) for name in columns}
    found: dict[str, tuple[float, str, str]] = {}
    for chinese in (True, False):
        wanted = [name for name in columns if (written[name] != chinese).any()]
        able = [row for row, title in enumerate(titles) if (_HAN if chinese else _LATIN).search(title)] if wanted else []
        if len(able) < FEWEST:
            continue
        rows = np.sort(np.random.default_rng(seed).permutation(np.array(able))[:SAMPLE])
        pieces, table = _table([titles[row] for row in rows], chinese)
        for name in wanted:
            labels = catalogue.labels(name)
            for number, (likeness, value) in _matches(table, labels.first[rows], written[name] != chinese).items():
                if likeness > found.get(pieces[number], (0.0, "", ""))[0]:
                    found[pieces[number]] = likeness, name, labels.names[value]
    return {piece: (name, value) for piece, (_, name, value) in found.items()}


def _matches(table: csr_matrix, codes: NDArray[np.int32], wanted: NDArray[np.bool_]) -> dict[int, tuple[float, int]]:
    """Piece number to (harmonic mean of both shares, value) where both shares suffice; items without a value do not count."""
    known = np.flatnonzero(codes >= 0)
    if not len(known):
        return {}
    ones = np.ones(len(known), np.float32)
    values = csr_matrix((ones, (np.arange(len(known)), codes[known])), shape=(len(known), len(wanted)))
    counted = table[known]
    together = (counted.T @ values).tocoo()
    of_piece, of_value = np.asarray(counted.sum(axis=0)).ravel(), np.asarray(values.sum(axis=0)).ravel()
    pure, covered = together.data / of_piece[together.row], together.data / of_value[together.col]
    good = (together.data >= FEWEST) & (pure >= PURE) & (covered >= COVERED) & wanted[together.col]
    likeness = 2 * pure * covered / (pure + covered)
    triples = zip(together.row[good].tolist(), likeness[good].tolist(), together.col[good].tolist(), strict=True)
    return {piece: (score, value) for piece, score, value in sorted(triples, key=lambda one: one[1])}


def _titles(catalogue: Catalogue) -> list[str]:
    columns = [list(catalogue.texts[name]) for name in TITLES if name in catalogue.texts]
    return [normalise(" | ".join(dict.fromkeys(parts))) for parts in zip(*columns, strict=True)]


def _table(titles: Sequence[str], chinese: bool) -> tuple[list[str], csr_matrix]:
    """The pieces, and ``(titles, pieces)``: 1 where a piece stands in a title."""
    number: dict[str, int] = {}
    columns = [[number.setdefault(piece, len(number)) for piece in set(_pieces(title, chinese))] for title in titles]
    ends = np.cumsum([0, *map(len, columns)])
    flat = np.fromiter((column for row in columns for column in row), np.int32, int(ends[-1]))
    return list(number), csr_matrix((np.ones(len(flat), np.float32), flat, ends), shape=(len(titles), len(number)))


def _pieces(title: str, chinese: bool) -> Iterator[str]:
    """Runs of 2 to 6 Chinese characters, or of 1 to 3 English words."""
    if chinese:
        runs = _HAN.findall(title)
        return (run[at : at + size] for run in runs for size in range(2, 7) for at in range(len(run) - size + 1))
    words = _LATIN.findall(title)
    return (" ".join(words[at : at + size]) for size in (1, 2, 3) for at in range(len(words) - size + 1))
