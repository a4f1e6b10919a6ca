"""What onnxruntime serves is what torch computed, and serving needs no torch."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from aisle.core.errors import BundleError, SettingsError
from aisle.ranking.ctr.export_train import exported
from aisle.ranking.ctr.loop_train import fitted
from aisle.ranking.ctr.net import KINDS, Net
from aisle.ranking.ctr.opening import opened
from aisle.testing.ctr import additive
from tests.ranking.ctr.small import small


@pytest.mark.parametrize("kind", KINDS)
def test_the_graph_says_what_torch_says(kind: str) -> None:
    some, unseen = additive(1_000), additive(300, seed=8)
    net = small(kind, epochs=2)
    net.layout.fit(some)
    whole, _ = fitted(kind, net.settings, net.layout, some)
    net.model_ = exported(whole, net.layout.shape)
    inputs = net.layout.apply(unseen)
    with torch.no_grad():
        wanted = whole(torch.from_numpy(inputs.ids), torch.from_numpy(inputs.numbers)).numpy()
    assert np.std(wanted) > 0.01
    np.testing.assert_allclose(net.raw(unseen), wanted, atol=1e-5)


def test_a_saved_net_is_served_without_torch(tmp_path: Path) -> None:
    small("dcn", epochs=1).fit(additive(500)).save(tmp_path)
    program = (
        "import sys; from pathlib import Path; from aisle.ranking.ctr.opening import opened; from aisle.ranking.ctr.examples import *\n"
        f"model = opened(Path({str(tmp_path)!r})); some = Column(np.zeros(3, np.int32), ['a'])\n"
        "model.score(Examples({'item': some, 'user': some}, {'price': np.zeros(3)}, np.zeros(3),"
        " {'item': Column(np.zeros((3, 4), np.int32), ['a'])}))\n"
        "assert 'torch' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", program], check=True)


def test_an_unknown_net_and_a_damaged_folder_are_named(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="deepfn"):
        Net("deepfn")
    with pytest.raises(BundleError, match=r"ctr\.json"):
        opened(tmp_path)
    (tmp_path / "ctr.json").write_text('{"name": "deepfn"}', encoding="utf-8")
    with pytest.raises(BundleError, match="deepfn"):
        opened(tmp_path)


def test_as_many_rounds_make_the_same_net_again() -> None:
    short = small("dcn", epochs=10)
    short.stop = lambda rounds: rounds >= 3
    short.fit(additive(1_000))
    assert short.rounds_ == 3
    whole = small("dcn", epochs=10).fit(additive(1_000))
    again = small("dcn", epochs=10)
    again.stop = lambda rounds: rounds >= short.rounds_
    some = additive(100, seed=8)
    np.testing.assert_allclose(again.fit(additive(1_000)).score(some), short.score(some), rtol=1e-6)
    assert not np.allclose(whole.score(some), short.score(some), rtol=1e-3)


def test_the_best_weights_are_kept_and_not_the_last() -> None:
    """With a rate of learning that spoils them, going on longer does not make the kept ones worse on the tail."""
    some = additive(1_500)
    loss = []
    for patience in (1, 12):
        net = small("dcn", learning_rate=0.05, epochs=3)
        net.settings = replace(net.settings, patience=patience)
        rest = some.pick(np.arange(1_350, 1_500))
        score = net.fit(some).score(rest)
        loss.append(-float((rest.label * np.log(score) + (1 - rest.label) * np.log(1 - score)).mean()))
    assert loss[1] <= loss[0] + 1e-6


def test_a_net_that_diverges_says_so() -> None:
    net = small("dcn", learning_rate=1e30, epochs=1)
    with pytest.raises(SettingsError, match="learning_rate"):
        net.fit(additive(500))
