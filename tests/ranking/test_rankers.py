"""The registry of rankers: one that is registered and no more is fitted, saved, opened and asked for; what is none is named."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from aisle.core.errors import SettingsError
from aisle.fusion.recall import Recall
from aisle.fusion.stack import Stack
from aisle.ranking import rankers
from aisle.ranking.logistic import Logistic
from aisle.ranking.rankers import KINDS, Given, Kind, Left, Lists, Numbers, Ranker, known_rankers
from aisle.settings import load
from aisle.training import learn as learning
from aisle.training.learn import Recipe, learn
from tests.training.shelves import shelf


class Own(Logistic):
    """A ranker from outside."""

    name = "own"


def own(lists: Lists, numbers: Numbers, given: Given, left: Left) -> tuple[Ranker, Given]:
    return Own().fit(lists.x, lists.relevant), {"every": 1}


def test_a_ranker_that_is_registered_and_no_more_competes_and_comes_back_from_a_bundle(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(KINDS, "own", Kind(own, Own.load))  # type: ignore[arg-type]  # it is a dict
    monkeypatch.setattr(rankers, "RANKERS", (*rankers.RANKERS, "own"))  # what the line in KINDS does when the program starts
    monkeypatch.setattr(learning, "RANKERS", rankers.RANKERS)
    (tmp_path / "aisle.toml").write_text('[ranking]\nranker = "own"\n')
    ranking = load(tmp_path).ranking
    known_rankers(ranking.ranker, ranking.challengers)
    stack, fit, dev = Stack("home", ("s0", "s1"), Recall(("s0", "s1"))), shelf(100, 1), shelf(60, 2)
    recipe = replace(Recipe(None, 7, only=rankers.RANKERS), ranker=ranking.ranker)
    found = learn(stack, fit, dev, recipe)
    assert {"own", "lambdamart"} <= set(found.rankers) and isinstance(found.stack.ranker, Own)
    found.stack.save(tmp_path)
    opened = Stack.load(tmp_path)
    assert isinstance(opened.ranker, Own)
    x = fit.table(fit.names)
    assert np.array_equal(opened.ranker.score(x), found.stack.ranker.score(x))


def test_what_is_no_ranker_is_named_and_the_nearest_proposed() -> None:
    known_rankers(None, ())
    for name in KINDS:
        known_rankers(name, rankers.CHALLENGERS)
    with pytest.raises(SettingsError) as refused:
        known_rankers("lambdamarkt", ())
    assert "`ranking.ranker`" in str(refused.value) and "`lambdamart`" in refused.value.mend
    with pytest.raises(SettingsError, match=r"`ranking.challengers`.*`logistic`"):
        known_rankers(None, ("logistic",))
