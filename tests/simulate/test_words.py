"""What stands in the simulated shop's files to be read: both languages, queries as people write them, true grades, spans, pictures."""

from __future__ import annotations

import json
import re
from pathlib import Path
from xml.etree import ElementTree

import numpy as np
import pytest

from aisle.simulate import truth as truths
from aisle.simulate.goods import repeats
from aisle.simulate.pictures import picture, shade
from aisle.simulate.queries import FORMS, Meaning, make, write
from aisle.simulate.shop import simulate
from aisle.simulate.words import STYLES, words
from tests.simulate.reading import column, rows

CHINESE = re.compile("[\u4e00-\u9fff]")


def test_titles_come_in_both_languages(shop: Path) -> None:
    for row in rows(shop / "items.csv"):
        other = row["title_en"] if row["language"] == "zh" else row["title_zh"]
        same = row["title_zh"] if row["language"] == "zh" else row["title_en"]
        assert row["title"] == same != other
        assert bool(CHINESE.search(row["title"])) == (row["language"] == "zh")
    share = np.mean([row["language"] == "zh" for row in rows(shop / "items.csv")])
    assert 0.25 < share < 0.55


def test_no_two_items_are_called_the_same(tmp_path: Path) -> None:
    simulate(tmp_path, items=5_000, events=100, pictures=False)
    for name in ("title", "title_en", "title_zh"):
        titles = [title for title in column(tmp_path, "items", name) if title]
        assert len(set(titles)) == len(titles)


def test_products_of_one_name_are_told_apart_by_their_line() -> None:
    assert [words().line(number)[0] for number in (0, 1, 24, 25, 49)] == ["", "Aria", "Tidal", "Aria 2", "Aria 3"]
    assert words().line(25)[1] == "雅韵2"
    counted = repeats(np.array([1, 1, 2, 1]), np.array([5, 5, 5, 6]))
    assert counted.tolist() == [0, 1, 0, 0]


def test_descriptions_hold_both_languages_or_nothing(shop: Path) -> None:
    texts = column(shop, "items", "description")
    assert all(CHINESE.search(text) and re.search("[a-z]{3}", text) for text in texts if text)
    assert 0 < texts.count("") < 0.12 * len(texts)
    assert not any("{" in text for text in texts)


def test_variants_share_a_parent_and_differ_in_colour_or_size_only(shop: Path) -> None:
    families: dict[str, list[dict[str, str]]] = {}
    for row in rows(shop / "items.csv"):
        families.setdefault(row["parent_id"], []).append(row)
    several = [family for family in families.values() if len(family) > 1]
    assert len(several) > 50
    assert all(len({(row["colour"], row["size"]) for row in family}) == len(family) for family in several)
    assert all(len({(row["category"], row["created_at"]) for row in family}) == 1 for family in several)


def test_queries_are_typed_in_both_languages_and_mixed(shop: Path) -> None:
    typed = [row["query"] for row in rows(shop / "events.csv") if row["type"] == "query"]
    chinese = np.array([bool(CHINESE.search(text)) for text in typed])
    latin = np.array([bool(re.search("[a-z]{3}", text)) for text in typed])
    assert 0.2 < chinese.mean() < 0.6
    assert 0 < (chinese & latin).mean() < 0.3


def test_shoppers_mostly_search_in_their_own_language(shop: Path) -> None:
    language = {row["user_id"]: row["language"] for row in rows(shop / "users.csv")}
    typed = [row for row in rows(shop / "events.csv") if row["type"] == "query" and row["user_id"]]
    own = [bool(CHINESE.search(row["query"])) == (language[row["user_id"]] == "zh") for row in typed]
    assert 0.7 < np.mean(own) < 0.97


def test_every_form_of_writing_is_typed(shop: Path, truth: truths.Truth) -> None:
    form = dict(zip(truth.pool.texts, truth.pool.form.tolist(), strict=True))
    typed = [FORMS[form[row["query"]]] for row in rows(shop / "events.csv") if row["type"] == "query"]
    assert set(typed) == set(FORMS)
    assert typed.count("plain") > typed.count("typo") > 0.01 * len(typed)


def test_synonyms_say_the_type_in_other_words(truth: truths.Truth) -> None:
    pool, kinds = truth.pool, words().kinds
    said = [query for query in range(len(pool)) if FORMS[pool.form[query]] == "synonym"]
    assert len(said) > 30
    for query in said:
        entry, chinese, text = kinds[pool.kind[query]], bool(pool.chinese[query]), pool.texts[query]
        assert any(word.lower() in text for word in entry.synonyms[chinese])


