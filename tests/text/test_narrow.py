"""Vectors cut to their first numbers: the promises of every encoder, the cut by hand, what cannot be cut."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest

from aisle.core.errors import BundleError, InputError
from aisle.testing.encoder import EncoderSuite
from aisle.text.encoder import Encoder
from aisle.text.encoders import load_encoder
from aisle.text.joint import JointEncoder
from aisle.text.narrow import NarrowEncoder, narrowed, shortened
from aisle.text.ngram import NgramEncoder
from aisle.text.static import StaticEncoder
from tests.text.test_static import TEXTS, Teacher, words


def static() -> StaticEncoder:
    return StaticEncoder.distilled(Teacher(), words(), TEXTS)


class TestNarrow(EncoderSuite):
    def encoder(self) -> Encoder:
        return NarrowEncoder(static(), 16)

    def texts(self) -> Sequence[str]:
        return TEXTS


def test_what_is_left_has_unit_length_and_keeps_its_direction() -> None:
    """(3, 4, 12)/13 cut to two numbers is (3, 4)/5; a text that says nothing still says nothing."""
    vectors = np.array([[3, 4, 12], [0, 0, 0], [0, 0, 1]], np.float32) / 13
    np.testing.assert_allclose(shortened(vectors, 2), [[0.6, 0.8], [0, 0], [0, 0]], rtol=1e-6)
    np.testing.assert_allclose(shortened(vectors[:1], 3), vectors[:1], rtol=1e-6)


def test_a_bundle_opens_it_alone_and_as_a_half_of_a_joint_encoder(tmp_path: Path) -> None:
    narrow = NarrowEncoder(static(), 8)
    narrow.save(tmp_path / "narrow")
    opened = load_encoder(tmp_path / "narrow")
    assert (opened.name, opened.dimension, opened.fingerprint) == ("static_8", 8, narrow.fingerprint)
    assert narrow.fingerprint not in (NarrowEncoder(narrow.whole, 9).fingerprint, narrow.whole.fingerprint)
    joint = JointEncoder(narrow, NgramEncoder(20).fit(TEXTS))
    joint.save(tmp_path / "joint")
    assert load_encoder(tmp_path / "joint").encode(["red lamp"], "item").shape == (1, 8 + 20 + 1)


def test_a_size_that_is_not_there_is_refused_and_none_or_all_is_the_encoder_itself(tmp_path: Path) -> None:
    whole = static()
    assert narrowed(whole, 0) is whole and narrowed(whole, 24) is whole and narrowed(whole, 8).dimension == 8
    with pytest.raises(InputError, match=r"static have 24 numbers, 25 of them.*encoder_size.*24 at most"):
        narrowed(whole, 25)
    (tmp_path / "encoder.json").write_text('{"kind": "narrow"}', encoding="utf-8")
    with pytest.raises(BundleError, match="cannot be read"):
        load_encoder(tmp_path)
