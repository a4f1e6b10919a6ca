"""The words of a language model: a tokenizer learned from a shop's own text, and what a given one lacks of it."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence

from tokenizers import AddedToken, Tokenizer, models, normalizers, pre_tokenizers, processors, trainers

from aisle.text.chinese import cut

SPECIAL = ("[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]")
SIZE, RAREST = 8_000, 2
"""Tokens at most, and how often one must occur."""
NEW, OFTEN, LONGEST = 2_000, 20, 8
"""Words that a given vocabulary gets at most, how often each must occur, and its most Chinese characters."""
_LETTERS = re.compile(r"[^\W_]+")


def parts(text: str) -> list[str]:
    """The words of a text in matching form, Chinese ones as jieba cuts them: what is masked together.

    >>> parts("保湿面霜 50ml")
    ['保湿', '面霜', '50ml']
    """
    return [word for word in cut(text) if word.strip()]


def learned(texts: Sequence[str], causal: bool = False) -> Tokenizer:
    """Chinese by characters, other words by byte-pair encoding (Sennrich, Haddow and Birch 2016) of characters; a text ends with [SEP], and
    begins with [CLS] unless it is read left to right (``causal``). The same texts give the same tokens: WordPiece's trainer breaks ties
    in no fixed order."""
    tokenizer = Tokenizer(models.BPE(unk_token="[UNK]"))
    tokenizer.normalizer = normalizers.BertNormalizer(lowercase=True)
    tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    trainer = trainers.BpeTrainer(vocab_size=SIZE, min_frequency=RAREST, special_tokens=list(SPECIAL), show_progress=False)
    tokenizer.train_from_iterator(texts, trainer, len(texts))
    ends = [(name, tokenizer.token_to_id(name)) for name in ("[CLS]", "[SEP]")]
    tokenizer.post_processor = processors.TemplateProcessing(single="$A [SEP]" if causal else "[CLS] $A [SEP]", special_tokens=ends)
    return tokenizer


def lacking(tokenizer: Tokenizer, texts: Sequence[str]) -> dict[str, list[int]]:
    """Frequent words that the tokenizer cuts up or does not know, the most frequent first, each with the tokens that it makes of it."""
    seen = Counter(word for text in texts for word in parts(text) if _LETTERS.fullmatch(word) and len(word) <= LONGEST)
    found: dict[str, list[int]] = {}
    unknown = {tokenizer.token_to_id(name) for name in ("[UNK]", "<unk>")} - {None}
    for word, count in seen.most_common():
        if count < OFTEN or len(found) == NEW:
            break
        ids = tokenizer.encode(word, add_special_tokens=False).ids
        if len(ids) > 1 or unknown.intersection(ids):
            found[word] = ids
    return found


def widen(tokenizer: Tokenizer, words: Sequence[str]) -> None:
    """Add these words, each as one token, numbered after all others; one in letters stands for the whole word alone."""
    tokenizer.add_tokens([AddedToken(word, normalized=True, single_word=word.isascii()) for word in words])
