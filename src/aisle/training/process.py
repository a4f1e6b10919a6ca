"""Training in a process of its own: it tells progress and curves in JSON lines, is ended when its time is over, and frees its memory."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from threading import Timer

from aisle.core.errors import InputError
from aisle.tracking import Tracker
from aisle.tracking.run import fact, told

LAUNCHER = "aisle.text.launch_train"
"""Starts a process for each GPU, and ends them when it is terminated; killed, it could not."""


@dataclass(frozen=True)
class Process:
    """``python -m module folder`` by the `LAUNCHER`, which has ``seconds``. It says ``{"part", "of"}`` for each step, and what `Spoken`
    says; ``words`` are for a part of the ``model``'s learning. ``fault`` and ``mend`` tell a user that it failed."""

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
                [sys.executable, "-m", LAUNCHER, self.module, str(self.folder)], stdout=subprocess.PIPE, stderr=log, text=True
            ) as process,
        ):
            late = Timer(self.seconds, process.terminate)
            late.daemon = True
            late.start()
            try:
                self._watch(process, tracker)
                process.wait()
            finally:
                late.cancel()
                process.terminate()
        if process.returncode > 0:
            said = ((self.folder / "said.log").read_text(encoding="utf-8").strip().splitlines() or ["no reason given"])[-1]
            raise InputError(f"{self.fault}: {said}", self.mend)
        return process.returncode == 0

    def _watch(self, process: subprocess.Popen[str], tracker: Tracker) -> None:
        """Show what the process tells, part by part, and hand its curves on."""
        assert process.stdout is not None
        with ExitStack() as shown:
            part = ""
            advance: Callable[[int], None] = _nothing
            for line in process.stdout:
                said = json.loads(line)
                if "fact" in said:
                    fact(said["fact"], said["value"], said.get("private", False))
                elif "point" in said:
                    told(self._title(said["point"]), said["step"], said["values"])
                    if shown_now := _figures(said["values"]):
                        tracker.beside(self._title(said["point"]), shown_now)
                else:
                    if said["part"] != part:
                        shown.close()
                        part = said["part"]
                        advance = shown.enter_context(tracker.part(self._title(part), said["of"]))
                    advance(1)

    def _title(self, part: str) -> str:
        return f"{self.model}: {self.words[part]}"


def _figures(values: Mapping[str, float]) -> str:
    """Of a step, for the screen; empty where there are none."""
    forms = {"loss": "loss {:.3f}", "rate": "rate {:.1e}", "development": "on development {:.3f}"}
    return ", ".join(form.format(values[name]) for name, form in forms.items() if name in values)


def _nothing(units: int) -> None:
    """There is no bar yet."""
