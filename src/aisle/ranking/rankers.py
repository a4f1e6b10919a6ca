"""The rankers that `aisle train` knows, by name: a new one is one file and one line here."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from aisle.core.errors import SettingsError
from aisle.core.nearest import mend_of
from aisle.ranking.blend import Blend
from aisle.ranking.boosted import Boosted, Left, Matrix, Objective
from aisle.ranking.logistic import Logistic

LINEAR_ROWS = 300_000
"""Rows that a linear model needs at most: more cost time and change nothing."""
LINEAR_SPEED = 30_000
"""Rows that a linear model is given for each second it has."""
WANTED_PER_LEAF = 100
"""Wanted candidates for each leaf of a tree: small logs get small trees."""
PLAIN, GRADED = 20.0, 5.0
"""The weight of the L2 penalty on the leaves of trees that learn an order: what one act of a shopper says is trusted less than a scale of
grades. Window 3 of shops with purchases prefers the larger one, that of Home Depot's grades the smaller; `aisle tune` looks for a shop's
own."""
Given = Mapping[str, int]
"""The effort that a ranker is fitted with where time may limit it: every how manieth row, how many requests, at most how many trees."""


class Ranker(Protocol):
    """A fitted model over the feature matrix."""

    name: str

    @property
    def link(self) -> str: ...
    def score(self, x: Matrix) -> NDArray[np.float32]: ...
    def raw(self, x: Matrix) -> NDArray[np.float64]: ...
    def contributions(self, x: Matrix) -> NDArray[np.float64]: ...
    def save(self, folder: Path) -> None: ...


@dataclass(frozen=True)
class Lists:
    """What a ranker learns from: ``x`` ``(n, f)`` with the ``names`` of its columns, NaN for missing; ``groups`` the rows of each request,
    in order; ``relevant`` ``(n,)`` 0 or 1; ``grade`` ``(n,)`` from 0; ``often`` ``(n,)``, how often each click counts, None where the log
    does not say."""

    x: Matrix
    names: list[str]
    groups: NDArray[np.int64]
    relevant: NDArray[np.float64]
    grade: NDArray[np.float64]
    often: NDArray[np.float64] | None = None


Numbers = Mapping[str, float]
"""The ``seed``, and the numbers of ``[tuned.trees]``."""
Learn = Callable[[Lists, Numbers, Given, Left], tuple[Ranker, Given]]
"""A ranker fitted in the time left, or with the effort given by a plan (else empty); and the effort that it took."""


@dataclass(frozen=True)
class Kind:
    """How a ranker is fitted and opened. ``apart`` says why it competes only where the settings ask for it, empty for one that always
    does; ``weighs`` whether it learns from clicks alone whose place is known."""

    learn: Learn
    load: Callable[[Path], Ranker]
    apart: str = ""
    weighs: bool = False


def linear(lists: Lists, numbers: Numbers, given: Given, left: Left) -> tuple[Ranker, Given]:
    """Logistic regression on every so manieth row, as many as there is time for."""
    most = min(LINEAR_ROWS, max(1_000, LINEAR_SPEED * min(left(), 1e6)))
    every = given.get("every", max(1, int(len(lists.x) / most)))
    return Logistic().fit(lists.x[::every], lists.relevant[::every]), {"every": every}


def trees(objective: Objective, lists: Lists, numbers: Numbers, given: Given, left: Left) -> tuple[Ranker, Given]:
    """Boosted trees, as large as what was wanted teaches."""
    leaves = int(np.clip(lists.relevant.sum() / WANTED_PER_LEAF, 4, 15))
    graded = objective == "probability" or len(np.unique(lists.grade[lists.grade > 0])) > 1
    own = {"leaves": leaves, "regularization": GRADED if graded else PLAIN}
    model = Boosted(objective, **{**own, **numbers})  # type: ignore[arg-type]  # whole numbers where they are meant
    return grown(model, lists, given, left)


def grown(model: Boosted, lists: Lists, given: Given, left: Left) -> tuple[Boosted, Given]:
    """The model fitted in the time ``left``, or with the effort ``given`` by a plan; and the effort that it took."""
    gain = lists.relevant if model.objective == "probability" else lists.grade
    groups = lists.groups[: given.get("requests", len(lists.groups))]
    size = int(groups.sum())
    model.epochs = given.get("trees", model.epochs)
    model.fit(lists.x[:size], gain[:size], groups, lists.names, left, None if lists.often is None else lists.often[:size])
    return model, {"requests": model.groups_, "trees": model.epochs}


KINDS: Mapping[str, Kind] = {
    "logistic": Kind(linear, Logistic.load),
    "lambdamart": Kind(partial(trees, "order"), partial(Boosted.load, objective="order")),
    "boosted": Kind(partial(trees, "probability"), partial(Boosted.load, objective="probability")),
    "softmax": Kind(
        partial(trees, "listwise"), partial(Boosted.load, objective="listwise"),
        "stays apart: level with LambdaMART on Home Depot's grades (docs/ranking.md); `[ranking] challengers` lets it compete",
    ),
    "unbiased_lambdamart": Kind(
        partial(trees, "unbiased"), partial(Boosted.load, objective="unbiased"),
        "stays apart: gained nothing on a simulated shop, no real log at hand says where clicks stood (docs/ranking.md); "
        "`[ranking] challengers` lets it compete", weighs=True,
    ),
}  # fmt: skip
"""The name that a fitted ranker bears to how it is made; challengers that compete are fitted in this order, after the others."""
BLENDS: Mapping[str, tuple[str, ...]] = {Blend.name: ("lambdamart", "boosted")}
"""Rankers made of others, at no cost but that of scoring: the name to those."""
RANKERS = tuple(name for name, kind in KINDS.items() if not kind.apart)
CHALLENGERS = tuple(name for name, kind in KINDS.items() if kind.apart)
"""Rankers that compete with them where the settings ask for it and there is time, and are served where they surely gain."""


def opened(name: str, folder: Path) -> Ranker:
    """The fitted ranker of that name in a folder of a bundle."""
    return Blend.load(folder) if name in BLENDS else KINDS[name].load(folder)


def blended(made: Mapping[str, Ranker], x: Matrix) -> dict[str, Ranker]:
    """The blends of which every member was ``made``, on the rows ``x`` ``(n, f)``."""
    found: dict[str, Ranker] = {}
    for name, names in BLENDS.items():
        members = [one for one in (made.get(member) for member in names) if isinstance(one, Boosted)]
        if len(members) == len(names):
            found[name] = Blend.of(members, x)
    return found


def weighs(names: Sequence[str | None]) -> bool:
    """Whether one of these rankers asks how often each click counts."""
    return any(name in KINDS and KINDS[name].weighs for name in names if name is not None)


def known_rankers(ranker: str | None, challengers: Sequence[str]) -> None:
    """Raise `SettingsError` where the settings name no ranker; None leaves it to the measurement."""
    asked = [("ranker", ranker, (*KINDS, *BLENDS)), *(("challengers", name, CHALLENGERS) for name in challengers)]
    for setting, name, known in asked:
        if name is not None and name not in known:
            raise SettingsError(f"aisle.toml: setting `ranking.{setting}` names no ranker that it may: `{name}`.", mend_of(name, known))
