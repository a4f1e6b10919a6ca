"""One transformer in memory under several small adapters: a call says which, and nothing is loaded again. From `adapted_train`.

The graph has two thin matrices beside every adapted map, empty ones unless an adapter fills them: with none it is the base itself.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from copy import copy
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING, Self

from aisle.core.errors import BundleError
from aisle.text.encoder import Kind, OnnxEncoder, Vectors

if TYPE_CHECKING:
    from onnxruntime import LoraAdapter, RunOptions

FOLDER, ENDING = "adapters", ".onnx_adapter"
"""Where a base keeps its adapters, and the ending that onnxruntime gives them."""
MEND = "Export the base and its adapters again."


@dataclass(frozen=True)
class Held:
    """An adapter's file, open, and what activates it for a run."""

    content: bytes
    adapter: LoraAdapter
    options: RunOptions


class AdaptedEncoder(OnnxEncoder):
    """``model.onnx``, ``tokenizer.json``, ``encoder.json`` as an `OnnxEncoder` has them, and ``adapters/NAME.onnx_adapter``.

    As an encoder it is the base under one ``adapter`` ("": none); `using` gives another that shares everything.
    """

    def __init__(self, folder: Path, threads: int = 1, adapter: str | None = None) -> None:
        """Open ``folder``, under the adapter that it was saved under unless one is named; an adapter that is damaged, does not fit the base
        or is not there raises `BundleError`."""
        super().__init__(folder, threads)
        self._base, self._base_digest = self.name, self._digest
        shapes = {each.name: tuple(each.shape) for each in self._session.get_overridable_initializers()}
        made_for = int(self.facts.get("base", -1))
        self._held = {path.stem: _open(path, shapes, made_for) for path in sorted((folder / FOLDER).glob(f"*{ENDING}"))}
        self.adapter = ""
        self._choose(str(self.facts.get("adapter", "")) if adapter is None else adapter)

    @property
    def adapters(self) -> list[str]:
        """The names of those that are here."""
        return list(self._held)

    def using(self, adapter: str) -> Self:
        """The same base under another adapter, "" for none; an unknown one raises `BundleError`."""
        other = copy(self)
        other._choose(adapter)
        return other

    def encode(self, texts: Sequence[str], kind: Kind, adapter: str | None = None) -> Vectors:
        """``(n, dimension) float32``, under ``adapter`` for this call alone where one is named."""
        return super().encode(texts, kind) if adapter is None else self.using(adapter).encode(texts, kind)

    def size(self, adapter: str) -> int:
        """Bytes of an adapter's file."""
        return len(self._held[adapter].content)

    def save(self, folder: Path) -> None:
        """Copy the base, all adapters, and which one is in use."""
        super().save(folder)
        (folder / FOLDER).mkdir(exist_ok=True)
        for name, held in self._held.items():
            fresh = folder / FOLDER / f"{name}.new"
            fresh.write_bytes(held.content)
            fresh.replace(folder / FOLDER / f"{name}{ENDING}")  # the file itself may be open, mapped into memory
        (folder / "encoder.json").write_text(json.dumps(self.facts | {"adapter": self.adapter}), encoding="utf-8")

    def _choose(self, adapter: str) -> None:
        if adapter and adapter not in self._held:
            known = ", ".join(self._held) or "none"
            raise BundleError(f"The encoder {self._base} has no adapter `{adapter}`.", f"There are: {known}.")
        held = self._held.get(adapter)
        self.adapter, self.active = adapter, None if held is None else held.options
        self.name = f"{self._base}+{adapter}" if adapter else self._base
        self._digest = self._base_digest if held is None else sha256(self._base_digest.encode() + held.content).hexdigest()


def _open(path: Path, shapes: Mapping[str, Sequence[int | str]], made_for: int) -> Held:
    """An adapter's file, checked against the inputs that the base has for it."""
    from onnxruntime import AdapterFormat, LoraAdapter, RunOptions

    try:
        read = AdapterFormat.read_adapter(str(path))
        found = {name: tuple(value.shape()) for name, value in read.get_parameters().items()}
        adapter = LoraAdapter()
        adapter.Load(str(path))
    except (RuntimeError, OSError) as error:
        raise BundleError(f"The adapter {path} cannot be read: {error}.", MEND) from None
    if read.get_model_version() != made_for:
        raise BundleError(f"The adapter {path} was made for another base.", MEND)
    for name, shape in found.items():
        wanted = shapes.get(name)
        if wanted is None or any(isinstance(size, int) and size != given for size, given in zip(wanted, shape, strict=True)):
            raise BundleError(f"The adapter {path} does not fit the base: {name} {shape}.", MEND)
    options = RunOptions()
    options.add_active_adapter(adapter)
    return Held(path.read_bytes(), adapter, options)
