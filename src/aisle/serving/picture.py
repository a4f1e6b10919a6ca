"""A drawn picture for an item that has none: a quiet tile of four shapes, the same for an item every time, coloured by category or id."""

from __future__ import annotations

from zlib import crc32

from markupsafe import Markup

HUES = 8
_SHAPES = (
    "M0 0h50v50h-50z",
    "M0 0a50 50 0 0 1 50 50h-50z",
    "M25 0a25 25 0 0 1 0 50a25 25 0 0 1 0-50z",
    "M0 0h50l-50 50z",
    "M0 0h50v25h-50z",
    "M0 50a25 25 0 0 1 50 0z",
    "M0 0a50 50 0 0 0 50 50v-25a25 25 0 0 1-25-25z",
)
"""Each fills some of a cell of 50 by 50 and is turned by quarters."""


def hue(name: str) -> int:
    """Which of `HUES` colours a name has: that of a category, or of an item that has none."""
    return crc32(name.encode("utf-8", "replace")) % HUES


def picture(item_id: str, category: str) -> Markup:
    """An inline SVG without styles or scripts; the style sheet colours it by the classes ``hue0`` to ``hue7`` and ``t1`` to ``t3``."""
    seed = crc32(item_id.encode("utf-8", "replace"))
    cells = "".join(_cell(place, seed >> (place * 7)) for place in range(4))
    head = f'<svg class="art hue{hue(category or item_id)}" viewBox="0 0 100 100" preserveAspectRatio="xMidYMid slice" aria-hidden="true">'
    return Markup(f"{head}{cells}</svg>")


def _cell(place: int, bits: int) -> str:
    x, y = 50 * (place % 2), 50 * (place // 2)
    shape, quarter, tone = _SHAPES[bits % len(_SHAPES)], (bits >> 3) % 4 * 90, 1 + (bits >> 5) % 3
    return f'<path class="t{tone}" transform="translate({x} {y}) rotate({quarter} 25 25)" d="{shape}"/>'
