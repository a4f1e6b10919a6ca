"""`aisle WORDS` in this process, as the shell would see it: status, standard output, standard error."""

from __future__ import annotations

import io
import sys
from contextlib import redirect_stderr, redirect_stdout
from dataclasses import dataclass
from unittest import mock

from aisle.cli import main


@dataclass(frozen=True)
class Told:
    """How a command ended and what it said."""

    status: int
    out: str
    err: str

    @property
    def error(self) -> str:
        """The message on standard error, its lines joined; nobody is shown a stack trace."""
        assert "Traceback" not in self.err
        return " ".join(self.err.split())


def aisle(*words: object) -> Told:
    """Run the command. What it does not catch is raised: a user would see a stack trace."""
    out, err = io.StringIO(), io.StringIO()
    asked = mock.patch.object(sys, "argv", ["aisle", *map(str, words)])
    with asked, redirect_stdout(out), redirect_stderr(err):
        try:
            main()
            status = 0
        except SystemExit as ended:
            status = int(ended.code or 0)
    return Told(status, out.getvalue(), err.getvalue())
