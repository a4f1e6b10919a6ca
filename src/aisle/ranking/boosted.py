"""Gradient-boosted trees by LightGBM (Ke et al. 2017): LambdaMART or a softmax over lists for order, cross-entropy for probability."""

from __future__ import annotations

from collections.abc import Callable
from functools import cached_property
from math import inf
from pathlib import Path
from typing import TYPE_CHECKING, Literal, Self

import numpy as np
from numpy.typing import NDArray

from aisle.core.threads import threads
from aisle.ranking.listwise import softmax
from aisle.ranking.tree_graph import TreeGraph, write
from aisle.ranking.unbiased import one_list_a_click

if TYPE_CHECKING:
    import lightgbm

Matrix = NDArray[np.float32]
Left = Callable[[], float]
TRIAL_ROWS, TRIAL_TREES = 30_000, 4
"""What is fitted to see how long the whole will take."""
SMALL = 50_000
"""Rows below which a second thread costs more in waiting than it works."""
Objective = Literal["order", "unbiased", "listwise", "probability"]
NAMES: dict[Objective, str] = {
    "order": "lambdamart",
    "unbiased": "unbiased_lambdamart",
    "listwise": "softmax",
    "probability": "boosted",
}
COMMON = {"verbosity": -1, "deterministic": True, "force_row_wise": True, "bagging_freq": 1, "feature_pre_filter": False}


