"""Ranking metrics, one number per request, so that intervals, tests and slices can be made of them; a name computes what its paper defines.

A request for which a metric has no meaning (nothing relevant to find) is NaN, never 0; a list that misses everything is 0.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from aisle.core.errors import InputError
from aisle.evaluation.lists import Floats, Judged, Lists, gain, head

WHOLE = 1 << 40
"""The depth of a metric without ``@k``: the list as long as it is."""


@dataclass(frozen=True)
class ItemFacts:
    """What the beyond-accuracy metrics need of the catalogue: ``seen`` ``(items,) float64`` training events of each item, ``group``
    ``(items,) int32`` category code (-1 unknown) or None, ``vectors`` ``(items, d) float32`` or None; vectors win over groups."""

    seen: Floats
    group: NDArray[np.int32] | None = None
    vectors: NDArray[np.float32] | None = None

    def __len__(self) -> int:
        return len(self.seen)


def ndcg(judged: Judged, k: int) -> Floats:
    """Discounted gain over the best possible one (Järvelin & Kekäläinen 2002); NaN where no item has a gain.

    Gains are ``2^g - 1``, the discount is ``1 / log2(rank + 2)`` with rank 0 first (Burges et al. 2005).
    """
    near = judged.rank < k
    got = judged.total(gain(judged.truth.grade[judged.wanted]) / np.log2(judged.rank + 2.0), near)
    request, rank, gains = judged.truth.ideal
    best = np.bincount(request[rank < k], (gains / np.log2(rank + 2.0))[rank < k], minlength=len(judged.truth))
    return _ratio(got, best)


def recall(judged: Judged, k: int) -> Floats:
    """Share of the relevant items that stand in the first ``k`` (Manning et al. 2008, 8.3); below 1 where more than ``k`` are relevant."""
    return _ratio(_found(judged, k), judged.truth.relevant_count)


def precision(judged: Judged, k: int) -> Floats:
    """Relevant items among the first ``k``, over ``k`` also where the list is shorter (Manning et al. 2008, 8.4; trec_eval ``P_k``)."""
    return _where_relevant(judged, _found(judged, k) / k)


def hr(judged: Judged, k: int) -> Floats:
    """Hit rate: 1 where the first ``k`` hold a relevant item (Deshpande & Karypis 2004)."""
    return _where_relevant(judged, (_found(judged, k) > 0).astype(np.float64))


def mrr(judged: Judged, k: int) -> Floats:
    """Reciprocal of the first relevant item's place, 1 for the first, 0 where the first ``k`` hold none (Voorhees 1999)."""
    best = np.zeros(len(judged.truth))
    near = judged.relevant & (judged.rank < k)
    np.maximum.at(best, judged.request[near], 1 / (judged.rank[near] + 1))
    return _where_relevant(judged, best)


def map_(judged: Judged, k: int) -> Floats:
    """Average precision: precision at each relevant item of the first ``k``, summed, over all relevant items (trec_eval ``map_cut_k``)."""
    near = judged.relevant & (judged.rank < k)
    request = judged.request[near]
    before = np.arange(len(request)) - np.searchsorted(request, request)
    total = np.bincount(request, (before + 1) / (judged.rank[near] + 1), minlength=len(judged.truth))
    return _ratio(total, judged.truth.relevant_count)


def conversion(judged: Judged, k: int) -> Floats:
    """1 where one of the first ``k`` was bought, over ALL requests, those that ended without a purchase too."""
    bought = judged.truth.bought[judged.wanted] & (judged.rank < k)
    return np.asarray(judged.total(np.ones(len(bought)), bought) > 0, np.float64)


def revenue(judged: Judged, k: int) -> Floats:
    """Money paid for those of the first ``k`` that were bought, per request; NaN where one of the bought items has no known price."""
    truth = judged.truth
    bought = truth.bought[judged.wanted] & (judged.rank < k)
    money = judged.total(np.nan_to_num(truth.value[judged.wanted]), bought)
    unpriced = np.bincount(truth.request[truth.bought & np.isnan(truth.value)], minlength=len(truth))
    return np.where(unpriced > 0, np.nan, money)


ACCURACY: dict[str, Callable[[Judged, int], Floats]] = {
    "ndcg": ndcg, "recall": recall, "precision": precision, "hr": hr, "mrr": mrr, "map": map_, "conversion": conversion, "revenue": revenue,
}  # fmt: skip


def coverage(lists: Lists, facts: ItemFacts, k: int) -> float:
    """Share of the catalogue in at least one list's first ``k`` (catalogue coverage, Ge et al. 2010). One number for all lists together."""
    return len(np.unique(head(lists, k)[1])) / len(facts) if len(facts) else float("nan")


def novelty(lists: Lists, facts: ItemFacts, k: int) -> Floats:
    """Mean self-information ``-log2 p(item)`` of the first ``k`` in bits (Zhou et al. 2010); NaN for an empty list.

    ``p`` is the item's share of training events, one event added to every item, so that one never seen is finite.
    """
    surprise = -np.log2((facts.seen + 1) / (facts.seen.sum() + len(facts)))
    request, item = head(lists, k)
    n = len(lists.offsets) - 1
    return _ratio(np.bincount(request, surprise[item], minlength=n), np.bincount(request, minlength=n))


