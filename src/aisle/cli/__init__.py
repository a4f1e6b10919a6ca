"""The `aisle` command, one short function a verb. Progress goes to stderr, answers to stdout; what training needs is imported when used."""

from __future__ import annotations

import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager

from aisle.cli import prepare, run  # noqa: F401  (each adds its verbs to the app)
from aisle.cli.common import app, error_console, guarded

__all__ = ["app", "main"]
INTERRUPTED = 130
"""Exit status after Ctrl-C, as shells have it."""
AGAIN_SECONDS = 2.0


def main() -> None:
    """Entry point of the `aisle` command."""
    try:
        with _heard():
            status: str | int | None = guarded(app)
    except KeyboardInterrupt:
        status = INTERRUPTED
    except SystemExit as ended:  # Typer ends so, after Ctrl-C too
        status = ended.code
    if status == INTERRUPTED:
        error_console.print("Interrupted. The same command goes on where this one stopped.", highlight=False)
    sys.exit(status)


@contextmanager
def _heard() -> Iterator[None]:
    """Ctrl-C is raised again every `AGAIN_SECONDS` until the command has ended: Python drops what is raised while it cleans up an object,
    and the command would go on as if nobody had asked."""
    if signal.getsignal(signal.SIGINT) is not signal.default_int_handler or not hasattr(signal, "setitimer"):
        yield
        return

    def interrupt(*_: object) -> None:
        signal.setitimer(signal.ITIMER_REAL, AGAIN_SECONDS)
        raise KeyboardInterrupt

    before = {number: signal.signal(number, interrupt) for number in (signal.SIGINT, signal.SIGALRM)}
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        for number, handler in before.items():
            signal.signal(number, handler)
