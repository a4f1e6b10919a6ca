"""The one feature function: the same columns from the same code in training, in the report and in every answer."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from aisle.core.arrays import found_at
from aisle.core.candidates import Candidates
from aisle.core.catalogue import Catalogue
from aisle.core.profiles import Slices
from aisle.core.stage import Block

Column = NDArray[np.float32]
Columns = Mapping[str, NDArray[np.floating]]


class Group(Protocol):
    """Some columns of the feature function: ``(n,)`` each, NaN for missing, none dependent on what else stands in the request."""

    def __call__(self, block: Block, candidates: Candidates) -> Columns: ...


@dataclass(frozen=True)
class Features:
    """Runs its groups in order; `names` is fixed by the first call and every later call must give the same."""

    groups: Sequence[Group]

    def __call__(self, block: Block, candidates: Candidates) -> dict[str, Column]:
        """Feature name to ``(n,) float32``."""
        return {name: np.asarray(values, np.float32) for group in self.groups for name, values in group(block, candidates).items()}


def matrix(columns: Mapping[str, Column], names: Sequence[str]) -> NDArray[np.float32]:
    """``(n, len(names)) float32``; a name that is not there is NaN, so that a source left out of one answer is missing, not zero."""
    length = len(next(iter(columns.values()))) if columns else 0
    result = np.empty((length, len(names)), np.float32)
    for place, name in enumerate(names):
        result[:, place] = columns.get(name, np.nan)
    return result


@dataclass(frozen=True)
class SourceScores:
    """Every source's score as a share of the best score it gave in this request, its rank, and for ``raw`` sources the score itself.

    Shares and ranks keep their meaning when a source is fitted again on more events; raw scores only where their scale is fixed.
    """

    sources: Sequence[str]
    raw: frozenset[str] = frozenset()

    def __call__(self, block: Block, candidates: Candidates) -> Columns:
        names = [name for name in self.sources if name in candidates.columns]
        if not names:
            return {}
        rank, score, best = (np.stack([candidates[f"{name}{tail}"] for name in names]) for tail in ("_rank", "", "_best"))
        shares, depth = share(score, best), np.log1p(rank)
        columns: dict[str, NDArray[np.floating]] = {}
        for place, name in enumerate(names):
            columns |= {f"{name}_share": shares[place], f"{name}_rank": depth[place]}
            if name in self.raw:
                columns[name] = score[place]
        return columns | agreement(shares, depth)


def worth(depth: NDArray[np.floating]) -> NDArray[np.floating]:
    """``1 / (1 + rank / 5)`` of log(1 + rank), 0 where a source is silent."""
    return np.nan_to_num(1 / (1 + np.expm1(depth) / 5))


def agreement(shares: Column, depth: Column) -> dict[str, Column]:
    """``(n,) float32`` each, from ``(sources, n)`` shares and log(1 + rank), NaN where a source is silent: how many name the item, how far
    up it stands at best, and the sums of `share` and of ``1 / (1 + rank / 5)``, which tell many middling voices from one loud one."""
    place = worth(depth)
    found = {
        "sources_agreeing": np.isfinite(depth).sum(axis=0),
        "best_rank": np.fmin.reduce(depth, axis=0),
        "places_summed": place.sum(axis=0),
        "shares_summed": np.nan_to_num(shares).sum(axis=0),
    }
    return {name: values.astype(np.float32) for name, values in found.items()}


def share(score: NDArray[np.floating], best: NDArray[np.floating]) -> Column:
    """``score / best`` in [-1, 1]; NaN where the source is silent or its best score is not positive."""
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.where(best > 0, np.clip(score / best, -1, 1), np.nan).astype(np.float32)


@dataclass(frozen=True)
class UserItem:
    """What this user had to do with this item, and how well it fits: ownership and its rhythm, recent interest, tastes, price."""

    catalogue: Catalogue

    def __call__(self, block: Block, candidates: Candidates) -> Columns:
        owned, recent, items = block.profiles.owned, block.profiles.recent, len(self.catalogue)
        place = find(owned, candidates, items)
        days, age, span = (pick(owned.values[name], place) for name in ("days", "age", "span"))
        with np.errstate(divide="ignore", invalid="ignore"):
            gap = np.where(days > 1, span / (days - 1), np.nan)
            rhythm = age / np.maximum(gap, 1.0)
        last = find(recent, candidates, items)
        columns = {
            "owned_count": np.log1p(pick(owned.values["count"], place)),
            "owned_days": np.log1p(days),
            "owned_age": np.log1p(age),
            "owned_rhythm": np.minimum(rhythm, 100),
            "owned_share": np.log1p(days) - np.log1p(block.profiles.events)[candidates.request],
            "recent_age": np.log1p(pick(recent.values["age"], last)),
            "recent_type": pick(recent.values["type"], last),
            "user_events": np.log1p(block.profiles.events)[candidates.request],
            "user_idle": np.log1p(block.profiles.idle)[candidates.request],
        }
        return (
            columns
            | self._price(block, candidates)
            | {f"{name}_taste": self._taste(block, candidates, name) for name in block.profiles.tastes}
        )

    def _price(self, block: Block, candidates: Candidates) -> dict[str, NDArray[np.floating]]:
        if "price" not in self.catalogue.numbers:
            return {}
        prices = self.catalogue.number("price")[candidates.item]
        price = np.log(np.where(prices > 0, prices, np.nan))
        usual, spread = block.profiles.price[candidates.request].T
        return {"price": price, "price_gap": (price - usual) / np.maximum(spread, 0.3)}

    def _taste(self, block: Block, candidates: Candidates, attribute: str) -> Column:
        labels, tastes = self.catalogue.labels(attribute), block.profiles.tastes[attribute]
        request = candidates.request
        known = (block.profiles.events > 0)[request] & (labels.first[candidates.item] >= 0)
        keys = tastes.request * len(labels.names) + tastes.item
        if labels.single:
            place = found_at(keys, request * len(labels.names) + labels.first[candidates.item])
            weight = tastes.values["weight"][place] if len(keys) else np.zeros(len(place))
            return np.where(known, np.where(place >= 0, weight, 0), np.nan).astype(np.float32)
        counts = labels.counts[candidates.item]
        owner = np.repeat(np.arange(len(candidates)), counts)
        start = labels.offsets[:-1][candidates.item]
        within = np.arange(len(owner)) - np.repeat(np.cumsum(counts) - counts, counts)
        codes = labels.codes[np.repeat(start, counts) + within]
        place = found_at(keys, request[owner] * len(labels.names) + codes)
        weight = np.nan_to_num(pick(tastes.values["weight"], place))
        return np.where(known, np.bincount(owner, weight, minlength=len(candidates)), np.nan).astype(np.float32)


def find(slices: Slices, candidates: Candidates, items: int) -> NDArray[np.int64]:
    """``(n,) int64``: where each candidate's item last stands in its request's slice, -1 where it does not."""
    return found_at(slices.request * items + slices.item, candidates.request * items + candidates.item)


def pick(values: NDArray[np.floating], place: NDArray[np.int64]) -> NDArray[np.float64]:
    """``values[place]``, NaN where ``place`` is -1."""
    if not len(values):
        return np.full(len(place), np.nan)
    return np.where(place >= 0, values[place], np.nan)
