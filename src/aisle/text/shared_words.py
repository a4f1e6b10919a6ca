"""What two texts read together have in common, said to the model token by token."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import groupby
from typing import Protocol

SHARED = 2
"""What is added to the number of a token's text where its word stands in the other text too."""


class Pair(Protocol):
    """A tokenizer's encoding of two texts, each list one entry a token; special tokens are of no word."""

    @property
    def ids(self) -> Sequence[int]: ...
    @property
    def type_ids(self) -> Sequence[int]: ...
    @property
    def word_ids(self) -> Sequence[int | None]: ...


def kinds(pair: Pair) -> list[int]:
    """For each token the text that it stands in, 0 or 1, and `SHARED` more where the whole word stands in the other text too.

    A model that learns from few pairs spends them on finding out that equal words are equal; told so, it learns what that means: overlap
    indicators of Severyn and Moschitti, "Learning to rank short text pairs with convolutional deep neural networks" (2015), section 3.2,
    here as two more rows of BERT's embeddings of the text.
    """
    found = list(pair.type_ids)
    words = list(_words(pair))
    held = [{word for text, word, _ in words if text == which} for which in (0, 1)]
    for text, word, places in words:
        if word in held[1 - text]:
            for place in places:
                found[place] += SHARED
    return found


def _words(pair: Pair) -> Iterator[tuple[int, tuple[int, ...], list[int]]]:
    """Each word's text, its tokens' numbers and their places."""
    for (text, word), some in groupby(range(len(pair.ids)), key=lambda place: (pair.type_ids[place], pair.word_ids[place])):
        if word is not None:
            places = list(some)
            yield text, tuple(pair.ids[place] for place in places), places
