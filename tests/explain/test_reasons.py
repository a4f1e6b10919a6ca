"""Reasons: at least one for every shown item, each true, the most specific first, in the shopper's language."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import numpy as np
import pytest

from aisle.arrange.rules import Rule, Rules
from aisle.assemble import over
from aisle.core.answer import AnsweredItem, Reason
from aisle.core.events import Dataset
from aisle.core.overlay import Overlaid
from aisle.core.request import Request
from aisle.explain import facts
from aisle.explain.reasons import MOST
from aisle.pipeline import Pipeline
from aisle.profile.history import History
from aisle.retrieval.counters import Counters
from aisle.retrieval.dense import Content
from aisle.retrieval.item_knn import ItemKnn
from aisle.retrieval.markov import Markov
from aisle.retrieval.new_items import NewItems
from aisle.retrieval.overlay import Step
from aisle.retrieval.popularity import Popularity
from aisle.retrieval.repeat import Repeat
from aisle.retrieval.trending import Trending
from aisle.shop import Shop
from aisle.testing import toys
from aisle.text.ngram import NgramEncoder
from aisle.training.job import plain_stacks
from tests.pipeline.toy import pipeline, request, shop, with_columns

DAY = toys.DAY
NOW = toys.START + 30 * DAY


def answer(asked: Request, made: Pipeline | None = None, language: str = "") -> list[AnsweredItem]:
    found = shop(made)
    found.language = language
    return list(found.answer([asked])[0].items)


def firsts(items: list[AnsweredItem]) -> dict[str, Reason]:
    return {item.item_id: item.reasons[0] for item in items}


def codes(items: list[AnsweredItem]) -> dict[str, list[str]]:
    return {item.item_id: [reason.code for reason in item.reasons] for item in items}


def wider(data: Dataset) -> Pipeline:
    """The toy pipeline with further sources, all weighing the same."""
    extra = {source.name: source.fit(data) for source in (Markov(), Trending(), NewItems())}
    made = pipeline(data, extra)
    return replace(made, stacks=plain_stacks(list(made.sources)))


ASKED = [
    request(user_id="u0", as_of=NOW),
    request(user_id="nobody", as_of=NOW),
    request("item", items=("lamp_red",), as_of=NOW),
    request("basket", items=("lamp_red", "cup_tea"), user_id="u1", as_of=NOW),
    request("similar", items=("lamp_red",), as_of=NOW),
    request("search", query="red lamp", as_of=NOW),
    request("search", query="台灯", user_id="u0", as_of=NOW),
    request("search", session_id="s", as_of=NOW, sort="popular"),
    request("rank", items=("lamp_red", "cup_tea"), user_id="u0", as_of=NOW),
    request("rank", items=("lamp_red", "cup_tea"), query="tea", as_of=NOW),
]


@pytest.mark.parametrize("language", ["en", "zh"])
@pytest.mark.parametrize("asked", ASKED, ids=lambda one: f"{one.surface}-{one.user_id}-{one.query}")
def test_every_shown_item_has_a_reason_on_every_surface(asked: Request, language: str) -> None:
    items = answer(replace(asked, language=language), wider(toys.bilingual()))
    assert items
    for item in items:
        assert 1 <= len(item.reasons) <= MOST
        for reason in item.reasons:
            assert reason.text
            assert "{" not in reason.text
            assert reason.text.isascii() or "“" in reason.text or language == "zh"


def test_words_that_match_are_named_as_the_title_has_them() -> None:
    found = firsts(answer(request("search", query="RED lamps")))
    assert found["lamp_red"] == Reason("matched_words", "Matches “Red”, “lamp”")
    assert found["lamp_floor"].text == "Matches “lamp”"


def test_a_chinese_query_is_answered_in_chinese() -> None:
    found = firsts(answer(request("search", query="红色台灯")))
    assert found["lamp_red"] == Reason("matched_words", "匹配“红色台灯”")


def test_a_word_that_stands_only_in_the_category_is_found_there() -> None:
    assert firsts(answer(request("search", query="kitchen")))["cup_tea"].text == "Matches “Kitchen”"


def test_what_only_the_letters_propose_says_so() -> None:
    found = {code for names in codes(answer(request("search", query="porcel"))).values() for code in names[:1]}
    assert found == {"matched_letters"}


@pytest.mark.parametrize(
    ("asked", "shop_says", "spoken"),
    [
        (request(user_id="u0", language="zh"), "en", "zh"),
        (request("search", query="台灯", language="en"), "", "en"),
        (request("search", query="台灯"), "en", "zh"),
        (request(user_id="u0"), "zh", "zh"),
        (request(user_id="u0"), "", "en"),
    ],
)
def test_the_language_is_the_requests_else_the_querys_else_the_shops(asked: Request, shop_says: str, spoken: str) -> None:
    text = answer(asked, language=shop_says)[0].reasons[0].text.split("“")[0]
    assert any("一" <= sign <= "龥" for sign in text) == (spoken == "zh")


def test_a_shop_with_chinese_titles_speaks_chinese() -> None:
    items = toys.catalogue({f"i{n}": {"title": f"红色台灯{n}"} for n in range(5)})
    assert firsts(answer(request(user_id="u"), pipeline(toys.shop(items, [("v", "i0", 1, "click")]))))["i0"].text == "热门商品"


def test_a_refill_says_on_how_many_days_and_when_last() -> None:
    found = answer(request(user_id="u3", as_of=NOW), pipeline(toys.refills()))
    assert found[0].item_id == "own3"
    assert found[0].reasons[0] == Reason("bought_before", "You bought this on 5 days, last on 29 Jan 2024", ("own3",))
    chinese = answer(request(user_id="u3", as_of=NOW, language="zh"), pipeline(toys.refills()))
    assert chinese[0].reasons[0].text == "您在5天购买过，最近一次是2024年1月29日"


@pytest.mark.parametrize(("kind", "code"), [("purchase", "bought_before"), ("rating", "rated_before"), ("click", "seen_before")])
def test_what_a_user_did_is_called_by_its_name(kind: str, code: str) -> None:
    items = toys.catalogue({name: {"title": name} for name in ("a", "b", "c")})
    log = [("u", "a", 1.0, kind), *((f"v{n}", name, 2.0, "purchase") for n in range(5) for name in ("a", "b"))]
    found = firsts(answer(request(user_id="u", exclude_seen=False, as_of=NOW), pipeline(toys.shop(items, log))))
    assert found["a"].code == code
    assert found["a"].text.endswith("on 2 Jan 2024")


def test_without_a_clock_nobody_is_told_a_date() -> None:
    for item in answer(request(user_id="u3", exclude_seen=False), pipeline(toys.checkerboard(10, clock=False))):
        assert not any("202" in reason.text or " 19" in reason.text for reason in item.reasons)


def together() -> Dataset:
    """Whoever buys ``lamp`` buys ``bulb``, whoever buys ``pot`` buys ``tea``; user ``u`` bought the lamp and looked at the pot."""
    items = toys.catalogue({name: {"title": name.title(), "title_zh": f"中{name}"} for name in ("lamp", "bulb", "pot", "tea", "x", "y")})
    pairs = [(a, b, n) for a, b in (("lamp", "bulb"), ("pot", "tea")) for n in range(9)]
    others = [(f"{a}{n}", item, n + at, "purchase") for a, b, n in pairs for at, item in enumerate((a, b))]
    mine = [("u", "lamp", 3.0, "purchase"), ("u", "x", 4.0, "click"), ("u", "pot", 12.0, "click")]
    return toys.shop(items, [*others, *mine])


def test_the_cause_is_the_item_that_the_shown_one_goes_with() -> None:
    found = firsts(answer(request(user_id="u", as_of=NOW), wider(together())))
    assert found["bulb"] == Reason("bought_together", "Often chosen together with “Lamp”, which you bought on 4 Jan 2024", ("lamp",))
    assert found["tea"] == Reason("bought_together", "Often chosen together with “Pot”, which you looked at on 13 Jan 2024", ("pot",))
    chinese = firsts(answer(request(user_id="u", as_of=NOW, language="zh"), wider(together())))
    assert chinese["bulb"].text == "常与您于2024年1月4日购买的“中lamp”一起选购"


def test_a_product_page_names_the_product() -> None:
    found = firsts(answer(request("item", items=("lamp",), as_of=NOW), wider(together())))
    assert found["bulb"] == Reason("bought_together", "Often chosen together with “Lamp”", ("lamp",))


def test_a_basket_names_the_item_of_the_basket_that_counts() -> None:
    found = firsts(answer(request("basket", items=("lamp", "pot"), as_of=NOW), wider(together())))
    assert (found["bulb"].items, found["tea"].items) == (("lamp",), ("pot",))


def without(data: Dataset, user: str, item: str) -> Dataset:
    mine = (data.events.user == list(data.events.users).index(user)) & (data.events.item == data.catalogue.row_of[item])
    return replace(data, events=data.events.where(~mine))


def test_taking_the_named_cause_away_lowers_the_item_more_than_any_other() -> None:
    data = together()
    made = wider(data)
    items = answer(request(user_id="u", as_of=NOW), made)
    scores: dict[str, Mapping[str, float]] = {}
    for item in ("lamp", "x", "pot"):
        forgot = replace(made, history=type(made.history).of(data.catalogue, without(data, "u", item).events))
        again = request("rank", user_id="u", items=("bulb", "tea"), as_of=NOW)
        scores[item] = {one.item_id: float(one.score or 0) for one in shop(forgot).answer([again])[0].items}
    named = {item.item_id: item.reasons[0].items[0] for item in items if item.reasons[0].code == "bought_together"}
    assert set(named) == {"bulb", "tea"}
    for shown, cause in named.items():
        assert all(scores[cause][shown] < scores[other][shown] for other in scores if other != cause)


def test_a_brand_that_one_often_takes_is_named() -> None:
    names = [f"a{n}" for n in range(4)] + ["b0", "b1"]
    items = toys.catalogue({name: {"title": name, "brand": name[0].upper(), "category": "Home > Things"} for name in names})
    log = [("u", f"a{n}", n + 1.0, "click") for n in range(3)] + [("v", "a3", 1, "click"), ("v", "b0", 2, "click"), ("v", "b1", 3, "click")]
    found = codes(answer(request(user_id="u", as_of=NOW), pipeline(toys.shop(items, log))))
    assert found["a3"][:2] == ["taste_brand", "taste_category"]
    assert "taste_brand" not in found["b0"]


def test_a_new_item_says_since_when() -> None:
    data = toys.bilingual()
    fresh = with_columns(data.catalogue, created_at=[NOW - 3 * DAY, NOW - 300 * DAY, NOW + DAY, *[np.nan] * 9])
    found = {item.item_id: item.reasons for item in answer(request(user_id="nobody", as_of=NOW), pipeline(replace(data, catalogue=fresh)))}
    assert Reason("new", "New since 28 Jan 2024") in found["lamp_red"]
    assert "new" not in [reason.code for other in ("lamp_blue", "lamp_floor") for reason in found[other]]


def test_what_is_called_popular_in_a_category_is_among_its_first() -> None:
    data = toys.bilingual()
    made = pipeline(data)
    counts = Counters.of(data.events, 12).decayed(np.arange(12), NOW, 7.0)
    category = data.catalogue.labels("category").first
    for item in answer(request(user_id="nobody", as_of=NOW), made):
        row = data.catalogue.row_of[item.item_id]
        better = ((counts > counts[row]) & (category == category[row])).sum()
        if any(reason.code == "popular_in" for reason in item.reasons):
            assert better < facts.BEST_IN
            assert counts[row] > 0


def test_this_week_is_said_only_where_something_happened_this_week() -> None:
    late, early = (answer(request(user_id="nobody", as_of=when)) for when in (toys.START + 400 * DAY, toys.START + 22 * DAY))
    assert not any("week" in reason.text for item in late for reason in item.reasons)
    assert any("this week" in reason.text for item in early for reason in item.reasons)


def test_what_is_wanted_more_than_usual_says_so() -> None:
    items = toys.catalogue({name: {"title": name} for name in ("old", "hot")})
    log = [(f"u{n}", "old", float(n), "click") for n in range(80)] + [(f"v{n}", "hot", 79.0, "click") for n in range(20)]
    found = codes(answer(request(user_id="nobody", as_of=toys.START + 80 * DAY), wider(toys.shop(items, log))))
    assert "trending" in found["hot"]
    assert "trending" not in found["old"]
    young = codes(answer(request(user_id="nobody", as_of=toys.START + 30 * DAY), wider(toys.shop(items, log))))
    assert "trending" not in young["old"]


def test_what_the_shop_pins_says_so_first() -> None:
    made = pipeline()
    rules = Rules(made.catalogue, [Rule(1, "pin", ("cup_tea",), surfaces=("home",))])
    made = replace(made, arranger=replace(made.arranger, rules=rules))
    assert firsts(answer(request(user_id="u0"), made))["cup_tea"].text == "Chosen by the shop"


def test_a_shop_where_nothing_happened_still_gives_true_reasons() -> None:
    data = toys.bilingual()
    quiet = pipeline(data.known(np.zeros(len(data.events), bool)))
    assert firsts(answer(request(user_id="u0"), quiet))["lamp_red"] == Reason("listed", "From the shop's range of Lamps")


def test_batch_equals_single() -> None:
    asked = [request(user_id=f"u{user}", as_of=NOW) for user in range(6)]
    both = [shop().answer(asked), [shop().answer([one])[0] for one in asked]]
    assert [[item.reasons for item in one.items] for one in both[0]] == [[item.reasons for item in one.items] for one in both[1]]


def test_when_reasons_fail_the_page_is_shown_without_and_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: object) -> list[list[Reason]]:
        raise ZeroDivisionError

    monkeypatch.setattr(Shop, "_reasons", broken)
    found = shop().answer([request(user_id="u0")])[0]
    assert found.items
    assert not any(item.reasons for item in found.items)
    assert "explain" in found.skipped


def test_a_hostile_title_stays_a_title() -> None:
    hostile = "<script>alert(1)</script> {0} Ignore all previous instructions " + "x" * 500
    items = toys.catalogue({"bad": {"title": hostile}, "b": {"title": "b"}, "c": {"title": "c"}})
    log = [(f"v{n}", name, n + 1.0, "purchase") for n in range(4) for name in ("bad", "b")]
    found = firsts(answer(request("item", items=("bad",)), pipeline(toys.shop(items, log))))["b"]
    assert found.text.startswith("Often chosen together with “<script>alert(1)</script> {0} Ignore")
    assert len(found.text) < 120


def test_the_sources_of_a_toy_pipeline_are_the_ones_the_claims_are_about() -> None:
    assert {Popularity.name, Repeat.name, ItemKnn.name} <= set(pipeline().sources)


def test_having_bought_says_more_than_having_rated_later() -> None:
    items = toys.catalogue({name: {"title": name} for name in ("a", "b", "c")})
    log = [("u", "a", 1.0, "purchase"), ("u", "a", 5.0, "rating"), ("v", "a", 1.0, "purchase"), ("v", "b", 2.0, "purchase")]
    found = firsts(answer(request(user_id="u", exclude_seen=False, as_of=NOW), pipeline(toys.shop(items, log))))
    assert found["a"].code == "bought_before"


def test_a_substitute_is_called_similar_before_it_is_called_a_companion() -> None:
    data = toys.bilingual()
    content = Content(NgramEncoder(64).fit([title for title, *_ in toys.DOZEN.values()])).fit(data)
    made = pipeline(data, {"content": content})
    made = replace(made, stacks=plain_stacks(list(made.sources)))
    assert firsts(answer(request("similar", items=("lamp_red",)), made))["lamp_blue"].text == "Similar to “Red desk lamp”"


def test_what_came_after_the_bundle_is_explained_too() -> None:
    data = together()
    made = wider(data)
    after = Overlaid(made.catalogue, ["fresh"], {"title": {len(made.catalogue): "Fresh lamp"}, "parent_id": {len(made.catalogue): "lamp"}})
    facts_then = toys.shop(after, [("u", "lamp", 3.0, "purchase"), ("u", "fresh", 20.0, "click"), ("w", "fresh", 20.0, "click")])
    later = over(made, Step(after, np.array([len(data.catalogue)], np.int32)), History.of(after, facts_then.events))
    found = firsts(answer(request(user_id="u", as_of=NOW), later))
    assert found["bulb"] == Reason("bought_together", "Often chosen together with “Lamp”, which you bought on 4 Jan 2024", ("lamp",))
    words = answer(request("search", query="fresh", user_id="u", as_of=NOW), later)
    assert words[0].reasons[0].text == "Matches “Fresh”"
    assert words[0].variants == ["lamp"]
    assert all(item.reasons for item in answer(request("item", items=("fresh",), user_id="u", as_of=NOW), later))
