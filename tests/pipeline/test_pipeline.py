"""What the online flow promises, each promise a test."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from time import sleep

import numpy as np
import pytest
from numpy.typing import NDArray

from aisle.core.candidates import Candidates
from aisle.core.errors import RequestError
from aisle.core.request import Condition, Request
from aisle.core.runner import Runner
from aisle.core.stage import Allowed, Block, Scores
from aisle.fusion.stack import ITEM, POSITION
from aisle.ranking.calibrate import Calibrator
from aisle.retrieval.popularity import Popularity
from aisle.testing import toys
from tests.pipeline.toy import pipeline, request, shop, with_columns

PATIENCE_MS, HANGS = 2000.0, 1.5
"""A deadline that a busy machine keeps, and a stage that takes more than its half of it."""


class Broken(Popularity):
    """A source that fails in the way it is told to."""

    def __init__(self, how: str) -> None:
        super().__init__()
        self.how = how

    def retrieve(self, block: Block, allowed: Allowed, limit: int) -> Candidates:
        if self.how == "raises":
            raise ZeroDivisionError("secret of user 42")
        if self.how == "hangs":
            sleep(HANGS)
        if self.how == "forbidden":
            every = np.arange(12, dtype=np.int32)
            return Candidates.of([every] * len(block), score=[np.ones(12, np.float32)] * len(block))
        return super().retrieve(block, allowed, limit)

    def score(self, block: Block, candidates: Candidates) -> Scores:
        if self.how == "nan":
            return np.full(len(candidates), np.nan, np.float32)
        if self.how == "short":
            return np.zeros(1, np.float32)
        return super().score(block, candidates)


def ids(found: Sequence[object]) -> list[str]:
    return [item.item_id for item in found]  # type: ignore[attr-defined]


@pytest.mark.parametrize(("query", "wanted"), toys.QUERIES.items())
def test_a_search_finds_what_was_meant_first(query: str, wanted: str) -> None:
    assert shop().answer([request("search", query=query)])[0].items[0].item_id == wanted


def test_batch_equals_single() -> None:
    asked = [request(user_id=f"u{user}", request_id=f"r{user}") for user in range(24)]
    asked += [request("search", query=query, user_id="u3") for query in toys.QUERIES]
    together = shop().answer(asked)
    alone = [shop().answer([one])[0] for one in asked]
    for a, b in zip(together, alone, strict=True):
        assert [(i.item_id, i.score, i.scores) for i in a.items] == [(i.item_id, i.score, i.scores) for i in b.items]


def test_a_user_is_shown_what_his_like_buy_and_not_what_he_bought_once() -> None:
    found = ids(shop().answer([request(user_id="u0", exclude_seen=True)])[0].items)
    even = list(toys.DOZEN)[0::2]
    owned = toys.bilingual()
    bought = {owned.catalogue.ids[int(item)] for item in owned.events.item[owned.events.user == list(owned.events.users).index("u0")]}
    assert found[0] in set(even) - bought


@pytest.mark.parametrize("how", ["raises", "hangs", "nan", "short"])
def test_a_bad_source_is_left_out_in_time_and_the_answer_says_so(how: str) -> None:
    made = pipeline(extra={"item_knn": Broken(how).fit(toys.bilingual())})
    with ThreadPoolExecutor(4) as pool:
        runner = Runner(PATIENCE_MS, pool)
        ranked = made.answer([request(user_id="u0")], runner)
    assert len(ranked.pages[0]) > 0
    if how in ("raises", "hangs"):
        assert "item_knn" in runner.trace.skipped
        assert runner.trace.degraded
    assert {name.removesuffix("_score") for name in runner.trace.skipped} <= {"item_knn"}
    assert "secret" not in str(runner.trace.skipped)


def test_who_browses_without_words_lacks_nothing() -> None:
    for sort in ("relevance", "newest"):
        answer = shop().answer([request(user_id="u0", surface="search", sort=sort)])[0]
        assert answer.items
        assert not answer.degraded


def test_when_ranking_fails_what_is_popular_answers() -> None:
    made = pipeline()

    class Failing:
        def __call__(self, block: Block, candidates: Candidates) -> dict[str, np.ndarray]:
            raise MemoryError

    runner = Runner()
    broken = replace(made, features=Failing())  # type: ignore[arg-type]
    ranked = broken.answer([request(user_id="u0")], runner)
    assert len(ranked.pages[0]) > 0
    assert runner.trace.degraded
    assert "rank" in runner.trace.skipped


def test_a_source_that_ignores_the_filters_leaks_nothing() -> None:
    made = pipeline(extra={"item_knn": Broken("forbidden").fit(toys.bilingual())})
    lamps = request(user_id="u0", filters={"category": Condition(any_of=("Home",))})
    runner = Runner()
    ranked = made.answer([lamps], runner)
    shown = {made.catalogue.ids[int(row)] for row in ranked.candidates.item}
    assert shown <= {"lamp_red", "lamp_blue", "lamp_floor"}
    assert runner.trace.removed > 0


def test_unknown_stock_is_not_shown_where_any_stock_is_stated() -> None:
    data = toys.bilingual()
    stock = [1.0, 0.0, np.nan, *([1.0] * 9)]
    made = pipeline(replace(data, catalogue=with_columns(data.catalogue, in_stock=stock)))
    found = set(ids(shop(made).answer([request("search", query="lamp")])[0].items))
    assert "lamp_red" in found
    assert not found & {"lamp_blue", "lamp_floor"}


def test_a_narrow_filter_still_fills_the_page() -> None:
    cheap = request("search", query="cream", filters={"price": Condition(lte=10)})
    assert ids(shop().answer([cheap])[0].items)[0] == "cream_hand"


def test_an_unknown_filter_says_which_one_was_meant() -> None:
    with pytest.raises(RequestError, match="brand"):
        shop().answer([request("search", query="lamp", filters={"brnd": Condition(any_of=("Lumo",))})])


def test_rank_answers_on_what_it_was_handed_and_nothing_else() -> None:
    handed = ("cup_tea", "lamp_red", "nonsense", "lamp_blue")
    answer = shop().answer([request("rank", query="red lamp", items=handed)])[0]
    assert sorted(ids(answer.items)) == sorted(handed)
    assert answer.items[0].item_id == "lamp_red"
    assert answer.items[-1].removed == "unknown"
    assert answer.items[-1].score is None


@pytest.mark.parametrize("query", ["red lamp", None])
def test_rank_adds_nothing_where_all_that_it_was_handed_is_unknown_or_forbidden(query: str | None) -> None:
    cheap = {"price": Condition(lt=0)}
    for asked in (request("rank", query=query, items=("nonsense", "lamp_red"), filters=cheap), request("rank", query=query, items=())):
        answer = shop().answer([asked])[0]
        assert sorted(ids(answer.items)) == sorted(asked.items)
        assert all(one.score is None and one.removed for one in answer.items)
        assert not answer.degraded


def test_the_last_resort_of_rank_is_all_that_it_was_handed_and_nothing_else() -> None:
    made = pipeline()

    def last(*asked: Request) -> list[list[str]]:
        block = made.block(asked)
        found = made.popular(block, made.allowed(block), Runner())
        return [[made.catalogue.ids[int(item)] for item in found.candidates.item[page.rows]] for page in found.pages]

    mine, home = request("rank", user_id="u0", items=("cup_tea", "nonsense", "lamp_red")), request(user_id="u0")
    together = last(mine, home)
    assert sorted(together[0]) == ["cup_tea", "lamp_red"]
    assert together == [*last(mine), *last(home)]


def test_a_ranked_score_does_not_depend_on_the_company() -> None:
    every = shop().answer([request("rank", user_id="u1", items=tuple(toys.DOZEN))])[0]
    for item in every.items:
        alone = shop().answer([request("rank", user_id="u1", items=(item.item_id,))])[0]
        assert alone.items[0].score == pytest.approx(item.score, abs=1e-6)


def test_pages_never_repeat_an_item() -> None:
    first, second = (shop().answer([request(user_id="u0", limit=3, offset=offset)])[0] for offset in (0, 3))
    assert len(first.items) == 3
    assert not set(ids(first.items)) & set(ids(second.items))


def test_total_and_facets_count_the_matches_that_pass() -> None:
    answer = shop().answer([request("search", query="lamp", facets=("brand", "category"), limit=1)])[0]
    assert answer.total == 3
    assert answer.facets["brand"] == {"Lumo": 2, "Nord": 1}
    filtered = shop().answer([request("search", query="lamp", facets=("brand",), filters={"brand": Condition(none_of=("Nord",))})])[0]
    assert filtered.total == 2
    assert filtered.facets["brand"] == {"Lumo": 2}


def test_a_product_counts_once_for_each_value_that_one_of_its_variants_has() -> None:
    data = toys.bilingual()
    items = data.catalogue
    items.texts["parent_id"] = type(items.ids).of([*["lamps"] * 3, *[None] * 9])
    made = shop(pipeline(data))
    answer = made.answer([request("search", query="lamp", facets=("brand", "category", "price"))])[0]
    assert (answer.total, answer.facets["brand"]) == (1, {"Lumo": 1, "Nord": 1})
    assert sum(answer.facets["price"].values()) == 3
    for brand, count in answer.facets["brand"].items():
        assert made.answer([request("search", query="lamp", filters={"brand": Condition(any_of=(brand,))})])[0].total == count
    every = made.answer([request("rank", query="lamp", items=("lamp_red", "lamp_floor"), facets=("brand",))])[0]
    assert every.total == sum(every.facets["brand"].values())


def test_who_browses_sees_the_whole_shop_in_any_order_and_its_counts_are_of_all_of_it() -> None:
    data = toys.bilingual()
    quiet = data.known(data.events.item != 0)
    made = shop(replace(pipeline(quiet), limit=3))
    for sort in ("relevance", "popular", "newest", "price", "-price"):
        answer = made.answer([request("search", session_id="s", sort=sort, facets=("brand",))])[0]
        assert (len(answer.items), answer.total, sum(answer.facets["brand"].values()), answer.degraded) == (12, 12, 12, False)
    prices = [item.attributes["price"] for item in made.answer([request("search", session_id="s", sort="price", limit=2)])[0].items]
    assert prices == sorted(data.catalogue.number("price").tolist())[:2]


def test_who_browses_beside_one_who_searches_is_answered_as_alone() -> None:
    asked = [request("search", query="lamp"), request("search", session_id="s"), request("similar", items=("nonsense",))]
    asked += [request("similar", items=("lamp_red",))]
    together, alone = shop().answer(asked), [shop().answer([one])[0] for one in asked]
    assert [ids(one.items) for one in together] == [ids(one.items) for one in alone]
    assert [one.degraded for one in together] == [one.degraded for one in alone]


def test_sort_orders_hold() -> None:
    up = [item.attributes["price"] for item in shop().answer([request("search", query="lamp", sort="price")])[0].items]
    down = [item.attributes["price"] for item in shop().answer([request("search", query="lamp", sort="-price")])[0].items]
    assert up == sorted(up)  # type: ignore[type-var]
    assert down == sorted(down, reverse=True)  # type: ignore[type-var]


def test_a_stranger_and_an_empty_query_are_answered() -> None:
    stranger = shop().answer([request(user_id="nobody")])[0]
    assert len(stranger.items) == 12
    assert not stranger.degraded
    assert shop().answer([request("search", query="😀😀")])[0].items == []


def test_why_says_where_an_item_was_lost() -> None:
    asked = request("search", query="red lamp", why=("lamp_floor", "cup_tea", "nonsense"), filters={"brand": Condition(any_of=("Lumo",))})
    why = shop().answer([asked])[0].why
    assert {item: one.reason for item, one in why.items()} == {
        "lamp_floor": "filter: asked",
        "cup_tea": "filter: asked",
        "nonsense": "unknown",
    }


def test_later_events_change_nothing_before_them() -> None:
    data = toys.bilingual()
    moment = float(data.events.time[len(data.events) // 2])
    cut = data.known(data.events.time <= moment)
    asked = [request(user_id=f"u{user}", as_of=moment) for user in range(24)]
    whole, part = pipeline(data).block(asked), pipeline(cut).block(asked)
    for name in ("recent", "owned"):
        a, b = getattr(whole.profiles, name), getattr(part.profiles, name)
        assert np.array_equal(a.item, b.item)
        for value in a.values:
            assert np.array_equal(a.values[value], b.values[value])
    full = pipeline(data)
    candidates = Candidates.of([np.arange(12, dtype=np.int32)] * 24)
    facts = full.features.groups[2], pipeline(cut).features.groups[2]
    early, late = (group(whole, candidates) for group in facts)
    for name in ("popularity_month", "popularity_week", "days_idle"):
        assert np.array_equal(np.asarray(early[name]), np.asarray(late[name]), equal_nan=True)


def test_a_shop_where_nothing_happened_yet_shows_something_and_says_it_is_a_fallback() -> None:
    data = toys.bilingual()
    quiet = pipeline(data.known(np.zeros(len(data.events), bool)))
    answer = shop(quiet).answer([request(user_id="u0")])[0]
    assert len(answer.items) == 12
    assert answer.degraded


class ByRow:
    """A click model that says nothing but which row it was asked about."""

    name = "by_row"

    def score(self, x: NDArray[np.float32]) -> NDArray[np.float32]:
        assert (x[:, 0] == 0).all(), "asked as if all stood first"
        return x[:, 1] / 100

    def save(self, folder: Path) -> None: ...


class Plain(Calibrator):
    def apply(self, scores: NDArray[np.floating]) -> NDArray[np.float64]:
        return np.asarray(scores, np.float64)


def test_a_click_model_that_knows_items_is_told_which_ones_it_is_asked_about() -> None:
    made = pipeline()
    stack = replace(made.stacks["home"], clicks=ByRow(), click_names=(POSITION, ITEM), click_calibrator=Plain(), event="click")
    answer = shop(replace(made, stacks={**made.stacks, "home": stack})).answer([request("home", user_id="u3")])[0]
    rows = made.catalogue.rows(item.item_id for item in answer.items)
    assert [item.probability for item in answer.items] == pytest.approx((rows / 100).tolist())
