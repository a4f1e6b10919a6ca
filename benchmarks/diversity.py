"""What variety costs: NDCG@10 of the same pages at several strengths. `python -m benchmarks.diversity STORE REQUESTS TRUTH [HOW MANY]`

Scores are computed once; only the arrangement differs, so that the difference is the arrangement's alone.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping, Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import numpy as np

from aisle.core.candidates import Candidates
from aisle.core.runner import Runner
from aisle.core.stage import Block
from aisle.opening import open_shop
from aisle.pipeline import Pipeline
from aisle.serving.parse import parse
from benchmarks.figures import WORK, Figure, Lines
from benchmarks.measure import interval, load, ndcg

STRENGTHS = (0.0, 0.05, 0.1, 0.2, 0.3)
BLOCK, PAGE = 128, 10
PROTOCOLS = {"amazon_beauty": "last_item", "online_retail_cut": "new_purchases"}


def variety_figures() -> list[Figure]:
    """Both shops' front pages, as `make results` trained them."""
    found = []
    for name, protocol in PROTOCOLS.items():
        files = (WORK / f"{name}.truth" / f"{protocol}.{kind}.jsonl" for kind in ("requests", "truth"))
        figures = diversity_figures(WORK / name / "bundles", *files)
        found += [replace(figure, figure=f"{name}: {figure.figure}") for figure in figures]
    return found


def diversity_figures(store: Path, requests: Path, truth: Path, most: int = 2_000) -> list[Figure]:
    """For each strength: NDCG@10 lost against none, with its interval over the requests, and how alike the items of a page are."""
    shop = open_shop(store)
    asked, wanted = load(requests), load(truth)
    chosen = np.random.default_rng(7).permutation(len(asked))[:most].tolist()
    values: dict[float, list[tuple[float, float]]] = {strength: [] for strength in STRENGTHS}
    for start in range(0, len(chosen), BLOCK):
        places = chosen[start : start + BLOCK]
        block = [replace(parse(asked[place], "", shop.newest, f"r{place}"), limit=PAGE, facets=()) for place in places]
        ranked = shop.pipeline.answer(block, Runner())
        for strength in STRENGTHS:
            values[strength] += judged(shop.pipeline, strength, ranked.block, ranked.candidates, [wanted[place] for place in places])
    lines, none = Lines("diversity"), np.array(values[0.0])
    figures = [lines.held("ndcg@10 without variety", interval(none[:, 0]))]
    for strength, found in values.items():
        lost, alike = (none - np.array(found))[:, 0], np.array(found)[:, 1]
        note = f"mean likeness of two items of a page {np.nanmean(alike):.3f}, without variety {np.nanmean(none[:, 1]):.3f}"
        figures.append(lines.held(f"strength {strength:g}: ndcg@10 lost", interval(lost), note))
    return figures


def judged(
    pipeline: Pipeline, strength: float, block: Block, candidates: Candidates, wanted: Sequence[Mapping[str, Any]]
) -> list[tuple[float, float]]:
    """NDCG@10 and the mean likeness of two items of each page arranged with ``strength``."""
    found = []
    for page, truth in zip(replace(pipeline.arranger, diversity=strength)(block, candidates), wanted, strict=True):
        items = candidates.item[page.rows[:PAGE]]
        likeness = pipeline.arranger.likeness(items)
        pairs = len(items) * (len(items) - 1)
        alike = float((likeness.sum() - np.trace(likeness)) / pairs) if pairs else float("nan")
        found.append((ndcg([pipeline.catalogue.ids[int(item)] for item in items], truth, PAGE), alike))
    return found


def main(arguments: Sequence[str]) -> None:
    """Print the figures as JSON lines."""
    if len(arguments) not in (3, 4):
        sys.exit("usage: python -m benchmarks.diversity STORE REQUESTS TRUTH [HOW MANY]")
    store, requests, truth = (Path(name) for name in arguments[:3])
    for figure in diversity_figures(store, requests, truth, *(int(number) for number in arguments[3:])):
        sys.stdout.write(json.dumps(asdict(figure), ensure_ascii=False) + "\n")


if __name__ == "__main__":
    main(sys.argv[1:])
