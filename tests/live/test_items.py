"""A change of the catalogue is in the very next answer of any process: found, shown, filtered, counted, ranked, or gone."""

from __future__ import annotations

from dataclasses import replace

import pytest

from aisle.assemble import lexical
from aisle.core.answer import Json
from aisle.core.errors import RequestError
from aisle.core.events import Dataset
from aisle.core.request import Condition
from aisle.live import LiveShop
from aisle.live import present as presence
from aisle.testing import toys
from aisle.testing.state import MemoryState
from tests.live.toy import LANTERN, NOW, ask, bundle, ids, live, put, search, shop, tell
from tests.pipeline.readers import Telling, top
from tests.pipeline.toy import with_columns


def two() -> tuple[LiveShop, LiveShop]:
    """Two processes beside one state."""
    state = MemoryState()
    return live(state), live(state)


@pytest.mark.parametrize("query", ["green lantern", "paper lanterns", "灯笼", "绿色纸灯笼", "latern paper"])
def test_a_new_item_is_found_by_what_a_shopper_types(query: str) -> None:
    here, there = two()
    assert "lantern" not in search(there, query)
    put(here, LANTERN)
    assert search(there, query)[0] == "lantern"


def test_a_new_item_is_told_as_it_was_sent_and_when_it_came() -> None:
    here, there = two()
    put(here, LANTERN)
    assert there.item("lantern") == {**LANTERN, "price": 12.0, "created_at": NOW}
    assert shop().item("lantern") is None, "the bundle itself stays as it was"


def test_a_new_item_is_shown_among_the_new_ones_and_no_behaviour_is_made_up_for_it() -> None:
    here, there = two()
    put(here, LANTERN)
    page = ask(there, user_id="u0")
    (item,) = [one for one in page.items if one.item_id == "lantern"]
    assert item.scores["new"] == pytest.approx(1.0)
    assert not {"item_knn", "als", "popularity", "trending", "repeat"} & set(item.scores)


def test_a_new_item_is_ranked_by_the_same_features_beside_all_others() -> None:
    here, there = two()
    put(here, LANTERN)
    (first, second, *rest) = ask(there, "rank", query="green lantern", items=("lamp_red", "lantern", "nonsense")).items
    assert (first.item_id, second.item_id) == ("lantern", "lamp_red")
    assert first.score is not None and second.score is not None and first.score > second.score
    assert [one.removed for one in rest] == ["unknown"]


def test_a_page_of_a_new_item_shows_what_is_like_it() -> None:
    here, there = two()
    put(here, {**LANTERN, "title": "Red desk lamp with clip", "category": "Home > Lamps"})
    assert "lamp_red" in ids(ask(there, "similar", items=("lantern",)))[:2]
    assert "lantern" in ids(ask(there, "similar", items=("lamp_red",)))
    tell(here, "click", "lantern", user_id="new")
    assert {"lamp_red", "lamp_blue"} & set(ids(ask(there, user_id="new"))[:4])


def test_filters_facets_totals_and_sorts_see_the_items_as_they_are() -> None:
    here, there = two()
    green: dict[str, Json] = {**LANTERN, "title": "Green paper lamp"}
    put(here, green, {"item_id": "lamp_red", "price": 200}, {"item_id": "cup_tea", "brand": "Hua|Nord", "colour": "red"})
    page = ask(there, "search", query="lamp", facets=("brand", "colour"), sort="price")
    assert [item for item in ids(page) if item in ("lantern", "lamp_blue", "lamp_red")] == ["lantern", "lamp_blue", "lamp_red"]
    assert page.total == 4 and page.facets["brand"] == {"Lumo": 2, "Hua": 1, "Nord": 1} and page.facets["colour"] == {"green": 1}
    cheap = ask(there, "search", query="lamp", filters={"price": Condition(lte=100)})
    assert "lamp_red" not in ids(cheap) and "lantern" in ids(cheap) and cheap.total == 3
    coloured = ask(there, user_id="u0", exclude_seen=False, filters={"colour": Condition(any_of=("green", "red"))})
    assert set(ids(coloured)) == {"lantern", "cup_tea"}
    assert "cup_tea" in ids(ask(there, exclude_seen=False, filters={"brand": Condition(any_of=("Nord",))}, user_id="u0"))
    assert ids(ask(there, "search", query="lamp", sort="newest"))[0] == "lantern"
    with pytest.raises(RequestError, match="colour"):
        ask(there, filters={"color": Condition(any_of=("red",))}, user_id="u0")