class Boosted:
    """Trees over the feature matrix, NaN read as missing; all but ``probability`` learn an order and need groups.

    ``order``: LambdaMART (Burges 2010, From RankNet to LambdaRank to LambdaMART). Of two rows i, j of a request, i with the larger gain and
    s their scores, ``λ_ij = -|ΔNDCG_ij| / (1 + exp(s_i - s_j))``, ΔNDCG being what NDCG loses when the two change places; a tree fits the
    sums ``λ_i = Σ_j λ_ij - Σ_k λ_ki``, a leaf moves by ``-Σ λ / (Σ w + regularization)`` with ``w`` the λ's derivative by the score.
    ``unbiased``: the same over one list a click, each weighed (`unbiased`). ``listwise``: the cross-entropy of a softmax over each list
    (`listwise`). ``probability``: the cross-entropy ``-Σ y ln p + (1 - y) ln(1 - p)``, ``p = 1 / (1 + exp(-s))``. ``epochs`` trees for
    order; for probability at most so many, until a tail of the groups no longer gains.
    """

    groups_ = 0
    _graph: TreeGraph | None = None
    _saved: str | None = None

    def __init__(
        self,
        objective: Objective = "order",
        learning_rate: float = 0.05,
        leaves: int = 15,
        epochs: int = 160,
        regularization: float = 5.0,
        seed: int = 7,
    ) -> None:
        self.objective, self.learning_rate, self.leaves, self.epochs = objective, learning_rate, leaves, epochs
        self.regularization, self.seed = regularization, seed
        self.name = NAMES[objective]

    def fit(
        self,
        x: Matrix,
        gain: NDArray[np.floating],
        groups: NDArray[np.int64],
        names: list[str],
        left: Left = lambda: inf,
        weight: NDArray[np.floating] | None = None,
    ) -> Self:
        """``x`` ``(n, f)``; ``gain`` ``(n,)`` grades from 0 (0 or 1 for probability); ``groups`` the rows of each request, in order;
        ``weight`` ``(n,)``, read by ``unbiased`` alone: how often each click counts (`unbiased.weights`; absent: once).

        For probability the last tenth of the groups decides when to stop. For order the number of trees is fixed: NDCG on a tenth of a
        window is so noisy that it stops far too early (on Home Depot after 9 of 160 trees). ``left`` gives the seconds left: a few trees
        on the first groups tell how many groups fit into them, and when none are left it stops. ``groups_`` and ``epochs`` then say with
        how many groups and at most how many trees the same model comes out again.
        """
        self._graph = None
        label = np.round(gain).astype(np.int32)
        self.groups_ = self._affordable(x, label, groups, left)
        groups, size = groups[: self.groups_], int(groups[: self.groups_].sum())
        x, label = x[:size], label[:size]
        often = np.ones(size) if weight is None else weight[:size]
        watch = _Watch(left)
        if self.objective == "unbiased":
            rows, label, groups, often = one_list_a_click(label, groups, often)
            self.booster_ = self._trained(x[rows], label, groups, names, self.epochs, watch, often)
        elif self.objective != "probability" or not self._stopped(x, label, groups, names, watch):
            self.booster_ = self._trained(x, label, groups, names, self.epochs, watch)
        self.epochs = watch.stopped_at or self.epochs
        return self

    def _stopped(self, x: Matrix, label: NDArray[np.int32], groups: NDArray[np.int64], names: list[str], watch: _Watch) -> bool:
        """Fit until the last tenth of the groups no longer gains; not where it wants nothing."""
        from aisle.ranking.lean_lightgbm import lightgbm

        cut = max(1, int(len(groups) * 0.9))
        rows = int(groups[:cut].sum())
        if len(groups) - cut < 5 or not label[rows:].any():
            return False
        train = lightgbm.Dataset(x[:rows], label[:rows], feature_name=names, free_raw_data=False)
        valid = train.create_valid(x[rows:], label[rows:])
        stop = lightgbm.early_stopping(40, verbose=False)
        parameters = self._parameters(label, groups)
        self.booster_ = lightgbm.train(parameters, train, self.epochs, valid_sets=[valid], callbacks=[stop, watch])
        return True

    def _trained(
        self,
        x: Matrix,
        label: NDArray[np.int32],
        groups: NDArray[np.int64],
        names: list[str] | str,
        trees: int,
        watch: _Watch,
        weight: NDArray[np.floating] | None = None,
    ) -> lightgbm.Booster:
        from aisle.ranking.lean_lightgbm import lightgbm

        lists = None if self.objective == "probability" else groups
        data = lightgbm.Dataset(x, label, group=lists, weight=weight, feature_name=names, free_raw_data=False)
        return lightgbm.train(self._parameters(label, groups), data, trees, callbacks=[watch])

    def _affordable(self, x: Matrix, label: NDArray[np.int32], groups: NDArray[np.int64], left: Left) -> int:
        """How many groups fit into the time, by the first ones' bins and trees; all where nothing limits it or all are few."""
        seconds, total = left(), np.cumsum(groups)
        if seconds == inf or not len(groups) or total[-1] <= TRIAL_ROWS:
            return len(groups)
        few = max(1, int(np.searchsorted(total, TRIAL_ROWS)))
        rows = int(total[few - 1])
        clock = _Watch(lambda: max(left(), 1e-9))
        self._trained(x[:rows], label[:rows], groups[:few], "auto", TRIAL_TREES, clock)
        tree = (clock.seen[0] - clock.seen[-1]) / (TRIAL_TREES - 1)
        whole = seconds - clock.seen[0] + self.epochs * max(tree, 1e-6)
        return int(np.clip(np.searchsorted(total, 0.8 * left() / whole * rows, side="right"), few, len(groups)))

    def _parameters(self, label: NDArray[np.int32], groups: NDArray[np.int64]) -> dict[str, object]:
        own: dict[str, object] = {"objective": "binary", "metric": "binary_logloss"}
        if self.objective == "listwise":
            own = {"objective": softmax(np.exp2(label) - 1, groups)}
        elif self.objective != "probability":
            gains = [2.0**grade - 1 for grade in range(int(label.max(initial=1)) + 1)]
            own = {"objective": "lambdarank", "label_gain": gains, "lambdarank_truncation_level": 100, "lambdarank_norm": False}
        return {
            **COMMON,
            **own,
            "learning_rate": self.learning_rate,
            "num_leaves": self.leaves,
            "min_data_in_leaf": 100,
            "lambda_l2": self.regularization,
            "feature_fraction": 0.5,
            "bagging_fraction": 0.8,
            "seed": self.seed,
            "num_threads": 1 if len(label) < SMALL else min(2, threads()),
        }

    def score(self, x: Matrix) -> NDArray[np.float32]:
        """``(n,) float32``: a score for order, or a probability."""
        raw = self.summed(x)
        return np.asarray(1 / (1 + np.exp(-raw)), np.float32) if self.link == "logistic" else raw

    def summed(self, x: Matrix) -> NDArray[np.float32]:
        """``(n,) float32``: the sum of the trees, by their graph where a bundle has one."""
        if not len(x):
            return np.zeros(0, np.float32)
        if self._graph is not None:
            return self._graph.raw(x)
        return np.asarray(self.booster_.predict(x, raw_score=True, num_threads=1 if len(x) < 5_000 else min(2, threads())), np.float32)

    @property
    def link(self) -> str:
        """What turns the raw score into `score`'s: nothing, or a sigmoid."""
        return "logistic" if self.objective == "probability" else "identity"

    def raw(self, x: Matrix) -> NDArray[np.float64]:
        """``(n,) float64``: the sum of the trees."""
        return np.asarray(self.booster_.predict(x, raw_score=True, num_threads=1), np.float64) if len(x) else np.zeros(0)

    def contributions(self, x: Matrix) -> NDArray[np.float64]:
        """``(n, f + 1) float64``: what each feature adds to `raw`, exactly (Lundberg and Lee 2017); the base comes last."""
        if not len(x):
            return np.zeros((0, x.shape[1] + 1))
        return np.asarray(self.booster_.predict(x, pred_contrib=True, num_threads=1), np.float64)

    @property
    def importance(self) -> dict[str, float]:
        """Each feature's share of the total gain."""
        gain = self.booster_.feature_importance("gain")
        return dict(zip(self.booster_.feature_name(), (gain / max(gain.sum(), 1e-9)).tolist(), strict=True))

    def save(self, folder: Path) -> None:
        """Write LightGBM's text form, and the graph that scores."""
        folder.mkdir(parents=True, exist_ok=True)
        self.booster_.save_model(str(folder / f"{self.name}.txt"))
        write(self.booster_, folder / f"{self.name}.onnx")

    @classmethod
    def load(cls, folder: Path, objective: Objective = "order") -> Self:
        """Open what `save` wrote; LightGBM is loaded when something beside a score is asked for."""
        model = cls(objective)
        model._saved = (folder / f"{model.name}.txt").read_text(encoding="utf-8")
        model._graph = TreeGraph.beside(folder, model.name)
        return model

    @cached_property
    def booster_(self) -> lightgbm.Booster:
        """LightGBM's own model."""
        from aisle.ranking.lean_lightgbm import lightgbm

        if self._saved is None:
            raise ValueError("fit or load first")
        return lightgbm.Booster(model_str=self._saved)


class _Watch:
    """A callback that ends the fitting when no time is left; the first tree always stands, of those checked on a tail the best ones."""

    order, before_iteration = 20, False

    def __init__(self, left: Left) -> None:
        self.left, self.stopped_at = left, 0
        self.seen: list[float] = []
        self.best, self.loss = 0, inf

    def __call__(self, state: lightgbm.callback.CallbackEnv) -> None:
        self.seen.append(self.left())
        checked = state.evaluation_result_list or []
        if checked and checked[0][2] < self.loss:
            self.best, self.loss = state.iteration, checked[0][2]
        if self.seen[-1] <= 0:
            from aisle.ranking.lean_lightgbm import lightgbm

            self.stopped_at = state.iteration + 1
            raise lightgbm.callback.EarlyStopException(self.best if checked else state.iteration, checked)
