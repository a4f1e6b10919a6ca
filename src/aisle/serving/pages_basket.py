"""The basket as it travels in a cookie: item ids and how many of each. It is the shopper's own; whatever it holds, a basket comes out."""

from __future__ import annotations

import json
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Mapping
from dataclasses import dataclass, field

MOST_LINES, MOST_EACH, LONGEST_ID, LARGEST = 40, 99, 200, 3_000
"""``LARGEST`` in bytes of the cookie: browsers keep 4 kB."""


@dataclass(frozen=True, slots=True)
class Basket:
    """Item id to how many, in the order they were put in."""

    lines: Mapping[str, int] = field(default_factory=dict)

    def __len__(self) -> int:
        return sum(self.lines.values())

    def put(self, item_id: str, count: int = 1) -> Basket:
        """With ``count`` more (or fewer) of an item; one of which none is left goes. A full basket stays as it is."""
        amount = min(self.lines.get(item_id, 0) + count, MOST_EACH)
        changed = {**self.lines, item_id: amount} if amount > 0 else {name: held for name, held in self.lines.items() if name != item_id}
        basket = Basket(changed)
        fits = len(changed) <= MOST_LINES and len(item_id) <= LONGEST_ID and len(basket.written()) <= LARGEST
        return basket if fits or len(basket) < len(self) else self

    def without(self, item_id: str) -> Basket:
        """Without an item."""
        return Basket({name: count for name, count in self.lines.items() if name != item_id})

    def written(self) -> str:
        """As a cookie's value."""
        lines = [name if count == 1 else [name, count] for name, count in self.lines.items()]
        return urlsafe_b64encode(json.dumps(lines, ensure_ascii=False, separators=(",", ":")).encode()).decode().rstrip("=")

    @classmethod
    def read(cls, cookie: str) -> Basket:
        """What `written` wrote; an empty basket from anything else."""
        try:
            lines = json.loads(urlsafe_b64decode(cookie[:LARGEST] + "=" * (-len(cookie[:LARGEST]) % 4)))
        except (ValueError, RecursionError):
            return cls()
        found = [pair for line in (lines if isinstance(lines, list) else []) if (pair := _line(line))]
        return cls(dict(found[:MOST_LINES]))


def _line(line: object) -> tuple[str, int] | None:
    name, count = line if isinstance(line, list) and len(line) == 2 else (line, 1)
    if not isinstance(name, str) or not 0 < len(name) <= LONGEST_ID or name != name.encode("utf-8", "replace").decode():
        return None  # the last: half of a pair of surrogates, which cannot be written
    return (name, count) if type(count) is int and 0 < count <= MOST_EACH else None
