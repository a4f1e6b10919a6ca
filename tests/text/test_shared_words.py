"""Which tokens' words stand in both texts of a pair."""

from __future__ import annotations

from tokenizers import Tokenizer
from tokenizers.models import WordPiece
from tokenizers.pre_tokenizers import Whitespace
from tokenizers.processors import TemplateProcessing

from aisle.text.shared_words import kinds

WORDS = ["[UNK]", "[CLS]", "[SEP]", "red", "blue", "lamp", "wh", "##1000", "##2000", "of"]


def reader() -> Tokenizer:
    """Reads like BERT, with a vocabulary of a few pieces."""
    made = Tokenizer(WordPiece({word: number for number, word in enumerate(WORDS)}, unk_token="[UNK]"))
    made.pre_tokenizer = Whitespace()
    ends = [("[CLS]", 1), ("[SEP]", 2)]
    made.post_processor = TemplateProcessing("[CLS] $A [SEP]", "[CLS] $A [SEP] $B:1 [SEP]:1", ends)
    return made


def said(first: str, second: str) -> list[int]:
    return kinds(reader().encode_batch([(first, second)])[0])


def test_words_of_both_texts_are_marked_and_special_tokens_are_not():
    assert said("red lamp", "lamp blue") == [0, 0, 2, 0, 3, 1, 1]


def test_a_word_of_several_pieces_is_shared_only_as_a_whole():
    assert said("wh1000", "wh2000") == [0, 0, 0, 0, 1, 1, 1]
    assert said("wh1000", "red wh1000") == [0, 2, 2, 0, 1, 3, 3, 1]


def test_a_word_that_one_text_says_twice_is_not_shared_with_itself():
    assert said("red red", "blue") == [0, 0, 0, 0, 1, 1]
