"""Scanning vectors: as they are, or the codes of very many."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from aisle.retrieval.packed import widened
from aisle.retrieval.scan import Scan


@pytest.fixture(scope="module")
def vectors() -> NDArray[np.float16]:
    """Sixty clouds of 400 vectors."""
    random = np.random.default_rng(3)
    rows = np.repeat(random.standard_normal((60, 32)), 400, axis=0) + 0.5 * random.standard_normal((24_000, 32))
    return (rows / np.linalg.norm(rows, axis=1, keepdims=True)).astype(np.float16)


def exact(vectors: NDArray[np.float16], vector: NDArray[np.float32], most: int) -> set[int]:
    return set(np.argsort(-(vectors.astype(np.float32) @ vector))[:most].tolist())


def test_half_numbers_are_widened_exactly() -> None:
    every = np.arange(2**16, dtype=np.uint16).view(np.float16)
    finite = every[np.isfinite(every)]
    assert np.array_equal(widened(finite).view(np.int32), finite.astype(np.float32).view(np.int32)), "signed zeros too"


def test_few_vectors_are_all_read(vectors: NDArray[np.float16]) -> None:
    few = vectors[::10]
    scan = Scan.of(few)
    assert not scan.coded
    asked = few[7].astype(np.float32)
    assert set(scan.nearest(asked, None, 20).tolist()) == exact(few, asked, 20)


def test_of_many_vectors_nearly_all_of_the_nearest_are_found(vectors: NDArray[np.float16]) -> None:
    scan = Scan.of(vectors, large=10_000)
    assert scan.coded
    shares = []
    for row in range(0, 24_000, 1_200):
        asked = vectors[row].astype(np.float32)
        shares.append(len(exact(vectors, asked, 50) & set(scan.nearest(asked, None, 100).tolist())) / 50)
    assert np.mean(shares) > 0.97


@pytest.mark.parametrize("large", [10_000, 60_000])
def test_what_the_mask_forbids_is_not_found_and_the_list_is_still_full(vectors: NDArray[np.float16], large: int) -> None:
    mask = np.zeros(len(vectors), bool)
    mask[::3] = True
    found = Scan.of(vectors, large).nearest(vectors[1].astype(np.float32), mask, 40)
    assert len(found) >= 40
    assert mask[found].all()


@pytest.mark.parametrize("every", [1, 10])
def test_what_was_saved_finds_the_same(vectors: NDArray[np.float16], every: int, tmp_path: Path) -> None:
    kept = vectors[::every]
    scan = Scan.of(kept)
    scan.save(tmp_path)
    asked = kept[5].astype(np.float32)
    assert scan.nearest(asked, None, 30).tolist() == Scan.load(tmp_path, kept).nearest(asked, None, 30).tolist()
    assert bool(list(tmp_path.iterdir())) is scan.coded