def test_an_edit_names_what_changes_and_null_takes_away() -> None:
    here, there = two()
    put(here, {"item_id": "lamp_red", "price": 19.5, "brand": None})
    before = dict(shop().item("lamp_red") or {})
    del before["brand"]
    assert there.item("lamp_red") == {**before, "price": 19.5}
    assert ask(there, "search", query="red lamp", limit=1).items[0].attributes["price"] == 19.5


def test_a_new_title_is_found_and_the_old_one_no_more() -> None:
    here, there = two()
    put(here, {"item_id": "shoe_hike", "title": "Zorblax boots", "title_zh": "雪地靴"})
    assert search(there, "zorblax")[0] == "shoe_hike" and search(there, "雪地靴")[0] == "shoe_hike"
    assert ask(there, "search", query="登山").total == 0
    put(here, {"item_id": "shoe_hike", "title": "Waterproof hiking boots", "title_zh": "防水登山靴"})
    assert search(there, "登山")[0] == "shoe_hike"
    for query in toys.QUERIES:
        assert ids(ask(there, "search", query=query)) == ids(shop().answer([_asked(query)])[0])


def _asked(query: str) -> object:
    from dataclasses import replace

    from aisle.core.request import Request

    return replace(Request("r1", "search", limit=20, as_of=NOW), query=query)


def test_what_is_sold_out_by_an_edit_is_not_shown_though_nothing_is_armed() -> None:
    here, there = two()
    put(here, {"item_id": "lamp_red", "in_stock": False}, {"item_id": "lamp_blue", "in_stock": True})
    found = search(there, "lamp")
    assert "lamp_red" not in found and {"lamp_blue", "lamp_floor"} <= set(found), "unknown stock is still shown"
    assert there.item("lamp_red") is not None
    put(here, {"item_id": "lamp_red", "in_stock": True})
    assert "lamp_red" in search(there, "lamp")


def test_a_new_item_of_unknown_stock_is_not_shown_where_the_bundle_knows_stock() -> None:
    data = toys.bilingual()
    stocked = Dataset(with_columns(data.catalogue, in_stock=[1.0] * 12), data.events)
    engine = live(base=bundle(stocked))
    put(engine, LANTERN)
    assert "lantern" not in search(engine, "lantern")
    put(engine, {"item_id": "lantern", "in_stock": True})
    assert search(engine, "lantern")[0] == "lantern"


def test_a_deleted_item_is_gone_from_every_answer_and_says_so() -> None:
    here, there = two()
    assert here.delete_item("lamp_red", NOW)
    assert there.item("lamp_red") is None and not there.delete_item("lamp_red", NOW) and not there.delete_item("nonsense", NOW)
    asked = ask(there, "search", query="lamp", why=("lamp_red",))
    assert "lamp_red" not in ids(asked) and asked.total == 2
    assert asked.why["lamp_red"].reason == "filter: deleted"
    assert ask(there, "rank", items=("lamp_red",), query="red lamp").items[0].removed == "filter: deleted"
    assert "lamp_red" not in ids(ask(there, user_id="u0", exclude_seen=False))
    assert there.profile("u0") == shop().profile("u0"), "what was done with it stays a fact"


def test_who_puts_a_deleted_item_revives_it_and_describes_it_anew() -> None:
    here, there = two()
    here.delete_item("lamp_red", NOW)
    refused = here.put_items([{"item_id": "lamp_red", "price": 5}], False, NOW)
    assert refused["stored"] == 0 and "title" in str(refused["rejected"])
    put(here, {"item_id": "lamp_red", "title": "Red desk lamp", "price": 5})
    assert there.item("lamp_red") == {"item_id": "lamp_red", "title": "Red desk lamp", "price": 5.0, "created_at": NOW}
    assert search(there, "red lamp")[0] == "lamp_red"
    (item,) = ask(there, "rank", items=("lamp_red",), user_id="u1").items
    assert "als" in item.scores, "what the bundle learned of it still holds"


