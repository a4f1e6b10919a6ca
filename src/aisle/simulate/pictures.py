"""Draws a small SVG for each look of a simulated item: the outline of its type in the item's colour, on a soft ground for its style."""

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


FOLDER = "images"


def names(words: Words, goods: Goods) -> list[str]:
    """The picture of each item, relative to the shop's folder; items of one type, colour and style share one."""
    kinds = [kind.key for kind in words.kinds]
    looks = zip(goods.kind.tolist(), goods.colour.tolist(), goods.style.tolist(), strict=True)
    return [f"{FOLDER}/{kinds[kind]}-{colour}-{style}.svg" for kind, colour, style in looks]


def draw(folder: Path, words: Words, goods: Goods, names: Sequence[str]) -> None:
    """Draw what `names` names into ``folder``; other drawings of an earlier shop there are removed."""
    (folder / FOLDER).mkdir(parents=True, exist_ok=True)
    for old in (folder / FOLDER).glob("*.svg"):
        old.unlink()
    shapes: dict[str, str] = json.loads((files("aisle.simulate") / "data" / "pictures.json").read_text(encoding="utf-8"))
    for name, row in dict(zip(names, range(len(names)), strict=True)).items():
        kind = int(goods.kind[row])
        colour = words.colour(kind, int(goods.colour[row]))[2]
        drawn = picture(shapes[words.kinds[kind].key], colour, int(goods.style[row]))
        (folder / name).write_text(drawn, encoding="utf-8", newline="\n")


def picture(shape: str, colour: str, style: int) -> str:
    """The SVG text; ``{c}``, ``{d}`` and ``{l}`` in ``shape`` stand for the colour, a darker and a lighter one."""
    body = shape.replace("{c}", colour).replace("{d}", shade(colour, 0.7)).replace("{l}", shade(colour, 1.25))
    ground = _GROUNDS[style % len(_GROUNDS)]
    return (
        '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 100 100" width="400" height="400">'
        f'<rect width="100" height="100" fill="{ground}"/>'
        f'<ellipse cx="50" cy="88" rx="30" ry="4" fill="{shade(ground, 0.88)}"/>{body}</svg>\n'
    )
