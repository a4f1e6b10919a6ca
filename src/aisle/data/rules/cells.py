"""Rules on single cells, still text: spaces, words for nothing, markup, number notation, types, event words, required cells."""

from __future__ import annotations

import ibis
from ibis.expr.types import BooleanValue, FloatingValue, StringValue, Table, Value

from aisle.data.rules.base import WRITTEN, Change, Facts, Rule, first, text
from aisle.data.rules.numbers import canonical, plain, truth
from aisle.data.rules.times import forms, seconds
from aisle.data.text_clean import UNTIDY, tidy
from aisle.data.words import NOTHING, NOTHING_SHORT
from aisle.schema import EVENT_TYPES, EVENT_WORDS, TABLES, Kind

EDGES = r"^[\s\p{Z}\x{FEFF}]+|[\s\p{Z}\x{FEFF}]+$"
ALL_TABLES = tuple(TABLES)


def trimmed(table: Table, facts: Facts) -> Change | None:
    """Spaces around ids, words and texts, no-break and full-width ones too."""
    names = facts.columns(table, *WRITTEN)
    return Change(table, {name: table[name].re_replace(EDGES, "").nullif("") for name in names}) if names else None


def float_ids(table: Table, facts: Facts) -> Change | None:
    """Ids that went through a number column: where every id of a column ends in `.0`, it goes (`17850.0` → `17850`)."""
    names = facts.columns(table, Kind.ID)
    if not names:
        return None
    shown = table.aggregate(**{name: table[name].endswith(".0").min() for name in names}).to_pyarrow().to_pylist()[0]
    whole = [name for name in names if shown[name]]
    return Change(table, {name: table[name].re_replace(r"^(\d+)\.0$", r"\1") for name in whole}) if whole else None


def missing_words(table: Table, facts: Facts) -> Change | None:
    """`NULL`, `nan`, `#N/A` and, outside free text, `none`, `n/a` become missing."""
    values: dict[str, Value] = {}
    for name in table.columns:
        if not name.startswith("_"):
            words = NOTHING if facts.kind(name) is Kind.TEXT else NOTHING_SHORT
            values[name] = ibis.ifelse(table[name].lower().isin(words), ibis.null("string"), table[name])
    return Change(table, values) if values else None


def markup(table: Table, facts: Facts) -> Change | None:
    """HTML remains, control characters, runs of spaces. Cleaned in Python, the distinct untidy cells only: no SQL engine unescapes HTML."""
    values: dict[str, Value] = {}
    for name in facts.columns(table, Kind.TEXT, Kind.CATEGORY):
        untidy = table[name].re_search(UNTIDY)
        cells = table.filter(untidy).select(name).distinct().to_pyarrow()[name].to_pylist()
        if cells:
            mended = {f"_from_{name}": cells, f"_into_{name}": [tidy(cell) or None for cell in cells]}
            helper = ibis.memtable(mended, schema=dict.fromkeys(mended, "string"))
            table = table.left_join(helper, table[name] == helper[f"_from_{name}"])
            values[name] = ibis.ifelse(table[f"_from_{name}"].notnull(), table[f"_into_{name}"], table[name])
    return Change(table, values) if values else None


def notation(table: Table, facts: Facts) -> Change | None:
    """Numbers with currency signs, thousands, decimal commas or full-width digits, put into plain notation."""
    names = facts.columns(table, Kind.NUMBER, Kind.INTEGER)
    return Change(table, {name: canonical(table[name]) for name in names}) if names else None


def types(table: Table, facts: Facts) -> Change | None:
    """A number, truth or time that cannot be read: a required one rejects the row, an optional one becomes missing."""
    values, reasons = {}, []
    for name in facts.columns(table, Kind.NUMBER, Kind.INTEGER, Kind.TIME, Kind.TRUTH):
        value = read(table, name, facts)
        if name in facts.forms and facts.forms[name].simple:
            continue
        bad = table[name].notnull() & value.isnull()
        if needed(table, name, facts):
            reasons.append((bad, text(f"{name} cannot be read as a {facts.kind(name)}: ", table[name])))
        else:
            values[name] = ibis.ifelse(bad, ibis.null("string"), table[name])
    return Change(table, values, first(*reasons) if reasons else None) if values or reasons else None


def needed(table: Table, name: str, facts: Facts) -> bool:
    """Whether a row without this cell is rejected: the contract says so, or it is what the events are ordered by."""
    column = facts.schema.get(name)
    return bool(column and column.required) or (facts.table == "events" and name == clock_column(table))


def clock_column(table: Table) -> str:
    """What events are ordered by: `timestamp`, or `order` in a log without a clock."""
    return "timestamp" if "timestamp" in table.columns else "order"


def read(table: Table, name: str, facts: Facts) -> FloatingValue:
    """The cells of a column as ``float64``, null when unreadable; for times the column is looked through once."""
    kind = facts.kind(name)
    if kind is Kind.TIME:
        how = facts.forms.get(name) or facts.forms.setdefault(name, forms(table, name))
        for remark in how.remarks:
            facts.remark(remark)
        return seconds(table, name, how)
    return truth(table[name]) if kind is Kind.TRUTH else plain(table[name])


def event_words(table: Table, facts: Facts) -> Change | None:
    """Event types in other words (`view`, `buy`, 浏览) become ours; an unknown one rejects the row."""
    word = table["type"].lower()
    known: StringValue = word.cases(*((name, name) for name in EVENT_TYPES), *EVENT_WORDS.items(), else_=ibis.null("string"))
    unknown: BooleanValue = table["type"].notnull() & known.isnull()
    return Change(table, {"type": known}, first((unknown, text("unknown event type: ", table["type"]))))


def required(table: Table, facts: Facts) -> Change | None:
    """Rows that lack a cell without which they say nothing."""
    cases = [(table[name].isnull(), f"no {name}") for name, column in facts.schema.items() if column.required and name in table.columns]
    if facts.table == "events":
        cases.append((table[clock_column(table)].isnull(), f"no {clock_column(table)}"))
        actors = [table[name].notnull() for name in ("user_id", "session_id") if name in table.columns]
        cases.append((~ibis.or_(*actors), "neither user_id nor session_id"))
        item = table["item_id"] if "item_id" in table.columns else ibis.null("string")
        cases.append((item.isnull() & ~table["type"].isin(("query", "message")), "no item_id"))
    return Change(table, reason=first(*cases)) if cases else None


RULES = (
    Rule("spaces", ALL_TABLES, "spaces around ids and texts are cut", trimmed),
    Rule("missing_words", ALL_TABLES, "words for nothing (NULL, nan, n/a) become missing", missing_words),
    Rule("float_ids", ALL_TABLES, "ids written as numbers with `.0` lose it where the whole column has it", float_ids),
    Rule("text", ALL_TABLES, "HTML remains, control characters and runs of spaces leave texts; the script stays as it is", markup),
    Rule("notation", ALL_TABLES, "currency signs, thousands, decimal commas and full-width digits leave numbers", notation),
    Rule("types", ALL_TABLES, "an unreadable number or time rejects the row where it is required, else becomes missing", types),
    Rule(
        "event_words",
        ("events",),
        "event types in other words become ours, unknown ones are rejected",
        event_words,
        needs=("type",),
        translates=True,
    ),
    Rule("required", ALL_TABLES, "rows without a required cell are rejected; missing optional cells stay missing", required),
)
