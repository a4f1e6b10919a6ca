"""Ways to go on typing into titles that were written after the bundle."""

from __future__ import annotations

from collections.abc import Sequence

from aisle.core.answer import Completion
from aisle.core.catalogue import Catalogue
from aisle.retrieval.lexical import Lexical
from aisle.text.later import LaterTokens
from aisle.text.normalise import normalise
from aisle.text.segment import language


def completed(prefix: str, limit: int, known: Sequence[Completion], lexical: Lexical | None, catalogue: Catalogue) -> list[Completion]:
    """The bundle's completions and, behind them, those new titles of which a word begins like ``prefix``: no event speaks for them yet,
    but one place is theirs."""
    tokens = lexical.tokens_ if lexical is not None else None
    form = normalise(prefix)
    if not isinstance(tokens, LaterTokens) or not form or not limit:
        return list(known)
    there = {one.text.lower() for one in known}
    begun = form if language(form) == "zh" else f" {form}"
    fresh: list[Completion] = []
    for row, slot in tokens.rows.items():
        title = catalogue.texts["title"].get(row) if begun in f" {tokens.plain[slot]}" and _shown(catalogue, row) else None
        if title and title.lower() not in there:
            fresh.append(Completion(title, "item", 0.0))
            there.add(title.lower())
        if len(fresh) == limit:
            break
    return [*known[: limit - min(len(fresh), 1)], *fresh][:limit]


def _shown(catalogue: Catalogue, row: int) -> bool:
    return catalogue.gone is None or not catalogue.gone[row]
