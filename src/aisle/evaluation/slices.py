"""Groups of requests that a mean hides: strangers, new items, rare queries, languages, categories; each a named mask over requests."""

from __future__ import annotations

import re
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from aisle.evaluation.lists import Floats, Mask, Truth
from aisle.text.segment import HAN

STEPS = (("no events", 0, 0), ("1 to 5 events", 1, 5), ("6 to 20 events", 6, 20), ("over 20 events", 21, np.inf))
"""How much is known of a user or an item: words, fewest and most events."""

_HAN = re.compile(f"[{HAN}]")
_LATIN = re.compile(r"[^\W\d_]")

Masks = dict[str, Mask]
"""Name to ``(n,) bool``; only groups that hold at least one request."""


def users(known: Floats | NDArray[np.integer]) -> Masks:
    """By the events known of each request's user, ``(n,)``, -1 where the request has no user."""
    return _present({f"users with {name}": (known >= low) & (known <= high) for name, low, high in STEPS})


def items(truth: Truth, seen: Floats) -> Masks:
    """By the training events ``(items,)`` of the least known relevant item of each request; an item outside the catalogue has none."""
    wanted = truth.relevant
    events = np.where(truth.item[wanted] >= 0, seen[np.maximum(truth.item[wanted], 0)], 0) if len(seen) else np.zeros(int(wanted.sum()))
    least = np.full(len(truth), np.inf)
    np.minimum.at(least, truth.request[wanted], events)
    known = np.where(truth.relevant_count > 0, least, -1)
    return _present({f"wanted item with {name}": (known >= low) & (known <= high) for name, low, high in STEPS})


def queries(asked: NDArray[np.integer], counts: NDArray[np.integer]) -> Masks:
    """Head, torso and tail of the query log.

    ``asked`` ``(n,)``: how often each request's query stands in the training log, -1 where the request has none; ``counts``
    ``(queries,)``: the whole log. Head: the fewest queries that make up half of its volume, if they came twice; tail: seen at most once.
    """
    ordered = np.sort(counts)[::-1]
    half = int(np.searchsorted(np.cumsum(ordered), ordered.sum() / 2)) if len(ordered) else 0
    least = max(2, int(ordered[half])) if len(ordered) else 2
    return _present({
        "head queries": asked >= least,
        "torso queries": (asked > 1) & (asked < least),
        "tail queries": (asked >= 0) & (asked <= 1),
    })  # fmt: skip


def languages(texts: Sequence[str | None]) -> Masks:
    """By script: ``zh`` only Chinese letters, ``en`` only others, ``mixed`` both, ``numbers`` no letter at all; None belongs to none."""
    spoken = np.array([_script(text) for text in texts], object)
    return _present({f"queries in {name}": np.asarray(spoken == name, bool) for name in ("en", "zh", "mixed")} | {
        "queries without letters": np.asarray(spoken == "numbers", bool)
    })  # fmt: skip


def categories(truth: Truth, code: NDArray[np.int32], names: Sequence[str], most: int = 8) -> Masks:
    """The ``most`` commonest categories of what is wanted; a request belongs to each category of its relevant items.

    ``code`` ``(items,) int32`` into ``names``, -1 unknown; of a path only the top counts.
    """
    tops = [name.split(" > ")[0] for name in names]
    number = {name: at for at, name in enumerate(dict.fromkeys(tops))}
    top = np.array([number[name] for name in tops] or [-1], np.int64)
    wanted = truth.relevant & (truth.item >= 0)
    held = code[truth.item[wanted]].astype(np.int64)
    pairs = np.unique(np.stack([truth.request[wanted][held >= 0], top[held[held >= 0]]]), axis=1)
    common = np.argsort(-np.bincount(pairs[1], minlength=len(number)), kind="stable")[:most]
    found: Masks = {}
    for name, at in number.items():
        if at in common:
            mask = np.zeros(len(truth), bool)
            mask[pairs[0][pairs[1] == at]] = True
            found[f"category {name}"] = mask
    return _present(found)


def _script(text: str | None) -> str:
    if text is None:
        return ""
    han = _HAN.search(text) is not None
    other = _LATIN.search(_HAN.sub(" ", text)) is not None
    return ("mixed" if other else "zh") if han else ("en" if other else "numbers")


def _present(masks: Masks) -> Masks:
    return {name: mask for name, mask in masks.items() if mask.any()}
