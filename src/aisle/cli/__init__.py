"""The `aisle` command, one short function a verb. Progress goes to stderr, answers to stdout; what training needs is imported when used."""

from __future__ import annotations

import sys

from aisle.cli import prepare, run  # noqa: F401  (each adds its verbs to the app)
from aisle.cli.common import app, error_console, guarded

__all__ = ["app", "main"]


def main() -> None:
    """Entry point of the `aisle` command."""
    try:
        sys.exit(guarded(app))
    except KeyboardInterrupt:
        error_console.print("Interrupted. The same command goes on where this one stopped.", highlight=False)
        sys.exit(130)
