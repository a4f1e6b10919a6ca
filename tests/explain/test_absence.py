"""Why an item is not shown: the stage that lost it, and how near it came."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from aisle.arrange.rules import Rule, Rules
from aisle.core.answer import Absence
from aisle.core.request import Condition, Request
from aisle.pipeline import Pipeline
from aisle.retrieval.lexical import Lexical
from aisle.testing import toys
from tests.pipeline.toy import pipeline, request, shop, with_columns


def why(item: str, asked: Request, made: Pipeline | None = None) -> Absence | None:
    return shop(made).answer([replace(asked, why=(item,))])[0].why.get(item)


def ruled(made: Pipeline, *rules: Rule) -> Pipeline:
    from aisle.assemble import policies

    held = Rules(made.catalogue, rules)
    return replace(made, filters=policies(made.catalogue, (), held), arranger=replace(made.arranger, rules=held))


def test_an_unknown_item_is_unknown() -> None:
    assert why("nonsense", request(user_id="u0")) == Absence("unknown", "unknown")


def test_a_shown_item_needs_no_reason() -> None:
    assert why("lamp_red", request("search", query="red lamp")) is None


def test_every_filter_that_forbids_it_is_named() -> None:
    data = toys.bilingual()
    gone = pipeline(replace(data, catalogue=with_columns(data.catalogue, in_stock=[0.0, *[1.0] * 11])))
    found = why("lamp_red", request("search", query="lamp", filters={"brand": Condition(any_of=("Nord",))}), gone)
    assert found == Absence("filter", "filter: stock, asked", {"filters": ["stock", "asked"]})


def test_a_rule_that_blocks_is_a_filter_called_rules() -> None:
    made = ruled(pipeline(), Rule(1, "block", ("lamp_red",), surfaces=("search",)))
    assert why("lamp_red", request("search", query="lamp"), made) == Absence("filter", "filter: rules", {"filters": ["rules"]})


def test_what_no_source_proposed_has_its_best_place_by_source() -> None:
    found = why("cup_tea", request("search", query="登山"))
    assert found is not None
    assert (found.stage, found.details["ranks"]) == ("not_proposed", {})
    narrow = replace(pipeline(), limit=2)
    found = why("lamp_floor", request("search", query="desk lamp"), narrow)
    assert found is not None
    assert (found.stage, found.details) == ("not_proposed", {"ranks": {"lexical": 2}, "limit": 2})
    assert "lexical 3" in found.reason


def test_the_place_by_source_is_the_one_it_would_have() -> None:
    made = replace(pipeline(), limit=1)
    block = made.block([request("search", query="lamp tea cup")])
    source = made.sources["lexical"]
    assert isinstance(source, Lexical)
    order = source.retrieve(block, made.allowed(block), 12).item.tolist()
    for place, row in enumerate(order[1:], 1):
        found = why(made.catalogue.ids[row], request("search", query="lamp tea cup"), made)
        assert found is not None
        assert found.details["ranks"] == {"lexical": place}


def test_what_was_proposed_but_not_ranked_was_cut_from_the_pool() -> None:
    data = toys.checkerboard(700)
    one = data.known(np.arange(len(data.events)) < 3_000)
    made = replace(pipeline(one), limit=600)
    asked = request(user_id="u2", exclude_seen=False)
    shown = {made.catalogue.ids[int(row)] for row in made.answer([asked], _runner()).candidates.item}
    block = made.block([asked])
    wide = made.propose(made.stacks["home"], block, made.allowed(block), _runner())
    lost = next(made.catalogue.ids[int(row)] for row in wide.item if made.catalogue.ids[int(row)] not in shown)
    found = why(lost, asked, made)
    assert found is not None
    assert found.stage == "pool"


def _runner() -> object:
    from aisle.core.runner import Runner

    return Runner()


def test_a_variant_names_the_one_that_is_shown() -> None:
    data = toys.bilingual()
    items = type(data.catalogue)(data.catalogue.ids, dict(data.catalogue.texts), dict(data.catalogue.numbers))
    items.texts["parent_id"] = type(items.ids).of([*["lamps"] * 3, *[None] * 9])
    made = pipeline(replace(data, catalogue=items))
    answer = shop(made).answer([request("search", query="red lamp", why=("lamp_blue",))])[0]
    assert answer.why["lamp_blue"].stage == "variant"
    assert answer.why["lamp_blue"].details["variant"] == "lamp_red"
    assert answer.items[0].variants == ["lamp_blue", "lamp_floor"]
    assert answer.total == 1
    gone = replace(request("search", query="red lamp"), filters={"brand": Condition(any_of=("Lumo",))})
    assert shop(made).answer([gone])[0].items[0].variants == ["lamp_blue"]


def test_what_stands_below_the_page_has_its_rank_and_score() -> None:
    asked = request(user_id="nobody", limit=3)
    whole = shop().answer([replace(asked, limit=12)])[0].items
    found = why(whole[7].item_id, asked)
    assert found is not None
    assert (found.stage, found.details["rank"], found.details["of"]) == ("page", 7, 12)
    assert found.details["score"] == whole[7].score
    assert "rank 8 of 12" in found.reason


def test_what_a_rule_buried_says_so() -> None:
    made = ruled(pipeline(), Rule(1, "bury", ("lamp_red",), surfaces=("search",)))
    found = why("lamp_red", request("search", query="red lamp", limit=1), made)
    assert found is not None
    assert found.stage == "buried"


def test_rank_gives_the_reason_for_what_it_may_not_show() -> None:
    data = toys.bilingual()
    gone = pipeline(replace(data, catalogue=with_columns(data.catalogue, in_stock=[0.0, *[1.0] * 11])))
    items = shop(gone).answer([request("rank", query="lamp", items=("lamp_red", "lamp_blue"))])[0].items
    assert [(item.item_id, item.removed) for item in items] == [("lamp_blue", None), ("lamp_red", "filter: stock")]


def test_batch_equals_single() -> None:
    asked = [request(user_id=f"u{user}", limit=2, why=("lamp_red", "cup_tea", "pot_tea")) for user in range(4)]
    both = shop().answer(asked), [shop().answer([one])[0] for one in asked]
    assert [one.why for one in both[0]] == [one.why for one in both[1]]


def _lost_in_many_ways() -> Pipeline:
    data = toys.bilingual()
    items = with_columns(data.catalogue, in_stock=[*[1.0] * 11, 0.0])
    items.texts["parent_id"] = type(items.ids).of([*["lamps"] * 2, *[None] * 10])
    made = pipeline(replace(data, catalogue=items))
    return replace(ruled(made, Rule(1, "bury", ("lamp_floor",), surfaces=("search",))), limit=3)


@pytest.mark.parametrize("words", [{"query": "lamp red desk"}, {"query": "登山"}, {"user_id": "nobody"}])
def test_every_sentence_is_in_the_language_that_was_asked_for(words: dict[str, str]) -> None:
    made = _lost_in_many_ways()
    asked = request("search" if "query" in words else "home", **words, limit=1, why=("nonsense", *made.catalogue.ids))
    english, chinese = (shop(made).answer([replace(asked, language=one)])[0].why for one in ("en", "zh"))
    assert {item: (one.stage, one.details) for item, one in english.items()} == {
        item: (one.stage, one.details) for item, one in chinese.items()
    }
    assert all(one.reason.isascii() for one in english.values())
    assert all(any("一" <= sign <= "龥" for sign in one.reason) for one in chinese.values())
    assert chinese["nonsense"].reason == "没有此商品"


def test_without_a_language_the_query_decides_as_it_does_for_reasons() -> None:
    found = why("cup_tea", request("search", query="登山"))
    assert found is not None
    assert found.reason == "没有来源召回（每个来源取前200名；在各来源中的名次：均未给出）"


def test_rank_says_in_chinese_what_it_may_not_show() -> None:
    data = toys.bilingual()
    gone = pipeline(replace(data, catalogue=with_columns(data.catalogue, in_stock=[0.0, *[1.0] * 11])))
    asked = request("rank", query="lamp", items=("lamp_red", "lamp_blue"), language="zh")
    assert shop(gone).answer([asked])[0].items[-1].removed == "被过滤：库存"
