"""The `aisle` command, one short function a verb. Progress goes to stderr, answers to stdout; what training needs is imported when used."""

from __future__ import annotations

import sys

from aisle.cli import prepare, run  # noqa: F401  (each adds its verbs to the app)
from aisle.cli.common import app, error_console, guarded

__all__ = ["app", "main"]
INTERRUPTED = 130
"""Exit status after Ctrl-C, as shells have it."""


def main() -> None:
    """Entry point of the `aisle` command."""
    try:
        status: str | int | None = guarded(app)
    except KeyboardInterrupt:
        status = INTERRUPTED
    except SystemExit as ended:  # Typer ends so, after Ctrl-C too
        status = ended.code
    if status == INTERRUPTED:
        error_console.print("Interrupted. The same command goes on where this one stopped.", highlight=False)
    sys.exit(status)
