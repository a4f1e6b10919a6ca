"""LightGBM on the same table of examples, to stand beside the nets."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from aisle.core.threads import threads
from aisle.ranking.boosted import COMMON
from aisle.ranking.ctr.base import Ctr, Floats, tail
from aisle.ranking.ctr.examples import Examples
from aisle.ranking.ctr.layout import Layout

SPLIT = 256
"""Categories with more learned values are left out: trees would learn them by heart, and their past rates are numbers anyway."""

SETTINGS = ("learning_rate", "leaves", "epochs", "regularization", "seed")


class Trees(Ctr):
    """Boosted trees with cross-entropy (Ke et al. 2017) over numbers, NaN read as missing, and small categories; they read no sequence."""

    name = "lightgbm"

    def __init__(
        self,
        learning_rate: float = 0.1,
        leaves: int = 15,
        epochs: int = 200,
        regularization: float = 5.0,
        seed: int = 7,
        layout: Layout | None = None,
    ) -> None:
        super().__init__()
        self.learning_rate, self.leaves, self.epochs, self.regularization, self.seed = learning_rate, leaves, epochs, regularization, seed
        self.layout = layout or Layout()

    def _fit(self, examples: Examples) -> None:
        from aisle.ranking.lean_lightgbm import lightgbm

        self.layout = replace(self.layout).fit(examples)
        x, small, cut = self._matrix(examples), len(self._small), tail(examples.label)
        parameters = {
            **COMMON, "objective": "binary", "metric": "binary_logloss", "learning_rate": self.learning_rate, "num_leaves": self.leaves,
            "min_data_in_leaf": min(100, max(1, len(x) // 50)), "lambda_l2": self.regularization, "feature_fraction": 0.7,
            "bagging_fraction": 0.8, "seed": self.seed, "num_threads": min(2, threads()) if len(x) > 50_000 else 1, "cat_smooth": 20,
        }  # fmt: skip
        train = lightgbm.Dataset(x[:cut], examples.label[:cut], categorical_feature=list(range(small)), free_raw_data=False)
        if cut == len(x):
            self.booster_ = lightgbm.train(parameters, train, self.epochs // 2)
        else:
            stop = lightgbm.early_stopping(30, verbose=False)
            rest = train.create_valid(x[cut:], examples.label[cut:])
            self.booster_ = lightgbm.train(parameters, train, self.epochs, valid_sets=[rest], callbacks=[stop])

    @property
    def _small(self) -> list[str]:
        return [name for name, known in self.layout.known_.items() if len(known) <= SPLIT and name not in self.layout.buckets]

    def _matrix(self, examples: Examples) -> NDArray[np.float64]:
        """Small categories as their learned numbers (missing and unknown are values like others), then the numbers as they are."""
        names, offsets = list(self.layout.known_), self.layout.offsets
        ids = self.layout.apply(examples).ids
        codes = [ids[:, names.index(name)] - offsets[name] for name in self._small]
        numbers = [examples.numbers[name] for name in self.layout.normalisers_]
        return np.column_stack([*codes, *numbers, np.zeros(len(examples))]).astype(np.float64)

    def raw(self, examples: Examples) -> Floats:
        """``(n,) float64``: the sum of the trees."""
        if not len(examples):
            return np.zeros(0)
        return np.asarray(self.booster_.predict(self._matrix(examples), raw_score=True, num_threads=1), np.float64)

    def _write(self, folder: Path) -> dict[str, Any]:
        self.booster_.save_model(str(folder / "trees.txt"))
        return {**{name: getattr(self, name) for name in SETTINGS}, "layout": self.layout.to_dict()}

    def _read(self, folder: Path, state: dict[str, Any]) -> None:
        from aisle.ranking.lean_lightgbm import lightgbm

        self.layout = Layout.from_dict(state["layout"])
        for name in SETTINGS:
            setattr(self, name, state[name])
        self.booster_ = lightgbm.Booster(model_file=str(folder / "trees.txt"))
