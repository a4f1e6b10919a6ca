"""The Python door answers as the contract writes it."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

import aisle
from aisle.core.answer import Answer
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


def ids(page: Answer) -> list[str]:
    return [item.item_id for item in page.items]


def test_what_is_recorded_counts_in_the_next_answer_here_and_in_another_process(store: Path, tmp_path: Path) -> None:
    copied = tmp_path / "shop" / "bundles"
    shutil.copytree(store, copied)
    shop, stranger = aisle.open(copied), aisle.open(copied)
    before, liked = ids(shop.recommend(user="someone", limit=20)), ids(shop.search("lamp"))[0]
    assert not (tmp_path / "shop" / "state").exists(), "reading makes no folder"
    told = shop.record(type="purchase", user="someone", item=liked)
    assert told["stored"] == 1 and (tmp_path / "shop" / "state" / "log.sqlite").is_file()
    assert ids(shop.recommend(user="someone", limit=20)) != before
    assert liked not in ids(shop.recommend(user="someone", limit=50, exclude_seen=True))
    assert ids(stranger.recommend(user="someone", limit=20)) == before, "opened before there was a state, and told nothing"
    other = aisle.open(copied)
    assert ids(other.recommend(user="someone", limit=20)) == ids(shop.recommend(user="someone", limit=20))
    other.record(type="click", user="someone", item=liked)
    assert shop.shop.profile("someone")["events"] == 2  # type: ignore[index]
    for one in (shop, stranger, other):
        one.close()


def test_an_event_that_cannot_be_stored_says_why(store: Path, tmp_path: Path) -> None:
    with aisle.open(store, tmp_path / "state") as shop:
        nobody, unknown = shop.record(type="click", item="x"), shop.record(type="poke", user="someone", item="x")
    for told, word in ((nobody, "user_id"), (unknown, "poke")):
        assert told["stored"] == 0 and word in str(told["rejected"])
