"""Codes that are no products: postage, bank charges, manual entries, discounts, vouchers."""

from __future__ import annotations

import ibis
from ibis.expr.types import Table

from aisle.data.rules.base import Change, Facts, Rule, first, text

SERVICES = (
    r"postage|carriage|shipping|delivery (?:charge|fee)|freight|bank charge|manual|discount|samples?|commission|\bfees?\b|adjust|bad debt"
    r"|gift (?:voucher|card|certificate)|surcharge|refund|邮费|运费|补差价|差价|补邮"
)
"""What the title of a code of odd form says when it is no product."""

NOTHING_ELSE = r"^(?:(?:dotcom |next day )?postage|(?:next day )?carriage|bank charges|manual|discount|samples|shipping|运费|邮费|补差价)$"
"""Titles that are no product's whatever the code."""

WORDS = ("POST", "POSTAGE", "DOT", "BANK CHARGES", "AMAZONFEE", "FEE", "SHIPPING", "DISCOUNT", "MANUAL", "ADJUST", "TEST")
"""Codes that say themselves what they are."""

SHORT, FEW, ENOUGH = 4, 0.05, 50


def non_products(table: Table, facts: Facts) -> Change | None:
    """Where nearly all codes hold digits, a code without any is suspect: rejected when at most 4 letters, or when it or its title says
    that it is a service. Settings' codes always."""
    if facts.codes is None:
        return None
    bad = facts.codes
    joined = table.inner_join(bad, table["item_id"] == bad["_code"])
    return Change(joined, reason=first((joined["_code"].notnull(), text("not a product: ", joined["_code"], joined["_why"]))))


def suspect_codes(items: Table | None, events: Table | None, further: tuple[str, ...]) -> Table | None:
    """The codes (`_code`) that are no products and what their title says (`_why`): of the items, or where there are none of the events;
    None without any id."""
    table = next((table for table in (items, events) if table is not None and "item_id" in table.columns), None)
    if table is None:
        return None
    told = _told(table)
    named = told["title"].lower()
    rows = told.mutate(_odd=named.re_search(SERVICES), _plain=named.re_search(NOTHING_ELSE))
    codes = rows.group_by("_code").aggregate(
        _told=rows["title"].notnull().sum(), _odd=rows["_odd"].sum().fill_null(0), _plain=rows["_plain"].sum().fill_null(0),
        _why=rows["title"].max(),
    )  # fmt: skip
    bare = ~codes["_code"].re_search(r"\p{Nd}")  # full-width digits too
    codes = codes.mutate(_bare=bare, _irregular=bare | (codes["_code"].length() <= 2) | codes["_code"].contains("_"))
    every = codes["_code"].count().over()
    codes = codes.mutate(_usual=(every >= ENOUGH) & (codes["_bare"].cast("int64").sum().over() <= FEW * every))
    listed = codes["_code"].isin(further) if further else ibis.literal(False)
    said = codes["_code"].upper().isin(WORDS) | ((codes["_odd"] > 0) & (2 * codes["_odd"] >= codes["_told"]))
    odd = (codes["_bare"] & (codes["_code"].length() <= SHORT)) | (codes["_irregular"] & said)
    found = listed | (2 * codes["_plain"] > codes["_told"]) | (codes["_usual"] & odd)
    why = ibis.ifelse(codes["_why"].isnull(), "", text(" (", codes["_why"], ")"))
    return codes.filter(found).select("_code", _why=why)


def _told(table: Table) -> Table:
    title = table["title"].strip() if "title" in table.columns else ibis.null("string")
    rows = table.select(_code=table["item_id"].strip(), title=title)
    return rows.group_by(["_code", "title"]).aggregate(times=rows.count()).filter(ibis._["_code"].notnull()).drop("times")


SAYS = "codes that are no products (postage, fees, manual entries) are rejected"
RULES = (Rule("non_products", ("events", "items"), SAYS, non_products, needs=("item_id",)),)
