"""The last rungs of the ladder: popular in the category, then popular."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from aisle.core.request import Request
from aisle.core.stage import Allowed
from aisle.retrieval.fallback import Fallback
from aisle.retrieval.popularity import Popularity
from aisle.testing import toys
from aisle.testing.blocks import ask, block

DATA = toys.bilingual()
FALLBACK = Fallback(Popularity().fit(DATA), DATA.catalogue)


def shown(request: Request, limit: int = 12, banned: Sequence[str] = ()) -> list[str]:
    asked = block(DATA, [request])
    allowed = Allowed.everything(len(DATA.catalogue), 1)
    allowed = Allowed(allowed.shared, allowed.own, [DATA.catalogue.rows(banned)])
    found = FALLBACK.retrieve(asked, allowed, limit)
    assert (np.diff(found["score"]) <= 0).all()
    return [DATA.catalogue.ids[int(row)] for row in found.item]


def category(item: str) -> str:
    return DATA.catalogue.text("category")[DATA.catalogue.row_of[item]]


def test_the_category_of_the_page_comes_first_and_the_rest_follows_by_popularity() -> None:
    items = shown(ask("item", items=["lamp_red"]))
    lamps = [item for item in items if category(item) == "Home > Lamps"]
    assert items[: len(lamps)] == lamps and len(lamps) > 1
    plain = shown(ask("home", "nobody"))
    assert items[len(lamps) :] == [item for item in plain if category(item) != "Home > Lamps"]


def test_without_a_page_the_category_that_the_user_turns_to_most_comes_first() -> None:
    asked = block(DATA, [ask("home", "u0")])
    tastes = asked.profiles.tastes["category"]
    favourite = DATA.catalogue.labels("category").names[int(tastes.item[np.argmax(tastes.values["weight"])])]
    assert category(shown(ask("home", "u0"))[0]) == favourite


def test_a_stranger_gets_what_is_popular() -> None:
    asked = block(DATA, [ask("home", "nobody")])
    every = FALLBACK.popularity.retrieve(asked, Allowed.everything(len(DATA.catalogue), 1), 12)
    assert shown(ask("home", "nobody")) == [DATA.catalogue.ids[int(row)] for row in every.item]


def test_what_is_not_allowed_is_not_shown_in_any_rung() -> None:
    assert not {"lamp_blue", "cup_tea"} & set(shown(ask("item", items=["lamp_red"]), banned=["lamp_blue", "cup_tea"]))


def test_the_limit_holds_and_no_item_stands_twice() -> None:
    items = shown(ask("basket", items=["lamp_red", "cup_tea"]), limit=5)
    assert len(items) == len(set(items)) == 5


def test_a_block_answers_as_its_requests_would_alone() -> None:
    asked = [ask("item", items=["lamp_red"]), ask("home", "nobody"), ask("home", "u3")]
    found = FALLBACK.retrieve(block(DATA, asked), Allowed.everything(len(DATA.catalogue), 3), 12)
    together = [[DATA.catalogue.ids[int(row)] for row in found.item[found.of_request(number)]] for number in range(3)]
    assert together == [shown(request) for request in asked]
