"""A user at a moment as two vectors: what the fold counted, and what the shop's own encoder reads in the titles of the history."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from aisle.core.catalogue import Catalogue
from aisle.core.profiles import LIKED, Profiles, Slices
from aisle.core.request import Request
from aisle.core.strings import Strings
from aisle.pipeline import Pipeline
from aisle.profile.fold import DAY
from aisle.retrieval.dense import Content
from aisle.training.candidates import BLOCK
from aisle.training.moments import Moments

Matrix = NDArray[np.float32]
Codes = NDArray[np.int64]
SPANS = (1, 7, 30)
"""Days (steps without a clock) over which newest events are counted."""


@dataclass(frozen=True)
class Described:
    """``n`` users. ``fold`` ``(n, f) float32``, NaN for unknown; ``encoder`` ``(n, d) float32`` of unit length, 0 without a title;
    ``usual`` and ``last`` ``(n,) int64``: the most frequent category of the history and its last item's row, -1 for none."""

    fold: Matrix
    encoder: Matrix
    usual: Codes
    last: Codes


def described(pipeline: Pipeline, users: Strings, moments: Moments, content: Content, wide: dict[str, Codes]) -> Described:
    """Read the user of each moment (there is one at least) as of then; ``wide``: attribute to the codes whose tastes have a column each."""
    width, parts = content.vectors_.encoder.dimension, []
    for start in range(0, len(moments), BLOCK):
        some = moments.pick(np.arange(start, min(start + BLOCK, len(moments))))
        asked = zip(some.user.tolist(), some.as_of.tolist(), strict=True)
        block = pipeline.block([Request("", "home", user_id=users[user], as_of=as_of) for user, as_of in asked])
        vectors = [np.zeros(width, np.float32) if vector is None else vector for vector in content.wanted(block)]
        fold = np.column_stack([*_fold(block.profiles, pipeline.catalogue, wide)]).astype(np.float32)
        last = _last(block.profiles.recent)
        encoded = np.array(vectors, np.float32).reshape(-1, width)
        parts.append((fold, encoded, _usual(block.profiles.recent, pipeline.catalogue), last))
    return Described(*(np.concatenate(column) for column in zip(*parts, strict=True)))


def _fold(known: Profiles, catalogue: Catalogue, wide: dict[str, Codes]) -> Iterator[NDArray[np.floating]]:
    """Columns of counts, times, prices, kinds of events and tastes."""
    recent, size, day = known.recent, len(known.events), DAY if known.clock else 1.0
    newest, last = np.bincount(recent.request, minlength=size), _last(recent)
    yield from (np.log1p(known.events), np.log1p(known.idle / day), known.price[:, 0], known.price[:, 1], np.log1p(newest))
    oldest = np.full(size, np.nan)
    np.fmax.at(oldest, recent.request, recent.values["age"] / day)
    yield from (np.log1p(oldest), np.log1p(oldest / np.maximum(newest, 1)))
    for span in SPANS:
        yield np.log1p(np.bincount(recent.request[recent.values["age"] <= span * day], minlength=size))
    for kind in LIKED:
        yield np.bincount(recent.request[recent.values["type"] == kind], minlength=size) / np.maximum(newest, 1)
    owned = known.owned
    yield np.log1p(np.bincount(owned.request, minlength=size))
    yield np.log1p(np.bincount(owned.request, owned.values["count"], minlength=size))
    yield _at(np.log(np.where(catalogue.number("price") > 0, catalogue.number("price"), np.nan)), last)
    for name, codes in wide.items():
        yield _tastes(known.tastes.get(name, Slices.none(size, "weight")), codes, size)
    if "category" in wide:
        yield _at(catalogue.labels("category").first.astype(float), last)[:, None] == wide["category"]


def _tastes(held: Slices, codes: Codes, size: int) -> NDArray[np.float64]:
    """``(size, len(codes)) float64``: the share that each of ``codes`` has."""
    found = np.zeros((size, len(codes)))
    for place, code in enumerate(codes.tolist()):
        rows = held.item == code
        found[:, place] = np.bincount(held.request[rows], held.values["weight"][rows], minlength=size)
    return found


def _last(recent: Slices) -> Codes:
    """The newest item of each."""
    ends, found = recent.offsets[1:], np.full(len(recent), -1, np.int64)
    filled = np.diff(recent.offsets) > 0
    found[filled] = recent.item[ends[filled] - 1]
    return found


def _usual(recent: Slices, catalogue: Catalogue) -> Codes:
    """The category that most events of each have, of equal ones the lowest code."""
    code = catalogue.labels("category").first[recent.item].astype(np.int64)
    known, span = code >= 0, int(code.max(initial=0)) + 1
    pairs, times = np.unique(recent.request[known] * span + code[known], return_counts=True)
    order = np.lexsort((pairs, -times))
    owner, first = np.unique(pairs[order] // span, return_index=True)
    found = np.full(len(recent), -1, np.int64)
    found[owner] = pairs[order][first] % span
    return found


def _at(values: NDArray[np.float64], rows: Codes) -> NDArray[np.float64]:
    """``values[rows]``, NaN where a row is -1."""
    return np.append(values, np.nan)[rows]
