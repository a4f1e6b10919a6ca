"""The Python door answers as the contract writes it."""

from __future__ import annotations

from pathlib import Path

import pytest

import aisle
from aisle.core.errors import RequestError


def test_a_shop_opens_and_answers_every_surface(store: Path) -> None:
    shop = aisle.open(store)
    page = shop.search("lamp", user="42", filters={"price": {"gte": 0}}, limit=5)
    assert 0 < len(page.items) <= 5
    first = page.items[0].item_id
    assert [item.item_id for item in shop.rank([first, "nonsense"], query="lamp").items] == [first, "nonsense"]
    assert first not in [item.item_id for item in shop.similar([first]).items]
    assert first not in [item.item_id for item in shop.recommend(surface="basket", items=[first]).items]
    assert len(shop.recommend(user=shop.shop.users(1)[0], limit=7).items) == 7
    assert shop.complete("la")


def test_a_wrong_call_says_what_is_wrong(store: Path) -> None:
    with pytest.raises(RequestError, match="limit"):
        aisle.open(store).search("lamp", limit=100_000)
