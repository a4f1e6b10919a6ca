"""The tokens of a small catalogue: BM25 by hand, order kept, the same after saving."""

from __future__ import annotations

from math import log
from pathlib import Path

import numpy as np
import pytest

from aisle.core.catalogue import Catalogue
from aisle.core.strings import Strings
from aisle.text.tokens import LENGTH, SATURATION, Field, Tokens


def catalogue(**texts: list[str | None]) -> Catalogue:
    n = len(next(iter(texts.values())))
    return Catalogue(Strings.of(f"i{row}" for row in range(n)), {name: Strings.of(column) for name, column in texts.items()}, {})


def test_bm25_is_what_the_paper_says() -> None:
    field = Tokens.fit(catalogue(title=["red lamp", "red red sofa bed", "blue rug"])).fields["title"]
    score = np.zeros(3, np.float32)
    field.add(score, [0], 1.0)
    rarity, usual = log(1 + (3 - 2 + 0.5) / (2 + 0.5)), (2 + 4 + 2) / 3
    by_hand = [rarity * tf * (SATURATION + 1) / (tf + SATURATION * (1 - LENGTH + LENGTH * n / usual)) for tf, n in ((1, 2), (2, 4), (0, 2))]
    np.testing.assert_allclose(score, by_hand, rtol=1e-3)


def test_the_two_ways_to_bm25_agree() -> None:
    tokens = Tokens.fit(catalogue(title=["red lamp", "red red sofa bed", "blue rug", ""]))
    field, asked = tokens.fields["title"], np.array(tokens.words.find(["red", "sofa", "lamp"]))
    turned = np.zeros(4, np.float32)
    field.add(turned, asked.tolist(), 1.0)
    length = np.diff(field.offsets)
    counts = np.array(
        [[np.sum(field.token[a:b] == word) for word in asked] for a, b in zip(field.offsets, field.offsets[1:], strict=False)]
    )
    np.testing.assert_allclose(field.bm25(counts.astype(np.float32), length, asked), turned, rtol=1e-3)


def test_tokens_stand_in_the_order_of_the_title() -> None:
    tokens = Tokens.fit(catalogue(title=["blue lamp", "lamp red lamp"]))
    field = tokens.fields["title"]
    assert [tokens.words.names[word] for word in field.token[field.offsets[1] :]] == ["lamp", "red", "lamp"]


def test_fields_are_kept_apart_and_empty_ones_left_out() -> None:
    tokens = Tokens.fit(catalogue(title=["lamp"], brand=["Acme"], colour=["red"], image=["http://x/y.jpg"], description=[None]))
    assert set(tokens.fields) == {"title", "brand", "other", "pieces", "grams"}
    assert "jpg" not in tokens.words.number and "red" in tokens.words.number


def test_a_title_repeated_in_another_column_counts_once() -> None:
    tokens = Tokens.fit(catalogue(title=["lamp"], title_en=["lamp"], title_zh=["台灯"]))
    assert tokens.fields["title"].token.tolist().count(tokens.words.number["lamp"]) == 1
    assert "台灯" in tokens.vocabularies["pieces"].number


@pytest.mark.parametrize("titles", [[], ["", ""], ["红色台灯 50g", None, "red lamp"]])
def test_saved_tokens_are_the_same(tmp_path: Path, titles: list[str | None]) -> None:
    tokens = Tokens.fit(catalogue(title=titles))
    tokens.save(tmp_path)
    opened = Tokens.load(tmp_path)
    assert list(opened.plain) == list(tokens.plain)
    assert {name: known.names for name, known in opened.vocabularies.items()} == {n: k.names for n, k in tokens.vocabularies.items()}
    for name, field in tokens.fields.items():
        for part in Field.ARRAYS:
            np.testing.assert_array_equal(getattr(opened.fields[name], part), getattr(field, part))
