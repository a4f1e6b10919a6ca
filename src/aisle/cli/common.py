"""What the verbs of the `aisle` command share: the app, its arguments, and how a failure is said."""

from __future__ import annotations

import json
from collections.abc import Callable
from errno import ENOSPC
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from aisle.core.errors import AisleError, InputError

app = typer.Typer(no_args_is_help=True, add_completion=False, pretty_exceptions_enable=False, help="Search and recommendation of one shop.")
error_console = Console(stderr=True)

Folder = Annotated[Path, typer.Argument(metavar="DIR", help="The shop's folder.")]
StorePath = Annotated[Path, typer.Argument(metavar="STORE", help="A bundle store or one bundle.")]
StateFolder = Annotated[Path | None, typer.Option("--state", metavar="S", help="The state folder; STORE/../state by default.")]
Minutes = Annotated[float, typer.Option(min=0.1, help="Time for everything: reading, fitting, report.")]


def write_json(path: Path, value: object) -> None:
    """Write a report for programs."""
    write_page(path, json.dumps(value, ensure_ascii=False, indent=1))


def write_page(path: Path, text: str) -> None:
    """Write a report; raises `InputError` that names the file, which the system's own message does not where the disk is full."""
    try:
        path.write_text(text, encoding="utf-8")
    except OSError as error:
        raise InputError(f"{path} cannot be written: {error.strerror or error}.", "Make room, or name another place.") from None


def guarded(run: Callable[[], None]) -> int:
    """Status 0 done, 1 with a message that says what failed and how to mend it."""
    try:
        run()
    except AisleError as error:
        return _fail(str(error))
    except OSError as error:
        mend = " Make room; the same command goes on where this one stopped." if error.errno == ENOSPC else ""
        return _fail(f"{f'{error.filename}: ' if error.filename else ''}{error.strerror or error}.{mend}")
    except ModuleNotFoundError as error:
        return _fail(f"this needs {error.name}. Install it with: pip install 'aisle[train]'")
    return 0


def _fail(message: str) -> int:
    error_console.print(f"error: {message}", style="red", highlight=False, markup=False, soft_wrap=True)  # a path must not be cut in two
    return 1
