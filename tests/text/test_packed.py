"""Packed blocks: every token once an epoch, no padding, whole words hidden, the same from the same seed."""

from __future__ import annotations

from collections import Counter

import numpy as np
import pytest

from aisle.text.packed import HIDDEN, NONE, Marks, Packed, masked
from aisle.text.vocabulary import learned

TEXTS = [f"保湿面霜 cream {chr(0x4E00 + n)}" for n in range(60)]
LENGTH = 16


def packed(hides: bool, **more: int) -> Packed:
    tokenizer = learned(TEXTS * 2)
    marks = Marks(2 if hides else None, 3, 4 if hides else None, tokenizer.get_vocab_size())
    return Packed(TEXTS, tokenizer, marks, length=LENGTH, batch=4, **more)


def test_every_block_is_full_and_begins_with_its_mark() -> None:
    blocks = [block for tokens, _ in packed(True)(0) for block in tokens]
    assert {len(block) for block in blocks} == {LENGTH} and {int(block[0]) for block in blocks} == {2}
    assert not any((block == 0).any() for block in blocks)


def test_an_epoch_reads_every_text_once_but_for_the_last_block() -> None:
    source = packed(False)
    seen = Counter(np.concatenate([tokens.ravel() for tokens, _ in source(0)]).tolist())
    wanted = Counter(number for text in TEXTS for number in [*source.tokenizer.encode(text, add_special_tokens=False).ids, 3])
    assert not seen - wanted and (wanted - seen).total() < LENGTH


def test_the_next_token_is_what_is_foretold() -> None:
    tokens, wanted = next(packed(False)(0))
    np.testing.assert_array_equal(wanted[:, :-1], tokens[:, 1:])
    assert (wanted[:, -1] == NONE).all()


def test_the_same_seed_and_epoch_give_the_same_and_another_epoch_another_order() -> None:
    first, again, other = (next(packed(True)(epoch))[0] for epoch in (0, 0, 1))
    np.testing.assert_array_equal(first, again)
    assert not np.array_equal(first, other)


@pytest.mark.parametrize("seed", range(5))
def test_a_word_is_hidden_whole_or_not_at_all_and_marks_never(seed: int) -> None:
    words = np.array([[-1, 7, 7, 8, 9, 9, 9, -1] * 20, [3, 3, -1, 4, 5, 5, -1, 6] * 20])
    words = np.where(words >= 0, words + 10 * (np.arange(160) // 8), -1)
    tokens = np.full_like(words, 30)
    shown, wanted = masked(tokens, words, (4, 50), np.random.default_rng(seed))
    for row in range(2):
        for word in np.unique(words[row][words[row] >= 0]):
            assert len(set((wanted[row] != NONE)[words[row] == word].tolist())) == 1
    assert (wanted[words < 0] == NONE).all() and (shown[wanted == NONE] == 30).all()


def test_as_many_words_are_hidden_as_told_and_most_are_shown_as_the_mask() -> None:
    words = np.tile(np.arange(1_000), (20, 1))
    shown, wanted = masked(np.full_like(words, 30), words, (4, 50), np.random.default_rng(0))
    hidden = wanted != NONE
    assert hidden.mean() == pytest.approx(HIDDEN, abs=0.01)
    assert (shown[hidden] == 4).mean() == pytest.approx(0.8, abs=0.02)
    assert (shown[hidden] == 30).mean() == pytest.approx(0.1, abs=0.02)
