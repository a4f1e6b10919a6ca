"""The notebooks run from top to bottom on a small shop with a tiny model, use public names only, and lie in git without their output."""

from __future__ import annotations

import ast
import json
import os
import re
from pathlib import Path
from typing import Any

import pytest

from tests.repo.walk import ROOT
from tests.text.tiny import tiny_model

NOTEBOOKS = sorted((ROOT / "docs" / "notebooks").glob("*.ipynb"))
SMALL = {
    "shop": {"ITEMS": 200, "EVENTS": 8_000, "STEPS": {"pieces": 2, "pairs": 8}, "MINUTES": 0.05},
    "article": {"ITEMS": 200, "EVENTS": 8_000, "CASES": 96},
}
"""What the tests put in place of the parameters."""
SECONDS = 400
"""Until a cell is ended: many times what it takes, for machines that others work on."""


def cells(path: Path) -> list[dict[str, Any]]:
    return json.loads(path.read_text(encoding="utf-8"))["cells"]


def source(cell: dict[str, Any]) -> str:
    return "".join(cell["source"])


def code(path: Path) -> str:
    """All code of a notebook, without what only Jupyter understands."""
    text = "\n".join(source(cell) for cell in cells(path) if cell["cell_type"] == "code")
    return re.sub(r"^(\s*)%.*$", r"\1pass", text, flags=re.MULTILINE)


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_its_outputs_are_not_in_git(path: Path) -> None:
    assert all(not cell["outputs"] and cell["execution_count"] is None for cell in cells(path) if cell["cell_type"] == "code")


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_it_uses_public_names_only_and_installs_itself_in_colab(path: Path) -> None:
    tree = ast.parse(code(path))
    used = {node.attr for node in ast.walk(tree) if isinstance(node, ast.Attribute)}
    used |= {name.name for node in ast.walk(tree) if isinstance(node, ast.ImportFrom) for name in node.names}
    assert not {name for name in used if name.startswith("_")}
    assert "google.colab" in source(cells(path)[1]) and "%pip install" in source(cells(path)[1])


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_every_link_leads_somewhere(path: Path) -> None:
    text = "\n".join(source(cell) for cell in cells(path) if cell["cell_type"] == "markdown")
    for target in re.findall(r"\]\(([^)#]+)\)", text):
        assert target.startswith("https://") or (path.parent / target).exists(), target


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_it_runs_to_its_end(path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    nbformat = pytest.importorskip("nbformat", reason="the dev extra is not installed")
    nbclient = pytest.importorskip("nbclient", reason="the dev extra is not installed")
    pytest.importorskip("ipykernel", reason="the dev extra is not installed")
    pytest.importorskip("torch", reason="the training extra is not installed")
    book = nbformat.read(path, as_version=4)
    values = {
        **SMALL[path.stem],
        "MODEL": str(tiny_model(tmp_path / "model", vocabulary(tmp_path / "words"))),
        "FOLDER": str(tmp_path / "shop"),
    }
    (place,) = [cell for cell in book.cells if "parameters" in cell.metadata.get("tags", [])]
    assert values.keys() == {name.strip() for name in re.findall(r"[A-Z]+(?=,| =)", place.source.split("\n", 1)[1])}
    place.source = "\n".join(f"{name} = {value!r}" for name, value in values.items())
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join([str(ROOT / "src"), os.environ.get("PYTHONPATH", "")]))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setenv("IPYTHONDIR", str(tmp_path / "ipython"))
    monkeypatch.setenv("JUPYTER_RUNTIME_DIR", str(tmp_path / "runtime"))
    nbclient.NotebookClient(book, timeout=SECONDS, kernel_name="python3", resources={"metadata": {"path": str(tmp_path)}}).execute()
    said = "".join(output.get("text", "") for cell in book.cells for output in cell.get("outputs", []))
    for wanted in WANTED[path.stem]:
        assert re.search(wanted, said), f"{wanted} in {said}"


WANTED = {
    "shop": [
        r"items\.csv: read 2\d\d",
        r"learn what answers queries: loss .* after 8 steps",
        r"'asked': \d+",
        r"(?s)answer +\d\.\d+.*accuracy",
        r"  -?\d\.\d+  \w",
    ],
    "article": [r"(?s)epoch 0, development.*epoch 5, development.*epoch 5: mean loss \d", r"clicked +\d\.\d+", r"accuracy \d\.\d+"],
}
"""What its cells must print, in the order of the cells."""


def vocabulary(folder: Path) -> list[str]:
    """The words of the titles of the shop that both notebooks make."""
    from aisle.simulate.shop import simulate

    simulate(folder, 200, 200, pictures=False)
    words = set(re.findall(r"\w+", (folder / "items.csv").read_text(encoding="utf-8").lower()))
    return sorted(words)[:3_000]
