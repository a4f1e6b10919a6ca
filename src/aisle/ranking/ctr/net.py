"""The neural click-through models as they are served: one ONNX graph over the table of examples, run by onnxruntime."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any, Literal

import numpy as np
from onnxruntime import GraphOptimizationLevel, InferenceSession, SessionOptions

from aisle.core.errors import BundleError, SettingsError
from aisle.ranking.ctr.base import Ctr, Floats
from aisle.ranking.ctr.examples import Examples
from aisle.ranking.ctr.layout import Layout

BLOCK = 8_192
"""Cases scored at once."""


@dataclass(frozen=True)
class Settings:
    """How a net is built and fitted. ``layers``: widths of the hidden layers, where it has any; ``regularization``: weight of the squared
    embeddings that a case touches, per case; ``decay``: AdamW's decoupled weight decay of dense layers; ``patience``: rounds without a gain
    on the tail, four in each pass over the cases; ``tower``: a category (the position) that only adds to the logit while fitting and is
    left out when serving."""

    embedding_size: int = 16
    layers: tuple[int, ...] = (64, 32)
    dropout: float = 0.1
    regularization: float = 1e-5
    decay: float = 1e-4
    learning_rate: float = 2e-3
    optimizer: Literal["adamw", "sgd"] = "adamw"
    epochs: int = 10
    batch: int = 512
    patience: int = 4
    seed: int = 7
    tower: str | None = None


KINDS: Mapping[str, Settings] = {
    "lr": Settings(optimizer="sgd", learning_rate=0.05, batch=128),
    "fm": Settings(embedding_size=8, regularization=1e-3),
    "wide_deep": Settings(),
    "deepfm": Settings(embedding_size=8, regularization=1e-3),
    "dcn": Settings(),
    "din": Settings(),
    "mean_pooling": Settings(),
}
"""Each kind's file is ``KIND_train.py`` (``mean_pooling`` is in `din_train`), and its settings where nothing else is said: chosen on the
development window of a simulated shop (`benchmarks.ctr`)."""


class Net(Ctr):
    """One of `KINDS`. `SettingsError` for any other.

    ``stop`` is asked after each round, a quarter of the cases, with the number of rounds made, and ends the fit where it says so; the first
    round always stands. ``rounds_`` then says how many there were: a ``stop`` at as many makes the same model again.
    """

    def __init__(
        self, kind: str, settings: Settings | None = None, layout: Layout | None = None, stop: Callable[[int], bool] = lambda _: False
    ) -> None:
        super().__init__()
        if kind not in KINDS:
            raise SettingsError(f"There is no click-through net `{kind}`.", f"Take one of {', '.join(KINDS)}.")
        self.name, self.settings, self.layout = kind, settings or KINDS[kind], layout or Layout()
        self.stop, self.rounds_, self.model_ = stop, 0, b""
        self._session: InferenceSession | None = None

    def _fit(self, examples: Examples) -> None:
        from aisle.ranking.ctr.loop_train import train

        self.layout = replace(self.layout).fit(self._seen(examples))
        self.model_, self.rounds_ = train(self.name, self.settings, self.layout, examples, self.stop)
        self._session = None

    def _seen(self, examples: Examples) -> Examples:
        tower = self.settings.tower
        return examples if tower is None else examples.without(tower)

    def raw(self, examples: Examples) -> Floats:
        """``(n,) float64``."""
        inputs = self.layout.apply(examples)
        found = np.zeros(len(examples))
        for start in range(0, len(examples), BLOCK):
            part = slice(start, start + BLOCK)
            found[part] = self.session.run(["logit"], {"ids": inputs.ids[part], "numbers": inputs.numbers[part]})[0]
        return found

    @property
    def session(self) -> InferenceSession:
        """The graph, opened with one thread when first asked."""
        if self._session is None:
            options = SessionOptions()
            options.intra_op_num_threads, options.inter_op_num_threads = 1, 1
            options.graph_optimization_level = GraphOptimizationLevel.ORT_ENABLE_ALL
            self._session = InferenceSession(self.model_, options, providers=["CPUExecutionProvider"])
        return self._session

    def _write(self, folder: Path) -> dict[str, Any]:
        (folder / "model.onnx").write_bytes(self.model_)
        return {"settings": asdict(self.settings), "layout": self.layout.to_dict()}

    def _read(self, folder: Path, state: dict[str, Any]) -> None:
        held = dict(state["settings"])
        self.settings = Settings(**{**held, "layers": tuple(held["layers"])})
        self.layout, self._session = Layout.from_dict(state["layout"]), None
        try:
            self.model_ = (folder / "model.onnx").read_bytes()
        except OSError as error:
            raise BundleError(f"The click-through model in {folder} cannot be read: {error}.", "Train it again.") from None
