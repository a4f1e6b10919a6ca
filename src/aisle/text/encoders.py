"""Which encoder a folder holds, and opening it."""

from __future__ import annotations

from pathlib import Path

from aisle.text.adapted import AdaptedEncoder
from aisle.text.encoder import Encoder, opened
from aisle.text.joint import HALVES, JointEncoder
from aisle.text.ngram import NgramEncoder

KINDS: dict[str, type[Encoder]] = {**HALVES, "adapted": AdaptedEncoder, "ngram": NgramEncoder, "joint": JointEncoder}
"""A new family of encoders is one file and one line here."""


def load_encoder(folder: Path) -> Encoder:
    """Open the encoder saved in ``folder``; a damaged or unknown one raises `BundleError`."""
    return opened(folder, KINDS)
