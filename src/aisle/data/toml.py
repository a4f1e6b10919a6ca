"""Writes a proposal as aisle.toml, with a comment for every guess."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence

from aisle.data.plan import Plan
from aisle.data.seen import Draft

HEAD = """# Proposed by `aisle init` from what the files hold. Read it, correct it, then: aisle check DIR
# Each [[sources]] maps one of your files to one of our tables; columns are written ours = "theirs".
# `{a} > {b}` joins columns; `_row` is the number of the row. `where` takes an SQL condition on your columns.
"""


def written(made: Plan, own: Sequence[Draft]) -> str:
    """The text of the file; ``own`` are files that need no mapping."""
    parts = [HEAD]
    support = any(one.table == "examples" for one in made.drafts) or any(
        re.match("question|问题", one.columns.get("title", "").lower()) for one in made.drafts
    )
    if support and not any(one.table == "events" for one in [*made.drafts, *own]):
        parts.append('kind = "support"  # texts with intents, or questions with answers\n')
    parts += [f"# {one.seen.file}: read by its name as {one.table}, needs no mapping ({one.seen.told}).\n" for one in own]
    parts += [f"# {file}: not used; {why}\n" for file, why in made.unused.items()]
    shared = [one.seen.file for one in made.drafts]
    parts += [_source(one, shared.count(one.seen.file) > 1) for one in made.drafts]
    return "\n".join(parts)


def _source(one: Draft, shared: bool) -> str:
    lines = [f"[[sources]]  # {one.seen.told}", f"file = {text(one.seen.file)}", f"table = {text(one.table)}"]
    lines += [f"# {note}" for note in one.notes]
    lines += [f"constants = {_inline(one.constants)}"] if one.constants else []
    lines += [f"types = {_inline(one.types)}  # theirs = ours"] if one.types else []
    lines += ["[sources.columns]"]
    lines += [f"{_key(ours)} = {text(theirs)}{_beside(one, ours, theirs)}" for ours, theirs in one.columns.items()]
    used = " ".join(one.columns.values())
    left = [column.name for column in one.seen.columns if column.name not in one.columns.values() and f"{{{column.name}}}" not in used]
    if left:
        what = "not used here" if shared else "kept as attributes"
        lines.append(f"# {what}: {', '.join(left)}")
    return "\n".join(lines) + "\n"


def _beside(one: Draft, ours: str, theirs: str) -> str:
    told = [one.hints[ours]] if ours in one.hints else []
    column = one.seen.find(theirs)
    if column is not None and not told:
        told.append(f"{column.different:,} different")
    if column is not None and column.filled < 0.995:
        told.append(f"missing in {1 - column.filled:.1%}")
    return f"  # {'; '.join(told)}" if told else ""


def _inline(pairs: dict[str, str]) -> str:
    return "{ " + ", ".join(f"{_key(key)} = {text(value)}" for key, value in pairs.items()) + " }"


def _key(name: str) -> str:
    return name if re.fullmatch(r"[A-Za-z0-9_-]+", name) else text(name)


def text(value: str) -> str:
    """A TOML text."""
    return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")
