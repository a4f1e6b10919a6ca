"""Headline figures with other seeds: the same shop trained anew with each of `SEEDS`, beside the seed of the shop's own part."""

from __future__ import annotations

import numpy as np

from aisle.settings import Settings
from benchmarks.figures import LINES, Figure, Lines
from benchmarks.measure import load
from benchmarks.real_shops import REAL_SHOPS

SEEDS = (8, 9)
HEADLINES = {
    "amazon_beauty": ("last_item", ("ndcg@10", "hr@10", "recall@100")),
    "homedepot": ("search", ("recall@10", "recall@100")),
}


def amazon_figures() -> list[Figure]:
    """The next item in amazon_beauty."""
    return _figures("amazon_beauty")


def homedepot_figures() -> list[Figure]:
    """Search in Home Depot."""
    return _figures("homedepot")


def _figures(name: str) -> list[Figure]:
    """Each seed's figures, then each figure's mean and how far the seeds stand apart."""
    lines, (protocol, wanted) = Lines(f"{name}_seeds"), HEADLINES[name]
    seconds, held = f"--minutes {REAL_SHOPS[name].minutes:g}", {Settings().seed: _of_the_part(name, protocol, wanted)}
    for seed in SEEDS:
        held[seed] = _trained(name, seed, protocol)
    figures = [lines.held(f"seed {seed}: {one}", found[one], seconds) for seed, found in held.items() for one in wanted]
    for one in wanted:
        values = [found[one]["value"] for found in held.values()]
        note = f"mean of seeds {', '.join(map(str, held))}; they reach from {min(values):.4f} to {max(values):.4f}"
        figures.append(lines.one(f"all seeds: {one}", float(np.mean(values)), note, int(held[Settings().seed][one]["n"])))
    return figures


def _of_the_part(name: str, protocol: str, wanted: tuple[str, ...]) -> dict[str, dict[str, float]]:
    """What the shop's own part measured; a part that was not measured yet ends the run."""
    path = LINES / f"{name}.jsonl"
    if not path.exists():
        raise SystemExit(f"{path} is not there: measure the part {name} first.")
    found = {str(one["figure"]): one for one in load(path)}
    return {one: found[f"{protocol}: {one}"] for one in wanted}


def _trained(name: str, seed: int, protocol: str) -> dict[str, dict[str, float]]:
    """Built, trained, answered and measured as by `real_shops.RealShop`, with another seed."""
    shop = REAL_SHOPS[name]
    folder = shop.built(f"{name}_seed")
    settings = folder.out / "aisle.toml"
    settings.write_text(f"seed = {seed}\n{settings.read_text(encoding='utf-8') if settings.exists() else ''}", encoding="utf-8")
    shop.trained(folder)
    return shop.answered(folder, protocol)[1]
