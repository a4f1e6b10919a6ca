"""Item vectors: every item's text through the encoder in one byte a number; shared by the sources by meaning."""

from __future__ import annotations

import json
from collections import OrderedDict
from collections.abc import Sequence
from functools import lru_cache
from hashlib import sha256
from pathlib import Path
from typing import Self

import numpy as np
from numpy.typing import NDArray

from aisle.core.arrays import mapped
from aisle.core.catalogue import Catalogue
from aisle.core.strings import Strings
from aisle.retrieval.packed import Floats, Stored, floats, packed
from aisle.retrieval.scan import Scan
from aisle.retrieval.token_vectors import TokenVectors
from aisle.retrieval.unit_vectors import UnitVectors
from aisle.text.encoder import Encoder, ReadsTokens
from aisle.text.encoders import load_encoder
from aisle.text.normalise import normalise
from aisle.text.token_head import Asked, TokenHead, sampled

REMEMBERED = 4_096
"""Query vectors kept, since a query is encoded for retrieval and again for scoring."""
DESCRIPTION = 200
"""Characters of a description that the encoder reads."""


READ = ("title", "title_en", "title_zh", "brand", "category", "description")


def item_texts(catalogue: Catalogue, rows: NDArray[np.integer] | None = None) -> list[str]:
    """What the encoder reads of each item, or of ``rows``: titles, brand and category where the title does not say them, the description's
    beginning."""
    columns = [catalogue.texts[name] if name in catalogue.texts else Strings.none(len(catalogue)) for name in READ]
    if rows is None:
        return [_text(*parts) for parts in zip(*columns, strict=True)]
    return [_text(*(column[row] for column in columns)) for row in rows.tolist()]


def reworded(before: Catalogue, after: Catalogue, rows: NDArray[np.int32]) -> NDArray[np.int32]:
    """Those of ``rows`` of which the encoder reads another text than it did, new ones among them: a colour or an address is no word."""
    known = rows < len(before)
    told = zip(item_texts(before, rows[known]), item_texts(after, rows[known]), strict=True)
    changed = ~known
    changed[known] = [then != now for then, now in told]
    return rows[changed]


def _text(title: str, english: str, chinese: str, brand: str, category: str, description: str) -> str:
    parts = [title]
    said = title.lower()
    for more in (english, chinese, brand, category.partition("|")[0].rpartition(" > ")[2], description[:DESCRIPTION]):
        if more and more.lower() not in said:
            parts.append(more)
            said += " " + more.lower()
    return normalise(". ".join(parts))


