"""A fresh clone as a newcomer meets it: `make demo` with installation, a second time, and `make test`."""

from __future__ import annotations

import os
import re
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path
from urllib.error import URLError
from urllib.request import urlopen

from benchmarks.figures import WORK, Figure, Lines, weighed
from benchmarks.folders import ROOT

CLONE = WORK / "clone"
ADDRESS = re.compile(r"http://127\.0\.0\.1:\d+")
PATIENCE = 1_800.0


def demo_figures() -> list[Figure]:
    """Clone what is committed, run the demo until its address answers, stop it, run it again."""
    lines = Lines("demo")
    shutil.rmtree(CLONE, ignore_errors=True)
    subprocess.run(["git", "clone", "--quiet", str(ROOT), str(CLONE)], check=True)
    machine = lines.machine()
    first, second = until_served(CLONE), until_served(CLONE)
    return [
        machine,
        lines.one("first run: seconds", first, "environment, installation, simulated shop, training, report, first page"),
        lines.one("second run: seconds", second, "until the first page"),
    ]


def until_served(clone: Path, *settings: str) -> float:
    """Seconds from `make demo` until the address that it prints answers; the demo is stopped then."""
    log, begun = clone.with_name("demo.log"), time.perf_counter()
    with log.open("w", encoding="utf-8") as out:
        child = subprocess.Popen(["make", "demo", *settings], cwd=clone, stdout=out, stderr=out, env=clean(), start_new_session=True)
        try:
            while time.perf_counter() - begun < PATIENCE and child.poll() is None:
                if _answers(log.read_text(encoding="utf-8", errors="replace")):
                    return time.perf_counter() - begun
                time.sleep(0.2)
            sys.exit(f"make demo printed no address that answers: read {log}.")
        finally:
            if child.poll() is None:
                os.killpg(child.pid, signal.SIGTERM)
                child.wait(30)


def _answers(log: str) -> bool:
    found = ADDRESS.findall(log)
    try:
        return bool(found) and urlopen(found[-1] + "/", timeout=5).status == 200
    except (URLError, OSError):
        return False


def clean() -> dict[str, str]:
    """The environment of this process without what would point into its own Python."""
    return {
        name: value for name, value in os.environ.items() if name not in ("PYTHONPATH", "VIRTUAL_ENV", "MAKEFLAGS", "MFLAGS", "MAKELEVEL")
    }


def suite_figures() -> list[Figure]:
    """All checks and tests on the clone, whose environment the demo has made."""
    lines = Lines("suite")
    if not (CLONE / ".venv" / ".ready").exists():
        sys.exit("There is no clone that is set up: run make results ONLY=demo first.")
    machine = lines.machine()
    seconds, _ = weighed(["env", "-u", "MAKEFLAGS", "-u", "MAKELEVEL", "make", "test"], CLONE)
    return [machine, lines.one("make test: seconds", seconds, "style, types, import rules and all tests; environment made before")]
