"""The neural click-through models as they are served: one ONNX graph over the table of examples, run by onnxruntime."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from aisle.core import onnx
from aisle.core.errors import BundleError, SettingsError
from aisle.ranking.ctr.base import Ctr, Floats, sigmoid
from aisle.ranking.ctr.examples import Examples
from aisle.ranking.ctr.layout import Layout
from aisle.ranking.ctr.settings import KINDS, Settings

if TYPE_CHECKING:
    from onnxruntime import InferenceSession

BLOCK = 8_192
"""Cases scored at once."""


class Net(Ctr):
    """One of `KINDS`. `SettingsError` for any other.

    ``stop`` is asked after each round, a quarter of the cases, with the number of rounds made, and ends the fit where it says so; the first
    round always stands. ``rounds_`` then says how many there were: a ``stop`` at as many makes the same model again. ``tower_``: what each
    value of `Settings.tower` added to the logit while fitting, beside the level that took its place.
    """

    def __init__(
        self, kind: str, settings: Settings | None = None, layout: Layout | None = None, stop: Callable[[int], bool] = lambda _: False
    ) -> None:
        super().__init__()
        if kind not in KINDS:
            raise SettingsError(f"There is no click-through net `{kind}`.", f"Take one of {', '.join(KINDS)}.")
        self.name, self.settings, self.layout = kind, settings or KINDS[kind], layout or Layout()
        self.stop, self.rounds_, self.model_ = stop, 0, b""
        self.tower_: dict[str, float] = {}
        self._session: InferenceSession | None = None

    def _fit(self, examples: Examples) -> None:
        from aisle.ranking.ctr.loop_train import train

        self.layout = replace(self.layout).fit(self._seen(examples))
        self.model_, self.rounds_, self.tower_ = train(self.name, self.settings, self.layout, examples, self.stop)
        self._session = None

    def _seen(self, examples: Examples) -> Examples:
        tower = self.settings.tower
        return examples if tower is None else examples.without(tower)

    def raw(self, examples: Examples) -> Floats:
        """``(n,) float64``."""
        return self._run("logit", examples)

    def chances(self, examples: Examples) -> Floats:
        """``(n, 1 + outcomes) float64``: the probability of the label as `score` gives it, and of each of `Settings.outcomes`, which are
        no more probable than what they follow."""
        first = self.score(examples)[:, None]
        if not self.settings.outcomes:
            return first
        following = sigmoid(self._run("logits", examples)[:, 1:])
        return np.hstack([first, first * np.cumprod(following, axis=1)])

    def _run(self, output: str, examples: Examples) -> Floats:
        inputs = self.layout.apply(examples)
        shape = (len(examples),) if output == "logit" else (len(examples), 1 + len(self.settings.outcomes))
        found = np.zeros(shape)
        for start in range(0, len(examples), BLOCK):
            part = slice(start, start + BLOCK)
            found[part] = self.session.run([output], {"ids": inputs.ids[part], "numbers": inputs.numbers[part]})[0]
        return found

    @property
    def session(self) -> InferenceSession:
        """The graph, opened with one thread when first asked."""
        if self._session is None:
            self._session = onnx.session(self.model_)
        return self._session

    def _write(self, folder: Path) -> dict[str, Any]:
        (folder / "model.onnx").write_bytes(self.model_)
        return {"settings": asdict(self.settings), "layout": self.layout.to_dict(), "tower": self.tower_}

    def _read(self, folder: Path, state: dict[str, Any]) -> None:
        held: dict[str, Any] = {name: tuple(value) if isinstance(value, list) else value for name, value in state["settings"].items()}
        self.settings, self.tower_ = Settings(**held), dict(state.get("tower", {}))
        self.layout, self._session = Layout.from_dict(state["layout"]), None
        try:
            self.model_ = (folder / "model.onnx").read_bytes()
        except OSError as error:
            raise BundleError(f"The click-through model in {folder} cannot be read: {error}.", "Train it again.") from None
