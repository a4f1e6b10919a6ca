"""Numbers and truths as people write them: currency signs, thousands, decimal commas, full-width digits, yes and no."""

from __future__ import annotations

import ibis
from ibis.expr.types import FloatingValue, StringValue

from aisle.data.words import FALSE, TRUE

FULL_WIDTH, ASCII = "０１２３４５６７８９．，－＋", "0123456789.,-+"
SIGNS = r"(?i)^(?:usd|eur|gbp|cny|rmb|inr|us\$|[$€£¥￥₹])\s*|\s*(?:usd|eur|gbp|cny|rmb|inr|[$€£¥￥₹元])$"


def plain(cell: StringValue) -> FloatingValue:
    """``float64`` of a cell in plain notation, null when it is not; `inf` and `nan` pass, a later rule sees to them."""
    return cell.strip().try_cast("float64")


def canonical(cell: StringValue) -> StringValue:
    """The cell in plain notation: `£1,234.50` → `1234.50`, `12,5` → `12.5`; what is no number stays as it is."""
    bare = cell.translate(FULL_WIDTH, ASCII).strip().re_replace(SIGNS, "").replace(" ", "").replace("\u00a0", "")
    english = bare.re_search(r"^[-+]?\d{1,3}(,\d{3})+(\.\d+)?$")
    german = bare.re_search(r"^[-+]?(\d{1,3}(\.\d{3})+|\d+),\d+$")
    mended = ibis.cases((english, bare.replace(",", "")), (german, bare.replace(".", "").replace(",", ".")), else_=bare)
    return ibis.ifelse(plain(cell).isnull() & mended.try_cast("float64").notnull(), mended, cell)


def truth(cell: StringValue) -> FloatingValue:
    """``float64`` 1 or 0, null when the word is unknown."""
    word = cell.strip().lower()
    return ibis.cases((word.isin(TRUE), 1.0), (word.isin(FALSE), 0.0), else_=ibis.null("float64"))
