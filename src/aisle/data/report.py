"""The data quality report as data: for every file read = kept + repaired + rejected, what each rule did, and what was only noticed."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field

import ibis
from ibis.expr.types import Table

from aisle.data.clean import Cleaned
from aisle.data.rules.base import text
from aisle.data.rules.items import FOLDED
from aisle.data.tally import Example, Tally

Json = None | bool | int | float | str | list["Json"] | dict[str, "Json"]


REJECTED = ("file", "row", "table", "rule", "reason", "content")
READING = "rows that cannot be read, or that no source takes, are rejected"
MOST_EXAMPLES, LONGEST = 3, 300


@dataclass(frozen=True)
class FileCount:
    """Rows of one source file. A row is kept if any table keeps it, repaired if a rule changed what is kept of it, rejected if no table
    keeps it."""

    read: int
    kept: int
    repaired: int
    rejected: int


@dataclass
class Quality:
    """The report. ``counts`` are further numbers (items without events, ...), ``variants`` near-duplicate items as lists of item ids,
    ``missing`` each table's columns with the share of cells that are missing."""

    files: dict[str, FileCount] = field(default_factory=dict)
    rules: list[Tally] = field(default_factory=list)
    remarks: list[str] = field(default_factory=list)
    counts: dict[str, float] = field(default_factory=dict)
    windows: dict[str, Json] = field(default_factory=dict)
    missing: dict[str, dict[str, float]] = field(default_factory=dict)
    variants: list[list[str]] = field(default_factory=list)

    def to_json(self) -> dict[str, Json]:
        """Plain JSON; the rejected rows one by one stand in `rejected.csv`."""
        files: dict[str, Json] = {name: dict(asdict(count)) for name, count in self.files.items()}
        variants: list[Json] = [list(group) for group in self.variants]
        return {
            "files": files, "rules": [_rule(tally) for tally in self.rules if tally], "remarks": list(self.remarks),
            "counts": dict(self.counts), "windows": self.windows, "missing": {name: dict(cells) for name, cells in self.missing.items()},
            "variants": variants,
        }  # fmt: skip


def _rule(tally: Tally) -> Json:
    examples: list[Json] = [dict(asdict(example)) for example in tally.examples]
    return {
        "rule": tally.rule, "table": tally.table, "says": tally.says, "repaired": sum(tally.repaired.values()),
        "rejected": sum(tally.rejected.values()), "folded": sum(tally.folded.values()), "examples": examples,
    }  # fmt: skip


def account(cleaned: Cleaned, read: Mapping[str, int]) -> dict[str, FileCount]:
    """Each file's rows, every one counted exactly once; ``read`` is the number of data rows in it."""
    kept: dict[str, tuple[int, int]] = {}
    parts = [table.select("_key", "_file", "_repaired") for table in cleaned.tables.values()]
    if parts:
        rows = ibis.union(*parts, distinct=False) if len(parts) > 1 else parts[0]
        once = _once(rows, _fed_twice(parts))
        for row in once.to_pyarrow().to_pylist():
            seen = kept.get(row["_file"], (0, 0))
            kept[row["_file"]] = (seen[0] + row["whole"], seen[1] + row["mended"])
    result = {}
    for name, total in read.items():
        whole, mended = kept.get(name, (0, 0))
        result[name] = FileCount(total, whole, mended, total - whole - mended)
    return result


def _fed_twice(parts: Sequence[Table]) -> list[str]:
    """The files that feed more than one table."""
    feeds = Counter(file for part in parts for file in part.select("_file").distinct().to_pyarrow()["_file"].to_pylist())
    return [file for file, tables in feeds.items() if tables > 1]


def _once(rows: Table, shared: Sequence[str]) -> Table:
    """Per file the rows kept as they were (`whole`) and kept with a repair (`mended`); only files that feed two tables need their rows
    brought together."""
    twice = rows["_file"].isin(tuple(shared) or ("",))
    both = rows.filter(twice).group_by(["_file", "_key"]).aggregate(_repaired=ibis._["_repaired"].max())
    single = rows.filter(~twice).select("_file", "_key", "_repaired")
    every = ibis.union(both.select("_file", "_key", "_repaired"), single)
    return every.group_by("_file").aggregate(whole=(~every["_repaired"]).sum(), mended=every["_repaired"].sum())


def quality(cleaned: Cleaned, read: Mapping[str, int], remarks: Sequence[str] = ()) -> Quality:
    """The report on what `clean` did to the files of which ``read`` rows were read; ``remarks`` are the reader's."""
    tallies = [*_reading(cleaned.unread), *cleaned.tallies]
    return Quality(account(cleaned, read), tallies, [*remarks, *cleaned.remarks], dict(cleaned.counts))


def _reading(unread: Table | None) -> list[Tally]:
    """The rows lost before any rule saw them, told as the rules tell theirs."""
    if unread is None:
        return []
    found: dict[str, Tally] = {}
    counts = unread.group_by(["table", "file"]).aggregate(times=unread.count()).order_by("table", "file")
    for row in counts.to_pyarrow().to_pylist():
        found.setdefault(row["table"], Tally("reading", row["table"], READING)).rejected[row["file"]] = row["times"]
    spot = unread.mutate(_spot=ibis.row_number().over(group_by="table", order_by=["file", "row"]))
    for row in spot.filter(spot["_spot"] < MOST_EXAMPLES).order_by("table", "file", "row").to_pyarrow().to_pylist():
        found[row["table"]].examples.append(Example(row["file"], row["row"], row["content"][:LONGEST], "", row["reason"]))
    return list(found.values())


def missingness(cleaned: Cleaned) -> dict[str, dict[str, float]]:
    """Of each table as read, the share of missing cells in each column."""
    result = {}
    for name, table in cleaned.raw.items():
        cells = [column for column in table.columns if not column.startswith("_")]
        shares = table.aggregate(**{cell: table[cell].nullif("").isnull().mean() for cell in cells}).to_pyarrow().to_pylist()[0]
        result[name] = {cell: float(share or 0) for cell, share in shares.items()}
    return result


def rejected_rows(cleaned: Cleaned) -> Table:
    """Every row that no table keeps, once: file, row, table, rule, reason and content (the cells as read, `column=cell; ...`).

    Where several tables rejected it, events speak first, and a reason of the row's own goes before its being told elsewhere."""
    kept = [table.select("_file", "_row") for table in cleaned.tables.values()]
    lost = cleaned.gone
    for rows in kept:
        lost = lost.anti_join(rows, ["_file", "_row"])
    rank = ibis.cases((lost["reason"] == FOLDED, 2), (lost["table_name"] == "events", 0), else_=1)
    ranked = lost.mutate(_spot=ibis.row_number().over(group_by=["_file", "_row"], order_by=rank))
    single = ranked.filter(ranked["_spot"] == 0)
    parts = [_with_content(single.filter(single["table_name"] == name), raw) for name, raw in cleaned.raw.items()]
    parts += [cleaned.unread] if cleaned.unread is not None else []
    return (ibis.union(*parts, distinct=False) if len(parts) > 1 else parts[0]).order_by("file", "row")


def _with_content(lost: Table, raw: Table) -> Table:
    cells = [name for name in raw.columns if not name.startswith("_")]
    told = raw.select("_file", "_row", content=text(*(part for name in cells for part in (f"{name}=", raw[name], "; "))))
    rows = lost.inner_join(told, ["_file", "_row"])
    return rows.select("rule", "reason", "content", file=rows["_file"], row=rows["_row"], table=rows["table_name"]).select(*REJECTED)
