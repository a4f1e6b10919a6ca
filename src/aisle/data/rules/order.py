"""The order in which the rules run."""

from __future__ import annotations

from aisle.data.rules import cells, items
from aisle.data.rules.base import Rule

RULES: tuple[Rule, ...] = (*cells.RULES, *items.RULES)
