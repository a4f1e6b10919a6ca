"""Texts written after a bundle: a second segment behind its tokens, so that a new title is found at once and an old one no more."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from aisle.core.arrays import looked_up
from aisle.core.catalogue import Catalogue
from aisle.core.overlay import Overwritten
from aisle.text.segment import words
from aisle.text.tokens import PARTS, Field, Ids, Offsets, Posting, Tokens, Weights, Words, saturated, written

NOWHERE: Posting = (np.zeros(0, np.int32), np.zeros(0, np.float16))


class LaterWords(Words):
    """A bundle's words and those that came since, numbered behind them."""

    def __init__(self, base: Words, fresh: Mapping[str, int]) -> None:
        self.base, self.fresh = base, fresh

    @property
    def names(self) -> list[str]:  # type: ignore[override]
        """Every word in the order of the numbers."""
        return [*self.base.names, *self.fresh]

    def __len__(self) -> int:
        return len(self.base) + len(self.fresh)

    def get(self, token: str) -> int:
        """The token's number, -1 for an unknown one."""
        found = self.base.get(token)
        return found if found >= 0 else self.fresh.get(token, -1)

    @classmethod
    def over(cls, known: Words, tokens: Iterable[str]) -> Words:
        """``known`` and whatever of ``tokens`` it lacks."""
        fresh = dict.fromkeys(token for token in tokens if known.get(token) < 0)
        if not fresh:
            return known
        base, held = (known.base, known.fresh) if isinstance(known, LaterWords) else (known, {})
        return cls(base, {**held, **{token: len(known) + place for place, token in enumerate(fresh)}})


@dataclass(frozen=True)
class LaterField(Field):
    """A bundle's field and what was written since: ``written`` maps a slot to its tokens (word numbers in order), ``posted`` a word to the
    slots that have it, in any order, and what it gives them. Slots are numbered as they come, so ``written`` is in their order. Rarity and
    the usual length stay the bundle's, so that scores compare; a word that the bundle does not know is as rare as one that no item has.
    ``size`` is the number of the bundle's slots."""

    size: int
    written: Mapping[int, Ids]
    posted: Mapping[int, Posting]

    @classmethod
    def over(cls, field: Field, size: int, fresh: Mapping[int, Ids], vocabulary: int, ordered: bool) -> LaterField:
        """``field`` with the tokens of some slots written anew; ``ordered``: they are read in their order, too."""
        held, posted = (field.written, field.posted) if isinstance(field, LaterField) else ({}, {})
        every, idf, offsets = {**held, **fresh}, field.idf, field.offsets
        if len(idf) < vocabulary:
            filled = int(np.count_nonzero(np.diff(offsets[: size + 1]))) or size
            idf = np.concatenate([idf, np.full(vocabulary - len(idf), np.log1p((filled + 0.5) / 0.5), np.float32)])
        if ordered:
            lengths = np.zeros(len(every), np.int64)
            lengths[: len(offsets) - size - 1] = np.diff(offsets[size:])
            lengths[[slot - size for slot in fresh]] = [len(tokens) for tokens in fresh.values()]
            offsets = np.concatenate([offsets[: size + 1], offsets[size] + np.cumsum(lengths)])
        parts = {name: getattr(field, name) for name in ("token", "starts", "row", "value", "usual")}
        posted = _posted(posted, {slot: held[slot] for slot in fresh if slot in held}, fresh, idf, float(field.usual[0]))
        return cls(**parts, idf=idf, offsets=offsets, size=size, written=every, posted=posted)

    @cached_property
    def _later(self) -> Ids:
        return np.concatenate([np.zeros(0, np.int32), *self.written.values()])

    def postings(self, word: int) -> Posting:
        """The slots that have ``word`` and what it gives them; those whose text was written anew are still among the bundle's."""
        later = self.posted.get(word, NOWHERE)
        if word >= len(self.starts) - 1:
            return later
        rows, values = super().postings(word)
        return (np.concatenate([rows, later[0]]), np.concatenate([values, later[1]])) if len(later[0]) else (rows, values)

    def given(self, word: int, slots: Ids) -> Weights:
        """As `Field.given`: a slot is among the bundle's or among those written since."""
        rows, values = self.posted.get(word, NOWHERE)
        order = np.argsort(rows)
        bundled = super().postings(word) if word < len(self.starts) - 1 else NOWHERE
        return looked_up(*bundled, slots) + looked_up(rows[order], values[order], slots)

    def add(self, score: Weights, words: Iterable[int], weight: float) -> None:
        """As `Field.add`, of the bundle's texts and of those written since, without putting their lists together."""
        known = len(self.starts) - 1
        for word in words:
            for rows, values in (super().postings(word) if word < known else NOWHERE, self.posted.get(word, NOWHERE)):
                score[rows] += values * np.float32(weight)

    def _at(self, places: Offsets) -> Ids:
        known = int(self.offsets[self.size])
        behind = places >= known
        if not behind.any():
            return self.token[places]
        found = np.empty(len(places), np.int32)
        found[~behind] = self.token[places[~behind]]
        found[behind] = self._later[places[behind] - known]
        return found