class ItemVectors(UnitVectors):
    """The vectors of texts, and the encoder that made them."""

    def __init__(
        self, encoder: Encoder, vectors: Stored, made_from: str, scan: Scan | None = None, tokens: TokenVectors | None = None
    ) -> None:
        super().__init__(vectors, scan)
        self.encoder, self.made_from, self.tokens = encoder, made_from, tokens
        self._asked: OrderedDict[str, tuple[Floats, Asked | None]] = OrderedDict()

    @classmethod
    def of(cls, encoder: Encoder, catalogue: Catalogue, tokens: bool = False) -> Self:
        """Encode every item; the slow part of fitting a dense source. ``tokens``: theirs are kept as well."""
        texts = item_texts(catalogue)
        making = Making(encoder, texts, tokens)
        making.add(len(texts))
        return cls(encoder, making.vectors, fingerprint(encoder, texts), tokens=making.tokens())

    def encode(self, catalogue: Catalogue, rows: NDArray[np.integer]) -> dict[int, Floats]:
        """Vectors of ``rows`` as the catalogue has them, by row; the same that such texts have here."""
        return dict(zip(rows.tolist(), floats(self._kept(item_texts(catalogue, rows))), strict=True))

    def has_tokens(self, rows: NDArray[np.integer]) -> NDArray[np.bool_]:
        """``(len(rows),) bool``: which of them have their tokens here."""
        return np.full(len(rows), self.tokens is not None)

    def _kept(self, texts: Sequence[str]) -> Stored:
        """Texts encoded as these vectors are held."""
        made = self.encoder.encode(texts, "item")
        return packed(made) if self.vectors.dtype == np.int8 else made.astype(self.vectors.dtype)

    @property
    def waiting(self) -> NDArray[np.int32]:
        """Rows whose text was written since and is still to be encoded."""
        return np.zeros(0, np.int32)

    def for_catalogue(self, catalogue: Catalogue) -> ItemVectors:
        """These vectors when they were made from the same texts, else new ones."""
        texts = item_texts(catalogue)
        same = fingerprint(self.encoder, texts) == self.made_from
        return self if same else ItemVectors.of(self.encoder, catalogue, self.tokens is not None)

    def moved(self, before: Catalogue, after: Catalogue) -> tuple[ItemVectors, int]:
        """The vectors, made of the texts of ``before``, for ``after``: only texts that are new or others now are encoded, so many."""
        texts, rows = item_texts(after), before.rows(after.ids)
        if (made_from := fingerprint(self.encoder, texts)) == self.made_from:
            return self, 0
        read = item_texts(before)
        fresh = np.array([row < 0 or read[row] != text for row, text in zip(rows.tolist(), texts, strict=True)], bool)
        vectors = np.zeros((len(texts), self.encoder.dimension), self.vectors.dtype)
        vectors[~fresh] = self.vectors[rows[~fresh]]
        if fresh.any():
            vectors[fresh] = self._kept([texts[row] for row in np.flatnonzero(fresh).tolist()])
        return ItemVectors(self.encoder, vectors, made_from, tokens=self._moved_tokens(texts, rows, fresh)), int(fresh.sum())

    def _moved_tokens(self, texts: Sequence[str], rows: NDArray[np.int32], fresh: NDArray[np.bool_]) -> TokenVectors | None:
        """The tokens for other ``texts``: of those that stood in ``rows`` as they are, of ``fresh`` ones read again."""
        held = self.tokens
        if held is None:
            return None
        assert isinstance(self.encoder, ReadsTokens)
        new = iter(held.kept(self.encoder.read([texts[row] for row in np.flatnonzero(fresh).tolist()], "item")))
        return held.with_texts([next(new) if fresh[place] else held.of(row) for place, row in enumerate(rows.tolist())])

    def without_tokens(self) -> ItemVectors:
        """The same without the items' tokens."""
        return ItemVectors(self.encoder, self.vectors, self.made_from, self._index)

    def query(self, text: str) -> Floats:
        """``(dimension,) float32`` of a query."""
        return self._read(text)[0]

    def query_tokens(self, text: str) -> Asked | None:
        """A query by its tokens; None where those of items are not kept."""
        return self._read(text)[1]

    def _read(self, text: str) -> tuple[Floats, Asked | None]:
        found = self._asked.get(text)
        if found is None:
            if self.tokens is not None and isinstance(self.encoder, ReadsTokens):
                read = self.encoder.read([text], "query")
                found = read.vectors[0], self.tokens.head.asked(read.states)
            else:
                found = self.encoder.encode([text], "query")[0], None
            self._asked[text] = found
            while len(self._asked) > REMEMBERED:
                self._asked.popitem(last=False)
        return found

    def save(self, folder: Path) -> str:
        """Write vectors and encoder into a folder named by what they were made from, once for all who share them; returns its name."""
        name = f"vectors-{self.made_from}"
        if not (folder / name / "vectors.json").exists():
            self.encoder.save(folder / name / "encoder")
            np.save(folder / name / "vectors.npy", self.vectors)
            self._index.save(folder / name)
            if self.tokens is not None:
                self.tokens.save(folder / name)
            (folder / name / "vectors.json").write_text(json.dumps({"made_from": self.made_from}), encoding="utf-8")
        return name

    @staticmethod
    def load(folder: Path) -> ItemVectors:
        """Open what `save` wrote; the same folder is opened once while it is in use."""
        return _open(folder.resolve())


@lru_cache(2)
def _open(folder: Path) -> ItemVectors:
    made_from = json.loads((folder / "vectors.json").read_text(encoding="utf-8"))["made_from"]
    vectors = mapped(folder / "vectors.npy")
    return ItemVectors(load_encoder(folder / "encoder"), vectors, str(made_from), Scan.load(folder, vectors), TokenVectors.load(folder))


class Making:
    """Vectors, and tokens where they are asked for and the encoder tells them, of ``texts`` in the making: so many at a time."""

    def __init__(self, encoder: Encoder, texts: Sequence[str], tokens: bool) -> None:
        self.encoder, self.texts, self.done = encoder, texts, 0
        self.vectors = np.empty((len(texts), encoder.dimension), np.int8)
        self._held: TokenVectors | None = None
        self._parts: list[NDArray[np.int8]] = []
        if tokens and isinstance(encoder, ReadsTokens) and encoder.tells_states and len(texts):
            learned = encoder.head or TokenHead.principal(encoder.read(sampled(texts), "item").states)
            self._held = TokenVectors.none(learned)

    def add(self, count: int) -> int:
        """Encode the next ``count`` texts, fewer at the end; how many."""
        some = self.texts[self.done : self.done + count]
        end = self.done + len(some)
        if self._held is not None and isinstance(self.encoder, ReadsTokens):
            read = self.encoder.read(some, "item")
            self._parts += self._held.kept(read)
            self.vectors[self.done : end] = packed(read.vectors)
        else:
            self.vectors[self.done : end] = packed(self.encoder.encode(some, "item"))
        self.done = end
        return len(some)

    def tokens(self) -> TokenVectors | None:
        """The tokens of all texts, where they are kept."""
        return None if self._held is None else self._held.with_texts(self._parts).drawn(floats(self.vectors))


def fingerprint(encoder: Encoder, texts: Sequence[str]) -> str:
    """Twelve characters that change with the encoder or any text."""
    digest = sha256(encoder.fingerprint.encode())
    for text in texts:
        digest.update(text.encode("utf-8", "replace") + b"\0")
    return digest.hexdigest()[:12]
