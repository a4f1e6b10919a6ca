"""Titles, descriptions and category paths of simulated items, natural in both languages."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from aisle.simulate.goods import Goods
from aisle.simulate.words import Pair, Words


@dataclass(frozen=True)
class Saying:
    """The words of one item, English and Chinese; a part that the item does not have is two empty texts."""

    kind: Pair
    brand: Pair
    line: Pair
    style: Pair
    feature: Pair
    colour: Pair
    size: Pair
    material: Pair


def saying(words: Words, goods: Goods, item: int) -> Saying:
    """Look up what the numbers of ``item`` mean."""
    kind = int(goods.kind[item])
    entry = words.kinds[kind]
    brand, colour = words.brand(kind, int(goods.brand[item])), words.colour(kind, int(goods.colour[item]))
    material = entry.materials[goods.material[item]] if goods.material[item] >= 0 else ""
    return Saying(
        kind=entry.name,
        brand=(brand[0], brand[1]),
        line=words.line(int(goods.line[item])),
        style=words.style(kind, int(goods.style[item])),
        feature=entry.features[goods.feature[item]] if goods.feature[item] >= 0 else ("", ""),
        colour=(colour[0], colour[1]),
        size=entry.sizes[goods.size[item]] if goods.size[item] >= 0 else ("", ""),
        material=(material, words.materials.get(material, "")),
    )


def title(said: Saying, chinese: bool) -> str:
    """`Lumorra Aria Minimalist Dimmable Desk Lamp, Black, 40 cm`, or the same in Chinese order."""
    if chinese:
        name = f"{said.style[1]}{said.feature[1]}{said.kind[1]}"
        return " ".join(part for part in (said.brand[1], said.line[1], name, said.colour[1], said.size[1]) if part)
    name = " ".join(part for part in (said.brand[0], said.line[0], said.style[0], said.feature[0], said.kind[0]) if part)
    return ", ".join(part for part in (name, said.colour[0], said.size[0]) if part)


def description(words: Words, said: Saying, chinese: bool, rng: np.random.Generator) -> str:
    """One sentence in each language, the title's language first."""
    sentences = []
    for side in (chinese, not chinese):
        templates = words.descriptions[side]
        parts = {name: pair[side] for name, pair in vars(said).items()}
        if not side:
            parts |= {"kind": parts["kind"].lower(), "style": parts["style"].lower(), "feature": parts["feature"].lower()}
        line = templates[rng.integers(len(templates))].format(type=parts["kind"], **parts)
        sentences.append(_sentences(line))
    return " ".join(sentences)


def _sentences(line: str) -> str:
    """Each sentence with a large first letter."""
    return ". ".join(part[:1].upper() + part[1:] for part in line.split(". "))
