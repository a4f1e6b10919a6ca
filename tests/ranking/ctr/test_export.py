"""What onnxruntime serves is what torch computed, and serving needs no torch."""

from __future__ import annotations

import subprocess
import sys
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
    whole = fitted(kind, net.settings, net.layout, some)
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
