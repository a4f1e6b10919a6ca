"""The demo is timed until its address answers, and stopped with all that it started."""

from __future__ import annotations

import os
import time
from pathlib import Path

import psutil
import pytest

from benchmarks.clone import clean, until_served

SERVER = """import http.server, sys
server = http.server.HTTPServer(("127.0.0.1", 0), http.server.SimpleHTTPRequestHandler)
sys.stderr.write(f"http://127.0.0.1:{server.server_address[1]}\\n")
open("pid", "w").write(str(__import__("os").getpid()))
server.serve_forever()
"""


def made(folder: Path, recipe: str) -> Path:
    clone = folder / "clone"
    clone.mkdir()
    (clone / "Makefile").write_text(f"demo:\n\t{recipe}\n", encoding="utf-8")
    (clone / "serve.py").write_text(SERVER, encoding="utf-8")
    return clone


def test_the_demo_is_timed_and_nothing_of_it_goes_on(tmp_path: Path) -> None:
    clone = made(tmp_path, "@sleep 0.5; python3 serve.py")
    assert 0.5 < until_served(clone) < 30
    pid = int((clone / "pid").read_text())
    for _ in range(100):
        if not psutil.pid_exists(pid):
            return
        time.sleep(0.05)
    pytest.fail("the server goes on")


def test_a_demo_that_ends_without_an_address_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(SystemExit, match="printed no address that answers"):
        until_served(made(tmp_path, "@echo nothing here"))


def test_the_clone_does_not_see_this_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PYTHONPATH", "somewhere")
    monkeypatch.setenv("MAKEFLAGS", "-j 3")
    assert not {"PYTHONPATH", "MAKEFLAGS"} & set(clean())
    assert clean()["PATH"] == os.environ["PATH"]
