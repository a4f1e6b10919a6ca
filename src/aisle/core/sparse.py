"""Sparse matrices of scipy, loaded without the parts of numpy that nobody asked for."""

from __future__ import annotations

import numpy as np

from aisle.core.hidden import spared

with spared(np, "f2py", "testing", "ma", "polynomial"):  # scipy copies every name of numpy: 6 MB
    from scipy.sparse import csr_matrix

__all__ = ["csr_matrix"]
