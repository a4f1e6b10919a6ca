"""What a cleaning rule is: a table in, the changed values and the reasons for rejection out, all of it one Ibis expression."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

import ibis
from ibis.expr.types import BooleanValue, StringValue, Table, Value

from aisle.data.further import Further
from aisle.data.rules.times import Forms
from aisle.schema import TABLES, Column, Kind
from aisle.settings import Cleaning

OWN = ("_key", "_file", "_row", "_repaired")
"""Columns that the cleaning carries beside the contract's: place in reading order, source file and row, whether a rule changed the row."""

WRITTEN = (Kind.ID, Kind.TEXT, Kind.CATEGORY, Kind.EVENT_TYPE)
"""Kinds that stay text; the others become numbers."""


@dataclass(frozen=True)
class Change:
    """What a rule does: ``values`` replace columns of ``table`` (which may carry helper columns), a ``reason`` that is not null rejects
    the row. A row counts as repaired when a new value differs from the old one, as folded, not rejected, when its reason is ``folds``."""

    table: Table
    values: Mapping[str, Value] = field(default_factory=dict)
    reason: StringValue | None = None
    folds: str = ""


@dataclass
class Facts:
    """What a rule may know beside its table: the settings, the other tables as cleaned so far, the files that feed items as well as
    events, the ``codes`` that are no products, the ``newest`` believable time, the
    ``forms`` in which its columns write times, the ``further`` rows of a running shop, and ``remarks``, where it says what it decided
    or saw without changing anything."""

    table: str
    settings: Cleaning
    others: Mapping[str, Table] = field(default_factory=dict)
    shared_files: tuple[str, ...] = ()
    codes: Table | None = None
    newest: float = float("inf")
    rejected: Table | None = None
    forms: dict[str, Forms] = field(default_factory=dict)
    further: Further | None = None
    remarks: list[str] = field(default_factory=list)
    counts: dict[str, float] = field(default_factory=dict)

    @property
    def schema(self) -> Mapping[str, Column]:
        """The contract's columns of this table."""
        return TABLES[self.table]

    def kind(self, column: str) -> Kind:
        """A column's kind; a further attribute is a category."""
        known = self.schema.get(column)
        return known.kind if known else Kind.CATEGORY

    def columns(self, table: Table, *kinds: Kind) -> list[str]:
        """The columns of ``table`` of these kinds, our own left out."""
        return [name for name in table.columns if not name.startswith("_") and self.kind(name) in kinds]

    def remark(self, text: str) -> None:
        """Say something in the report once."""
        if text not in self.remarks:
            self.remarks.append(text)


Apply = Callable[[Table, Facts], Change | None]
Extend = Callable[[Table, Facts], Table | None]
"""A table with further rows and columns, None where there are none."""


@dataclass(frozen=True)
class Rule:
    """A named rule of the tables ``tables``; it runs on text cells or, ``typed``, once numbers and times are numbers.

    ``needs`` are columns without which it has nothing to do; ``point_in_time`` says that what it does to an event depends on nothing later;
    what ``translates`` puts a cell into our words, which is no repair; one that ``extends`` adds rows before it is applied.
    """

    name: str
    tables: tuple[str, ...]
    says: str
    apply: Apply
    typed: bool = False
    needs: tuple[str, ...] = ()
    point_in_time: bool = True
    translates: bool = False
    extends: Extend | None = None


def text(*parts: Value | str) -> StringValue:
    """Parts put together to one text; a missing part reads as empty."""
    pieces = [ibis.literal(part) if isinstance(part, str) else part.cast("string").fill_null("") for part in parts]
    whole = pieces[0]
    for piece in pieces[1:]:
        whole = whole + piece
    return whole


def first(*cases: tuple[BooleanValue, Value | str]) -> StringValue:
    """The value of the first condition that holds, else null."""
    return ibis.cases(*cases, else_=ibis.null("string"))


def place(table: Table) -> StringValue:
    """File and row of each row, as the report writes them."""
    return text(table["_file"], " row ", table["_row"])
