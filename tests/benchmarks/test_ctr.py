"""The click-through benchmark: baselines by hand, slices, the difference of two models, and what correction of sampling does."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from aisle.ranking.ctr.examples import Column, Examples
from aisle.ranking.ctr.ftrl import Ftrl
from aisle.testing.ctr import additive
from benchmarks import ctr
from benchmarks.ctr_tables import Tables, _slices
from benchmarks.figures import Lines


def tables(kept: float = 1.0) -> Tables:
    train, dev, test = (additive(rows, seed) for rows, seed in ((2_000, 1), (1_000, 2), (1_000, 3)))
    rows = np.flatnonzero((train.label > 0.5) | (np.random.default_rng(7).random(2_000) < kept))
    slices = {"first": np.arange(1_000) < 600}
    return Tables(replace(train.pick(rows), kept=kept), dev, test, "a toy", {}, slices)


def test_baselines_count_negatives_that_were_not_sampled() -> None:
    """Item a: 1 hit and 1 sampled miss that stands for 10, item b: 1 miss for 10; 1 of 21 in all."""
    item = Column(np.array([0, 0, 1], np.int32), ["a", "b"])
    train = Examples({"item": item}, {}, np.array([1.0, 0, 0]), kept=0.1)
    found = ctr._baselines(Tables(train, train, train, "", {}))
    assert found["constant_rate"] == pytest.approx([1 / 21] * 3)
    a, b = (1 + 20 / 21) / (11 + 20), (20 / 21) / (10 + 20)
    assert found["item_rate"] == pytest.approx([a, a, b])


def test_every_model_has_its_figures_and_the_best_on_dev_is_set_against_the_rest(monkeypatch: pytest.MonkeyPatch) -> None:
    made = {"ftrl": Ftrl(learning_rate=0.1), "worse": Ftrl(sparsity=1e3), "not asked for": Ftrl()}
    monkeypatch.setattr(ctr, "models", lambda tables: made)
    figures, fitted = ctr.compared(Lines("ctr_toy"), tables(kept=0.3), only=("ftrl", "worse"))
    names = {figure.figure: figure for figure in figures}
    assert set(fitted) == {"ftrl", "worse"}
    for model in ("constant_rate", "item_rate", "ftrl", "worse"):
        for metric in ("auc", "logloss", "ece"):
            assert names[f"{model}: {metric}"].low is not None
    assert names["ftrl - worse: logloss"].value < 0 < names["ftrl - worse: auc"].value
    assert names["ftrl, first: auc"].n == names["worse, first: ece"].n == 600
    assert (
        names["all together: peak MB"].value > 1 and f"equal scores count half; split {tables().split}, seed 7" in names["ftrl: auc"].note
    )
    wrong, right = (names[f"ftrl, {title}: logloss"].value for title in ("of the sample, not corrected", "corrected, not calibrated"))
    assert right < wrong


def test_slices_are_large_enough_and_new_users_are_those_never_learned_from() -> None:
    train, test = additive(600, 1), additive(900, 2)
    user = test.categories["user"]
    strange = replace(user, codes=np.where(np.arange(900) < 550, 999, user.codes).astype(np.int32))
    found = _slices(train, replace(test, categories={**test.categories, "user": strange}))
    assert list(found) == ["new users"] and found["new users"].sum() == 550


def test_one_shopper_is_asked_about_all_candidates() -> None:
    some = ctr._one_shopper(additive(50))
    assert len(set(some.categories["user"].codes.tolist())) == 1
    assert (some.sequences["item"].codes == some.sequences["item"].codes[0]).all()
    assert len(set(some.categories["item"].codes.tolist())) > 1


def test_a_split_is_the_cases_that_test_and_their_outcomes() -> None:
    one = tables()
    assert one.split == tables(kept=0.3).split, "what teaches has no part in it"
    assert one.split != replace(one, test=one.dev).split
    assert one.split != replace(one, test=replace(one.test, label=1 - one.test.label)).split


def test_crossings_are_set_against_sums_and_attention_against_the_mean() -> None:
    shop = tables()
    said = {name: np.linspace(0.1, 0.9, 1_000) ** power for power, name in enumerate(("lr", "fm", "deepfm", "din", "mean_pooling"), 1)}
    found = {figure.figure for figure in ctr._control(Lines("ctr_toy"), shop, said)}
    assert {"deepfm - lr: logloss", "deepfm - fm: auc", "din - mean_pooling: auc"} <= found
    assert not any(name.startswith("dcn") for name in found)
