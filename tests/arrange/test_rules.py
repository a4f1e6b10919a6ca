"""The shop's own hand: what rules do, when, and that they never show what a filter forbids."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from aisle.arrange.rules import Rules
from aisle.arrange.rules_file import read_rules
from aisle.assemble import opened, policies, save
from aisle.core.catalogue import Catalogue
from aisle.core.errors import InputError
from aisle.core.request import Request
from aisle.pipeline import Pipeline
from aisle.settings import Settings
from aisle.testing import toys
from aisle.training.run import train
from tests.arrange.toys import arranger, page, shop
from tests.pipeline.toy import pipeline, request, with_columns
from tests.pipeline.toy import shop as open_shop

HOME = Request("r", "home", limit=10)
SEARCH = Request("r", "search", query="red lamp", limit=10)
NOVEMBER = 1_762_000_000.0
"""The first of November 2025, 12:26 UTC."""


def rules(tmp_path: Path, text: str, items: Catalogue | None = None) -> Rules:
    (tmp_path / "rules.toml").write_text(text, encoding="utf-8")
    return read_rules(tmp_path, items or shop(size=5, categories=["a", "a > b", "c", None, None]))


def order(held: Rules, asked: Request = HOME) -> list[int]:
    return page(arranger(held.catalogue, held), asked, [0.5, 0.4, 0.3, 0.2, 0.1]).rows.tolist()


def ruled(held: Rules, made: Pipeline | None = None) -> Pipeline:
    made = made or pipeline()
    filters = policies(made.catalogue, (), held)
    return replace(made, filters=filters, arranger=replace(made.arranger, rules=held))


def shown(made: Pipeline, asked: Request) -> list[str]:
    return [item.item_id for item in open_shop(made).answer([asked])[0].items]


def test_a_folder_without_rules_has_none(tmp_path: Path) -> None:
    assert read_rules(tmp_path, shop(size=1)).rules == ()


def test_pin_puts_items_at_their_place(tmp_path: Path) -> None:
    held = rules(tmp_path, '[[rules]]\naction = "pin"\nitem = ["i4", "i3"]\nat = 2\n')
    assert order(held) == [0, 4, 3, 1, 2]
    assert page(arranger(held.catalogue, held), HOME, [0.5, 0.4, 0.3, 0.2, 0.1]).moved == {4: ("pinned",), 3: ("pinned",)}


def test_two_pins_for_one_place_stand_in_the_order_of_the_file(tmp_path: Path) -> None:
    pins = "".join(f'[[rules]]\naction = "pin"\nitem = "{item}"\n' for item in ("i4", "i3", "i2"))
    assert order(rules(tmp_path, pins)) == [4, 3, 2, 0, 1]


def test_boost_and_bury_move_whole_categories_and_leave_scores_alone(tmp_path: Path) -> None:
    held = rules(tmp_path, '[[rules]]\naction = "boost"\ncategory = "c"\nfactor = 3\n[[rules]]\naction = "bury"\ncategory = "a"\n')
    assert order(held) == [2, 3, 4, 0, 1]


def test_a_boost_raises_a_score_below_zero_too(tmp_path: Path) -> None:
    held = rules(tmp_path, '[[rules]]\naction = "boost"\nitem = "i1"\nfactor = 4\n')
    assert page(arranger(held.catalogue, held), HOME, [-0.5, -0.6]).rows.tolist() == [1, 0]


def test_the_pinned_variant_is_the_one_shown(tmp_path: Path) -> None:
    items = shop(parents=["p", "p", None])
    held = rules(tmp_path, '[[rules]]\naction = "pin"\nitem = "i1"\nat = 2\n', items)
    assert page(arranger(items, held), HOME, [0.9, 0.1, 0.5]).rows.tolist() == [2, 1]


@pytest.mark.parametrize(
    ("typed", "hit"), [("red lamp", True), ("Lamps RED", True), ("lamp", False), ("big red lamp", False), (None, False)]
)
def test_a_query_rule_wants_exactly_its_words(tmp_path: Path, typed: str | None, hit: bool) -> None:
    held = rules(tmp_path, '[[rules]]\naction = "pin"\nitem = "i4"\nquery = "red lamp"\n')
    assert (order(held, replace(SEARCH, query=typed))[0] == 4) is hit


@pytest.mark.parametrize(("typed", "hit"), [("big red lamp", True), ("red", False), ("红色台灯", False)])
def test_query_has_wants_at_least_its_words(tmp_path: Path, typed: str, hit: bool) -> None:
    held = rules(tmp_path, '[[rules]]\naction = "pin"\nitem = "i4"\nquery_has = "red lamp"\n')
    assert (order(held, replace(SEARCH, query=typed))[0] == 4) is hit


@pytest.mark.parametrize(
    ("bounds", "now", "hit"),
    [
        ("from = 2025-11-01\nuntil = 2025-11-01", NOVEMBER, True),  # a day counts to its end
        ("from = 2025-11-02", NOVEMBER, False),
        ('until = "2025-10-31"', NOVEMBER, False),
        ("until = 2025-11-01T13:00:00+08:00", NOVEMBER, False),
        ("from = 2025-10-01", float("nan"), False),
        ("", float("nan"), True),
    ],
)
def test_a_rule_counts_between_its_dates(tmp_path: Path, bounds: str, now: float, hit: bool) -> None:
    held = rules(tmp_path, f'[[rules]]\naction = "pin"\nitem = "i4"\n{bounds}\n')
    assert (order(held, replace(HOME, as_of=now))[0] == 4) is hit


def test_at_an_unknown_time_a_dated_block_blocks(tmp_path: Path) -> None:
    held = rules(tmp_path, '[[rules]]\naction = "block"\nitem = "lamp_red"\nuntil = 2020-01-01\n', toys.dozen())
    assert "lamp_red" not in shown(ruled(held), request("search", query="lamp"))
    assert "lamp_red" in shown(ruled(held), request("search", query="lamp", as_of=NOVEMBER))


def test_other_sort_orders_are_the_shoppers_own_but_what_is_blocked_stays_out(tmp_path: Path) -> None:
    text = '[[rules]]\naction = "pin"\nitem = "lamp_floor"\nquery = "lamp"\n[[rules]]\naction = "block"\nitem = "lamp_blue"\n'
    made = ruled(rules(tmp_path, text, toys.dozen()))
    assert shown(made, request("search", query="lamp"))[:2] == ["lamp_floor", "lamp_red"]
    by_price = shown(made, request("search", query="lamp", sort="price"))
    assert by_price.index("lamp_red") < by_price.index("lamp_floor")
    assert "lamp_blue" not in by_price


def test_a_pinned_item_that_no_source_proposed_is_shown_with_a_score(tmp_path: Path) -> None:
    made = ruled(rules(tmp_path, '[[rules]]\naction = "pin"\nitem = "cup_tea"\nquery = "lamp"\n', toys.dozen()))
    first = open_shop(made).answer([request("search", query="lamp")])[0].items[0]
    assert first.item_id == "cup_tea"
    assert first.score is not None


def test_a_rule_never_shows_what_a_filter_forbids(tmp_path: Path) -> None:
    data = toys.bilingual()
    gone = replace(data, catalogue=with_columns(data.catalogue, in_stock=[0.0, *[1.0] * 11]))
    text = "".join(f'[[rules]]\naction = "{action}"\nitem = "lamp_red"\nsurface = ["search", "home"]\n' for action in ("pin", "boost"))
    made = ruled(rules(tmp_path, text, gone.catalogue), pipeline(gone))
    assert "lamp_red" not in shown(made, request("search", query="lamp"))
    assert "lamp_red" not in shown(made, request(user_id="u1"))


def test_blocked_is_gone_from_totals_facets_and_rank(tmp_path: Path) -> None:
    made = ruled(rules(tmp_path, '[[rules]]\naction = "block"\ncategory = "Home > Lamps"\n', toys.dozen()))
    answer = open_shop(made).answer([request("search", query="red lamp tea", facets=("category",))])[0]
    assert "Home > Lamps" not in answer.facets["category"]
    ranked = open_shop(made).answer([request("rank", items=("lamp_red", "cup_tea"), query="tea")])[0]
    assert [item.item_id for item in ranked.items] == ["cup_tea", "lamp_red"]
    assert "rules" in str(ranked.items[1].removed)


def test_rank_is_not_moved_by_pins_and_boosts(tmp_path: Path) -> None:
    held = rules(tmp_path, '[[rules]]\naction = "boost"\nitem = "i4"\nfactor = 9\n[[rules]]\naction = "bury"\nitem = "i0"\n')
    assert order(held, Request("r", "rank", items=("i0",))) == [0, 1, 2, 3, 4]


def test_saved_rules_do_the_same(tmp_path: Path) -> None:
    text = '[[rules]]\naction = "pin"\nitem = "i4"\nfrom = 2025-10-01\n[[rules]]\naction = "block"\nitem = "i1"\nquery_has = "x"\n'
    held = rules(tmp_path, text)
    held.save(tmp_path / "saved")
    again = Rules.load(tmp_path / "saved", held.catalogue)
    assert repr(again.rules) == repr(held.rules)
    assert Rules.load(tmp_path / "nowhere", held.catalogue).rules == ()


def test_a_rule_on_an_item_that_is_gone_does_nothing(tmp_path: Path) -> None:
    held = rules(tmp_path, '[[rules]]\naction = "pin"\nitem = "i4"\n')
    fewer = Rules(shop(size=2), held.rules)
    assert page(arranger(fewer.catalogue, fewer), HOME, [0.5, 0.4]).rows.tolist() == [0, 1]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("[[rules]\n", "not valid TOML"),
        ("pin = 1\n", "must hold"),
        ('[[rules]]\naction = "pinn"\nitem = "i1"\n', "Did you mean `pin`"),
        ('[[rules]]\naction = "pin"\nitme = "i1"\n', "Did you mean `item`"),
        ('[[rules]]\naction = "pin"\nitem = "i44"\n', "rule 1 names the item `i44`.*Did you mean `i4`"),
        ('[[rules]]\naction = "bury"\ncategory = "a > bb"\n', "Did you mean `a > b`"),
        ('[[rules]]\naction = "bury"\n', "names no item and no category"),
        ('[[rules]]\naction = "pin"\ncategory = "a"\n', "names no item"),
        ('[[rules]]\naction = "pin"\nitem = "i1"\nfrom = "soon"\n', "no date"),
        ('[[rules]]\naction = "pin"\nitem = "i1"\nfrom = 12\n', "no date"),
        ('[[rules]]\naction = "pin"\nitem = "i1"\nfrom = 2025-12-01\nuntil = 2025-11-01\n', "ends before it begins"),
        ('[[rules]]\naction = "pin"\nitem = "i1"\nat = 0\n', "from 1 to 500"),
        ('[[rules]]\naction = "boost"\nitem = "i1"\nfactor = "big"\n', "factor"),
        ('[[rules]]\naction = "pin"\nitem = "i1"\nsurface = "front"\n', "unknown surface"),
        ('[[rules]]\naction = "pin"\nitem = "i1"\nquery = "!!"\n', "without words"),
        ('[[rules]]\naction = "pin"\nitem = "i1"\nquery = "a"\nquery_has = "b"\n', "Keep one"),
        ('[[rules]]\naction = "pin"\nitem = 7\n', "no text"),
    ],
)
def test_a_broken_rule_is_named_with_its_mend(tmp_path: Path, text: str, said: str) -> None:
    with pytest.raises(InputError, match=said):
        rules(tmp_path, text)


def test_the_settings_know_the_page() -> None:
    assert Settings().arrange.group_variants
    assert 0 <= Settings().arrange.diversity < 1


def test_rules_are_frozen_into_the_bundle(tmp_path: Path) -> None:
    made = ruled(rules(tmp_path, '[[rules]]\naction = "block"\nitem = "lamp_red"\n', toys.dozen()))
    save(made, tmp_path / "bundle")
    again = opened(tmp_path / "bundle", Settings())
    assert "lamp_red" not in shown(again, request("search", query="red lamp"))
    assert shown(again, request("search", query="red lamp")) == shown(made, request("search", query="red lamp"))


def test_training_with_a_broken_rule_ends_before_anything_is_fitted(tmp_path: Path) -> None:
    (tmp_path / "items.csv").write_text("item_id,title\nA1,Lamp\n", encoding="utf-8")
    (tmp_path / "rules.toml").write_text('[[rules]]\naction = "pin"\nitem = "A2"\n', encoding="utf-8")
    with pytest.raises(InputError, match=r"rules.toml, rule 1 names the item `A2`"):
        train(tmp_path, minutes=0.1, quiet=True)
    assert not (tmp_path / "bundles" / "CURRENT").exists()
