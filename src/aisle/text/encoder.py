"""Texts to unit vectors: the encoder protocol, and a transformer served by onnxruntime alone."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING, Literal, NamedTuple, Protocol, Self, runtime_checkable

import numpy as np
from numpy.typing import NDArray
from tokenizers import Tokenizer

from aisle.core import onnx
from aisle.core.errors import BundleError
from aisle.text.token_head import FILE, TokenHead

if TYPE_CHECKING:
    from onnxruntime import RunOptions

Vectors = NDArray[np.float32]
Kind = Literal["query", "item"]
Precision = Literal["int8", "fp32"]
"""Of an exported model's weights and products."""
BATCH = 32
STATES = "states"
"""The graph's output of every token's state, beside ``vector``."""
LONGEST = 4_000
"""Characters of a text that are read; the model's own limit in tokens is lower."""


@runtime_checkable
class Encoder(Protocol):
    """Turns texts into ``(n, dimension) float32`` of unit length, zero for a text that says nothing. A text's vector is the same whatever
    stands beside it (items of a quantised transformer: to a hair). ``fingerprint`` changes with anything that changes a vector."""

    name: str
    dimension: int

    @property
    def fingerprint(self) -> str: ...
    def encode(self, texts: Sequence[str], kind: Kind) -> Vectors: ...
    def save(self, folder: Path) -> None: ...
    @classmethod
    def load(cls, folder: Path) -> Self: ...


class Read(NamedTuple):
    """Texts read: their ``vectors`` ``(n, d) float32``, and the ``states`` ``(t, d) float32`` of their tokens; those of text ``k`` are
    ``starts[k]:starts[k + 1]``."""

    vectors: Vectors
    states: Vectors
    starts: NDArray[np.int64]


@runtime_checkable
class ReadsTokens(Protocol):
    """An encoder that can tell the state of every token, where ``tells_states`` (graphs exported by older versions do not); ``head``: what
    it learned of them, None for nothing."""

    head: TokenHead | None
    tells_states: bool

    def read(self, texts: Sequence[str], kind: Kind) -> Read: ...


class OnnxEncoder:
    """A transformer with pooling in its graph, from `aisle.text.export_train`: ``model.onnx``, ``tokenizer.json``, ``encoder.json``.

    Short queries run one at a time: int8 activations are scaled over the batch, so a batch would change a text's vector by a hair.
    """

    name = "minilm"
    active: RunOptions | None = None
    """What a run is given beside the tokens."""

    def __init__(self, folder: Path, threads: int = 1) -> None:
        """Open ``folder``; a missing or unreadable file raises `BundleError`."""
        try:
            facts = json.loads((folder / "encoder.json").read_text(encoding="utf-8"))
            self._model = (folder / "model.onnx").read_bytes()
            self._words = (folder / "tokenizer.json").read_text(encoding="utf-8")
        except (OSError, json.JSONDecodeError) as error:
            raise BundleError(f"The encoder in {folder} cannot be read: {error}.", "Export or train it again.") from None
        self.facts: dict[str, str | int] = facts
        self.name, self.dimension = str(facts["name"]), int(facts["dimension"])
        self._before = {kind: str(facts.get(f"{kind}_prompt", "")) for kind in ("query", "item")}
        digest = sha256(self._model)
        digest.update("".join(f"{kind}\0{said}\0" for kind, said in self._before.items() if said).encode())
        self._digest = digest.hexdigest()
        self._tokenizer = Tokenizer.from_str(self._words)
        self._tokenizer.no_padding()
        self._tokenizer.enable_truncation(int(facts["longest"]))
        self._session = onnx.session(self._model, threads)
        self.head = TokenHead.load(folder / FILE) if (folder / FILE).is_file() else None
        self.tells_states = any(output.name == STATES for output in self._session.get_outputs())

    @property
    def fingerprint(self) -> str:
        """Changes with the model's file and with what it reads before each kind of text."""
        return self._digest

    def encode(self, texts: Sequence[str], kind: Kind) -> Vectors:
        """``(n, dimension) float32``; texts of like length share a batch, queries run alone."""
        result = np.zeros((len(texts), self.dimension), np.float32)
        for rows, tokens in self._batches(texts, kind):
            result[rows] = self._run(["vector"], tokens)[0]
        return result

    def read(self, texts: Sequence[str], kind: Kind) -> Read:
        """What `encode` gives, and the state of each token; see `tells_states`."""
        vectors = np.zeros((len(texts), self.dimension), np.float32)
        parts: list[Vectors] = [np.zeros((0, self.dimension), np.float32)] * len(texts)
        for rows, tokens in self._batches(texts, kind):
            vectors[rows], states = self._run(["vector", STATES], tokens)
            for row, found, said in zip(rows, tokens, states, strict=True):
                parts[row] = said[: len(found)].copy()
        starts = np.zeros(len(texts) + 1, np.int64)
        np.cumsum([len(part) for part in parts], out=starts[1:])
        return Read(vectors, np.concatenate([np.zeros((0, self.dimension), np.float32), *parts]), starts)

    def _batches(self, texts: Sequence[str], kind: Kind) -> Iterator[tuple[list[int], list[list[int]]]]:
        """Numbers of texts and their tokens, those of like length together."""
        batch = 1 if kind == "query" else BATCH
        tokens = [found.ids for found in self._tokenizer.encode_batch_fast([clean(self._before[kind] + text) for text in texts])]
        order = sorted(range(len(tokens)), key=lambda row: len(tokens[row]))
        for start in range(0, len(order), batch):
            rows = order[start : start + batch]
            yield rows, [tokens[row] for row in rows]

    def _run(self, wanted: Sequence[str], tokens: Sequence[Sequence[int]]) -> list[Vectors]:
        longest = max(map(len, tokens))
        ids = np.zeros((len(tokens), longest), np.int64)
        mask = np.zeros((len(tokens), longest), np.int64)
        for row, found in enumerate(tokens):
            ids[row, : len(found)] = found
            mask[row, : len(found)] = 1
        made: list[Vectors] = self._session.run(list(wanted), {"input_ids": ids, "attention_mask": mask}, self.active)
        return made

    def save(self, folder: Path) -> None:
        """Copy the encoder into ``folder``."""
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "model.onnx").write_bytes(self._model)
        (folder / "tokenizer.json").write_text(self._words, encoding="utf-8")
        if self.head is not None:
            self.head.save(folder / FILE)
        (folder / "encoder.json").write_text(json.dumps(self.facts), encoding="utf-8")

    @classmethod
    def load(cls, folder: Path) -> Self:
        """Open with one thread, as a server's worker does."""
        return cls(folder)


def opened(folder: Path, kinds: Mapping[str, type[Encoder]]) -> Encoder:
    """The encoder saved in ``folder``, of one of ``kinds``; a damaged one or one of another kind raises `BundleError`."""
    try:
        kind = json.loads((folder / "encoder.json").read_text(encoding="utf-8"))["kind"]
    except (OSError, KeyError, json.JSONDecodeError) as error:
        raise BundleError(f"The encoder in {folder} cannot be read: {error}.", "Train again.") from None
    if kind not in kinds:
        raise BundleError(f"{folder} holds an encoder of the unknown kind `{kind}`.", "Train again with this version.")
    return kinds[kind].load(folder)


def clean(text: str) -> str:
    """What of a text is read: its beginning, without halves of characters."""
    return text[:LONGEST].encode("utf-8", "replace").decode("utf-8")
