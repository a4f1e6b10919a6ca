"""Serving runs from `pip install aisle` alone: with the training libraries out of reach, every serving module still imports."""

from __future__ import annotations

import subprocess
import sys

import pytest

from tests.repo.test_code import SERVING_NEVER, TRAINING_ONLY
from tests.repo.walk import ROOT, python

ROOMS = (
    "core", "vision", "text", "query", "profile", "state", "filters", "retrieval", "ranking", "fusion", "arrange", "explain", "serving",
)  # fmt: skip
FILES = ("schema.py", "settings.py", "pipeline.py", "bundle.py")

PROBE = """
import sys
class Absent:
    def find_spec(self, name, path=None, target=None):
        if name.split(".")[0] in {banned!r}:
            raise ModuleNotFoundError(f"No module named {{name!r}} (kept out by the test)", name=name)
sys.meta_path.insert(0, Absent())
import importlib
for name in {modules!r}:
    importlib.import_module(name)
assert not {banned!r} & {{name.split(".")[0] for name in sys.modules}}
"""


def serving_modules() -> list[str]:
    """Every module that may run in a server: the serving rooms without their training files."""
    wanted = [path for room in ROOMS for path in python(f"src/aisle/{room}") if "train" not in path.stem and "train" not in path.parts]
    wanted += [path for path in python("src/aisle") if path.parent == ROOT / "src/aisle" and path.name in FILES]
    names = (".".join(path.relative_to(ROOT / "src").with_suffix("").parts) for path in wanted)
    return sorted(name.removesuffix(".__init__") for name in names)


def run(modules: list[str], banned: set[str]) -> subprocess.CompletedProcess[str]:
    probe = PROBE.format(modules=modules, banned=banned)
    return subprocess.run([sys.executable, "-c", probe], cwd=ROOT, capture_output=True, text=True, check=False)


def test_serving_imports_without_the_training_libraries() -> None:
    done = run(serving_modules(), SERVING_NEVER | TRAINING_ONLY)
    assert done.returncode == 0, done.stderr


def test_the_probe_notices_a_forbidden_import() -> None:
    pytest.importorskip("duckdb")
    assert run(["duckdb"], {"duckdb"}).returncode != 0
