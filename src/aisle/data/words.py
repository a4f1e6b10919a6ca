"""What files and live events agree on: words for nothing, yes and no, and the oldest believable time. Light enough for a server."""

from __future__ import annotations

NOTHING = ("nan", "null", r"\n", "#n/a", "<na>")
NOTHING_SHORT = (*NOTHING, "none", "n/a", "na", "nil", "undefined", "nat")
"""Outside free text."""

TRUE = ("true", "t", "1", "1.0", "yes", "y", "on", "是", "有", "有货", "in stock", "instock", "in_stock", "真")
FALSE = ("false", "f", "0", "0.0", "no", "n", "off", "否", "无", "无货", "缺货", "out of stock", "outofstock", "out_of_stock", "假")

BEGINNING = 631_152_000.0
"""1990: no shop's data is older."""
