"""Two halves of a text: cut after a mark, else between words, else between Chinese characters, near the middle."""

from __future__ import annotations

import pytest

from aisle.text.pieces import halves


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("红色的台灯很亮，放在书桌上正好看书用，很满意", ("红色的台灯很亮，", "放在书桌上正好看书用，很满意")),
        ("红色台灯护眼学习床头灯宿舍书桌阅读灯充电款", ("红色台灯护眼学习床头", "灯宿舍书桌阅读灯充电款")),
        ("red desk lamp with a long arm", ("red desk lamp", "with a long arm")),
        ("a, red desk lamp with a long arm", ("a, red desk lamp", "with a long arm")),
        ("too short to cut", None),
        ("0123456789012345678901234567890", None),
        ("", None),
    ],
)
def test_halves(text: str, expected: tuple[str, str] | None) -> None:
    assert halves(text) == expected