def test_a_full_feed_is_the_whole_shop() -> None:
    here, there = two()
    put(here, LANTERN)
    put(here, {"item_id": "lamp_red", "price": 1}, {"item_id": "fresh", "title": "Fresh lamp"}, replace=True)
    assert set(ids(ask(there, user_id="nobody"))) == {"lamp_red", "fresh"}
    assert there.item("lantern") is None and there.item("cup_tea") is None
    assert there.item("lamp_red") == {**dict(shop().item("lamp_red") or {}), "price": 1.0}
    put(here, LANTERN)
    assert set(ids(ask(there, user_id="nobody"))) == {"lamp_red", "fresh", "lantern"}


def test_a_slip_in_a_full_feed_takes_no_item_out_of_the_shop() -> None:
    here, there = two()
    told = here.put_items([{"item_id": "lamp_red", "price": {"amount": 3}}, {"item_id": "cup_tea"}, {"title": "?"}], True, NOW)
    assert (told["received"], told["stored"]) == (3, 1)
    assert [one["row"] for one in told["rejected"]] == [0, 2]  # type: ignore[union-attr, call-overload, index]
    assert there.item("lamp_red") == shop().item("lamp_red") and there.item("cup_steel") is None
    with pytest.raises(RequestError, match="empty"):
        here.put_items([], True, NOW)
    with pytest.raises(RequestError, match="empty"):
        here.put_items([{"item_id": "stranger"}], True, NOW)
    assert there.item("lamp_red") is not None


@pytest.mark.parametrize(
    ("row", "reason"),
    [
        (7, "an item is one JSON object"),
        ({}, "no item_id"),
        ({"item_id": "x"}, "no title, and the shop has no such item"),
        ({"item_id": "x", "title": " "}, "an item cannot be without a title"),
        ({"item_id": "lamp_red", "title": None}, "an item cannot be without a title"),
        ({"item_id": "lamp_red", "price": "cheap"}, "price cannot be read as a number"),
        ({"item_id": "lamp_red", "in_stock": "maybe"}, "in_stock must be true or false"),
        ({"item_id": "lamp_red", "available_until": "soon"}, "available_until cannot be read as a time"),
        ({"item_id": "lamp_red", "size": {"h": 3}}, "size is an object; name its fields one by one"),
        ({"item_id": ["a"]}, "item_id must be one value"),
        ({"item_id": "a\x00b", "title": "x"}, "item_id holds a control character"),
        ({"item_id": "y", "title": "x", **{f"a{n}": 1 for n in range(300)}}, "the item has 302 attributes, at most 200 are taken"),
    ],
)
def test_a_row_that_cannot_be_read_is_rejected_with_its_reason_and_stops_no_other(row: Json, reason: str) -> None:
    engine = live()
    told = engine.put_items([{"item_id": "good", "title": "Good thing"}, row], False, NOW)
    assert told["stored"] == 1 and told["rejected"] == [{"row": 1, "reason": reason}]
    assert engine.item("good") is not None


def test_values_are_read_as_those_of_files_are() -> None:
    engine = live()
    row: Json = {
        "item_id": 7, "title": "  Ｂｌｕｅ  lamp ", "price": "9.90", "in_stock": "有货", "category": ["Home > Lamps", "Gifts"],
        "available_until": "2030-01-01", "watts": 60, "old": -3, "price_before": "10", "description": "x" * 5_000,
    }  # fmt: skip
    put(engine, row, {"item_id": "free", "title": "Free", "price": 0, "created_at": "1970-01-01"})
    found = engine.item("7")
    assert found is not None
    assert (found["price"], found["in_stock"], found["category"], found["watts"]) == (9.9, 1.0, "Home > Lamps|Gifts", 60.0)
    assert found["available_until"] == 1_893_456_000.0 and len(str(found["description"])) == 5_000
    free = engine.item("free")
    assert free is not None and "price" not in free and "created_at" not in free


def test_completions_know_new_titles() -> None:
    here, there = two()
    known = [one.text for one in there.complete("la", 8)]
    put(here, LANTERN)
    for prefix in ("lant", "green pa", "绿色纸", "灯笼"):
        assert "Green paper lantern" in [one.text for one in there.complete(prefix, 8)], prefix
    more = [one.text for one in there.complete("la", 4)]
    assert "Green paper lantern" in more and more[:3] == known[:3] and len(more) == 4
    here.delete_item("lantern", NOW)
    assert there.complete("lant", 8) == [] and [one.text for one in there.complete("la", 8)] == known


