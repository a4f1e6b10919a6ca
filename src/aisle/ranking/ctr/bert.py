"""bert_ctr: the probability of a click from what was taken last, the query and the title, as a language model reads them."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from aisle.core.errors import BundleError, SettingsError
from aisle.ranking.ctr.base import Ctr, Floats
from aisle.ranking.ctr.bert_head import BertHead
from aisle.ranking.ctr.examples import Column, Examples
from aisle.ranking.ctr.layout import Layout
from aisle.ranking.ctr.settings import BERT, BERT_CTR, Settings
from aisle.text.encoder import Encoder, Kind, Vectors
from aisle.text.encoders import load_encoder
from aisle.text.normalise import normalise

TITLE, QUERY = "item", "query"
HELD = 100_000
"""Vectors of texts that are remembered."""


class BertCtr(Ctr):
    """Titles, queries and last items are texts to it, never numbers: what it learned holds for an item that nobody was shown before.

    ``encoder`` gives the vectors, which do not learn; the head over them is fitted with cross-entropy, AdamW, dropout and early stopping.
    ``texts`` says what is read of a category's value where that is not the value itself. ``past``: the sequence that is the history, if
    the examples have it. ``numbers``: whether the head reads the examples' numbers beside the texts; of categories it reads none.
    """

    name = BERT_CTR

    def __init__(
        self,
        encoder: Encoder | None = None,
        texts: Mapping[str, str] | None = None,
        settings: Settings = BERT,
        layout: Layout | None = None,
        past: str = TITLE,
        numbers: bool = True,
        stop: Callable[[int], bool] = lambda _: False,
    ) -> None:
        super().__init__()
        self.encoder, self.texts, self.settings, self.layout = encoder, dict(texts or {}), settings, layout or Layout()
        self.past, self.numbers, self.stop, self.rounds_ = past, numbers, stop, 0
        self.head_ = BertHead(b"")
        self._held: dict[tuple[Kind, str], Vectors] = {}

    def _fit(self, examples: Examples) -> None:
        from aisle.ranking.ctr.bert_train import Cases, train

        self.layout = replace(self.layout).fit(self._read_of(examples))
        tables, places = self._looked_up(examples)
        starts = np.cumsum([1, *map(len, tables[:-1])])
        ids = [np.where(place < 0, 0, place + start) for place, start in zip(places, starts, strict=True)]
        vectors = np.concatenate([np.zeros((1, self._width), np.float32), *tables])
        cases = Cases(vectors, np.hstack(ids).astype(np.int64), self._numbers(examples))
        graph, self.rounds_ = train(cases, examples, self.settings, self.stop)
        self.head_ = BertHead(graph)

    def raw(self, examples: Examples) -> Floats:
        """``(n,) float64``. Cases of one query and one history are read together."""
        numbers = self._numbers(examples)
        if not len(examples):
            return np.zeros(0)
        tables, (title, query, past) = self._looked_up(examples)
        titles, queries, pasts = (np.vstack([table, np.zeros((1, self._width), np.float32)]) for table in tables)
        asked, owner = np.unique(np.hstack([query, past]), axis=0, return_inverse=True)
        found, step = np.zeros(len(examples)), max(1, 8_192 // max(1, past.shape[1]))
        order = np.argsort(owner.ravel(), kind="stable")
        for start in range(0, len(order), step):
            rows = order[start : start + step]
            some, place = np.unique(owner.ravel()[rows], return_inverse=True)
            given = queries[asked[some, 0]], pasts[asked[some, 1:]]
            found[rows] = self.head_.logit(titles[title[rows, 0]], *given, place, numbers[rows])
        return found

    def _looked_up(self, examples: Examples) -> tuple[list[Vectors], list[NDArray[np.int64]]]:
        """Vectors of titles, queries and last items, and each case's places in them, ``(n, 1)`` or ``(n, length)``, -1 for missing."""
        rows = len(examples)
        nothing = Column(np.full((rows, 1), -1, np.int32), ())
        query, past = examples.categories.get(QUERY, nothing), examples.sequences.get(self.past, nothing)
        read: list[tuple[Column, Kind]] = [(examples.categories[TITLE], "item"), (query, "query"), (past, "item")]
        found = [self._vectors(column, kind) for column, kind in read]
        return [table for table, _ in found], [place.reshape(rows, -1) for _, place in found]

    def _vectors(self, column: Column, kind: Kind) -> tuple[Vectors, NDArray[np.int64]]:
        used, place = np.unique(column.codes, return_inverse=True)
        missing = int((used < 0).any())
        return self._encoded([column.names[code] for code in used[missing:].tolist()], kind), place.astype(np.int64) - missing

    def _encoded(self, names: Sequence[str], kind: Kind) -> Vectors:
        """``(n, d) float32``; each text once."""
        if self.encoder is None:
            raise SettingsError("bert_ctr has no encoder.", "Hand one in: BertCtr(encoder, texts).")
        texts = [self.texts.get(name, name) for name in names]
        if fresh := [text for text in dict.fromkeys(texts) if (kind, text) not in self._held]:
            if len(self._held) + len(fresh) > HELD:
                self._held.clear()
                fresh = list(dict.fromkeys(texts))
            made = self.encoder.encode([normalise(text) for text in fresh], kind)
            self._held |= {(kind, text): vector for text, vector in zip(fresh, made, strict=True)}
        return np.stack([self._held[kind, text] for text in texts]) if texts else np.zeros((0, self._width), np.float32)

    @property
    def _width(self) -> int:
        return 0 if self.encoder is None else self.encoder.dimension

    def _numbers(self, examples: Examples) -> NDArray[np.float32]:
        return self.layout.apply(self._read_of(examples)).numbers

    def _read_of(self, examples: Examples) -> Examples:
        """The columns that it reads."""
        categories = {name: column for name, column in examples.categories.items() if name in (TITLE, QUERY, self.past)}
        sequences = {name: column for name, column in examples.sequences.items() if name == self.past}
        return replace(examples, categories=categories, numbers=examples.numbers if self.numbers else {}, sequences=sequences)

    def _write(self, folder: Path) -> dict[str, Any]:
        self.head_.save(folder)
        if self.encoder is not None:
            self.encoder.save(folder / "encoder")
        (folder / "texts.json").write_text(json.dumps(self.texts, ensure_ascii=False), encoding="utf-8")
        kept = {"settings": asdict(self.settings), "past": self.past, "numbers": self.numbers}
        return {**kept, "layout": self.layout.to_dict()}

    def _read(self, folder: Path, state: dict[str, Any]) -> None:
        held: dict[str, Any] = {name: tuple(value) if isinstance(value, list) else value for name, value in state["settings"].items()}
        self.settings, self.layout = Settings(**held), Layout.from_dict(state["layout"])
        self.past, self.numbers = str(state["past"]), bool(state["numbers"])
        self.encoder, self.head_, self._held = load_encoder(folder / "encoder"), BertHead.load(folder), {}
        try:
            self.texts = json.loads((folder / "texts.json").read_text(encoding="utf-8"))
        except (OSError, json.JSONDecodeError) as error:
            raise BundleError(f"The click-through model in {folder} cannot be read: {error}.", "Train it again.") from None
