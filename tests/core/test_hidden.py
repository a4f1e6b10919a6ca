"""A library that is hidden cannot be imported, and can be again afterwards; trees come without tables that nobody asked for."""

from __future__ import annotations

import subprocess
import sys
from types import ModuleType

import pytest

from aisle.core.hidden import hidden, spared


def test_what_is_hidden_is_not_there_until_it_ends_even_where_it_ends_badly() -> None:
    sys.modules.pop("this", None)
    with pytest.raises(RuntimeError), hidden("this", "sys"):
        with pytest.raises(ImportError):
            __import__("this")
        assert __import__("sys") is sys, "what is loaded already stays"
        raise RuntimeError
    assert "this" not in sys.modules


def test_lightgbm_loads_without_pandas_and_scikit_learn_and_leaves_them_to_others() -> None:
    said = (
        "import sys; from aisle.ranking.lean_lightgbm import lightgbm; "
        "print([name for name in ('pandas', 'sklearn', 'pyarrow', 'matplotlib') if name in sys.modules]); "
        "import sklearn; print(sklearn.__name__)"
    )
    found = subprocess.run([sys.executable, "-c", said], capture_output=True, text=True, check=True)
    assert found.stdout.split("\n")[:2] == ["[]", "sklearn"]


def test_what_is_spared_is_none_until_it_ends_and_comes_when_asked_for_afterwards() -> None:
    lazy = ModuleType("lazy")
    vars(lazy)["__getattr__"] = {"heavy": "loaded"}.__getitem__
    with spared(lazy, "heavy", "__name__"):
        assert lazy.heavy is None and lazy.__name__ == "lazy", "what is there already stays"
    assert lazy.heavy == "loaded"


def test_a_server_starts_without_numpys_tests_and_compiler() -> None:
    said = (
        "import sys; import aisle.cli, aisle.live, aisle.serving.server, numpy; "
        "print([name for name in ('numpy.f2py', 'numpy.testing', 'unittest') if name in sys.modules], numpy.testing.__name__)"
    )
    found = subprocess.run([sys.executable, "-c", said], capture_output=True, text=True, check=True)
    assert found.stdout == "[] numpy.testing\n"
