"""The numbers as ``[tuned.*]`` tables of ``aisle.toml``: ready to paste, or put into the file with all else as it stands."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

from aisle.core.errors import SettingsError
from aisle.settings import Settings, Tuned

HEADER = re.compile(r"\s*\[+\s*([^\]#]+?)\s*\]+")
MARK = "# Found by `aisle tune`; without these tables the program's own numbers count."


def snippet(tuned: Tuned) -> str:
    """The tables, only what differs from the program's own; empty where nothing does."""
    tables = []
    for part, numbers in tuned.model_dump(exclude_none=True).items():
        if numbers:
            tables.append("\n".join([f"[tuned.{part}]", *(f"{name} = {value!r}" for name, value in numbers.items())]))
    return "\n\n".join(tables) + "\n" if tables else ""


def write(folder: Path, tuned: Tuned) -> Path:
    """Put the tables into ``folder/aisle.toml``, in the place of those that were there; everything else stays, comments too.

    Raises `SettingsError` where the file writes ``tuned`` in another form, which has to be changed by hand.
    """
    path = folder / "aisle.toml"
    before = path.read_text(encoding="utf-8-sig") if path.exists() else ""
    tables = snippet(tuned)
    text = "\n\n".join(part for part in (_without(before).rstrip(), f"{MARK}\n{tables}".rstrip() if tables else "") if part) + "\n"
    _checked(path, before, text, tuned)
    fresh = path.with_name("aisle.toml.new")
    fresh.write_text(text, encoding="utf-8")
    fresh.replace(path)
    return path


def _without(text: str) -> str:
    """The text without its ``[tuned]`` tables; what stands right above the next table belongs to that one."""
    kept: list[str] = []
    held: list[str] = []
    inside = False
    for line in text.splitlines():
        header = HEADER.match(line)
        if header:
            inside = header[1] == "tuned" or header[1].startswith("tuned.")
            kept += [] if inside else held
            held = []
        if not inside:
            kept += [] if line.strip() == MARK else [line]
        elif line.strip() and not line.lstrip().startswith("#"):
            held = []
        else:
            held.append(line)
    return "\n".join(kept)


def _checked(path: Path, before: str, text: str, tuned: Tuned) -> None:
    """Only ``tuned`` may be different, and it must be what was to be written."""
    mend = f"Write it by hand:\n{snippet(tuned)}"
    try:
        old, new = tomllib.loads(before), tomllib.loads(text)
    except tomllib.TOMLDecodeError:
        raise SettingsError(f"{path}: the section `tuned` is written in a form that cannot be replaced.", mend) from None
    said = new.pop("tuned", {})
    old.pop("tuned", None)
    if old != new or Settings.model_validate({"tuned": said}).tuned != tuned:
        raise SettingsError(f"{path}: the section `tuned` is written in a form that cannot be replaced.", mend)
