"""From a file's own columns to the contract's: which column, constant or template fills which of ours, as SQL over the file's rows."""

from __future__ import annotations

import re
from collections.abc import Collection, Sequence
from difflib import get_close_matches

from aisle.core.errors import InputError, SettingsError
from aisle.core.nearest import mend_of
from aisle.data.documents import quoted, quoted_text
from aisle.schema import EVENT_TYPES, EVENT_WORDS, TABLES
from aisle.settings import Source

PLACE = re.compile(r"\{([^{}]+)\}")
"""A column's place in a template: ``{department} > {product_type}``."""

ROW = "_row"
"""The name by which a mapping asks for the number of the row: an order for a file that tells no time, an id for one without ids."""

INSTEAD = {"timestamp": ("order",), "user_id": ("session_id",), "item_id": ("query", "text")}
"""What may stand in for a column of the events table."""


def find_column(wanted: str, names: Sequence[str]) -> str | None:
    """The name among ``names``, exact or but for case, spaces and hyphens."""
    if wanted in names:
        return wanted
    alike = [name for name in names if _key(name) == _key(wanted)]
    return alike[0] if len(alike) == 1 else None


def _key(name: str) -> str:
    return re.sub(r"[\s\-_]+", "_", name.strip().lower())


def expressions(source: Source, names: Sequence[str], shared: bool) -> dict[str, str]:
    """Ours = an SQL expression over the file's columns ``names``, all text.

    Besides what ``source`` maps, a column that has our name already is taken, and, unless the file is ``shared`` between tables (then they
    may belong to the other one), every further column as an attribute. Raises `InputError` for a column that the file does not have or
    that the table needs and nothing fills, `SettingsError` for an unknown event type.
    """
    found = {ours: _filled(source, ours, theirs, names) for ours, theirs in source.columns.items()}
    found |= {ours: quoted_text(value) for ours, value in source.constants.items()}
    used = {find_column(theirs, names) for theirs in source.columns.values()}
    for name in names:
        ours = own_name(name, source.table)
        if name in used or (shared and (ours not in TABLES[source.table] or ours in found)):
            continue
        found[_free(ours, found)] = quoted(name)
    _refuse_lack(source, found, names)
    if source.types:
        found["type"] = _typed(source, found["type"])
    return found


def own_name(name: str, table: str) -> str:
    """What a column that nobody mapped is called: our name where it is one, else its own, as a lower-case identifier only if needed."""
    if _key(name) in TABLES[table]:
        return _key(name)
    bare = name if re.fullmatch(r"\w+", name) else re.sub(r"\W+", "_", name).lower()
    return bare.strip("_") or "column"


def _free(name: str, taken: Collection[str]) -> str:
    lower = {other.lower() for other in taken}
    number, free = 1, name
    while free.lower() in lower:
        number += 1
        free = f"{name}_{number}"
    return free


def _filled(source: Source, ours: str, theirs: str, names: Sequence[str]) -> str:
    column = find_column(theirs, names)
    if column is not None or theirs == ROW:
        return quoted(column or ROW)
    if not PLACE.search(theirs):
        raise _no_column(source, theirs, names, f"`columns.{ours}`")
    parts = []
    for place, piece in enumerate(PLACE.split(theirs)):
        column = find_column(piece, names) if place % 2 else None
        if place % 2 and column is None:
            raise _no_column(source, piece, names, f"`columns.{ours}`")
        parts.append(f"coalesce({quoted(column)}, '')" if column is not None else quoted_text(piece))
    joined = f"regexp_replace({' || '.join(parts)}, '\\s+', ' ', 'g')"
    return f"NULLIF(trim({joined}, ' >|,;/-'), '')"  # a missing piece leaves no dangling sign


def _no_column(source: Source, wanted: str, names: Sequence[str], where: str) -> InputError:
    hint = mend_of(wanted, names, f"Correct {where} in aisle.toml.", alike=0.5)
    return InputError(f"{source.file} has no column `{wanted}` ({where}); its columns are: {', '.join(names)}.", hint)


def _refuse_lack(source: Source, found: Collection[str], names: Sequence[str]) -> None:
    schema = TABLES[source.table]
    needed = [name for name, column in schema.items() if column.required]
    if source.table == "events":
        needed += [name for name in INSTEAD if not any(other in found for other in INSTEAD[name])]
    for name in needed:
        if name not in found:
            raise _lack(source, name, names)


def _lack(source: Source, name: str, names: Sequence[str]) -> InputError:
    also = "".join(f" (or `{other}`)" for other in INSTEAD.get(name, ()) if source.table == "events")
    what = f"{source.file} feeds {source.table} and lacks the column `{name}`{also}; its columns are: {', '.join(names)}."
    near = next((other for other in names if name.split("_", maxsplit=1)[0] in other.lower()), None)
    near = near or next(iter(get_close_matches(name, names, n=1, cutoff=0.5)), None)
    if name == "type":
        return InputError(what, 'Add it, or map the file in [[sources]] with constants = { type = "purchase" }, as `aisle init` does.')
    if near is not None:
        return InputError(what, f'Did you mean `{near}`? Rename it, or map it: [[sources]] columns = {{ {name} = "{near}" }}.')
    return InputError(what, "The first row must hold the column names; `aisle init` proposes a mapping in aisle.toml.")


def _typed(source: Source, column: str) -> str:
    """Their event names as ours: exact names first, then patterns with `*` in the order written; other names stay."""
    exact = {theirs: ours for theirs, ours in source.types.items() if "*" not in theirs}
    patterns = {theirs: ours for theirs, ours in source.types.items() if "*" in theirs}
    for ours in source.types.values():
        if ours not in EVENT_TYPES and ours.lower() not in EVENT_WORDS:
            what = f"[[sources]] {source.file}: `types` names an unknown event type `{ours}`."
            raise SettingsError(what, mend_of(ours, EVENT_TYPES))
    cases = [f"WHEN trim({column}) = {quoted_text(theirs)} THEN {quoted_text(ours)}" for theirs, ours in exact.items()]
    cases += [f"WHEN trim({column}) LIKE {_like(theirs)} THEN {quoted_text(ours)}" for theirs, ours in patterns.items()]
    return f"CASE {' '.join(cases)} ELSE {column} END"


def _like(pattern: str) -> str:
    escaped = re.sub(r"([\\%_])", r"\\\1", pattern).replace("*", "%")
    return f"{quoted_text(escaped)} ESCAPE '\\'"
