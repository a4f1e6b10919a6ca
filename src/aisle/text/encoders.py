"""Which encoder a folder holds, and opening it."""

from __future__ import annotations

import json
from pathlib import Path

from aisle.core.errors import BundleError
from aisle.text.encoder import Encoder, OnnxEncoder
from aisle.text.ngram import NgramEncoder
from aisle.text.static import StaticEncoder

KINDS: dict[str, type[Encoder]] = {"onnx": OnnxEncoder, "ngram": NgramEncoder, "static": StaticEncoder}
"""A new family of encoders is one file and one line here."""


def load_encoder(folder: Path) -> Encoder:
    """Open the encoder saved in ``folder``; a damaged or unknown one raises `BundleError`."""
    try:
        kind = json.loads((folder / "encoder.json").read_text(encoding="utf-8"))["kind"]
    except (OSError, KeyError, json.JSONDecodeError) as error:
        raise BundleError(f"The encoder in {folder} cannot be read: {error}.", "Train again.") from None
    if kind not in KINDS:
        raise BundleError(f"{folder} holds an encoder of the unknown kind `{kind}`.", "Train again with this version.")
    return KINDS[kind].load(folder)
