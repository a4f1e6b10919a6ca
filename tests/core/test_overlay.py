"""The catalogue as it stands after changes: what a catalogue made anew would say, and the one before left as it was."""

from __future__ import annotations

from collections.abc import Mapping
from random import Random

import numpy as np
import pytest

from aisle.core.answer import Value
from aisle.core.catalogue import Catalogue, Labels
from aisle.core.overlay import Overlaid, Overwritten, patched
from aisle.core.strings import Strings
from aisle.testing import toys

NAMES = ("red", "blue", "a | b", "b", None)


def told(catalogue: Catalogue) -> list[Mapping[str, Value]]:
    return [catalogue.item(row) for row in range(len(catalogue))]


def test_texts_are_those_of_the_column_but_for_what_was_written_over_them() -> None:
    column = Strings.of(["a", None, "c"])
    later = Overwritten.over(Overwritten.over(column, {1: "b", 2: None}, 4), {3: "d", 1: "B"}, 5)
    assert [later.get(row) for row in range(5)] == ["a", "B", None, "d", None]
    assert list(later) == ["a", "B", "", "d", ""] and len(later) == 5
    assert later.base is column, "layers do not pile up"
    assert [column.get(row) for row in range(3)] == ["a", None, "c"]


def test_an_edit_overrides_what_it_names_and_null_removes() -> None:
    items = toys.dozen()
    before = told(items)
    row = items.row_of["lamp_red"]
    later = Overlaid(items, cells={"price": {row: 19.5}, "brand": {row: None}})
    assert later.item(row) == {**{k: v for k, v in before[row].items() if k != "brand"}, "price": 19.5}
    assert told(items) == before, "the one before stays as it was"
    assert [one for place, one in enumerate(told(later)) if place != row] == [one for place, one in enumerate(before) if place != row]


def test_new_items_get_the_next_rows_and_keep_them() -> None:
    items = toys.dozen()
    one = Overlaid(items, ["n1", "n2"], {"title": {12: "one", 13: "two"}})
    two = Overlaid(one, ["n3"], {"title": {14: "three"}}, gone={12: True})
    assert [two.row_of[item] for item in ("lamp_red", "n1", "n2", "n3")] == [0, 12, 13, 14]
    assert [two.ids[row] for row in (0, 12, 14)] == ["lamp_red", "n1", "n3"]
    assert "n1" not in items.row_of and "n3" not in one.row_of
    assert two.gone is not None and np.flatnonzero(two.gone).tolist() == [12]
    assert one.gone is None and len(one) == 14 and len(items) == 12


def test_only_texts_that_really_changed_are_written_anew() -> None:
    items = toys.dozen()
    same = items.item(0)
    later = Overlaid(items, ["n"], {"title": {0: str(same["title"]), 1: "New lamp", 12: "n"}, "price": {2: 1.0}})
    assert later.rewritten.tolist() == [1, 12]


@pytest.mark.parametrize(
    ("name", "value", "expected"),
    [
        ("price", "12.5", 12.5),
        ("price", "cheap", None),
        ("price", True, 1.0),
        ("in_stock", False, 0.0),
        ("brand", 7.0, "7"),
        ("brand", True, "true"),
        ("watts", 60.0, 60.0),
        ("colour", "red", "red"),
        ("title_en", "lamp", "lamp"),
    ],
)
def test_a_value_is_read_as_its_column_has_it(name: str, value: Value, expected: Value) -> None:
    assert Overlaid(toys.dozen(), cells={name: {3: value}}).item(3).get(name) == expected


def test_numbers_become_texts_when_a_text_comes() -> None:
    one = Overlaid(toys.dozen(), cells={"watts": {0: 60.0, 1: 7.5}})
    two = Overlaid(one, ["n"], {"watts": {2: "60W"}})
    assert [two.item(row).get("watts") for row in range(4)] == ["60", "7.5", "60W", None]
    assert two.labels("watts").names == ("60", "7.5", "60W")
    assert "watts" in one.numbers and "watts" not in two.numbers


def test_the_bundle_alone_says_what_it_holds() -> None:
    items = toys.dozen()
    two = Overlaid(Overlaid(items, cells={"in_stock": {0: True}}), ["n"])
    assert two.bundled is items and "in_stock" in two.numbers and "in_stock" not in two.bundled.numbers


def cut(labels: Labels) -> list[set[str]]:
    return [{labels.names[code] for code in labels.codes[a:b]} for a, b in zip(labels.offsets, labels.offsets[1:], strict=False)]


@pytest.mark.parametrize("seed", range(8))
def test_mended_labels_are_those_that_would_be_cut_anew(seed: int) -> None:
    dice = Random(seed)
    texts = [dice.choice(NAMES) for _ in range(10)]
    labels = Labels.of(texts)
    for _ in range(4):
        size = len(texts) + dice.randrange(3)
        changed = {row: dice.choice((*NAMES, "new")) for row in dice.sample(range(size), dice.randrange(size))}
        texts = [changed.get(row, texts[row] if row < len(texts) else None) for row in range(size)]
        labels = patched(labels, changed, size)
        assert cut(labels) == cut(Labels.of(texts))


@pytest.mark.parametrize("read_before", [True, False])
def test_categories_of_changed_items_are_cut_whether_or_not_they_were_read_before(read_before: bool) -> None:
    items = toys.dozen()
    if read_before:
        items.labels("category")
    later = Overlaid(items, ["n"], {"category": {0: "Home > Light | Gifts", 12: "Gifts"}, "colour": {12: "red"}})
    assert cut(later.labels("category"))[0] == {"Home > Light", "Gifts"}
    assert np.flatnonzero(later.labels("category").having(["Gifts"])).tolist() == [0, 12]
    assert np.flatnonzero(later.labels("colour").having(["red"])).tolist() == [12]
    assert len(later.labels("shape").offsets) == 14, "a column that nothing has is empty for every item"


@pytest.mark.parametrize("seed", range(6))
def test_any_sequence_of_steps_ends_where_one_made_anew_would(seed: int) -> None:
    dice = Random(seed)
    items: Catalogue = toys.dozen()
    expected = {str(one["item_id"]): dict(one) for one in told(items)}
    for step in range(6):
        ids = [f"n{step}{number}" for number in range(dice.randrange(3))]
        size = len(items) + len(ids)
        cells: dict[str, dict[int, Value]] = {}
        names = [*items.row_of, *ids]
        for _ in range(10):
            row, name = dice.randrange(size), dice.choice(("title", "brand", "price", "colour"))
            value: Value = dice.choice((None, dice.randrange(1, 50) / 2)) if name == "price" else dice.choice((None, "x", "y z"))
            cells.setdefault(name, {})[row] = value
            expected.setdefault(names[row], {"item_id": names[row]})[name] = value
        items = Overlaid(items, ids, cells)
        for item in ids:
            expected.setdefault(item, {"item_id": item})
        assert {str(one["item_id"]): dict(one) for one in told(items)} == {
            item: {name: value for name, value in one.items() if value is not None} for item, one in expected.items()
        }
