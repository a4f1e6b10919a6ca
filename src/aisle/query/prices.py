"""Price bounds in words: `under 30`, `between 10 and 20`, `30元以下`."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

from aisle.text.segment import UNIT

TIMES = {"k": 1e3, "千": 1e3, "万": 1e4}
_AMOUNT = re.compile(
    r"(?P<sign>us\$|[$€£¥])? ?(?<![\d.])(?P<number>\d{1,9}(?:,\d{3})*(?:\.\d{1,2})?)(?![\d.])(?P<times>k(?![a-z])|千|万)?"
    r" ?(?P<coin>dollars?\b|bucks?\b|euros?\b|pounds?\b|yuan\b|usd\b|eur\b|gbp\b|rmb\b|cny\b|元|块钱?|[$€£¥])?"
)
_BELOW = re.compile(
    r"(?:\b(?:under|below|less than|cheaper than|at most|up to|max|maximum|no more than|within)|<=?|低于|少于|不到|不超过|小于) ?$"
)
_ABOVE = re.compile(r"(?:\b(?:over|above|more than|at least|min|minimum|starting at)|>=?|高于|多于|超过|大于|至少) ?$")
_BELOW_AFTER = re.compile(r" ?(?:以下|以内|之内|or less\b|or under\b|and under\b|max\b)")
_ABOVE_AFTER = re.compile(r" ?(?:以上|起(?!\w)|or more\b|or over\b|and up\b)")
_LINK = re.compile(r" ?(?:and|to|-|~|到|至) ?")
_BETWEEN = re.compile(r"(?:\b(?:between|from)|介于|从) ?$")
_COUNTED = re.compile(r" [a-z]")
"""After `at least 3` a word says what is counted: three drawers, not three pounds."""
REACH = 20
"""Characters before a number in which its words stand."""
_MEASURE = re.compile(r"[ -]?(?P<unit>[a-z]+|[\"'%])|[寸斤克升米码岁片支装只个件]|厘米|毫升|毫米|公斤|千克")


@dataclass(frozen=True, slots=True)
class Amount:
    """A number in a text and where it stands; ``money`` when a sign or the name of a currency stands beside it."""

    start: int
    end: int
    value: float
    money: bool


def price_bounds(text: str) -> dict[str, float]:
    """``gte`` and ``lte`` as a filter takes them, from a text in matching form; empty when no price is asked for.

    A number before a measure (`under 30 cm`) is no price. Numbers in words (`thirty`, 三十) are not read.

    >>> price_bounds("lamp under $30"), price_bounds("10到20元的杯子")
    ({'lte': 30.0}, {'gte': 10.0, 'lte': 20.0})
    """
    amounts = _amounts(text)
    return _between(text, amounts) or _one_sided(text, amounts)


def _amounts(text: str) -> list[Amount]:
    result = []
    for found in _AMOUNT.finditer(text):
        money = bool(found["sign"] or found["coin"])
        value = float(found["number"].replace(",", "")) * TIMES.get(found["times"] or "", 1)
        start, end = found.start("sign") if found["sign"] else found.start("number"), len(found[0].rstrip()) + found.start()
        if money or not _measures(text, end):
            result.append(Amount(start, end, value, money))
    return result


def _measures(text: str, end: int) -> bool:
    """Whether the number that ends here counts something: a unit follows, or letters touch it."""
    found = _MEASURE.match(text, end)
    if found is None:
        return False
    unit = found["unit"]
    return unit is None or unit in UNIT or text[end] not in " -"


def _between(text: str, amounts: Sequence[Amount]) -> dict[str, float]:
    for low, high in pairwise(amounts):
        linked = _LINK.fullmatch(text, low.end, high.start) is not None
        said = _before(_BETWEEN, text, low.start) or text.startswith("之间", high.end)
        if linked and (said or low.money or high.money) and low.value <= high.value:
            return {"gte": low.value, "lte": high.value}
    return {}


def _before(words: re.Pattern[str], text: str, end: int) -> bool:
    return words.search(text, max(end - REACH, 0), end) is not None


def _one_sided(text: str, amounts: Sequence[Amount]) -> dict[str, float]:
    found: dict[str, float] = {}
    for amount in amounts:
        if _before(_BELOW, text, amount.start) or _BELOW_AFTER.match(text, amount.end):
            found["lte"] = amount.value
        elif (_before(_ABOVE, text, amount.start) and (amount.money or not _COUNTED.match(text, amount.end))) or (
            _ABOVE_AFTER.match(text, amount.end)
        ):
            found["gte"] = amount.value
    return found
