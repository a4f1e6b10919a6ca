"""Texts as a stream of tokens cut into blocks without padding, and whole words hidden in them: what language models learn from."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from tokenizers import Tokenizer

from aisle.text.vocabulary import parts

Numbers = NDArray[np.int64]
LENGTH, BATCH = 128, 32
"""Tokens of a block, blocks of a batch on a processor."""
CHUNK = 512
"""Texts that are turned into tokens at a time."""
HIDDEN, SHOWN_AS_MASK, SHOWN_AS_OTHER = 0.15, 0.8, 0.1
"""Share of words that are guessed; of these so many are shown as [MASK] and so many as any token, the rest as they are."""
NONE = -100
"""Marks a token that is not guessed."""


@dataclass(frozen=True)
class Marks:
    """Numbers of the tokens that are no text: what begins a block (None for models that read left to right), ends a text, hides a word;
    ``size`` of the vocabulary."""

    begin: int | None
    end: int
    mask: int | None
    size: int


@dataclass(frozen=True)
class Packed:
    """Blocks of ``texts`` (matching form) in a fresh order each epoch, read as they are needed. Texts follow each other in a block, each
    ended by its mark, as in RoBERTa's full sentences (Liu et al. 2019)."""

    texts: Sequence[str]
    tokenizer: Tokenizer
    marks: Marks
    length: int = LENGTH
    batch: int = BATCH
    seed: int = 7

    def __call__(self, epoch: int) -> Iterator[tuple[Numbers, Numbers]]:
        """Batches of `masked` or, without [MASK], of tokens to be foretold."""
        random = np.random.default_rng((self.seed, epoch))
        order = random.permutation(len(self.texts))
        blocks: list[tuple[Numbers, Numbers]] = []
        for block in self._blocks(order):
            blocks.append(block)
            if len(blocks) == self.batch:
                yield self._asked(blocks, random)
                blocks = []
        if blocks:
            yield self._asked(blocks, random)

    def _asked(self, blocks: Sequence[tuple[Numbers, Numbers]], random: np.random.Generator) -> tuple[Numbers, Numbers]:
        tokens, words = (np.stack(column) for column in zip(*blocks, strict=True))
        if self.marks.mask is not None:
            return masked(tokens, words, (self.marks.mask, self.marks.size), random)
        return tokens, np.concatenate([tokens[:, 1:], np.full((len(tokens), 1), NONE)], axis=1)

    def _blocks(self, order: Numbers) -> Iterator[tuple[Numbers, Numbers]]:
        """``(length,)`` tokens, and the number of the word that each belongs to, -1 for marks; what is left at the end is dropped."""
        front = [] if self.marks.begin is None else [self.marks.begin]
        room = self.length - len(front)
        ids: list[int] = []
        words: list[int] = []
        count = 0
        for start in range(0, len(order), CHUNK):
            some = [parts(self.texts[row]) for row in order[start : start + CHUNK].tolist()]
            for cut, found in zip(some, self.tokenizer.encode_batch(some, is_pretokenized=True, add_special_tokens=False), strict=True):
                ids += [*found.ids, self.marks.end]
                words += [*(count + (number or 0) for number in found.word_ids), -1]
                count += len(cut)
            for end in range(room, len(ids) + 1, room):
                yield np.array(front + ids[end - room : end]), np.array([-1] * len(front) + words[end - room : end])
            done = len(ids) // room * room
            ids, words = ids[done:], words[done:]


def masked(tokens: Numbers, words: Numbers, marks: tuple[int, int], random: np.random.Generator) -> tuple[Numbers, Numbers]:
    """``(b, t)`` tokens as the model sees them, and what it shall guess, `NONE` elsewhere: whole words are hidden (Cui et al. 2021), a
    tenth of them shown as other tokens and a tenth as they are (Devlin et al. 2019). ``marks``: [MASK] and the size of the vocabulary."""
    shown, wanted = tokens.copy(), np.full_like(tokens, NONE)
    for row, owner in enumerate(words):
        place = np.unique(owner, return_inverse=True)[1]
        draws = random.random((2, len(owner)))
        hidden = (owner >= 0) & (draws[0, place] < HIDDEN)
        how = draws[1, place]
        wanted[row, hidden] = tokens[row, hidden]
        shown[row, hidden & (how < SHOWN_AS_MASK)] = marks[0]
        other = hidden & (how >= SHOWN_AS_MASK) & (how < SHOWN_AS_MASK + SHOWN_AS_OTHER)
        shown[row, other] = random.integers(marks[1], size=int(other.sum()))
    return shown, wanted
