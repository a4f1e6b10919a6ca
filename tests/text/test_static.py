"""The static encoder: the promises of every encoder, near its teacher, order of words does not matter, unknown words say nothing."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
from tokenizers import Tokenizer, models, pre_tokenizers

from aisle.core.errors import BundleError
from aisle.testing.encoder import EncoderSuite
from aisle.text.encoder import Encoder, Vectors
from aisle.text.encoders import load_encoder
from aisle.text.static import StaticEncoder

COLOURS, THINGS = ("red", "blue", "green", "white"), ("lamp", "sofa", "desk", "rug", "chair")
TEXTS = [f"{colour} {thing}" for colour in COLOURS for thing in THINGS]


class Teacher:
    """A word's direction is drawn by its letters; "red" turns what stands beside it."""

    name, dimension, fingerprint = "teacher", 24, "x"

    def encode(self, texts: Sequence[str], kind: str) -> Vectors:
        found = np.zeros((len(texts), 24), np.float32)
        for row, text in enumerate(texts):
            for word in text.split():
                found[row] += np.random.default_rng(sum(map(ord, word))).standard_normal(24)
            if "red" in text.split() and len(text.split()) > 1:
                found[row, 0] += 3
        length = np.linalg.norm(found, axis=1, keepdims=True)
        return np.asarray(found / np.maximum(length, 1e-9), np.float32)


def words() -> str:
    vocabulary = {word: number for number, word in enumerate(["[UNK]", *COLOURS, *THINGS])}
    tokenizer = Tokenizer(models.WordLevel(vocabulary, unk_token="[UNK]"))
    tokenizer.pre_tokenizer = pre_tokenizers.Whitespace()
    return str(tokenizer.to_str())


@pytest.fixture(scope="module")
def encoder() -> StaticEncoder:
    return StaticEncoder.distilled(Teacher(), words(), TEXTS)  # type: ignore[arg-type]


class TestStatic(EncoderSuite):
    tolerance = 1e-3

    def encoder(self) -> Encoder:
        return StaticEncoder.distilled(Teacher(), words(), TEXTS)  # type: ignore[arg-type]

    def texts(self) -> Sequence[str]:
        return TEXTS


def test_its_vectors_are_near_the_teachers_and_nearer_than_the_words_alone(encoder: StaticEncoder) -> None:
    wanted = Teacher().encode(TEXTS, "item")
    alone = np.stack([Teacher().encode(text.split(), "item").sum(axis=0) for text in TEXTS])
    alone /= np.linalg.norm(alone, axis=1, keepdims=True)
    near, plain = (float((wanted * found).sum(axis=1).mean()) for found in (encoder.encode(TEXTS, "item"), alone))
    assert near > 0.95 and near > plain


def test_the_order_of_words_does_not_matter(encoder: StaticEncoder) -> None:
    first, second = encoder.encode(["red lamp", "lamp red"], "query")
    np.testing.assert_allclose(first, second, atol=1e-6)


def test_many_texts_at_once_give_what_few_give(encoder: StaticEncoder) -> None:
    many = encoder.encode(TEXTS * 5, "item")
    np.testing.assert_allclose(many[:20], encoder.encode(TEXTS, "item"), atol=1e-3)


def test_it_opens_by_its_kind_and_a_torn_folder_is_refused(encoder: StaticEncoder, tmp_path: Path) -> None:
    encoder.save(tmp_path)
    assert isinstance(load_encoder(tmp_path), StaticEncoder)
    (tmp_path / "table.safetensors").unlink()
    with pytest.raises(BundleError, match="cannot be read"):
        load_encoder(tmp_path)
