"""The picture encoder that needs no model: which colours a picture has, in its middle and around it, and which way its edges run."""

from __future__ import annotations

from itertools import product

import numpy as np
from numpy.typing import NDArray

from aisle.vision.encoder import Pixels, Vectors, unit

LIGHT, TINT = 3, 5
"""Levels of lightness, and of each of the two opponent colours: red against green, blue against yellow."""
CELLS, WAYS = 4, 9
"""Cells along each side, and directions of an edge in each."""
BATCH = 64
Values = NDArray[np.float32]


class Descriptor:
    """Two histograms, each square-rooted, so that a dot product compares them by Hellinger's distance, and each of the same say.

    Colour: opponent colours (van de Sande et al. 2010, "Evaluating Color Descriptors"), a pixel shared among its eight nearest levels, one
    histogram of the middle quarter and one of the rest. Shape: oriented gradients (Dalal and Triggs 2005) in 4 x 4 cells, rooted as by
    Arandjelović and Zisserman 2012. A picture of one colour has no shape; its vector is its colour.
    """

    name = "descriptor"
    size = 64
    colours = 2 * LIGHT * TINT * TINT
    dimension = colours + CELLS * CELLS * WAYS

    @property
    def fingerprint(self) -> str:
        """Changes when this file computes something else."""
        return "descriptor-1"

    def encode(self, pictures: Pixels) -> Vectors:
        """``(n, 294) float32``."""
        parts = [self._encode((pictures[start : start + BATCH] / 255).astype(np.float32)) for start in range(0, len(pictures), BATCH)]
        return np.concatenate([np.zeros((0, self.dimension), np.float32), *parts])

    def _encode(self, pictures: Values) -> Vectors:
        return unit(np.concatenate([_rooted(_colours(pictures)), _rooted(_edges(pictures.mean(axis=3)))], axis=1))


def _rooted(histogram: Values) -> Vectors:
    """Shares of the whole, square-rooted: of unit length, zero for an empty histogram."""
    return unit(np.sqrt(histogram))


def _colours(pictures: Values) -> Values:
    """``(n, 150)``: the mass at each level of lightness and of both opponent colours, for the middle and for the rest."""
    red, green, blue = np.moveaxis(pictures, 3, 0)
    axes = ((red + green + blue) / 3, (red - green + 1) / 2, (2 * blue - red - green + 2) / 4)
    levels = (LIGHT, TINT, TINT)
    places = [np.clip(axis * (count - 1), 0, count - 1) for axis, count in zip(axes, levels, strict=True)]
    lower = [np.minimum(place.astype(np.int64), count - 2) for place, count in zip(places, levels, strict=True)]
    side = pictures.shape[1]
    rest = np.ones((side, side), np.int64)
    rest[side // 4 : -(side // 4), side // 4 : -(side // 4)] = 0
    first = 2 * np.arange(len(pictures))[:, None, None] + rest
    found = np.zeros(len(pictures) * 2 * LIGHT * TINT * TINT)
    for corner in product((0, 1), repeat=3):
        number, weight = first, np.ones_like(red)
        for place, low, up, count in zip(places, lower, corner, levels, strict=True):
            number = number * count + low + up
            weight = weight * (place - low if up else 1 - (place - low))
        found += np.bincount(number.ravel(), weight.ravel(), len(found))
    return found.reshape(len(pictures), -1).astype(np.float32)


def _edges(light: Values) -> Values:
    """``(n, 144)``: how strong the edges of each direction are in each cell; an edge is shared between its two nearest directions."""
    down, across = np.gradient(light, axis=(1, 2))
    strength = np.hypot(down, across)
    way = (np.arctan2(down, across) % np.pi) / np.pi * WAYS
    side = np.arange(light.shape[1]) * CELLS // light.shape[1]
    cell = np.arange(len(light))[:, None, None] * CELLS * CELLS + side[:, None] * CELLS + side
    found = np.zeros(len(light) * CELLS * CELLS * WAYS)
    low = np.floor(way).astype(np.int64)
    for up, weight in ((0, 1 - (way - low)), (1, way - low)):
        found += np.bincount((cell * WAYS + (low + up) % WAYS).ravel(), (strength * weight).ravel(), len(found))
    return found.reshape(len(light), -1).astype(np.float32)
