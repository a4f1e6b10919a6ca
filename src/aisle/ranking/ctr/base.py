"""What every click-through model promises: fitted on a table of examples, it gives the probability of the outcome and opens as saved."""

from __future__ import annotations

import json
from abc import ABC, abstractmethod
from pathlib import Path
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from aisle.core.errors import BundleError, InputError
from aisle.ranking.calibrate import Calibrator
from aisle.ranking.ctr.examples import Examples
from aisle.ranking.ctr.sampling import corrected

Floats = NDArray[np.float64]
TAIL = 0.1
"""Share of the training cases, the latest, that decides when to stop."""


class Ctr(ABC):
    """A click-through model. ``raw`` is a logit on the scale of the sample it was fitted on, ``score`` the probability among all cases."""

    name: str

    def __init__(self) -> None:
        self.kept_ = 1.0
        self.calibrator_: Calibrator | None = None

    def fit(self, examples: Examples) -> Self:
        """Learn from cases in order of time; where a model stops early, the last tenth decides. An earlier calibration is dropped.

        Raises `InputError` without cases, with an unknown label, or where all have the same outcome.
        """
        check(examples)
        self._fit(examples)
        self.kept_, self.calibrator_ = examples.kept, None
        return self

    def calibrate(self, examples: Examples) -> Self:
        """Fit the curve from logit to probability (Platt 1999) on cases that nothing was learned from."""
        check(examples)
        self.calibrator_, self.kept_ = Calibrator().fit(self.raw(examples), examples.label), examples.kept
        return self

    def score(self, examples: Examples) -> Floats:
        """``(n,) float64`` probabilities, corrected for the sampling of the cases last fitted or calibrated on."""
        raw = self.raw(examples)
        said = sigmoid(raw) if self.calibrator_ is None else self.calibrator_.apply(raw)
        return corrected(said, self.kept_)

    @abstractmethod
    def _fit(self, examples: Examples) -> None: ...

    @abstractmethod
    def raw(self, examples: Examples) -> Floats:
        """``(n,) float64``: the logit before calibration. A case's does not lean on the others'."""

    @abstractmethod
    def _write(self, folder: Path) -> dict[str, Any]:
        """Write what is no JSON, give what is."""

    @abstractmethod
    def _read(self, folder: Path, state: dict[str, Any]) -> None:
        """Take back what `_write` wrote."""

    def save(self, folder: Path) -> None:
        """Write ``ctr.json`` and what the model adds; `opening.opened` reads it."""
        folder.mkdir(parents=True, exist_ok=True)
        curve = None if self.calibrator_ is None else self.calibrator_.to_dict()
        state = {"name": self.name, "kept": self.kept_, "calibrator": curve, "model": self._write(folder)}
        (folder / "ctr.json").write_text(json.dumps(state, ensure_ascii=False), encoding="utf-8")

    def restore(self, folder: Path) -> Self:
        """Take over what `save` wrote. Raises `BundleError` where it cannot be read."""
        state = described(folder)
        self.kept_ = float(state["kept"])
        self.calibrator_ = None if state["calibrator"] is None else Calibrator.from_dict(state["calibrator"])
        self._read(folder, state["model"])
        return self


def described(folder: Path) -> dict[str, Any]:
    """What ``ctr.json`` says. Raises `BundleError` where it cannot be read."""
    try:
        state: dict[str, Any] = json.loads((folder / "ctr.json").read_text(encoding="utf-8"))
    except (OSError, json.JSONDecodeError) as error:
        raise BundleError(f"The click-through model in {folder} cannot be read: {error}.", "Train it again.") from None
    return state


def check(examples: Examples) -> None:
    """Refuse what nothing can be learned from."""
    label = examples.label
    if not len(label):
        raise InputError("There are no examples to learn from.", "Give a log with impressions.")
    if not np.isin(label, (0.0, 1.0)).all():
        raise InputError("Column `label` holds something that is neither 0 nor 1.", "Leave out cases whose outcome is not known.")
    if label.min() == label.max():
        what = "happened" if label[0] else "did not happen"
        raise InputError(f"Column `label` is constant: in all {len(label):,} examples it {what}.", "Give cases of both outcomes.")


def tail(label: Floats) -> int:
    """How many of the first cases are learned from; the rest decides when to stop. All of them where the rest has one outcome only."""
    cut = int(np.ceil(len(label) * (1 - TAIL)))
    rest = label[cut:]
    both = len(rest) and rest.min() < rest.max() and label[:cut].min() < label[:cut].max()
    return cut if both else len(label)


def sigmoid(logit: Floats) -> Floats:
    """1 / (1 + e^-z), kept finite."""
    return np.asarray(1 / (1 + np.exp(-np.clip(logit, -40, 40))))
