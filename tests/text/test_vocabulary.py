"""A vocabulary from a shop's own text: Chinese by characters, ends marked, and what a given one lacks."""

from __future__ import annotations

import pytest
from tokenizers import Tokenizer

from aisle.text.vocabulary import OFTEN, SPECIAL, lacking, learned, parts, widen

TEXTS = ["保湿面霜 lumora cream", "保湿口红 lumora lipstick", "cream lipstick"] * 20


@pytest.fixture(scope="module")
def tokenizer() -> Tokenizer:
    return learned(TEXTS)


def test_chinese_is_cut_into_characters_and_a_text_has_its_ends(tokenizer: Tokenizer) -> None:
    assert tokenizer.encode("保湿面霜 cream").tokens == ["[CLS]", "保", "湿", "面", "霜", "cream", "[SEP]"]
    assert learned(TEXTS, causal=True).encode("面霜").tokens == ["面", "霜", "[SEP]"]
    assert [tokenizer.token_to_id(name) for name in SPECIAL] == [0, 1, 2, 3, 4]


def test_words_are_kept_together_and_spaces_left_out() -> None:
    assert parts("保湿面霜 50ml") == ["保湿", "面霜", "50ml"]


def test_the_same_texts_give_the_same_vocabulary(tokenizer: Tokenizer) -> None:
    assert learned(TEXTS).get_vocab() == tokenizer.get_vocab()


def test_only_frequent_words_that_are_cut_up_or_unknown_are_lacking(tokenizer: Tokenizer) -> None:
    """`zephyr` is in no text that taught, `面霜` is two characters; `cream` is known, `tulle` is too rare."""
    new = ["面霜 zephyr cream"] * OFTEN + ["tulle"] * (OFTEN - 1)
    found = lacking(tokenizer, new)
    assert set(found) == {"面霜", "zephyr"}
    assert found["面霜"] == [tokenizer.token_to_id("面"), tokenizer.token_to_id("霜")]


def test_a_new_word_is_one_token_after_all_others(tokenizer: Tokenizer) -> None:
    wider = Tokenizer.from_str(tokenizer.to_str())
    before = wider.get_vocab_size()
    widen(wider, ["面霜", "zephyr"])
    assert wider.encode("zephyr 保湿面霜", add_special_tokens=False).ids == [before + 1, *tokenizer.encode("保湿").ids[1:3], before]
    assert before + 1 not in wider.encode("zephyrs").ids, "a word of letters stands for itself alone"
