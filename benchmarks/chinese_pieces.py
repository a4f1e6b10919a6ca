"""Chinese pieces: is a title found by a piece of 2-4 characters cut from it anywhere? ``python benchmarks/chinese_pieces.py``"""

from __future__ import annotations

import csv
import gzip
import os
import sys
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np

from aisle.core.catalogue import Catalogue
from aisle.core.events import Dataset, Events
from aisle.core.profiles import Profiles, Slices
from aisle.core.request import Request
from aisle.core.stage import Allowed, Block
from aisle.core.strings import Strings
from aisle.query.understand import understand
from aisle.retrieval.lexical import Lexical
from aisle.text.normalise import normalise

DATA = Path(os.environ.get("AISLE_DATA", Path(__file__).parents[2] / "shared" / "data"))


def tmall_beauty() -> list[str]:
    """The distinct titles of the snapshots."""
    with gzip.open(DATA / "tmall_beauty" / "tmall_beauty_1111.csv.gz", "rt", encoding="utf-8") as file:
        return sorted({row["title"] for row in csv.DictReader(file) if row["title"]})


def ecommerce_ner_zh() -> list[str]:
    """The distinct titles, put together again from their characters."""
    titles: set[str] = set()
    for name in ("train", "dev", "test"):
        with gzip.open(DATA / "ecommerce_ner_zh" / f"{name}.txt.gz", "rt", encoding="utf-8") as file:
            titles |= {"".join(line.split(" ")[0] for line in block.split("\n") if line) for block in file.read().split("\n\n")}
    return sorted(titles - {""})


def request(text: str) -> Block:
    """A block of one search."""
    one = [Request("bench", "search", query=text)]
    return Block(one, np.array([np.nan]), [understand(text)], Profiles.strangers(1), Slices.none(1), Slices.none(1))


def cut_pieces(titles: Sequence[str], seed: int, pieces: int) -> Iterator[tuple[int, str]]:
    """So many pieces of 2 to 4 characters cut anywhere, each with its title's number; those that say nothing are left out."""
    random = np.random.default_rng(seed)
    for own in random.integers(len(titles), size=pieces).tolist():
        length = int(random.integers(2, 5))
        start = int(random.integers(max(len(titles[own]) - length + 1, 1)))
        piece = titles[own][start : start + length]
        if normalise(piece):
            yield own, piece


def measure(titles: list[str], seed: int = 7, pieces: int = 300) -> dict[str, float]:
    """``rare``: of the pieces in at most 100 titles, the share whose own title is among the first 100; ``common``: for the others, the mean
    share of the first 100 that hold the piece; and milliseconds a query."""
    catalogue = Catalogue(Strings.of(map(str, range(len(titles)))), {"title": Strings.of(titles)}, {})
    lexical = Lexical().fit(Dataset(catalogue, Events.none()))
    plain = [normalise(title) for title in titles]
    allowed = Allowed.everything(len(titles), 1)
    rare, common, took = [], [], []
    for own, piece in cut_pieces(titles, seed, pieces):
        form = normalise(piece)
        holding = sum(form in title for title in plain)
        begun = time.perf_counter()
        found = lexical.retrieve(request(piece), allowed, 100).item
        took.append(time.perf_counter() - begun)
        if holding <= 100:
            rare.append(own in found)
        else:
            common.append(np.mean([form in plain[row] for row in found]))
    median, worst = np.percentile(took, [50, 99]) * 1000
    found = {"rare pieces": len(rare), "rare": np.mean(rare), "common pieces": len(common), "common": np.mean(common or [1])}
    return {name: float(value) for name, value in ({"titles": len(titles)} | found | {"p50 ms": median, "p99 ms": worst}).items()}


def main() -> None:
    """Both sets, one line each."""
    for name, titles in (("tmall_beauty", tmall_beauty()), ("ecommerce_ner_zh", ecommerce_ner_zh())):
        found = measure(titles)
        sys.stdout.write(f"{name}: " + ", ".join(f"{key} {value:.4g}" for key, value in found.items()) + "\n")


if __name__ == "__main__":
    main()