def test_typos_differ_from_what_was_meant_by_one_slip() -> None:
    rng = np.random.default_rng(1)
    meaning = Meaning(0, (0, 0, -1, -1), chinese=False)
    right = {"lumorra black desk lamp", "desk lamp lumorra black"}
    wrong = {write(words(), meaning, "typo", rng) for _ in range(60)}
    assert len(wrong - right) > 20
    assert all(abs(len(text) - len("lumorra black desk lamp")) <= 1 for text in wrong)
    chinese = write(words(), Meaning(0, (-1, -1, -1, -1), chinese=True), "typo", rng)
    assert chinese == "台登"


def test_mixed_queries_keep_the_meaning_in_two_languages() -> None:
    rng = np.random.default_rng(2)
    found = {write(words(), Meaning(0, (-1, 0, -1, -1), chinese=False), "mixed", rng) for _ in range(20)}
    assert {"black 台灯", "黑色 desk lamp"} & found
    assert all(CHINESE.search(text) for text in found)


def test_the_pool_has_no_query_twice_and_names_every_type() -> None:
    pool = make(words(), 1_500, np.random.default_rng(3))
    assert len(set(pool.texts)) == len(pool) <= 1_500
    assert set(pool.kind.tolist()) == set(range(len(words().kinds)))
    assert {kind.name[1].lower() for kind in words().kinds} <= set(pool.texts)
    assert not any(set(text) & set('",\n\r') for text in pool.texts)


def test_judgements_are_true_and_split_by_query(shop: Path, truth: truths.Truth) -> None:
    place = {item: number for number, item in enumerate(truth.items)}
    split: dict[str, set[str]] = {}
    for row in rows(shop / "judgements.csv"):
        split.setdefault(row["query"], set()).add(row["split"])
        assert 0 <= int(row["grade"]) <= 3
    assert len(split) > 200
    assert all(len(found) == 1 for found in split.values())
    assert {next(iter(found)) for found in split.values()} == {"train", "dev", "test"}
    for query in list(split)[:40]:
        grades = truth.grades(query)
        judged = [row for row in rows(shop / "judgements.csv") if row["query"] == query]
        assert all(grades[place[row["item_id"]]] == int(row["grade"]) for row in judged)
        assert max(int(row["grade"]) for row in judged) >= 2


def test_grades_by_hand(shop: Path, truth: truths.Truth) -> None:
    kinds, goods = words().kinds, truth.goods
    number = {kind.key: place for place, kind in enumerate(kinds)}
    grades = truth.grades("smartphone")
    assert (grades[goods.kind == number["phone"]] == 3).all()
    assert (grades[goods.kind == number["phone_case"]] == 1).all(), "an accessory is beside the point, not off it"
    assert (grades[goods.kind == number["dog_food"]] == 0).all()
    with pytest.raises(KeyError):
        truth.grades("no such query")


def test_a_wish_not_met_costs_a_grade(truth: truths.Truth) -> None:
    one = next(q for q in range(len(truth.pool)) if (truth.pool.wish[q] >= 0).tolist() == [False, True, False, False])
    grades = truth.grades(truth.pool.texts[one])
    right = truth.goods.kind == truth.pool.kind[one]
    met = right & (truth.goods.colour == truth.pool.wish[one, 1])
    assert (grades[met] == 3).all()
    assert (grades[right & ~met] == 1).all()
    assert (grades[~right] == 0).all()


def test_tags_mark_words_inside_the_text(shop: Path) -> None:
    lines = [json.loads(line) for line in (shop / "tags.jsonl").read_text(encoding="utf-8").splitlines()]
    assert len(lines) > 50
    for line in lines:
        edges = [(span["start"], span["end"]) for span in line["spans"]]
        assert edges == sorted(edges)
        assert all(0 <= start < end <= len(line["text"]) for start, end in edges)
        assert {span["tag"] for span in line["spans"]} <= {"brand", "colour", "style", "feature", "type"}


def test_examples_hold_each_intent_in_both_languages(shop: Path) -> None:
    found = rows(shop / "examples.csv")
    for intent in words().talk:
        texts = [row["text"] for row in found if row["intent"] == intent]
        assert any(CHINESE.search(text) for text in texts)
        assert any(not CHINESE.search(text) for text in texts)


def test_the_word_lists_fit_together() -> None:
    lists = words()
    assert len(lists.kinds) >= 40
    assert len({kind.category[0] for kind in lists.kinds}) >= 12
    assert all(len(group) == STYLES for group in lists.styles.values())
    for kind in lists.kinds:
        assert kind.category[0] in lists.brands
        assert set(kind.materials) <= set(lists.materials)
        assert 0 < kind.price[0] < kind.price[1]
        assert CHINESE.search(kind.name[1]) or kind.name[1].isascii()


def test_a_picture_is_whole_xml_in_the_items_colour() -> None:
    drawn = picture('<rect fill="{c}"/><rect fill="{d}"/>', "#804020", style=1)
    assert "#804020" in drawn
    assert shade("#804020", 0.5) == "#402010" and shade("#ffffff", 2.0) == "#ffffff"
    assert ElementTree.fromstring(drawn).tag.endswith("svg")
