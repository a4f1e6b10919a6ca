"""What one cleaning rule did to one table: counts per file and up to three examples of each kind."""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass(frozen=True)
class Example:
    """One row that a rule touched; ``reason`` is empty for a repair."""

    file: str
    row: int
    before: str
    after: str
    reason: str = ""


@dataclass
class Tally:
    """``repaired``, ``rejected`` and ``folded`` count rows per file; folded rows leave the table because another row says the same of its
    item, while what else they tell may well be kept."""

    rule: str
    table: str
    says: str
    repaired: dict[str, int] = field(default_factory=dict)
    rejected: dict[str, int] = field(default_factory=dict)
    folded: dict[str, int] = field(default_factory=dict)
    examples: list[Example] = field(default_factory=list)

    def __bool__(self) -> bool:
        return bool(self.repaired or self.rejected or self.folded)
