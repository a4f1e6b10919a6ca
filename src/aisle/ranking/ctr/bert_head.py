"""bert_ctr's head as it is served: one ONNX graph from the vectors of history, query and title to a logit."""

from __future__ import annotations

from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Self

import numpy as np
from numpy.typing import NDArray

from aisle.core import onnx
from aisle.core.errors import BundleError

if TYPE_CHECKING:
    from onnxruntime import InferenceSession

Vectors = NDArray[np.float32]
BLOCK = 1_024
"""Cases that are read at once."""


class BertHead:
    """A graph from `aisle.ranking.ctr.bert_train`. A logit does not lean on the other cases."""

    def __init__(self, graph: bytes) -> None:
        self.graph = graph

    @cached_property
    def session(self) -> InferenceSession:
        """The graph, opened with one thread when first asked."""
        return onnx.session(self.graph)

    @cached_property
    def length(self) -> int:
        """How many last items it reads."""
        return int(next(one.shape[1] for one in self.session.get_inputs() if one.name == "past"))

    def logit(self, title: Vectors, query: Vectors, past: Vectors, owner: NDArray[np.integer], numbers: Vectors | None = None) -> Vectors:
        """``(n,) float32`` of titles ``(n, d)`` asked about by the requests ``owner`` ``(n,)``, whose queries are ``(r, d)`` and last items
        ``(r, length, d)``, zero where there is none; ``numbers`` ``(n, m)``, absent for a head that was fitted without."""
        found, numbers = np.zeros(len(title), np.float32), np.zeros((len(title), 1), np.float32) if numbers is None else numbers
        for start in range(0, len(title), BLOCK):
            part = slice(start, start + BLOCK)
            asked, place = np.unique(owner[part], return_inverse=True)
            given = {"title": title[part], "query": query[asked], "past": past[asked], "owner": place, "numbers": numbers[part]}
            found[part] = self.session.run(["logit"], given)[0]
        return found

    def save(self, folder: Path) -> None:
        """Write ``head.onnx``."""
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "head.onnx").write_bytes(self.graph)

    @classmethod
    def load(cls, folder: Path) -> Self:
        """Open what `save` wrote; a missing file raises `BundleError`."""
        try:
            return cls((folder / "head.onnx").read_bytes())
        except OSError as error:
            raise BundleError(f"The click-through model in {folder} cannot be read: {error}.", "Train it again.") from None
