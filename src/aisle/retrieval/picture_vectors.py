"""One vector an item's picture, made while training and stored: nothing here looks at a picture while the shop answers."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Self

import numpy as np
from numpy.typing import NDArray

from aisle.core.arrays import mapped
from aisle.core.catalogue import Catalogue
from aisle.core.errors import InputError
from aisle.core.stage import Mask
from aisle.retrieval.base import load_settings, save_settings
from aisle.retrieval.scan import Scan
from aisle.retrieval.unit_vectors import UnitVectors
from aisle.vision import files
from aisle.vision.encoder import PictureEncoder, Vectors, unit

IMAGE = "image"
BATCH = 64
Digests = NDArray[np.uint64]
Advance = Callable[[int, int], None]
"""Told how many of how many different pictures are done; it may raise to end the work."""


@dataclass(frozen=True)
class Made:
    """By whom the vectors were made, and what came of the catalogue: ``pictures`` read of ``items``, and why others were not."""

    encoder: str
    fingerprint: str
    items: int = 0
    pictures: int = 0
    unread: Mapping[str, int] | None = None

    def text(self) -> str:
        """In words."""
        left = {"elsewhere": "at an address, which is never fetched", "missing": "missing from the folder", "broken": "not to be decoded"}
        said = [f"{self.unread[why]:,} {words}" for why, words in left.items() if self.unread and self.unread.get(why)]
        return f"{self.encoder}: a picture of {self.pictures:,} of {self.items:,} items was read" + "".join(f", {one}" for one in said)


class PictureVectors(UnitVectors):
    """``(n, d) float16`` of unit length, all zero for an item without a picture that could be read: such an item is never near anything.

    ``digests`` ``(n,) uint64`` name the files' contents, 0 for none, so that an update encodes only pictures that are new. ``centre``
    ``(d,) float32`` is the mean of the shop's different pictures; vectors are what they differ from it by, since a ground that they all
    stand on tells nothing. An update keeps it.
    """

    def __init__(self, vectors: NDArray[np.float16], digests: Digests, centre: Vectors, made: Made, scan: Scan | None = None) -> None:
        super().__init__(vectors, scan)
        self.digests, self.centre, self.made = np.asarray(digests), centre, made
        self.seen = self.digests > 0

    @classmethod
    def of(
        cls,
        encoder: PictureEncoder,
        catalogue: Catalogue,
        folder: Path | None,
        before: PictureVectors | None = None,
        advance: Advance = lambda _done, _all: None,
    ) -> Self:
        """Read and encode each different picture once; those that ``before`` knows are not encoded again.

        Raises `InputError` where ``before`` was made by another encoder: the rankers learned what its likeness means.
        """
        digests, first, unread = _digests(catalogue, folder)
        known = {} if before is None else dict(zip(before.digests[before.seen].tolist(), before.vectors[before.seen], strict=True))
        fresh = [digest for digest in first if digest not in known]
        if before is not None and fresh and before.made.fingerprint != encoder.fingerprint:
            raise InputError("The picture encoder is another than the bundle's.", "Train in full: aisle train DIR.")
        raw = _encoded(encoder, folder, [first[digest] for digest in fresh], advance)
        broken = [digest for digest, vector in zip(fresh, raw, strict=True) if not vector.any()]
        centre = before.centre if before is not None else raw[raw.any(axis=1)].mean(axis=0) if raw.any() else np.zeros(encoder.dimension)
        differs = unit(np.where(raw.any(axis=1, keepdims=True), raw - centre, 0)).astype(np.float16)
        known |= {digest: vector for digest, vector in zip(fresh, differs, strict=True) if vector.any()}
        unread["broken"] += int(np.isin(digests, np.array(broken, np.uint64)).sum())
        digests = np.array([digest if digest in known else 0 for digest in digests.tolist()], np.uint64)
        vectors = np.zeros((len(catalogue), encoder.dimension), np.float16)
        for row in np.flatnonzero(digests).tolist():
            vectors[row] = known[int(digests[row])]
        made = Made(encoder.name, encoder.fingerprint, len(catalogue), int((digests > 0).sum()), dict(unread))
        return cls(vectors, digests, centre.astype(np.float32), made)

    def take(self, rows: NDArray[np.integer]) -> Vectors:
        """``(k, d) float32``, NaN for an item without a picture."""
        found = super().take(rows)
        found[~self.seen[rows]] = np.nan
        return found

    def nearest(self, vector: Vectors, mask: Mask, limit: int) -> tuple[NDArray[np.int32], Vectors]:
        """The nearest allowed items that have a picture."""
        return super().nearest(vector, mask & self.seen, limit)

    def save(self, folder: Path) -> None:
        """Write all of it."""
        save_settings(folder / "made", vars(self.made))
        for name in ("vectors", "digests", "centre"):
            np.save(folder / f"{name}.npy", getattr(self, name))
        self._index.save(folder)

    @classmethod
    def load(cls, folder: Path) -> Self:
        """Open what `save` wrote."""
        vectors, digests, centre = (mapped(folder / f"{name}.npy") for name in ("vectors", "digests", "centre"))
        return cls(vectors, digests, centre, Made(**load_settings(folder / "made")), Scan.load(folder, vectors))


def _digests(catalogue: Catalogue, folder: Path | None) -> tuple[Digests, dict[int, str], Counter[str]]:
    """Each item's, the first path to each content, and how many were not read for which reason."""
    digests, unread = np.zeros(len(catalogue), np.uint64), Counter[str]()
    first: dict[int, str] = {}
    known: dict[str, int | files.Unread] = {}
    for row, written in enumerate(catalogue.texts.get(IMAGE, ())):
        if not written:
            continue
        if written not in known:
            found = files.read(folder, written)
            known[written] = found if isinstance(found, str) else 1 + int.from_bytes(sha256(found).digest()[:7], "big")
        held = known[written]
        if isinstance(held, str):
            unread[held] += 1
        else:
            digests[row] = held
            first.setdefault(held, written)
    return digests, first, unread


def _encoded(encoder: PictureEncoder, folder: Path | None, paths: list[str], advance: Advance) -> Vectors:
    """``(len(paths), d) float32``, zero for a picture that cannot be decoded."""
    found = np.zeros((len(paths), encoder.dimension), np.float32)
    for start in range(0, len(paths), BATCH):
        decoded = [_pixels(folder, path, encoder.size) for path in paths[start : start + BATCH]]
        fine = [place for place, one in enumerate(decoded) if one is not None]
        if fine:
            found[start + np.array(fine)] = encoder.encode(np.stack([one for one in decoded if one is not None]))
        advance(start + len(decoded), len(paths))
    return found


def _pixels(folder: Path | None, path: str, size: int) -> NDArray[np.uint8] | None:
    data = files.read(folder, path)
    return None if isinstance(data, str) else files.pixels(data, size)
