"""Draws a small SVG for each simulated item: the outline of its type in the item's colour, on a soft ground, with a mark for its style."""

from __future__ import annotations

import json
from collections.abc import Sequence
from importlib.resources import files
from pathlib import Path

from aisle.simulate.goods import Goods
from aisle.simulate.words import Words

_GROUNDS = ("#f4f1ea", "#eef2f5", "#f6eef0", "#eef4ee", "#f5f0e6", "#efedf5")
"""One for each style."""


def shade(colour: str, factor: float) -> str:
    """A hex colour made darker (below 1) or lighter (above 1)."""
    levels = (int(colour[at : at + 2], 16) for at in (1, 3, 5))
    return "#" + "".join(f"{min(255, int(level * factor)):02x}" for level in levels)


def draw(folder: Path, words: Words, goods: Goods, ids: Sequence[str]) -> None:
    """Write ``folder/<item_id>.svg`` for every item."""
    folder.mkdir(parents=True, exist_ok=True)
    shapes: dict[str, str] = json.loads((files("aisle.simulate") / "data" / "pictures.json").read_text(encoding="utf-8"))
    for row, item in enumerate(ids):
        kind = int(goods.kind[row])
        colour = words.colour(kind, int(goods.colour[row]))[2]
        (folder / f"{item}.svg").write_text(
            picture(shapes[words.kinds[kind].key], colour, int(goods.style[row])), encoding="utf-8", newline="\n"
        )


def picture(shape: str, colour: str, style: int) -> str:
    """The SVG text; ``{c}``, ``{d}`` and ``{l}`` in ``shape`` stand for the colour, a darker and a lighter one."""
    body = shape.replace("{c}", colour).replace("{d}", shade(colour, 0.7)).replace("{l}", shade(colour, 1.25))
    ground = _GROUNDS[style % len(_GROUNDS)]
    return (
        '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 100 100" width="400" height="400">'
        f'<rect width="100" height="100" fill="{ground}"/>'
        f'<ellipse cx="50" cy="88" rx="30" ry="4" fill="{shade(ground, 0.88)}"/>{body}</svg>\n'
    )
