"""Training in a process of its own: it tells its progress in JSON lines, is ended when its time is over, and frees its memory."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from threading import Timer

from aisle.core.errors import InputError
from aisle.tracking import Tracker


@dataclass(frozen=True)
class Process:
    """``python -m module folder``, which has ``seconds``. Its lines are ``{"part", "done", "of", "loss"}``; ``words`` say what a part of
    the ``model``'s learning is. ``fault`` and ``mend`` tell a user that it failed."""

    module: str
    folder: Path
    seconds: float
    model: str
    words: Mapping[str, str]
    fault: str
    mend: str

    def run(self, tracker: Tracker) -> bool:
        """False when it did not end in time; what failed for another reason raises `InputError` with its last words."""
        with (
            (self.folder / "said.log").open("w", encoding="utf-8") as log,
            subprocess.Popen(
                [sys.executable, "-m", self.module, str(self.folder)], stdout=subprocess.PIPE, stderr=log, text=True
            ) as process,
        ):
            late = Timer(self.seconds, process.kill)
            late.daemon = True
            late.start()
            try:
                self._watch(process, tracker)
                process.wait()
            finally:
                late.cancel()
                process.kill()
        if process.returncode > 0:
            said = ((self.folder / "said.log").read_text(encoding="utf-8").strip().splitlines() or ["no reason given"])[-1]
            raise InputError(f"{self.fault}: {said}", self.mend)
        return process.returncode == 0

    def _watch(self, process: subprocess.Popen[str], tracker: Tracker) -> None:
        """Show what the process tells, part by part, and note every tenth loss."""
        assert process.stdout is not None
        line = process.stdout.readline()
        while line:
            told = json.loads(line)
            part = told["part"]
            title = f"{self.model}: {self.words[part]}"
            with tracker.part(title, told["of"]) as advance:
                while line and told["part"] == part:
                    advance(1)
                    if told["done"] % 10 == 0:
                        tracker.note(part=title, step=told["done"], loss=told["loss"])
                    line = process.stdout.readline()
                    told = json.loads(line) if line else told
