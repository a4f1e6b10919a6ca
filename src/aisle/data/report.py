"""The data quality report as data: for every file read = kept + repaired + rejected, what each rule did, and what was only noticed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field

import ibis
from ibis.expr.types import Table

from aisle.data.clean import Cleaned
from aisle.data.tally import Tally

Json = None | bool | int | float | str | list["Json"] | dict[str, "Json"]


@dataclass(frozen=True)
class FileCount:
    """Rows of one source file. A row is kept if any table keeps it, repaired if a rule changed what is kept of it, rejected if no table
    keeps it."""

    read: int
    kept: int
    repaired: int
    rejected: int


@dataclass(frozen=True)
class Rejected:
    """One row that no table keeps. ``rule`` is `reading` where it could not even be read as a row."""

    file: str
    row: int
    table: str
    rule: str
    reason: str
    content: str = ""


@dataclass
class Quality:
    """The report. ``counts`` are further numbers (items without events, ...), ``pictures`` the data behind the HTML's drawings."""

    files: dict[str, FileCount] = field(default_factory=dict)
    rules: list[Tally] = field(default_factory=list)
    remarks: list[str] = field(default_factory=list)
    counts: dict[str, float] = field(default_factory=dict)
    rejected: list[Rejected] = field(default_factory=list)
    windows: dict[str, Json] = field(default_factory=dict)
    pictures: dict[str, Json] = field(default_factory=dict)

    def to_json(self) -> dict[str, Json]:
        """Plain JSON; rejected rows are left out, they stand in `rejected.csv`."""
        files: dict[str, Json] = {name: dict(asdict(count)) for name, count in self.files.items()}
        return {
            "files": files, "rules": [_rule(tally) for tally in self.rules if tally], "remarks": list(self.remarks),
            "counts": dict(self.counts), "windows": self.windows,
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
        once = _once(rows, cleaned.shared_files)
        for row in once.to_pyarrow().to_pylist():
            seen = kept.get(row["_file"], (0, 0))
            kept[row["_file"]] = (seen[0] + row["whole"], seen[1] + row["mended"])
    result = {}
    for name, total in read.items():
        whole, mended = kept.get(name, (0, 0))
        result[name] = FileCount(total, whole, mended, total - whole - mended)
    return result


def _once(rows: Table, shared: Sequence[str]) -> Table:
    """Per file the rows kept as they were (`whole`) and kept with a repair (`mended`); only files that feed two tables need their rows
    brought together."""
    twice = rows["_file"].isin(tuple(shared) or ("",))
    both = rows.filter(twice).group_by(["_file", "_key"]).aggregate(_repaired=ibis._["_repaired"].max())
    single = rows.filter(~twice).select("_file", "_key", "_repaired")
    every = ibis.union(both.select("_file", "_key", "_repaired"), single)
    return every.group_by("_file").aggregate(whole=(~every["_repaired"]).sum(), mended=every["_repaired"].sum())


def quality(cleaned: Cleaned, read: Mapping[str, int], remarks: Sequence[str] = ()) -> Quality:
    """The report on what `clean` did to the files of which ``read`` rows were read."""
    return Quality(account(cleaned, read), cleaned.tallies, [*remarks, *cleaned.remarks], dict(cleaned.counts))
