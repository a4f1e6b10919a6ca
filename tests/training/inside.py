"""A training's process played in this one, which has the libraries open already: for what comes out, where the process is not the claim."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import redirect_stdout
from io import StringIO
from pathlib import Path
from subprocess import PIPE
from types import SimpleNamespace

import pytest

from aisle.tracking.run import Run, tracked
from aisle.tracking.spoken import Spoken
from aisle.training import process


class Inside:
    """Stands in for `subprocess.Popen`: does ``work`` with the folder that the command names, then says what that said, line by line."""

    returncode = 0

    def __init__(self, work: Callable[[Path], None], command: Sequence[str]) -> None:
        said = StringIO()
        with redirect_stdout(said), tracked(Run([Spoken()])):
            work(Path(command[-1]))
        self.stdout = said.getvalue().splitlines()

    def __enter__(self) -> Inside:
        return self

    def __exit__(self, *_: object) -> None:
        """Nothing is left to end."""

    def wait(self) -> None:
        """It is done."""

    def terminate(self) -> None:
        """It is done."""


def inside(patch: pytest.MonkeyPatch, work: Callable[[Path], None]) -> None:
    """Let the next trainings in a process be ``work`` in this one."""
    patch.setattr(process, "subprocess", SimpleNamespace(Popen=lambda command, **_: Inside(work, command), PIPE=PIPE))
