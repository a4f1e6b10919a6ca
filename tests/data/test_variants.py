"""Near-duplicate titles: grouped where a few letters differ, kept apart where numbers do."""

from __future__ import annotations

import random

from aisle.data.variants import Group, groups, words


def test_titles_equal_but_for_case_signs_width_and_order_are_one_title() -> None:
    titles = ["Red Lamp, large", "LARGE red lamp!", "Ｒｅｄ lamp large", "Blue lamp large"]
    assert groups(titles) == [Group(True, (0, 1, 2))]


def test_a_few_letters_apart_is_nearly_the_same() -> None:
    titles = ["poppys playhouse bedroom set", "poppy's playhouse bedrooms set", "poppys playhouse kitchen set"]
    assert groups(titles) == [Group(False, (0, 1))]


def test_other_numbers_are_another_thing() -> None:
    assert groups(["set of 3 wooden spoons in a jar", "set of 6 wooden spoons in a jar"]) == []


def test_chinese_titles_are_compared_by_pairs_of_characters() -> None:
    assert words("台灯 红色A1") == ["台灯", "红色", "色a", "a1"]
    titles = [
        "自然堂雪域精粹纯粹滋润霜补水保湿滋润水润面霜正品",
        "自然堂雪域精粹纯粹滋润霜补水保湿滋润水润面霜",
        "欧莱雅男士火山岩控油清痘洁面膏",
    ]
    assert groups(titles) == [Group(False, (0, 1))]


def test_titles_without_words_are_no_group() -> None:
    assert groups(["!!!", "???", ""]) == []


def test_every_row_stands_in_one_group_at_most_also_in_a_crowd() -> None:
    draw = random.Random(1)
    names = ["amber", "birch", "cedar", "daisy", "elder", "fern", "gorse", "hazel"]
    titles = [f"lamp {' '.join(draw.choices(names, k=4))}" for _ in range(500)]
    titles[400] = titles[10] + "s"
    found = groups(titles)
    near = [row for group in found if not group.same for row in group.rows]
    assert len(near) == len(set(near))
    assert any({10, 400} <= set(group.rows) for group in found)
