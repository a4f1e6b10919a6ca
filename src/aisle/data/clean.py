"""Cleaning: runs the rules in order over the raw tables and counts, row by row of each file, what was kept, repaired and rejected."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

import duckdb
import ibis
from ibis.backends.duckdb import Backend
from ibis.expr.types import Table

from aisle.core.errors import SettingsError
from aisle.data.further import Further
from aisle.data.rules.base import OWN, WRITTEN, Change, Facts, Rule
from aisle.data.rules.cells import read
from aisle.data.rules.codes import suspect_codes
from aisle.data.rules.order import RULES
from aisle.data.tally import Example, Tally
from aisle.schema import TABLES
from aisle.settings import Settings

FILE_STEP = 1 << 40
"""`_key` = number of the file x this + row: the order in which rows were read, in one integer."""


@dataclass
class Cleaned:
    """The ``raw`` tables and the cleaned ones (typed, under the contract's names, with the `_` columns of `rules.base.OWN`), what each rule
    did, the remarks, ``gone`` (`GONE`), the rows that rules rejected, and ``unread``, those that the reader could not read."""

    backend: Backend
    raw: dict[str, Table]
    gone: Table
    unread: Table | None
    files: tuple[str, ...]
    shared_files: tuple[str, ...]
    tables: dict[str, Table] = field(default_factory=dict)
    tallies: list[Tally] = field(default_factory=list)
    remarks: list[str] = field(default_factory=list)
    counts: dict[str, float] = field(default_factory=dict)


def clean(
    connection: duckdb.DuckDBPyConnection, settings: Settings, newest: float = float("inf"), further: Further | None = None
) -> Cleaned:
    """Clean every `raw_*` table of ``connection``. Events come first, then items: an item's facts in an invoice file count only where the
    line itself was kept. ``newest`` is the last believable time in UTC seconds; ``further`` is joined to the tables.

    Raises `SettingsError` when `[cleaning] off` names an unknown rule."""
    off = _switched_off(settings)
    connection.execute("SET TimeZone = 'UTC'")
    backend = ibis.duckdb.from_connection(connection)
    # not Backend.list_tables: ibis 12 calls a method that DuckDB 2 has dropped
    there = {name for (name,) in connection.execute("SELECT table_name FROM duckdb_tables()").fetchall()}
    raw = {name: backend.table(f"raw_{name}") for name in dict.fromkeys(("events", "items", *TABLES)) if f"raw_{name}" in there}
    files = {name: _files(table) for name, table in raw.items()}
    numbered = tuple(sorted({file for found in files.values() for file in found}))
    shared = tuple(sorted(set(files.get("items", ())) & set(files.get("events", ()))))
    gone = backend.create_table("gone", schema=ibis.schema(GONE), temp=True)
    done = Cleaned(backend, raw, gone, _unread(backend) if "rejected" in there else None, numbered, shared)
    suspects = suspect_codes(raw.get("items"), raw.get("events"), settings.cleaning.non_product_codes)
    codes = None if suspects is None else backend.create_table("codes", suspects, temp=True)
    for name, table in raw.items():
        facts = Facts(name, settings.cleaning, done.tables, shared, codes, newest, gone, further=further)
        done.tables[name] = _Worker(done, facts, off).run(table)
    return done


IN_PLACE = 0.1
"""Up to this share of touched rows a table is changed in place: a copy of 5 million rows for a handful is most of the time."""

GONE = {"_key": "int64", "_file": "string", "_row": "int64", "table_name": "string", "rule": "string", "reason": "string"}


def _unread(backend: Backend) -> Table:
    rows = backend.table("rejected")
    named = rows.mutate(table=rows["table_name"], rule=ibis.literal("reading"))
    return named.select("file", "row", "table", "rule", "reason", "content")


def _switched_off(settings: Settings) -> frozenset[str]:
    known = {rule.name for rule in RULES}
    unknown = [name for name in settings.cleaning.off if name not in known]
    if unknown:
        raise SettingsError(f"`[cleaning] off` names no rule: {unknown[0]}.", f"The rules are: {', '.join(sorted(known))}.")
    return frozenset(settings.cleaning.off)


def _files(table: Table) -> list[str]:
    return sorted(table.select("_file").distinct().to_pyarrow()["_file"].to_pylist())


class _Worker:
    """Takes one table through the rules; each step that changes anything is written out once."""

    def __init__(self, done: Cleaned, facts: Facts, off: Iterable[str]) -> None:
        self.done, self.facts, self.off = done, facts, frozenset(off)
        self.step = 0

    def run(self, raw: Table) -> Table:
        """The cleaned, typed table."""
        rules = [rule for rule in RULES if self.facts.table in rule.tables and rule.name not in self.off]
        table = self._begin(raw)
        for rule in rules:
            if not rule.typed:
                table = self._apply(rule, table)
        table = self._typed(table)
        for rule in rules:
            if rule.typed:
                table = self._apply(rule, table)
        self.done.remarks += self.facts.remarks
        self.done.counts |= self.facts.counts
        return table

    def _begin(self, raw: Table) -> Table:
        number = raw["_file"].cases(*((file, place * FILE_STEP) for place, file in enumerate(self.done.files)), else_=0).cast("int64")
        cells = {name: raw[name].nullif("") for name in raw.columns if not name.startswith("_")}
        return raw.select(_key=number + raw["_row"], _file=raw["_file"], _row=raw["_row"], _repaired=ibis.literal(False), **cells)

    def _typed(self, table: Table) -> Table:
        """Numbers, times and truths as ``float64``; a cell that cannot be read is missing from here on, whatever rule is off."""
        names = [name for name in table.columns if not name.startswith("_") and self.facts.kind(name) not in WRITTEN]
        return self._write(table.mutate(**{name: read(table, name, self.facts) for name in names}))

    def _write(self, table: Table) -> Table:
        self.step += 1
        before, now = (f"work_{self.facts.table}_{step}" for step in (self.step - 1, self.step))
        written = self.done.backend.create_table(now, table, temp=True)
        if self.step > 1:
            self._drop(before)
        return written

    def _update(self, table: Table, touched: Table, names: list[str], repairs: bool) -> Table:
        """The table after a rule: `_replaced` written anew; done in place where the engine can and few rows are touched."""
        if not self.step or touched.count().to_pyarrow().as_py() > IN_PLACE * table.count().to_pyarrow().as_py():
            return self._write(_replaced(table, touched, names, repairs))
        work, rows = f"work_{self.facts.table}_{self.step}", f"touched_{self.facts.table}"
        self.done.backend.raw_sql(f"DELETE FROM {work} WHERE _key IN (SELECT _key FROM {rows} WHERE _reason IS NOT NULL)")
        cells = [f'"{name}" = new."_new_{name}"' for name in names] + (["_repaired = true"] if repairs else [])
        if names:
            self.done.backend.raw_sql(f"UPDATE {work} SET {', '.join(cells)} FROM {rows} new WHERE {work}._key = new._key")
        return table

    def _drop(self, name: str) -> None:
        # not Backend.drop_table: with the sqlglot of today ibis 12 leaves the table's name out of the statement
        self.done.backend.raw_sql(f'DROP TABLE "{name}"')

    def _apply(self, rule: Rule, table: Table) -> Table:
        if not set(rule.needs) <= set(table.columns):
            return table
        longer = rule.extends(table, self.facts) if rule.extends else None
        table = table if longer is None else self._write(longer)
        change = rule.apply(table, self.facts)
        if change is None:
            return table
        name = f"touched_{self.facts.table}"
        touched = self.done.backend.create_table(name, _touched(change), temp=True)
        empty = not touched.count().to_pyarrow().as_py()
        tally = Tally(rule.name, self.facts.table, rule.says) if empty else self._count(rule, touched, list(change.values), change.folds)
        table = table if empty else self._update(table, touched, list(change.values), not rule.translates)
        if rule.translates:
            tally.repaired, tally.examples = {}, [example for example in tally.examples if example.reason]
        self.done.tallies.append(tally)
        self._drop(name)
        return table

    def _count(self, rule: Rule, touched: Table, names: list[str], folds: str) -> Tally:
        gone = touched["_reason"].notnull()
        folded = touched["_reason"].fill_null("") == folds if folds else ibis.literal(False)
        counted = touched.group_by("_file").aggregate(rejected=(gone & ~folded).sum(), repaired=(~gone).sum(), folded=(gone & folded).sum())
        tally = Tally(rule.name, self.facts.table, rule.says)
        for row in counted.to_pyarrow().to_pylist():
            for kind in ("rejected", "repaired", "folded"):
                getattr(tally, kind).update({row["_file"]: row[kind]} if row[kind] else {})
        for side in (gone & ~folded, ~gone):
            rows = touched.filter(side).order_by("_key").limit(3).to_pyarrow().to_pylist() if tally else []
            tally.examples += [_example(row, names) for row in rows]
        if tally.rejected or tally.folded:
            rejected = touched.filter(gone)
            marked = rejected.mutate(table_name=ibis.literal(self.facts.table), rule=ibis.literal(rule.name), reason=rejected["_reason"])
            self.done.backend.insert("gone", marked.select(*GONE))
        return tally


def _touched(change: Change) -> Table:
    """The rows that a rule changes or rejects: old and new cells side by side, and the reason."""
    table = change.table
    new = {f"_new_{name}": value for name, value in change.values.items()}
    old = {f"_old_{name}": table[name] for name in change.values}
    reason = ibis.null("string") if change.reason is None else change.reason
    own = {name: table[name] for name in OWN if name != "_repaired"}
    wide = table.select(**own, **old, **new, _reason=reason)
    differs = [~wide[f"_old_{name}"].identical_to(wide[f"_new_{name}"]) for name in change.values]
    return wide.filter(ibis.or_(wide["_reason"].notnull(), *differs))


def _replaced(table: Table, touched: Table, names: list[str], repairs: bool) -> Table:
    """``table`` with the touched rows' new cells, these marked as repaired if it ``repairs``, and without the rejected rows."""
    renamed = touched.select("_reason", *(f"_new_{name}" for name in names), _hit=touched["_key"])
    joined = table.left_join(renamed, table["_key"] == renamed["_hit"])
    kept = joined.filter(joined["_reason"].isnull())
    hit = kept["_hit"].notnull()
    new = {name: ibis.ifelse(hit, kept[f"_new_{name}"], kept[name]) for name in names}
    return kept.mutate(**new, _repaired=kept["_repaired"] | (hit & ibis.literal(repairs))).select(*table.columns)


def _example(row: Mapping[str, object], names: list[str]) -> Example:
    changed = [name for name in names if row[f"_old_{name}"] != row[f"_new_{name}"]]
    before = {name: row[f"_old_{name}"] for name in changed}
    after = {name: row[f"_new_{name}"] for name in changed}
    return Example(str(row["_file"]), int(str(row["_row"])), _shown(before), _shown(after), str(row["_reason"] or ""))


def _shown(cells: Mapping[str, object]) -> str:
    return ", ".join(f"{name}: {'(missing)' if value is None else value}" for name, value in cells.items())
