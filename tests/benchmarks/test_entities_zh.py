"""Entities are read, found and counted as it is said."""

from __future__ import annotations

import numpy as np
import pytest

from benchmarks.entities_zh import (
    counts,
    difference,
    entities,
    f1,
    field_of,
    looked_up,
    lookup,
    marked,
    read_titles,
    traits,
    truth,
    without,
)

ROWS = ["小 B-HPPX", "米 I-HPPX", "红 O", "灯 B-HCCX", "", "", "A B-XH", "1 I-XH", "锅 B-HCCX", ""]


def test_a_title_ends_at_an_empty_line_and_a_blank_is_a_character() -> None:
    assert read_titles([*ROWS, "  O"]) == [
        [("小", "B-HPPX"), ("米", "I-HPPX"), ("红", "O"), ("灯", "B-HCCX")],
        [("A", "B-XH"), ("1", "I-XH"), ("锅", "B-HCCX")],
        [(" ", "O")],
    ]


def test_an_entity_is_a_run_of_one_tag_in_matching_form() -> None:
    assert truth(read_titles(ROWS)[1]) == {("XH", "a1"), ("HCCX", "锅")}
    assert entities("灯锅碗", ["B-HCCX", "B-HCCX", "I-HPPX"]) == {("HCCX", "灯"), ("HCCX", "锅"), ("HPPX", "碗")}


def test_f1_counts_an_entity_only_with_its_tag() -> None:
    found = [{("HCCX", "灯"), ("HPPX", "锅")}, set()]
    wanted = [{("HCCX", "灯"), ("HCCX", "锅")}, {("XH", "a1")}]
    assert counts(found, wanted).tolist() == [[1, 2, 2], [0, 0, 1]]
    assert f1(counts(found, wanted)) == pytest.approx(2 / 5)
    assert f1(counts(found, wanted, "HCCX")) == pytest.approx(2 / 3)
    assert f1(counts(found, wanted, "XH")) == 0


def test_the_lookup_knows_what_the_training_titles_name() -> None:
    train = read_titles(ROWS)
    title = read_titles([*(f"{character} O" for character in "小米牌锅"), ""])[0]
    assert looked_up(lookup(train), title) == {("HPPX", "小米"), ("HCCX", "锅")}


def test_a_test_title_teaches_nothing_in_whatever_spelling() -> None:
    first, second = read_titles(ROWS)
    assert without([first, second], [[("a", "O"), ("1", "O"), ("锅", "O")]]) == [first]


def test_a_field_sees_both_neighbours_and_kinds() -> None:
    first = traits("A1灯")[1]
    assert {"-1=a", "0=1", "1=灯", "-1:a1", "kinds=<a0字>", "three=a1灯"} <= set(first)


def test_a_field_finds_a_product_that_it_never_saw_by_what_stands_beside_it() -> None:
    pytest.importorskip("sklearn_crfsuite")
    train = read_titles([row for name in "灯锅碗盆" for row in ("新 O", f"{name} B-HCCX", "包 O", "邮 O", "")])
    asked = read_titles(["新 O", "桶 O", "包 O", "邮 O", ""])
    assert field_of(train, asked) == [{("HCCX", "桶")}]


def test_a_title_is_read_as_the_tagger_reads_it() -> None:
    title = [
        (character, tag) for character, tag in zip("雅兰MJ-77灯", ["B-HPPX", "I-HPPX", *["B-XH", *["I-XH"] * 4], "B-HCCX"], strict=True)
    ]
    text = marked(title)
    assert text.tokens == ("雅", "兰", "mj", "77", "灯") and text.gaps == (" ", "", "", "-", "")
    assert text.labels == ("B-brand", "I-brand", "B-model", "I-model", "B-category")


def test_a_difference_is_bounded_over_the_same_titles() -> None:
    right, wrong = np.array([[1, 1, 1]] * 50), np.array([[0, 1, 1]] * 50)
    assert difference(right, wrong) == {"value": 1.0, "low": 1.0, "high": 1.0, "n": 50}
    assert difference(right) == {"value": 1.0, "low": 1.0, "high": 1.0, "n": 50}
