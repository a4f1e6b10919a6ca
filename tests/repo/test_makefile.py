"""The Makefile sets up its environment, and goes on after it was interrupted."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import pytest

from tests.repo.walk import ROOT

MAKES_PIP = """#!/bin/sh
mkdir -p .venv/bin
printf '#!/bin/sh\\n' > .venv/bin/pip
chmod +x .venv/bin/pip
"""
"""Stands in for Python that makes an environment, with a pip that installs nothing."""


@pytest.mark.skipif(shutil.which("make") is None, reason="needs make")
@pytest.mark.parametrize("left", [(), ("python",)], ids=["fresh", "interrupted before there was a pip"])
def test_set_up_begins_again_where_it_was_interrupted(tmp_path: Path, left: tuple[str, ...]) -> None:
    (tmp_path / ".venv" / "bin").mkdir(parents=True)
    made = [(tmp_path / "python", MAKES_PIP), *((tmp_path / ".venv" / "bin" / name, "#!/bin/sh\n") for name in left)]
    for path, text in made:
        path.write_text(text, encoding="utf-8")
        path.chmod(0o755)
    for name in ("Makefile", "pyproject.toml"):
        shutil.copy(ROOT / name, tmp_path)
    clean = {name: value for name, value in os.environ.items() if not name.startswith(("MAKE", "MFLAGS"))}
    command = ["make", "setup", "PYTHON=./python", "VENV=.venv"]  # the suite itself may have been started with another
    done = subprocess.run(command, cwd=tmp_path, env=clean, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stderr
    assert (tmp_path / ".venv" / ".ready").exists()
