"""Colours and shape: worked out by hand for plain pictures; unit length; a picture's vector is its own."""

from __future__ import annotations

import numpy as np
import pytest

from aisle.vision.descriptor import Descriptor
from aisle.vision.encoder import PictureEncoder, unit


def plain(*colour: int) -> np.ndarray:
    return np.full((64, 64, 3), colour, np.uint8)


def stripes(axis: int) -> np.ndarray:
    """Black and white, eight pixels each; ``axis`` 0: one above the other."""
    line = np.where(np.arange(64) // 8 % 2, 255, 0).astype(np.uint8)
    grid = np.broadcast_to(line[:, None] if axis == 0 else line[None, :], (64, 64))
    return np.repeat(grid[:, :, None], 3, axis=2)


def alike(one: np.ndarray, other: np.ndarray) -> float:
    first, second = Descriptor().encode(np.stack([one, other]))
    return float(first @ second)


def test_it_is_an_encoder_of_unit_vectors() -> None:
    encoder = Descriptor()
    pictures = np.random.default_rng(3).integers(0, 256, (70, 64, 64, 3)).astype(np.uint8)
    found = encoder.encode(pictures)
    assert isinstance(encoder, PictureEncoder)
    assert found.shape == (70, encoder.dimension) and found.dtype == np.float32
    np.testing.assert_allclose(np.linalg.norm(found, axis=1), 1, atol=1e-5)
    np.testing.assert_allclose(encoder.encode(pictures[66:67])[0], found[66], atol=1e-6)
    assert encoder.encode(pictures[:0]).shape == (0, encoder.dimension)


def test_red_and_blue_share_no_level_and_have_no_shape() -> None:
    """Red is the last level of red against green, blue the middle one; neither has an edge."""
    assert alike(plain(255, 0, 0), plain(255, 0, 0)) == pytest.approx(1)
    assert alike(plain(255, 0, 0), plain(0, 0, 255)) == pytest.approx(0, abs=1e-6)


def test_a_colour_half_way_between_two_levels_is_shared_by_both() -> None:
    """A grey of .25 of white lies half way between the first two of three levels of lightness, white on the third: nothing in common; with
    black it shares the first, by the root of a half."""
    grey = plain(64, 64, 64)
    assert alike(grey, plain(255, 255, 255)) == pytest.approx(0, abs=1e-6)
    assert alike(grey, plain(0, 0, 0)) == pytest.approx(np.sqrt(1 - 2 * 64 / 255), abs=1e-3)


def test_stripes_that_lie_and_stripes_that_stand_share_their_colours_alone() -> None:
    """Each histogram has half of the say: colours agree wholly, edges not at all."""
    assert alike(stripes(0), stripes(0)) == pytest.approx(1, abs=1e-5)
    assert alike(stripes(0), stripes(1)) == pytest.approx(0.5, abs=0.02)


def test_nothing_stays_nothing() -> None:
    np.testing.assert_array_equal(unit(np.zeros((2, 3))), np.zeros((2, 3)))
