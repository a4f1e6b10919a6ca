"""Every item's tokens in one byte a number, for late interaction with a query."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Self

import numpy as np
from numpy.typing import NDArray

from aisle.core.arrays import mapped
from aisle.text.encoder import Read
from aisle.text.token_head import FILE, Asked, Floats, TokenHead, likeness

MOST = 48
"""Tokens of an item that are kept: more than 99 of 100 titles have fewer."""
SCALE = 127.0
SAMPLE, NEIGHBOURS = 64, 100
"""Items that stand for queries when the `line` is drawn, and how many others each is compared with."""
LEAST = 1e-6
"""Variance of cosines below which no line is drawn."""
Rows = NDArray[np.integer]


@dataclass(frozen=True)
class TokenVectors:
    """``tokens`` ``(t, size) int8``, `SCALE` times numbers of unit length; those of row ``r`` are ``starts[r]:starts[r + 1]``.

    ``line``: intercept and slope from a cosine of whole vectors to what the tokens would say, for items whose tokens are not here.
    """

    head: TokenHead
    tokens: NDArray[np.int8]
    starts: NDArray[np.int64]
    line: tuple[float, float] = (0.0, 1.0)

    @classmethod
    def none(cls, head: TokenHead) -> Self:
        """Of no item."""
        return cls(head, np.zeros((0, head.size), np.int8), np.zeros(1, np.int64))

    def __len__(self) -> int:
        return len(self.starts) - 1

    def kept(self, read: Read) -> list[NDArray[np.int8]]:
        """The tokens of each text that was read, as they are held."""
        found = np.rint(self.head.tokens(read.states) * SCALE).astype(np.int8)
        return [found[start:end][:MOST] for start, end in zip(read.starts[:-1].tolist(), read.starts[1:].tolist(), strict=True)]

    def with_texts(self, parts: Sequence[NDArray[np.int8]]) -> Self:
        """Of these items instead, one array of tokens each."""
        starts = np.zeros(len(parts) + 1, np.int64)
        np.cumsum([len(part) for part in parts], out=starts[1:])
        return replace(self, tokens=np.concatenate([np.zeros((0, self.head.size), np.int8), *parts]), starts=starts)

    def of(self, row: int) -> NDArray[np.int8]:
        """An item's tokens, as they are held."""
        return np.asarray(self.tokens[self.starts[row] : self.starts[row + 1]])

    def score(self, asked: Asked, rows: Rows) -> Floats:
        """``(len(rows),) float32``: how alike each item is to the query."""
        if not len(rows):
            return np.zeros(0, np.float32)
        begin, count = self.starts[rows], self.starts[rows + 1] - self.starts[rows]
        ends = np.cumsum(count)
        starts = ends - count
        places = np.arange(ends[-1]) + np.repeat(begin - starts, count)
        return likeness(asked, self.tokens.take(places, axis=0).astype(np.float32), starts) / np.float32(SCALE)

    def drawn(self, vectors: Floats, seed: int = 7) -> Self:
        """With the `line` through pairs of items: ``vectors`` ``(n, d)`` are theirs as a whole."""
        random = np.random.default_rng(seed)
        pairs: list[tuple[Floats, Floats]] = []
        for row in random.choice(len(self), min(SAMPLE, len(self)), replace=False).tolist():
            near = np.argsort(-(vectors @ vectors[row]))[1 : NEIGHBOURS + 1]
            rows = np.concatenate([near, random.integers(0, len(self), NEIGHBOURS)])
            own = self.of(row).astype(np.float32) / np.float32(SCALE)
            alike = self.score(Asked(own, np.full(len(own), 1 / len(own), np.float32)), rows)
            pairs.append((vectors[rows] @ vectors[row], alike))
        if len(pairs) < 2:
            return self
        cosine, said = (np.concatenate(side) for side in zip(*pairs, strict=True))
        spread = float(cosine.var())
        if spread < LEAST:
            return self
        slope = float(((cosine - cosine.mean()) * said).mean()) / spread
        return replace(self, line=(float(said.mean()) - slope * float(cosine.mean()), slope))

    def save(self, folder: Path) -> None:
        """Write ``tokens.npy``, where each item's begin, and the head."""
        np.save(folder / "tokens.npy", self.tokens)
        np.save(folder / "token_starts.npy", self.starts)
        np.save(folder / "token_line.npy", np.array(self.line))
        self.head.save(folder / FILE)

    @classmethod
    def load(cls, folder: Path) -> Self | None:
        """Open what `save` wrote; None where nothing was."""
        if not (folder / FILE).is_file():
            return None
        intercept, slope = np.load(folder / "token_line.npy", allow_pickle=False).tolist()
        starts = np.load(folder / "token_starts.npy", allow_pickle=False)
        return cls(TokenHead.load(folder / FILE), mapped(folder / "tokens.npy"), starts, (intercept, slope))
