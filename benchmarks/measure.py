"""Figures from outside: `python -m benchmarks.measure ANSWERS.jsonl TRUTH.jsonl`, what `aisle batch` wrote against the truth kept apart.

Gains are `2^g - 1` on grades shifted to start at 0, the ideal order is that of all judged items; intervals are 95 % bootstrap
intervals over the requests.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

RESAMPLES = 2_000
Answer = Mapping[str, Any]
Truth = Mapping[str, Any]


def recall(ranked: Sequence[str], truth: Truth, most: int) -> float:
    """Share of the relevant items that stand among the first ``most``; NaN when none is relevant."""
    wanted = {item for item, grade in truth["grades"].items() if grade >= truth["relevant_from"]}
    return len(wanted & set(ranked[:most])) / len(wanted) if wanted else float("nan")


def hit_rate(ranked: Sequence[str], truth: Truth, most: int) -> float:
    """1 when any relevant item stands among the first ``most``; NaN when none is relevant."""
    share = recall(ranked, truth, most)
    return share if np.isnan(share) else float(share > 0)


def ndcg(ranked: Sequence[str], truth: Truth, most: int) -> float:
    """Discounted cumulative gain of the first ``most`` over that of the best order (Järvelin and Kekäläinen 2002, gains of Burges 2005)."""
    gains = {item: 2.0**grade - 1 for item, grade in truth["grades"].items()}
    best = _dcg(sorted(gains.values(), reverse=True)[:most])
    return _dcg([gains.get(item, 0.0) for item in ranked[:most]]) / best if best > 0 else float("nan")


def _dcg(gains: Sequence[float]) -> float:
    return float(sum(gain / np.log2(place + 2) for place, gain in enumerate(gains)))


def holding(answer: Answer, truth: Truth) -> float:
    """Share of the answer's items whose title holds the piece asked for; an answer without items holds none."""
    titles = [str(item.get("title", "")).lower() for item in answer.get("items", ())]
    return sum(str(truth["contains"]) in title for title in titles) / len(titles) if titles else 0.0


METRICS: dict[str, Callable[[Sequence[str], Truth], float]] = {
    "ndcg@10": lambda ranked, truth: ndcg(ranked, truth, 10),
    "hr@10": lambda ranked, truth: hit_rate(ranked, truth, 10),
    "recall@10": lambda ranked, truth: recall(ranked, truth, 10),
    "recall@100": lambda ranked, truth: recall(ranked, truth, 100),
}


def interval(values: NDArray[np.float64]) -> dict[str, float]:
    """Mean and 95 % bootstrap interval over ``(n,)`` values, NaN left out; the same values give the same interval."""
    kept = values[~np.isnan(values)]
    if not len(kept):
        return {"value": float("nan"), "low": float("nan"), "high": float("nan"), "n": 0}
    dice = np.random.default_rng(7)
    means = np.array([kept[dice.integers(0, len(kept), len(kept))].mean() for _ in range(RESAMPLES)])
    low, high = np.percentile(means, (2.5, 97.5))
    return {"value": float(kept.mean()), "low": float(low), "high": float(high), "n": len(kept)}


def measure(answers: Sequence[Answer], truths: Sequence[Truth]) -> dict[str, dict[str, float]]:
    """Metric to value, interval and number of requests. An answer without items (an error, say) counts as an empty page."""
    if len(answers) != len(truths):
        raise ValueError(f"{len(answers)} answers for {len(truths)} truths: they belong together line by line.")
    if truths and "contains" in truths[0]:
        return {"holding": interval(np.array([holding(*pair) for pair in zip(answers, truths, strict=True)]))}
    pages = [[str(item["item_id"]) for item in answer.get("items", ())] for answer in answers]
    columns = {name: np.array([metric(*pair) for pair in zip(pages, truths, strict=True)]) for name, metric in METRICS.items()}
    empty = sum(not page for page in pages)
    return {name: interval(column) for name, column in columns.items()} | {"empty": {"value": float(empty), "n": len(pages)}}


def load(path: Path) -> list[dict[str, Any]]:
    """The objects of a JSON-lines file."""
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines() if line.strip()]


def main(arguments: Sequence[str]) -> None:
    """Print the figures as one JSON object."""
    if len(arguments) != 2:
        sys.exit("usage: python -m benchmarks.measure ANSWERS.jsonl TRUTH.jsonl")
    answers, truth = (load(Path(name)) for name in arguments)
    sys.stdout.write(json.dumps(measure(answers, truth), indent=1) + "\n")


if __name__ == "__main__":
    main(sys.argv[1:])
