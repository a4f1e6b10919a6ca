"""The real shops: the folder built afresh, trained, every protocol's requests answered by `aisle batch` and measured from outside."""

from __future__ import annotations

import json
import shutil
from dataclasses import dataclass
from hashlib import sha256

from aisle.settings import Settings
from benchmarks.figures import WORK, Figure, Lines, aisle
from benchmarks.folders import Folder, builders, raw_data
from benchmarks.measure import load, measure

FEW, MANY = 20, 5_000
"""What a page shows, and requests from which on the time for so many is measured apart."""


TIES = "equal scores by the item's row"
"""As `Candidates.order` breaks them; Amazon Beauty's rows are shuffled."""


@dataclass(frozen=True)
class RealShop:
    """A real shop, the minutes that its training gets, and what the reader must know of the protocol."""

    name: str
    minutes: float
    note: str

    def __call__(self) -> list[Figure]:
        """Train, answer, measure."""
        lines, folder = Lines(self.name), self.built(self.name)
        figures = [lines.machine()]
        seconds, peak = self.trained(folder)
        figures.append(lines.one("train: seconds", seconds, f"--minutes {self.minutes:g}"))
        figures.append(lines.one("train: peak MB", peak, "largest process"))
        for requests in sorted(folder.truth.glob("*.requests.jsonl")):
            figures += self._answer(lines, folder, requests.name.removesuffix(".requests.jsonl"))
        return figures

    def built(self, name: str) -> Folder:
        """The shop's folder afresh, under another name where it is built beside the first."""
        folder = Folder(WORK / name)
        for old in (folder.out, folder.truth):
            shutil.rmtree(old, ignore_errors=True)
        folder.out.mkdir(parents=True)
        builders()[self.name](raw_data(), folder)
        return folder

    def trained(self, folder: Folder) -> tuple[float, float]:
        """Train on the folder in the shop's minutes; seconds and peak MB."""
        return aisle("train", str(folder.out), "--minutes", str(self.minutes))

    def answered(self, folder: Folder, protocol: str) -> tuple[float, dict[str, dict[str, float]]]:
        """Seconds that a protocol's answers took, and what they are worth."""
        asked, out = (folder.truth / f"{protocol}.{kind}.jsonl" for kind in ("requests", "answers"))
        spent, _ = aisle("batch", str(folder.out / "bundles"), str(asked), "--out", str(out))
        return spent, measure(load(out), load(folder.truth / f"{protocol}.truth.jsonl"))

    def _answer(self, lines: Lines, folder: Folder, protocol: str) -> list[Figure]:
        spent, found = self.answered(folder, protocol)
        seconds = lines.one(f"{protocol}: seconds", spent, "aisle batch, the first 100 of every request")
        note = f"{self.note}; {TIES}; split {split(folder, protocol)}, seed {Settings().seed}"
        held = [lines.held(f"{protocol}: {name}", one, note) for name, one in found.items()]
        return [seconds, *held, *self._few(lines, folder, protocol)]

    def _few(self, lines: Lines, folder: Folder, protocol: str) -> list[Figure]:
        """How long the first `FEW` take, where there are many requests."""
        asked, few, out = (folder.truth / f"{protocol}.{kind}" for kind in ("requests.jsonl", "few.jsonl", "few.answers.jsonl"))
        requests = load(asked)
        if len(requests) < MANY:
            return []
        few.write_text("".join(json.dumps({**request, "limit": FEW}) + "\n" for request in requests), encoding="utf-8")
        spent, _ = aisle("batch", str(folder.out / "bundles"), str(few), "--out", str(out))
        return [lines.one(f"{protocol}: seconds, first {FEW}", spent, f"aisle batch, {len(requests):,} requests")]


def split(folder: Folder, protocol: str) -> str:
    """What is held out, as a hash: the first 12 hexadecimal digits of the SHA-256 of the sorted lines ``request TAB truth``, both as JSON
    with sorted keys."""
    asked, truth = (load(folder.truth / f"{protocol}.{kind}.jsonl") for kind in ("requests", "truth"))
    pairs = ("\t".join(json.dumps(one, sort_keys=True) for one in pair) + "\n" for pair in zip(asked, truth, strict=True))
    return sha256("".join(sorted(pairs)).encode()).hexdigest()[:12]


PIECES = "pieces of 2 to 4 Chinese characters cut from titles; rare: in at most 100 titles"
_SHOPS = (
    RealShop("homedepot", 20, "whole catalogue of 54,667; test queries: sha256 of `dev:` + query, one in five; relevant from 2.33"),
    RealShop("amazon_beauty", 15, "last item of each user held out, trained on all the rest, all unseen items ranked"),
    RealShop("online_retail_cut", 5, "last 28 days held out; customers known before; every purchase, and only items new to the customer"),
    RealShop("completejourney", 3, "last 28 days held out of a sample of 75,000 lines; households known before"),
    RealShop("tmall_beauty", 2, PIECES),
    RealShop("ecommerce_ner_zh", 2, PIECES),
)
REAL_SHOPS = {shop.name: shop for shop in _SHOPS}
