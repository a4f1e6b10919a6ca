"""What an encoder promises: unit vectors, one text's vector not depending on its neighbours, the same after saving."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from aisle.testing.toys import DOZEN
from aisle.text.encoder import Encoder, Vectors

STRANGE = ("", " ", "🙂🙂", "\u0000\ud800", "a" * 50_000, "ｆｕｌｌ　ｗｉｄｔｈ", "\n\t")


class EncoderSuite:
    """Runs under pytest. ``tolerance`` is how far a vector may move when other texts share its batch."""

    tolerance = 1e-4

    def encoder(self) -> Encoder:
        """A fitted encoder."""
        raise NotImplementedError

    def texts(self) -> Sequence[str]:
        """Texts that it was made for."""
        return [title for english, chinese, *_ in DOZEN.values() for title in (english, chinese)]

    def queries(self, texts: Sequence[str]) -> Vectors:
        """Their vectors as queries."""
        return self.encoder().encode(texts, "query")

    def test_vectors_have_unit_length_and_the_stated_dimension(self) -> None:
        encoder = self.encoder()
        for vectors in (encoder.encode(self.texts(), "query"), encoder.encode(self.texts(), "item")):
            assert vectors.shape == (len(self.texts()), encoder.dimension) and vectors.dtype == np.float32
            np.testing.assert_allclose(np.linalg.norm(vectors, axis=1), 1, atol=1e-3)

    def test_a_batch_gives_what_each_text_gives_alone(self) -> None:
        encoder, texts = self.encoder(), self.texts()
        together = encoder.encode(texts, "query")
        alone = np.concatenate([encoder.encode([text], "query") for text in texts])
        np.testing.assert_allclose(alone, together, atol=self.tolerance)

    def test_a_text_is_nearest_to_itself(self) -> None:
        encoder, texts = self.encoder(), self.texts()
        near = encoder.encode(texts, "query") @ encoder.encode(texts, "item").T
        assert (near.argmax(axis=1) == np.arange(len(texts))).mean() > 0.9

    def test_encoding_twice_gives_the_same(self) -> None:
        np.testing.assert_array_equal(self.queries(self.texts()), self.queries(self.texts()))

    def test_strange_texts_are_no_accident(self) -> None:
        vectors = self.queries(STRANGE)
        assert np.isfinite(vectors).all()
        length = np.linalg.norm(vectors, axis=1)
        assert ((np.abs(length - 1) < 1e-3) | (length == 0)).all(), "of unit length, or zero for a text that says nothing"

    def test_no_texts_give_no_vectors(self) -> None:
        encoder = self.encoder()
        assert encoder.encode([], "item").shape == (0, encoder.dimension)

    def test_a_saved_encoder_gives_the_same_vectors(self, tmp_path: Path) -> None:
        encoder = self.encoder()
        encoder.save(tmp_path)
        opened = type(encoder).load(tmp_path)
        assert (opened.name, opened.dimension) == (encoder.name, encoder.dimension)
        np.testing.assert_allclose(opened.encode(self.texts(), "query"), encoder.encode(self.texts(), "query"), atol=1e-6)
