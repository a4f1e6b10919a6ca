"""Each net's logit is what the equation in its docstring says, summed term by term in numpy."""

from __future__ import annotations

from dataclasses import replace
from itertools import combinations

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from aisle.ranking.ctr.layout import Shape
from aisle.ranking.ctr.loop_train import net_of
from aisle.ranking.ctr.parts_train import CtrNet
from aisle.ranking.ctr.settings import KINDS
from aisle.ranking.ctr.wide_deep_train import CROSSED, PRIME

Floats = NDArray[np.float64]
SHAPE = Shape(size=9, columns=3, numbers=2, sequenced=(1,), length=3, missing=(3,))
IDS = np.array([[2, 5, 8, 3, 4, 5]])
"""Three categories, then three last items of the second one, the first of which is missing."""
X = np.array([[0.7, -1.2]])


def made(kind: str, outcomes: tuple[str, ...] = ()) -> CtrNet:
    """A net with random weights everywhere, one hidden layer of four."""
    torch.manual_seed(3)
    net = net_of(kind)(SHAPE, replace(KINDS[kind], embedding_size=2, layers=(4,), dropout=0.0, outcomes=outcomes))
    with torch.no_grad():
        for weight in net.parameters():
            weight.copy_(torch.randn(weight.shape))
    return net.eval()


def said(net: CtrNet, ids: NDArray[np.int64] = IDS) -> Floats:
    with torch.no_grad():
        found: Floats = net(torch.from_numpy(ids), torch.from_numpy(X.astype(np.float32))).numpy().astype(np.float64)
    return found[0]


def held(net: CtrNet, name: str) -> Floats:
    return np.asarray(net.get_parameter(name).detach().numpy(), np.float64)


def first_order(net: CtrNet) -> float:
    """⟨w, x⟩ over what is there."""
    weight, number = held(net, "linear.weight.weight")[:, 0], held(net, "linear.number.weight")[0]
    return float(sum(weight[place] for place in IDS[0, :3]) + number @ X[0])


def fields(net: CtrNet) -> list[Floats]:
    """v_i x_i of each category and number."""
    table, vectors = held(net, "embedded.table.weight"), held(net, "numbered.vectors")
    return [table[place] for place in IDS[0, :3]] + [value * vector for value, vector in zip(X[0], vectors, strict=True)]


def pairs(net: CtrNet) -> float:
    """Σ_{i<j} ⟨v_i, v_j⟩ x_i x_j, every pair by itself."""
    return float(sum(a @ b for a, b in combinations(fields(net), 2)))


def hidden(net: CtrNet, x: Floats, name: str = "deep") -> Floats:
    """One layer with a rectifier."""
    return np.maximum(held(net, f"{name}.0.weight") @ x + held(net, f"{name}.0.bias"), 0)


def joined(net: CtrNet) -> Floats:
    """The categories' vectors, then the numbers as they are."""
    return np.concatenate([*(held(net, "embedded.table.weight")[place] for place in IDS[0, :3]), X[0]])


def test_logistic_regression_is_a_sum_of_weights() -> None:
    net = made("lr")
    assert said(net) == pytest.approx(first_order(net), rel=1e-5)


def test_the_factorisation_machine_adds_every_pair_once() -> None:
    net = made("fm")
    assert said(net) == pytest.approx(first_order(net) + pairs(net), rel=1e-5)


def test_deepfm_is_the_machine_and_hidden_layers_over_the_same_vectors() -> None:
    net = made("deepfm")
    deep = held(net, "out.weight")[0] @ hidden(net, np.concatenate(fields(net)))
    assert said(net) == pytest.approx(first_order(net) + pairs(net) + deep, rel=1e-5)


def test_the_wide_side_has_a_weight_for_each_value_and_each_couple_of_values() -> None:
    net = made("wide_deep")
    crossed = held(net, "crossed.weight")[:, 0]
    wide = sum(crossed[(one * PRIME + other) % CROSSED] for one, other in combinations(IDS[0, :3].tolist(), 2))
    deep = held(net, "out.weight")[0] @ hidden(net, joined(net))
    assert said(net) == pytest.approx(first_order(net) + wide + deep, rel=1e-5)


def test_each_cross_multiplies_the_first_layer_in_again() -> None:
    net = made("dcn")
    first = x = joined(net)
    for layer in (0, 1):
        x = first * (held(net, f"crosses.{layer}.weight") @ x + held(net, f"crosses.{layer}.bias")) + x
    assert said(net) == pytest.approx(held(net, "out.weight")[0] @ np.concatenate([x, hidden(net, first)]), rel=1e-5)


def attention(net: CtrNet, event: Floats, asked: Floats) -> float:
    """a(e, v) of one event."""
    z = held(net, "past.weight") @ event + held(net, "past.bias") + held(net, "asked.weight") @ asked
    z = z + held(net, "both.weight") @ (event * asked)
    slope = held(net, "attention.0.weight")[0]
    return float(held(net, "attention.1.weight")[0] @ np.where(z > 0, z, slope * z) + held(net, "attention.1.bias")[0])


@pytest.mark.parametrize("kind", ["din", "mean_pooling"])
def test_interest_is_the_weighed_sum_of_the_events_that_are_there_and_in_the_control_their_mean(kind: str) -> None:
    net = made(kind)
    table = held(net, "embedded.table.weight")
    there, asked = [table[4], table[5]], table[5]  # the first of the three is missing and must not count
    interest = sum(attention(net, one, asked) * one for one in there) if kind == "din" else np.mean(there, axis=0)
    z = held(net, "deep.0.weight") @ np.concatenate([joined(net)[:6], interest, X[0]]) + held(net, "deep.0.bias")
    deep = np.where(z > 0, z, held(net, "deep.1.weight")[0] * z)
    assert said(net) == pytest.approx(held(net, "deep.3.weight")[0] @ deep, rel=1e-5)


def test_without_any_event_there_is_no_interest_and_what_stands_for_missing_has_no_say() -> None:
    none = np.array([[2, 5, 8, 3, 3, 3]])
    for kind in ("din", "mean_pooling"):
        net = made(kind)
        before = said(net, none)
        with torch.no_grad():
            net.get_parameter("embedded.table.weight")[3] += 5.0
        assert said(net, none) == pytest.approx(before)


def test_each_outcome_has_a_tower_over_the_same_vectors() -> None:
    net = made("esmm", ("cart", "purchase"))
    wanted = [held(net, f"towers.{tower}.3.weight")[0] @ hidden(net, joined(net), f"towers.{tower}") for tower in range(3)]
    assert said(net) == pytest.approx(wanted, rel=1e-5)
