"""The lexical source: words, codes, slips and pieces find their titles, literally typed Chinese first, filters inside."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest

from aisle.core.candidates import Candidates
from aisle.core.catalogue import Catalogue
from aisle.core.events import Dataset, Events
from aisle.core.profiles import Profiles, Slices
from aisle.core.request import Request
from aisle.core.stage import Allowed, Block
from aisle.core.strings import Strings
from aisle.query.understand import understand
from aisle.retrieval.lexical import Lexical

TITLES = [
    "Red Lamp", "Red Sofa with Lamp Holder", "iPhone15Pro 256GB Case", "1-1/2 in. x 10 ft. PVC Pipe", "DeckOver Coating",
    "CHANDO/自然堂 滋润霜50g 补水保湿", "补水面膜 10片", "保湿 补水喷雾", "红色台灯", "Plain Rug",
]  # fmt: skip


def fitted(titles: Sequence[str], **texts: list[str]) -> Lexical:
    columns = {"title": Strings.of(titles)} | {name: Strings.of(column) for name, column in texts.items()}
    return Lexical().fit(Dataset(Catalogue(Strings.of(map(str, range(len(titles)))), columns, {}), Events.none()))


@pytest.fixture(scope="module")
def lexical() -> Lexical:
    return fitted(TITLES)


def searching(*texts: str | None) -> Block:
    n = len(texts)
    requests = [Request(f"r{number}", "search", query=text) for number, text in enumerate(texts)]
    queries = [None if text is None else understand(text) for text in texts]
    return Block(requests, np.full(n, np.nan), queries, Profiles.strangers(n), Slices.none(n), Slices.none(n))


def found(lexical: Lexical, text: str, limit: int = 10) -> list[int]:
    items = len(lexical.tokens_)
    return lexical.retrieve(searching(text), Allowed.everything(items, 1), limit).item.tolist()


@pytest.mark.parametrize(
    ("typed", "best"),
    [
        ("red lamps", 0), ("iphone 15 pro", 2), ("iphone15pro", 2), ("256 gb", 2), ('1.5" pvc', 3), ("deck over", 4), ("coatin", 4),
        ("滋润霜50", 5), ("潤霜", 5), ("堂", 5), ("0g 补", 5), ("O/自", 5), ("紅色", 8), ("片", 6), ("膜 1", 6), ("HAN", 5),
    ],
)  # fmt: skip
def test_words_codes_slips_and_pieces_find_their_title(lexical: Lexical, typed: str, best: int) -> None:
    assert found(lexical, typed)[0] == best


def test_every_title_that_holds_a_piece_stands_before_all_that_do_not() -> None:
    random = np.random.default_rng(4)
    titles = ["".join(random.choice(list("补水保湿面霜膜"), size=8)) for _ in range(300)]
    lexical = fitted(titles)
    for piece in (titles[9][2 : 2 + length] for length in (1, 2, 3, 4)):
        holding = [row for row, title in enumerate(titles) if piece in title]
        ranked = found(lexical, piece, 300)
        assert set(ranked[: len(holding)]) == set(holding)


def test_a_traditional_title_is_found_by_a_simplified_query() -> None:
    assert found(fitted(["護膚面膜", "rug"]), "护肤") == [0]


def test_a_narrow_filter_still_fills_the_page() -> None:
    titles = [f"red lamp {number}" for number in range(500)] + ["lamp shade for a large red standing lamp"]
    lexical = fitted(titles)
    mask = np.zeros(501, bool)
    mask[[7, 499, 500]] = True
    page = lexical.retrieve(searching("red lamp"), Allowed(mask, [None], [np.array([7], np.int32)]), 10)
    assert sorted(page.item.tolist()) == [499, 500]


def test_score_is_what_retrieve_gave_and_missing_for_what_does_not_match(lexical: Lexical) -> None:
    asked = searching("red lamp", None, "补水")
    page = lexical.retrieve(asked, Allowed.everything(len(TITLES), 3), 5)
    np.testing.assert_array_equal(lexical.score(asked, page), page["score"])
    everything = Candidates.of([np.arange(len(TITLES), dtype=np.int32)] * 3)
    score = lexical.score(searching("red lamp", None, "补水"), everything).reshape(3, -1)
    assert np.isnan(score[0, 9]) and np.isnan(score[1]).all() and np.isfinite(score[2, [5, 6, 7]]).all()


def test_matches_are_the_items_that_hold_a_word_or_the_piece(lexical: Lexical) -> None:
    assert lexical.matches(understand("lamp")).tolist() == [0, 1]
    assert lexical.matches(understand("补水")).tolist() == [5, 6, 7]
    assert lexical.matches(understand("水保")).tolist() == [5]
    assert lexical.matches(understand("nothing")).tolist() == lexical.matches(understand("🙂")).tolist() == []


def test_a_very_common_word_makes_no_match_beside_a_rare_one() -> None:
    lexical = fitted(["lamp in box", *(f"rug in box number{n}" for n in range(20))])
    assert lexical.matches(understand("lamp in box")).tolist() == [0]
    assert len(lexical.matches(understand("in box"))) == 21


@pytest.mark.parametrize(
    ("typed", "count", "most", "of"),
    [
        ("red lamp", [2, 2, 0, 0, 0, 0, 0, 0, 0, 0], 2, 2), ("red lamp stand", [2, 2, 0, 0, 0, 0, 0, 0, 0, 0], 2, 3),
        ("deck over", [0, 0, 0, 0, 2, 0, 0, 0, 0, 0], 2, 2), ("补水 保湿", [0, 0, 0, 0, 0, 2, 1, 2, 0, 0], 2, 2),
        ("补水 湿补", [], 0, 2), ("水面 10", [0, 0, 0, 1, 0, 0, 2, 0, 0, 0], 2, 2),
    ],
)  # fmt: skip
def test_an_item_holds_so_many_of_a_querys_words(lexical: Lexical, typed: str, count: list[int], most: int, of: int) -> None:
    held = lexical.held(understand(typed), np.ones(len(TITLES), bool))
    assert held is None if not most else held is not None and (held.count.tolist(), held.most, held.of) == (count, most, of)


def test_words_are_held_in_any_field_and_compared_among_what_may_be_shown() -> None:
    lexical = fitted(["Dress", "Red dress", "Red rug"], colour=["Red", "", ""], description=["", "", "goes with a dress"])
    asked = understand("red dresses")
    every = lexical.held(asked, np.ones(3, bool))
    assert every is not None and every.count.tolist() == [2, 2, 2]
    three = lexical.held(understand("red rug dress"), np.array([True, True, False]))
    assert three is not None and (three.most, three.best.tolist()) == (2, [True, True, False])
    assert lexical.held(asked, np.zeros(3, bool)) is None
    assert lexical.held(understand("red"), np.ones(3, bool)) is None


def test_a_brand_counts_less_than_the_title_but_counts() -> None:
    ranked = found(fitted(["Lamp", "Acme lamp", "Rug", "Rug"], brand=["Acme", "Other", "Acme", "Other"]), "acme")
    assert ranked[0] == 1 and set(ranked) == {0, 1, 2}


@pytest.mark.parametrize("typed", ["", "🙂", "a" * 100_000, "补" * 100_000, '"AND" (OR) title:*', "\x00", "\ud800"])
def test_hostile_queries_are_answered(lexical: Lexical, typed: str) -> None:
    assert len(found(lexical, typed)) <= len(TITLES)
    assert len(lexical.matches(understand(typed))) <= len(TITLES)


def test_saved_and_opened_it_answers_and_mends_the_same(lexical: Lexical, tmp_path: Path) -> None:
    lexical.save(tmp_path)
    opened = Lexical.load(tmp_path, Catalogue(Strings.of([]), {}, {}))
    for typed in ("red lamp", "补水保", "coatin"):
        assert found(opened, typed) == found(lexical, typed)
    assert opened.speller_("coatng") == lexical.speller_("coatng") == "coating"


def test_real_titles_are_found_by_any_piece(real_data: Path) -> None:
    from benchmarks.chinese_pieces import measure, tmall_beauty

    figures = measure(tmall_beauty(), pieces=120)
    assert figures["rare"] >= 0.99 and figures["common"] == 1.0