def _posted(
    posted: Mapping[int, Posting], before: Mapping[int, Ids], fresh: Mapping[int, Ids], idf: Weights, usual: float
) -> Mapping[int, Posting]:
    """The postings after the slots ``before`` had their tokens taken away and those in ``fresh`` got new ones."""
    result = dict(posted)
    stale = np.array(list(before), np.int32)
    for word in np.unique(np.concatenate([NOWHERE[0], *before.values()])).tolist():
        slots, values = result[word]
        kept = ~np.isin(slots, stale)
        result[word] = slots[kept], values[kept]
    length = np.array([len(tokens) for tokens in fresh.values()])
    place = np.repeat(np.arange(len(fresh)), length)
    keys, count = np.unique(np.concatenate([NOWHERE[0], *fresh.values()]).astype(np.int64) * len(fresh) + place, return_counts=True)
    word, place = np.divmod(keys, max(len(fresh), 1))
    slot = np.array(list(fresh), np.int32)[place]
    value = (idf[word] * saturated(count, length[place] / usual)).astype(np.float16)
    starts = np.flatnonzero(np.concatenate([[True], word[1:] != word[:-1]])[: len(word)])
    ends = np.append(starts[1:], len(word))[: len(starts)]
    for number, start, end in zip(word[starts].tolist(), starts.tolist(), ends.tolist(), strict=True):
        slots, values = result.get(number, NOWHERE)
        result[number] = np.concatenate([slots, slot[start:end]]), np.concatenate([values, value[start:end]])
    return result


class LaterTokens(Tokens):
    """A bundle's tokens, and those of ``rows`` (row to its slot behind the bundle's) as they were written since."""

    def __init__(
        self,
        base: Tokens,
        vocabularies: dict[str, Words],
        fields: dict[str, Field],
        plain: Overwritten,
        rows: Mapping[int, int],
        items: int,
    ) -> None:
        super().__init__(vocabularies, fields, plain)
        self.base, self.rows, self.items = base, rows, items
        self._slot = np.arange(items, dtype=np.int32)
        self._rewritten = np.fromiter(rows, np.int64, len(rows))
        self._slot[self._rewritten] = np.fromiter(rows.values(), np.int32, len(rows))

    @cached_property
    def rarest(self) -> float:
        """The bundle's, so that scores compare."""
        return self.base.rarest

    def common(self, word: int, share: float) -> bool:
        """As the bundle has it; a word that came since is not."""
        return word < len(self.base.words) and self.base.common(word, share)

    def slots(self, rows: Ids) -> Ids:
        """``(k,) int32``: where the texts of ``rows`` are kept."""
        return self._slot[rows]

    def fold(self, values: NDArray[Any]) -> NDArray[Any]:
        """From ``(slots,)`` to ``(items,)``: of a row that was written anew only what its new text got."""
        known = len(self.base)
        result = np.zeros(self.items, values.dtype)
        result[:known] = values[:known]
        result[self._rewritten] = values[self._slot[self._rewritten]]
        return result


def rewritten(tokens: Tokens, catalogue: Catalogue, rows: Sequence[int]) -> tuple[LaterTokens, list[str]]:
    """``tokens`` with the texts of ``rows`` as ``catalogue`` has them, every new item among them; and those texts, for a speller.

    A field that no item of the bundle has (a first description) begins with the first text in it (`_begun`).
    """
    base, held = (tokens.base, tokens.rows) if isinstance(tokens, LaterTokens) else (tokens, {})
    size = len(base)
    places = {**held, **{row: size + len(held) + place for place, row in enumerate(row for row in rows if row not in held)}}
    texts = written({name: [column[row] for row in rows] for name, column in catalogue.texts.items()}, len(rows))
    spoken = [name for name in texts if name in tokens.fields or any(texts[name])]
    cut = {name: [PARTS.get(name, words)(text) for text in texts[name]] for name in spoken}
    vocabularies = dict(tokens.vocabularies)
    for name, pieces in cut.items():
        known = _vocabulary(name)
        vocabularies[known] = LaterWords.over(vocabularies[known], (token for found in pieces for token in found))
    fields: dict[str, Field] = {}
    for name, pieces in cut.items():
        numbers = vocabularies[_vocabulary(name)]
        fresh = {places[row]: np.array([numbers.get(token) for token in found], np.int32) for row, found in zip(rows, pieces, strict=True)}
        if name not in tokens.fields:
            fresh = {**dict.fromkeys(held.values(), NOWHERE[0]), **fresh}
        fields[name] = LaterField.over(tokens.fields.get(name) or _begun(tokens, size), size, fresh, len(numbers), name not in PARTS)
    plain = Overwritten.over(tokens.plain, {places[row]: text for row, text in zip(rows, texts["title"], strict=True)}, size + len(places))
    told = [text for name in ("title", "brand", "category") for text in texts[name]]
    return LaterTokens(base, vocabularies, fields, plain, places, len(catalogue)), told


def _begun(tokens: Tokens, size: int) -> Field:
    """A field that none of the ``size`` texts of the bundle has. How rare words are and how long texts in it is not known before the next
    training: until then they are what they are in titles, whatever comes in which order, so that every process scores alike."""
    title, word = tokens.fields["title"], np.zeros(len(tokens.words) + 1, np.int64)
    return Field(np.zeros(size + 1, np.int64), NOWHERE[0], word, NOWHERE[0], NOWHERE[1], title.idf, title.usual)


def _vocabulary(field: str) -> str:
    return field if field in PARTS else "words"