def diversity(lists: Lists, facts: ItemFacts, k: int) -> Floats:
    """Intra-list diversity: mean over the pairs of the first ``k`` of 1 - cosine of their vectors (Ziegler et al. 2005), or, without
    vectors, the share of pairs of different categories. NaN with fewer than two items that have a vector or category."""
    request, item = head(lists, k)
    n = len(lists.offsets) - 1
    if facts.vectors is not None:
        return _spread_of_vectors(request, facts.vectors[item].astype(np.float64), n)
    group = np.full(len(item), -1, np.int64) if facts.group is None else facts.group[item].astype(np.int64)
    request, group = request[group >= 0], group[group >= 0]
    count = np.bincount(request, minlength=n)
    keys, size = np.unique(request * (group.max(initial=0) + 1) + group, return_counts=True)
    same = np.bincount(keys // (group.max(initial=0) + 1), size * (size - 1) / 2, minlength=n)
    return _ratio(count * (count - 1) / 2 - same, count * (count - 1) / 2)


VARIETY: dict[str, Callable[[Lists, ItemFacts, int], Floats]] = {"novelty": novelty, "diversity": diversity}


def per_request(judged: Judged, lists: Lists, name: str, facts: ItemFacts | None = None) -> Floats:
    """``(n,) float64``: the metric called ``name`` (``ndcg@10``, ``mrr``), one value per request, NaN where it has no meaning.

    Raises `InputError` for a name that is none. ``novelty`` and ``diversity`` are NaN everywhere without ``facts``.
    """
    kind, k = parse(name)
    if kind in ACCURACY:
        return ACCURACY[kind](judged, k)
    if kind in VARIETY:
        return np.full(len(judged.truth), np.nan) if facts is None else VARIETY[kind](lists, facts, k)
    raise InputError(f"There is no metric `{name}` per request.", f"There are: {', '.join([*ACCURACY, *VARIETY])}.")


def parse(name: str) -> tuple[str, int]:
    """Kind and depth of a metric's name.

    >>> parse("ndcg@10")
    ('ndcg', 10)
    """
    kind, _, depth = name.partition("@")
    if depth and (not depth.isdigit() or int(depth) < 1):
        raise InputError(f"The depth of metric `{name}` is not a positive number.", "Write it like `ndcg@10`.")
    return kind, int(depth) if depth else WHOLE


def target_rank(offsets: NDArray[np.int64], score: Floats, target: NDArray[np.int64]) -> Floats:
    """``(n,) float64``: rank of each request's target, 0 first, ties at the mean rank, so that a constant scorer gains nothing.

    ``score`` ``(m,)`` of all candidates, ``target`` ``(n,)`` the row in ``score`` of each request's target, -1 where it is no candidate
    (rank inf). Non-finite scores sink: they tie with each other at the end.
    """
    clean = np.where(np.isfinite(score), score, -np.inf)
    request = np.repeat(np.arange(len(offsets) - 1), np.diff(offsets))
    aim = np.where(target >= 0, clean[target], np.inf) if len(clean) else np.full(len(target), np.inf)
    better = np.bincount(request[clean > aim[request]], minlength=len(target))
    equal = np.bincount(request[clean == aim[request]], minlength=len(target))
    return np.where(target >= 0, better + (equal - 1) / 2, np.inf)


def of_ranks(rank: Floats, names: Iterable[str]) -> dict[str, Floats]:
    """Metrics of requests with one relevant item each, from its rank (0 first, ties fractional, inf missed): ``ndcg hr recall mrr map``."""
    found: dict[str, Floats] = {}
    once = np.ones(len(rank))
    for name in names:
        kind, k = parse(name)
        near = rank < k
        weight = {"ndcg": 1 / np.log2(rank + 2), "mrr": 1 / (rank + 1), "map": 1 / (rank + 1), "hr": once, "recall": once}
        if kind not in weight:
            raise InputError(f"Metric `{name}` cannot be told from a rank alone.", f"These can: {', '.join(weight)}.")
        found[name] = np.where(near, weight[kind], 0.0)
    return found


def _found(judged: Judged, k: int) -> Floats:
    return judged.total(np.ones(len(judged.rank)), judged.relevant & (judged.rank < k))


def _where_relevant(judged: Judged, values: Floats) -> Floats:
    return np.where(judged.truth.relevant_count > 0, values, np.nan)


def _ratio(above: NDArray[np.generic], below: NDArray[np.generic]) -> Floats:
    under = np.asarray(below, np.float64)
    return np.asarray(above, np.float64) / np.where(under > 0, under, np.nan)


def _spread_of_vectors(request: NDArray[np.int64], vectors: Floats, n: int) -> Floats:
    """All pairs at once: the cosines of a list sum to ``(|Σv|² - Σ|v|²) / 2``."""
    length = np.linalg.norm(vectors, axis=1)
    good = np.isfinite(length) & (length > 0)
    unit = vectors[good] / length[good, None]
    total = np.zeros((n, vectors.shape[1]))
    np.add.at(total, request[good], unit)
    count = np.bincount(request[good], minlength=n)
    pairs = count * (count - 1) / 2
    return _ratio(pairs - (np.square(total).sum(axis=1) - count) / 2, pairs)
