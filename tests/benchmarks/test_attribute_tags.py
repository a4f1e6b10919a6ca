"""The measuring of tags measures what it says."""

from __future__ import annotations

import pytest

from aisle.query.tags_train import Learned
from benchmarks.attribute_tags import FIELD, catalogue, scores


def test_offers_are_read_field_by_field_empty_ones_too() -> None:
    assert dict(FIELD.findall("COL title VAL red lamp COL brand VAL acme COL modelno VAL  COL price VAL")) == {
        "title": "red lamp",
        "brand": "acme",
        "modelno": "",
    }
    assert dict(FIELD.findall("COL modelno VAL x1 COL price VAL 3.0")) == {"modelno": "x1", "price": "3.0"}


def test_the_tagger_stands_beside_the_lookup_on_the_same_titles() -> None:
    brand, colour = ("brand", "acme"), ("colour", "red")
    truth = [frozenset({brand}), frozenset({brand, colour})]
    said = {"title": {"truth": truth, "tagger": [frozenset({brand})] * 2, "lookup": [frozenset(), frozenset({brand, colour})]}}
    found = {figure.figure.split(": ")[1]: figure for figure in scores("shop", Learned(names=["brand"], said=said), "title", "brand")}
    assert found["tagger"].value == 1 and found["lookup"].value == pytest.approx(2 / 3)
    assert found["tagger less lookup"].value == pytest.approx(1 / 3) and found["tagger"].n == 2


def test_a_catalogue_has_one_item_a_row() -> None:
    shop = catalogue({"title": ["red lamp", "desk"], "brand": ["acme", None]})
    assert len(shop) == 2 and shop.texts["brand"].get(1) is None