def test_explanations_and_reasons_are_given_beside_new_items_too() -> None:
    here, there = two()
    put(here, LANTERN)
    codes = {item.item_id: [reason.code for reason in item.reasons] for item in ask(there, user_id="u0", explain=True).items}
    assert "new" in codes["lantern"] and sum(map(bool, codes.values())) > 3
    tell(here, "click", "lantern", NOW + 1, user_id="u0")
    page = ask(there, as_of=NOW + 2, user_id="u0", explain=True)
    assert all(item.explanation for item in page.items)
    assert "seen_before" in [reason.code for item in page.items for reason in item.reasons if item.item_id == "lantern"]


def test_an_empty_or_unknown_change_changes_nothing() -> None:
    engine = live()
    before = engine.present.at().shop
    assert put(engine) == {"received": 0, "stored": 0, "rejected": [], "sequence": 0}
    tell(engine, "click", "lamp_red", user_id="new")
    assert engine.present.at().shop is before, "an event rebuilds nothing"


def test_a_description_is_searched_though_no_item_of_the_bundle_had_one() -> None:
    here, there = two()
    words = lexical(shop().pipeline.sources)
    assert words is not None and "description" not in words.tokens_.fields
    put(here, {"item_id": "lamp_red", "description": "Feet of walnut"}, {**LANTERN, "description": "A walnut handle, zorblax lining"})
    assert set(search(here, "walnut")[:2]) == {"lamp_red", "lantern"} == set(search(there, "walnut")[:2])
    assert search(there, "zorblax")[0] == "lantern"
    assert ask(there, "search", query="walnut").total == 2
    put(there, {"item_id": "lamp_red", "description": None})
    assert ask(here, "search", query="walnut").total == 1


def test_a_price_costs_no_reading_of_texts() -> None:
    engine = live()
    before = engine.present.at().shop.pipeline
    put(engine, {"item_id": "lamp_red", "price": 3})
    after = engine.present.at().shop.pipeline
    assert after is not before and after.sources["lexical"] is before.sources["lexical"]
    assert after.catalogue.texts["title"] is before.catalogue.texts["title"]


def test_a_large_feed_counts_when_it_is_acknowledged_and_soon_elsewhere(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(presence, "AT_ONCE", 5)
    here, there = two()
    feed: list[dict[str, Json]] = [{"item_id": f"n{number}", "title": f"Thing number{number}"} for number in range(40)]
    put(here, *feed)
    assert search(here, "number17")[0] == "n17"
    ask(there, user_id="u0")
    there.settle()
    assert search(there, "number17")[0] == "n17"
    put(here, {"item_id": "n3", "title": "Zorblax"})
    assert search(there, "zorblax")[0] == "n3", "a small change after it counts at once again"


def test_texts_that_wait_for_their_vectors_are_found_by_words_at_once_and_by_meaning_soon() -> None:
    here, there = two()
    feed: list[dict[str, Json]] = [{"item_id": f"n{number}", "title": f"Red desk lamp {number}"} for number in range(presence.SOON + 60)]
    put(here, *feed)
    assert "n3" in search(there, "red desk lamp", limit=500)
    there.settle()
    (item,) = ask(there, "rank", query="red desk lamp", items=("n63",)).items
    assert "dense" in item.scores and "lexical" in item.scores


def test_a_new_item_is_read_again_with_the_first_of_a_search() -> None:
    base = bundle(toys.bilingual())
    reader = Telling("paper")
    base.pipeline = replace(base.pipeline, top=top(reader))
    here = live(base=base)
    put(here, LANTERN)
    (first, *_) = ask(here, "search", query="green lantern").items
    assert first.item_id == "lantern" and first.scores["cross"] > 0.5
    put(here, {"item_id": "lantern", "title": "Green silk lantern"})
    (first, *_) = ask(here, "search", query="green lantern").items
    assert first.item_id == "lantern" and first.scores["cross"] < 0.9
    assert any("silk" in text for _, text in reader.asked)
