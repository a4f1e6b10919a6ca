"""The encoder for two scripts: the promises of every encoder, each query in the half that reads it, no language better off than another."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest

from aisle.core.errors import BundleError
from aisle.retrieval.later_vectors import rewritten
from aisle.retrieval.vectors import ItemVectors
from aisle.testing.encoder import EncoderSuite
from aisle.testing.toys import DOZEN, catalogue
from aisle.text.encoder import Encoder, Kind, Vectors
from aisle.text.encoders import load_encoder
from aisle.text.joint import MEANING, JointEncoder, share, spaced
from aisle.text.ngram import NgramEncoder
from aisle.text.static import StaticEncoder
from tests.text.test_static import TEXTS, Teacher, words

TITLES = [title for english, chinese, *_ in DOZEN.values() for title in (english, chinese)]


class Meaning(NgramEncoder):
    """Stands for MiniLM and remembers what it was asked."""

    asked: tuple[str, ...] = ()

    def encode(self, texts: Sequence[str], kind: Kind) -> Vectors:
        self.asked += tuple(texts)
        return super().encode(texts, kind)


def joint(size: int = 12) -> JointEncoder:
    return JointEncoder(Meaning(size).fit([spaced(title) for title in TITLES]), NgramEncoder(size).fit(TITLES))


class TestJoint(EncoderSuite):
    def encoder(self) -> Encoder:
        return JointEncoder(StaticEncoder.distilled(Teacher(), words(), TEXTS), NgramEncoder(24).fit(self.texts()))  # type: ignore[arg-type]

    def texts(self) -> Sequence[str]:
        return ["red lamp", "红色台灯", "blue sofa 蓝色沙发", "white rug", "白色地毯 大号", "green chair"]


def halves(encoder: JointEncoder, text: str, kind: Kind) -> tuple[float, float, float]:
    """Squared lengths of meaning, pieces and what is silent."""
    vector = encoder.encode([text], kind)[0] ** 2
    size = encoder.meaning.dimension
    return float(vector[:size].sum()), float(vector[size:-1].sum()), float(vector[-1])


@pytest.mark.parametrize(
    ("text", "left", "words_"),
    [
        ("red lamp", "red lamp", 1.0),
        ("红色台灯", "", 0.0),
        ("nike跑鞋 42", "nike 42", 0.5),
        ("面霜 50", "", 0.0),
        ("42", "", 0.0),
        ("", "", 0.0),
    ],
)
def test_a_text_is_parted_by_its_scripts(text: str, left: str, words_: float) -> None:
    assert spaced(text) == left and share(text) == words_


def test_a_query_lives_in_the_half_that_reads_it_and_a_mixed_one_in_both() -> None:
    encoder = joint()
    assert halves(encoder, TITLES[1], "query") == pytest.approx((0, 1, 0), abs=1e-5)
    assert halves(encoder, TITLES[0], "query") == pytest.approx((MEANING, 1 - MEANING, 0), abs=1e-5)
    text = "lamp 台灯"
    assert halves(encoder, text, "query") == pytest.approx((MEANING / 2, 1 - MEANING / 2, 0), abs=1e-5)


def test_a_chinese_query_does_not_run_the_model() -> None:
    encoder = joint()
    assert isinstance(encoder.meaning, Meaning)
    encoder.encode(["红色台灯", "面霜 50", "42"], "query")
    assert encoder.meaning.asked == ()
    encoder.encode(["红色台灯", "red lamp"], "query")
    assert encoder.meaning.asked == ("red lamp",)


def test_an_item_in_one_language_is_no_better_off_than_the_same_in_both() -> None:
    """The Chinese query meets the same pieces in both; the one without English has nothing to give their room to but silence."""
    pieces = NgramEncoder(12).fit(["台灯", "沙发", "lamp"])
    encoder = JointEncoder(Meaning(12).fit(["lamp", "sofa"]), pieces)
    alone, both = encoder.encode(["台灯", "台灯 sofa"], "item")
    size = encoder.meaning.dimension
    assert np.square(alone[size:-1]).sum() == pytest.approx(0.5) == np.square(both[size:-1]).sum()
    assert alone[-1] ** 2 == pytest.approx(0.5) and both[-1] == 0


def test_what_only_one_half_knows_is_whole_in_that_half() -> None:
    encoder = JointEncoder(Meaning(12).fit(["red lamp"]), NgramEncoder(12).fit(["台灯"]))
    assert halves(encoder, "red lamp", "query") == pytest.approx((1, 0, 0), abs=1e-5)
    assert not encoder.encode(["", "🙂"], "item").any()


def test_it_opens_by_its_kind_with_either_half(tmp_path: Path) -> None:
    encoder = TestJoint().encoder()
    encoder.save(tmp_path)
    opened = load_encoder(tmp_path)
    assert isinstance(opened, JointEncoder) and isinstance(opened.meaning, StaticEncoder) and opened.fingerprint == encoder.fingerprint
    np.testing.assert_array_equal(opened.encode(TITLES, "item"), encoder.encode(TITLES, "item"))
    (tmp_path / "meaning" / "encoder.json").unlink()
    with pytest.raises(BundleError, match="meaning cannot be read"):
        load_encoder(tmp_path)


def test_a_changed_title_is_found_by_its_new_words_in_both_languages() -> None:
    before = catalogue({"a": {"title": "red lamp 红色台灯"}, "b": {"title": "blue sofa 蓝色沙发"}, "c": {"title": "white rug 白色地毯"}})
    vectors = ItemVectors.of(joint(), before)
    after = catalogue({"a": {"title": "white rug 白色地毯"}, "b": {"title": "blue sofa 蓝色沙发"}, "c": {"title": "white rug 白色地毯"}})
    rows = np.array([0], np.int32)
    fresh = vectors.encode(after, rows)
    later = rewritten(vectors, rows, {vectors.made_from: fresh}, 3)
    everything = np.ones(3, bool)
    for query in ("white rug", "白色地毯"):
        found, score = later.nearest(later.query(query), everything, 2)
        assert found.tolist() == [0, 2] and score[0] == pytest.approx(score[1], abs=1e-3)
