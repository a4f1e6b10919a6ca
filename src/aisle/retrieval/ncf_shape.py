"""How wide the parts of neural collaborative filtering are: what serves and what trains must agree."""

from __future__ import annotations

from typing import Literal

Model = Literal["gmf", "mlp", "neumf"]
LAYERS = 3
"""Hidden layers, the first as wide as its input, each further one half of the one before (a tower, as theirs)."""


def product_width(model: Model, size: int) -> int:
    """How many of the embeddings' dimensions are multiplied; the rest go through the hidden layers."""
    return 0 if model == "mlp" else size


def whole_width(model: Model, size: int) -> int:
    """All of the embeddings' dimensions."""
    return 2 * size if model == "neumf" else size


def layer_widths(model: Model, size: int) -> list[int]:
    """The hidden layers' widths, their input first; empty where there are none."""
    return [] if model == "gmf" else [2 * size, *(2 * size >> number for number in range(LAYERS))]
