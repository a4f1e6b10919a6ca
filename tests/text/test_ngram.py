"""The encoder from the shop's own text: near what shares pieces, unit length, the same after saving."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from aisle.core.errors import BundleError
from aisle.text.encoders import load_encoder
from aisle.text.ngram import NgramEncoder

SHOP = [
    f"{colour}{thing}{size}"
    for colour in ("红色", "蓝色", "白色")
    for thing in ("台灯", "地毯", "沙发", "面霜")
    for size in ("", " 50g", " 大号")
]


@pytest.fixture(scope="module")
def encoder() -> NgramEncoder:
    return NgramEncoder(dimension=12).fit(SHOP)


def test_a_piece_of_a_title_is_nearest_to_titles_that_hold_it(encoder: NgramEncoder) -> None:
    near = encoder.encode(["地毯"], "query") @ encoder.encode(SHOP, "item").T
    best = [SHOP[row] for row in np.argsort(-near[0])[:9]]
    assert all("地毯" in title for title in best)


def test_traditional_and_full_width_say_the_same(encoder: NgramEncoder) -> None:
    plain, other = encoder.encode(["红色沙发 50g", "紅色沙發 ５０Ｇ"], "query")
    np.testing.assert_allclose(plain, other, atol=1e-6)


def test_a_text_that_says_nothing_has_no_direction(encoder: NgramEncoder) -> None:
    assert not encoder.encode(["", "🙂"], "query").any()


def test_the_same_texts_give_the_same_encoder() -> None:
    assert NgramEncoder(8).fit(SHOP).fingerprint == NgramEncoder(8).fit(SHOP).fingerprint
    assert NgramEncoder(8).fit(SHOP).fingerprint != NgramEncoder(8).fit(SHOP[:20]).fingerprint


@pytest.mark.parametrize("texts", [[], [""], ["one"]])
def test_a_shop_of_hardly_any_text_is_no_accident(texts: list[str]) -> None:
    vectors = NgramEncoder(8).fit(texts).encode(["one", "台灯"], "query")
    assert vectors.shape == (2, 8) and np.isfinite(vectors).all()


def test_a_folder_tells_which_encoder_it_holds(tmp_path: Path, encoder: NgramEncoder) -> None:
    encoder.save(tmp_path)
    opened = load_encoder(tmp_path)
    assert opened.fingerprint == encoder.fingerprint
    np.testing.assert_array_equal(opened.encode(SHOP, "item"), encoder.encode(SHOP, "item"))


@pytest.mark.parametrize("content", [None, "{", '{"kind": "other"}', "{}"])
def test_a_damaged_encoder_is_refused_with_its_place(tmp_path: Path, content: str | None) -> None:
    if content is not None:
        (tmp_path / "encoder.json").write_text(content)
    with pytest.raises(BundleError, match=tmp_path.name):
        load_encoder(tmp_path)
