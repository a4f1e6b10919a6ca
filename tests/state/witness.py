"""The outside witness of a killed writer: what it sent, what it said was acknowledged, and what of that the log then has."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from random import Random
from time import sleep
from types import TracebackType

from aisle.state.folder import State
from tests.state.support import event


@dataclass
class Found:
    """Acknowledged events that the log lost, events that it holds twice, and those that it lacks even after all was sent again."""

    lost: list[str] = field(default_factory=list)
    twice: list[str] = field(default_factory=list)
    missing: list[str] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)
    acknowledged: int = 0
    kills: int = 0


class Witness:
    """Runs writers on a state folder, kills them and looks."""

    def __init__(self, folder: Path, seed: int) -> None:
        self.folder, self.random = folder, Random(seed)
        self.sent: list[str] = []
        self.acknowledged: list[str] = []
        self._pids: dict[str, int] = {}
        self._working: set[str] = set()
        self._number = self._seen = 0

    def __enter__(self) -> Witness:
        command = [sys.executable, "-m", "tests.state.victim", str(self.folder)]
        self._mother = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd=Path(__file__).parents[2])
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        for pid in self._pids.values():
            _kill(pid)
        self._mother.communicate()

    def rounds(self, count: int, wrong: bool = False) -> Found:
        """``count`` kills, two writers at a time; after each pair the log is looked through and everything is sent again."""
        found = Found()
        while found.kills < count:
            sent, acknowledged = len(self.sent), len(self.acknowledged)
            names = [self._start(wrong), self._start(wrong)]
            for name in names:
                self._wait_for_work(name)
                sleep(self.random.random() * 0.05)
                _kill(self._pids.pop(name))
                found.kills += 1
            self._sync()
            self._look(found, self.sent[sent:], self.acknowledged[acknowledged:])
        with State.open(self.folder) as state:
            held = Counter(stored.event.event_id for stored in state.log.since(0, 10_000_000))
            found.missing = [one for one in self.sent if not held[one]]
            found.twice = [one for one, times in held.items() if times > 1]
            found.problems += state.problems()
        found.acknowledged = len(self.acknowledged)
        return found

    def _look(self, found: Found, sent: list[str], acknowledged: list[str]) -> None:
        """Of one round: what was acknowledged must be there; then all is sent again."""
        with State.open(self.folder) as state:
            held = {stored.event.event_id for stored in state.log.since(self._seen, 10_000_000)}
            found.lost += [one for one in acknowledged if one not in held]
            found.problems += state.problems()
            self._seen = state.log.append([event(one, "u") for one in sent]).sequence

    def _start(self, wrong: bool) -> str:
        self._number += 1
        name = f"w{self._number}"
        self._tell(f"{name} {self.random.randrange(1 << 30)} {'wrong' if wrong else 'right'}")
        while name not in self._pids:
            self._hear()
        return name

    def _wait_for_work(self, name: str) -> None:
        while name not in self._working:
            self._hear()

    def _sync(self) -> None:
        """Read all that the dead have said."""
        self._tell("sync now")
        while self._hear() != "y":
            pass

    def _tell(self, line: str) -> None:
        assert self._mother.stdin is not None
        self._mother.stdin.write(line + "\n")
        self._mother.stdin.flush()

    def _hear(self) -> str:
        assert self._mother.stdout is not None
        said, name, *words = self._mother.stdout.readline().split()
        if said == "p":
            self._pids[name] = int(words[0])
        elif said == "s":
            self.sent += words
        elif said == "a":
            self._working.add(name)
            self.acknowledged += words
        return said


def _kill(pid: int) -> None:
    """Kill without warning, and wait until it is gone."""
    try:
        os.kill(pid, signal.SIGKILL)
        while True:
            os.kill(pid, 0)
            sleep(0.001)
    except ProcessLookupError:
        pass
