"""Two bundles side by side: overlap and moves by hand, queries from any file, a page that is only text."""

from __future__ import annotations

from pathlib import Path

import pytest

from aisle.core.errors import InputError
from aisle.serving.compare import compare, page, read_queries, table
from tests.serving.fakes import FakeEngine


def sides() -> tuple[FakeEngine, FakeEngine]:
    """The second lacks the first item of "mug" and shows the others in turned order."""
    left, right = FakeEngine("old"), FakeEngine("new")
    right.items = dict(reversed([pair for pair in right.items.items() if pair[0] != "A7"]))
    return left, right


def test_overlap_and_moves_are_those_counted_by_hand():
    found = compare(*sides(), ["mug", "nothing of the kind", "kettle"], depth=2)
    mug, nothing, kettle = found.pairs
    assert [one.item_id for one in mug.left] == ["A7", "A8"] and [one.item_id for one in mug.right] == ["A9", "A8"]
    assert [one.moved for one in mug.left] == [None, 0] and [one.moved for one in mug.right] == [None, 0]
    assert (mug.overlap, mug.totals, mug.same) == (0.5, (3, 2), False)
    assert (nothing.overlap, nothing.same) == (1.0, True)
    assert [(one.item_id, one.moved) for one in kettle.right] == [("A6", 1), ("A5", -1)] and kettle.overlap == 1 and not kettle.same
    assert found.overlap == pytest.approx(2.5 / 3) and found.same == 1
    assert (mug.moved, kettle.moved, found.moved) == (0.0, 1.0, pytest.approx(1 / 3))
    assert found.to_json()["overlap@2"] == 0.8333
    assert table(found).splitlines()[0] == "old and new on 3 queries: overlap@2 0.833, 1 the same."
    assert [line.split()[-1] for line in table(found).splitlines()[1:]] == ["mug", "kettle"]


def test_a_line_may_name_a_user_and_the_titles_a_language():
    left, right = sides()
    (pair,) = compare(left, right, ["@42"], language="zh").pairs
    assert [(one.surface, one.user_id, one.request_id) for one in left.asked] == [("home", "42", "aside")]
    assert pair.left[0].title == "红色台灯"


def test_the_page_shows_moves_and_keeps_hostile_text_as_text():
    left, right = sides()
    left.items["A8"]["title"] = "<script>alert(1)</script> mug"
    drawn = page(compare(left, right, ["mug", "kettle", "<b>bold</b>"]))
    assert "only here" in drawn and "↑ 1" in drawn and "↓ 1" in drawn
    assert "<script" not in drawn and "<b>" not in drawn and "&lt;script&gt;" in drawn
    assert "http" not in drawn


def test_queries_come_one_a_line_as_text_or_json(tmp_path: Path):
    path = tmp_path / "queries"
    path.write_text('\ufeffred  lamp\n\n{"query": "mug", "limit": 3}\n{broken\nred lamp\n', encoding="utf-8")
    assert read_queries(path) == ["red lamp", "mug", "{broken"]


@pytest.mark.parametrize("raw", [None, b"", b"\n \n", b"\xff\xfe\x00"])
def test_a_file_without_queries_is_refused(tmp_path: Path, raw: bytes | None):
    if raw is not None:
        (tmp_path / "queries").write_bytes(raw)
    with pytest.raises(InputError):
        read_queries(tmp_path / "queries")
