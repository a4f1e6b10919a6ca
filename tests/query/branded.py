"""A shop whose titles name brand, colour, size and model, in a place of each title that tells them apart."""

from __future__ import annotations

import numpy as np

from aisle.core.catalogue import Catalogue
from aisle.core.strings import Strings

START, END = ("ko", "mar", "bel", "tan", "dor", "vex", "lum", "fir"), ("rix", "lo", "via", "nor", "tek", "sa")
BRANDS = [f"{a}{b}{c}" for a in START for b in END for c in ("", "ax")]
COLOURS = {"Red": "红色", "Navy Blue": "藏青色", "Black": "黑色", "Green": "绿色"}
THINGS = {"lamp": "台灯", "chair": "椅子", "desk": "书桌", "bag": "背包"}
SIZES = ("S", "30 cm", "XL", "60 cm")


def shop(chinese: bool = False, items: int = 900, case: bool = True) -> Catalogue:
    """Titles begin with their brand; a case of one brand is made for the things of another."""
    random = np.random.default_rng(3)
    columns: dict[str, list[str | None]] = {name: [] for name in ("title", "brand", "colour", "size", "model")}
    for row in range(items):
        brand, other = (BRANDS[int(place)] for place in random.choice(len(BRANDS), 2, replace=False))
        colour, thing = list(COLOURS)[row % 4], list(THINGS)[row // 4 % 4]
        size, model = SIZES[row // 16 % 4], f"{'abcd'[row % 4]}{'xyz'[row % 3]}-{100 + row}k"
        made = f" for {other} machines" if case and row % 3 == 0 else ""
        title = f"{brand}{COLOURS[colour]}{THINGS[thing]} {model} {size}" if chinese else f"{brand} {colour} {thing} {model} {size}{made}"
        for name, value in zip(columns, (title, brand.title(), colour, size, model), strict=True):
            columns[name].append(value)
    return Catalogue(Strings.of(map(str, range(items))), {name: Strings.of(values) for name, values in columns.items()}, {})
