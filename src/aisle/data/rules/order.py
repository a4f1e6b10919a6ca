"""The order in which the rules run: cells, rows, what needs numbers, the running shop; cancellations before outliers are measured."""

from __future__ import annotations

from aisle.data.rules import cancel, cells, codes, events, items, outliers, rows, running
from aisle.data.rules.base import Rule

RULES: tuple[Rule, ...] = (
    *cells.RULES, *rows.BEFORE, *codes.RULES, *events.RULES, *running.RULES, *cancel.RULES, *outliers.RULES, *items.RULES, *rows.OTHERS,
)  # fmt: skip
