"""Vectors in one byte a number."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import save_file

from aisle.core.arrays import mapped_tensor
from aisle.retrieval.packed import floats, packed
from aisle.retrieval.unit_vectors import UnitVectors


def directions(n: int, d: int) -> np.ndarray[tuple[int, int], np.dtype[np.float32]]:
    found = np.random.default_rng(5).standard_normal((n, d)).astype(np.float32)
    return np.asarray(found / np.linalg.norm(found, axis=1, keepdims=True), np.float32)


def test_a_number_takes_a_byte_and_the_direction_stays() -> None:
    vectors = directions(500, 384)
    held = packed(vectors)
    assert held.nbytes == vectors.nbytes / 4
    assert (floats(held) * vectors).sum(axis=1).min() > 0.9997
    np.testing.assert_allclose(np.linalg.norm(floats(held), axis=1), 1, atol=1e-6)


def test_by_hand() -> None:
    held = packed(np.array([[0.6, -0.8, 0.0], [0.0, 0.0, 0.0]], np.float32))
    assert held.tolist() == [[95, -127, 0], [0, 0, 0]], "95.25 is the nearest byte to 127 * .6 / .8"
    assert floats(held)[0] == pytest.approx(np.array([95, -127, 0]) / np.sqrt(95**2 + 127**2))
    assert floats(held)[1].tolist() == [0, 0, 0], "a text of which nothing is known is like nothing"


def test_what_is_near_is_found_in_bytes_as_in_halves() -> None:
    vectors, mask = directions(6_000, 64), np.ones(6_000, bool)
    halves, bytes_ = UnitVectors(vectors.astype(np.float16)), UnitVectors(packed(vectors))
    for row in (3, 77, 4_000):
        first, second = (one.nearest(vectors[row], mask, 50)[0].tolist() for one in (halves, bytes_))
        assert first[0] == second[0] == row
        assert len(set(first) & set(second)) >= 47


def test_a_tensor_is_read_from_its_file_as_it_was_written(tmp_path: Path) -> None:
    table = np.arange(12, dtype=np.float16).reshape(4, 3)
    save_file({"other": np.ones(7, np.float32), "table": table}, tmp_path / "one.safetensors")
    held = mapped_tensor(tmp_path / "one.safetensors", "table")
    assert np.array_equal(held, table) and held.dtype == np.float16
    assert not held.flags.writeable and not held.flags.owndata, "it stays in the file"


@pytest.mark.parametrize("content", [b"", b"\x05\0\0\0\0\0\0\0nope!", b"\x02\0\0\0\0\0\0\0{}"])
def test_a_file_without_that_tensor_is_refused(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "bad.safetensors").write_bytes(content)
    with pytest.raises(OSError, match="holds no tensor"):
        mapped_tensor(tmp_path / "bad.safetensors", "table")
