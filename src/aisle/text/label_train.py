"""A pretrained transformer that labels words: which of a title are its brand, its model, its product (named entities); training only."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import torch
from tokenizers import Encoding
from torch import Tensor
from torch.nn import functional

from aisle.text.device_train import near, placed
from aisle.text.loop_train import History
from aisle.text.study_train import ARTICLE, ASKED, Labels, Study, opened

Words = Sequence[Sequence[str]]
"""Texts, each its words one by one; in Chinese, its characters."""


@dataclass(frozen=True)
class Read:
    """A text's tokens; its ``words`` that have any, the first token ``at`` of each, and the number ``wanted`` of each one's label."""

    encoding: Encoding
    words: list[int]
    at: list[int]
    wanted: list[int]


class Labeller:
    """Opens the BERT-like model in ``folder`` with a new head for ``labels``, the first of which says that a word is nothing (`O`). Texts
    are cut after ``tokens`` tokens; a word is read off its first token (Devlin et al. 2019), and one that has none is nothing."""

    def __init__(self, folder: Path, labels: Sequence[str], tokens: int = 128, seed: int = 7) -> None:
        self.labels = tuple(labels)
        net, self.tokenizer = opened(folder, len(self.labels), tokens, seed)
        self.net = placed(net)

    def fit(self, words: Words, labels: Words, development: Words, value: Callable[[Words], float], study: Study = ARTICLE) -> History:
        """Learn to say ``labels`` of ``words`` by cross-entropy over the words. Before the first epoch and after each, ``value`` judges
        what is said of ``development``, larger being better; the best weights are kept. Raises `KeyError` for a label not given."""
        texts, asked = self._read(words, labels), self._read(development)

        def loss(rows: Labels) -> Tensor:
            some = [texts[row] for row in rows]
            (wanted,) = near(self.net, torch.tensor([label for one in some for label in one.wanted]))
            return functional.cross_entropy(self._logits(some), wanted)

        return study.learn(self.net, len(texts), loss, lambda: value(self._said(development, asked)))

    def label(self, words: Words) -> list[list[str]]:
        """The likeliest label of each word."""
        self.net.eval()
        with torch.no_grad():
            return self._said(words, self._read(words))

    def _read(self, words: Words, labels: Words = ()) -> list[Read]:
        number = {name: place for place, name in enumerate(self.labels)}
        encoded = self.tokenizer.encode_batch([list(one) for one in words], is_pretokenized=True)
        said = labels or [()] * len(words)
        return [_placed(one, [number[label] for label in some]) for one, some in zip(encoded, said, strict=True)]

    def _said(self, words: Words, texts: Sequence[Read]) -> list[list[str]]:
        said = [[self.labels[0]] * len(one) for one in words]
        for start in range(0, len(texts), ASKED):
            some = texts[start : start + ASKED]
            guessed = iter(self._logits(some).argmax(1).cpu().numpy().tolist())
            for row, one in enumerate(some, start):
                for word in one.words:
                    said[row][word] = self.labels[next(guessed)]
        return said

    def _logits(self, texts: Sequence[Read]) -> Tensor:
        """``(words, labels)`` of all texts, one after another."""
        states = self.net.read([one.encoding for one in texts])
        rows = [row for row, one in enumerate(texts) for _ in one.at]
        logits: Tensor = self.net(states[rows, [token for one in texts for token in one.at]])
        return logits


def _placed(encoding: Encoding, labels: Sequence[int]) -> Read:
    """``labels`` of all words of the text, or none."""
    first: dict[int, int] = {}
    for token, word in enumerate(encoding.word_ids):
        if word is not None:
            first.setdefault(word, token)
    return Read(encoding, list(first), list(first.values()), [labels[word] for word in first] if labels else [])
