"""LightGBM, loaded without the libraries that it would load for the sole reason that they are installed, and with threads that sleep."""

from __future__ import annotations

import os

import aisle.core.sparse  # noqa: F401  # scipy, which comes with it, by the lean way
from aisle.core.hidden import hidden

os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")  # read when LightGBM loads: threads that wait by spinning cost 4 times the time
with hidden("pandas", "sklearn", "pyarrow", "dask", "matplotlib", "graphviz"):  # it reads arrays: they would take 130 MB and two seconds
    import lightgbm

__all__ = ["lightgbm"]
