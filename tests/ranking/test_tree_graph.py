"""Trees as a graph: each row falls into the leaf that LightGBM finds, at thresholds, beyond them and where a number is missing."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import lightgbm
import numpy as np
import pytest

from aisle.ranking.tree_graph import TreeGraph, below, write


def trained(missing: float, seed: int = 0) -> tuple[lightgbm.Booster, np.ndarray]:
    """Trees over three columns, one of whole numbers, of which a share is missing; and the rows that taught."""
    random = np.random.default_rng(seed)
    x = np.column_stack([random.normal(size=2_000), random.integers(-3, 4, 2_000), random.exponential(size=2_000)]).astype(np.float32)
    x[random.random(x.shape) < missing] = np.nan
    y = np.nan_to_num(x[:, 0]) * np.nan_to_num(x[:, 1]) + np.isnan(x[:, 2]) > 0.2
    parameters = {"objective": "binary", "num_leaves": 15, "min_data_in_leaf": 20, "verbosity": -1, "num_threads": 1}
    return lightgbm.train(parameters, lightgbm.Dataset(x, y), 30), x


def thresholds(model: Mapping[str, Any]) -> dict[int, set[float]]:
    """Of each column those at which some tree parts."""
    found: dict[int, set[float]] = {}
    left = [tree["tree_structure"] for tree in model["tree_info"]]
    while left:
        node = left.pop()
        if "split_feature" in node:
            found.setdefault(node["split_feature"], set()).add(node["threshold"])
            left += [node["left_child"], node["right_child"]]
    return found


@pytest.mark.parametrize("missing", [0.0, 0.3])
def test_every_row_scores_as_lightgbm_scores_it(missing: float, tmp_path: Path) -> None:
    booster, x = trained(missing)
    write(booster, tmp_path / "trees.onnx")
    graph = TreeGraph.beside(tmp_path, "trees")
    assert graph is not None
    hard = [np.full(3, np.nan), np.full(3, np.inf), np.full(3, -np.inf), np.full(3, 1e30), np.zeros(3)]
    for column, values in thresholds(booster.dump_model()).items():
        for value in (value for value in values if 1e-30 < abs(value) < 1e30):
            near = np.float32(value)
            for beside in (near, np.nextafter(near, np.float32(np.inf)), np.nextafter(near, np.float32(-np.inf)), np.float32(np.nan)):
                row = x[len(hard)].copy()
                row[column] = beside
                hard.append(row)
    rows = np.vstack([x, np.array(hard, np.float32)])
    assert graph.raw(rows) == pytest.approx(booster.predict(rows, raw_score=True), abs=1e-5)
    alone = np.concatenate([graph.raw(row[None]) for row in rows[:300]])
    assert np.array_equal(alone, graph.raw(rows)[:300]), "no row's score hangs on the others"


def test_no_float_lies_between_a_threshold_and_what_stands_for_it() -> None:
    assert (below(1e300), below(-1e300)) == (np.inf, -np.inf)
    for threshold in (0.1, -0.1, 1e-45, -1e-46, 3.0, -3.4e38, 1.0000000180025095e-35):
        found = below(threshold)
        assert found <= threshold
        assert float(np.nextafter(np.float32(found), np.float32(np.inf))) > threshold


def test_no_graph_no_score(tmp_path: Path) -> None:
    assert TreeGraph.beside(tmp_path, "trees") is None


def test_a_score_needs_no_lightgbm(tmp_path: Path) -> None:
    said = (
        "import sys, numpy as np; from pathlib import Path; from aisle.ranking.boosted import Boosted; "
        f"model = Boosted.load(Path({str(tmp_path)!r})); model.score(np.zeros((2, 3), np.float32)); print('lightgbm' in sys.modules); "
        "model.contributions(np.zeros((2, 3), np.float32)); print('lightgbm' in sys.modules)"
    )
    booster, _ = trained(0.1)
    booster.save_model(str(tmp_path / "lambdamart.txt"))
    write(booster, tmp_path / "lambdamart.onnx")
    found = subprocess.run([sys.executable, "-c", said], capture_output=True, text=True, check=True)
    assert found.stdout.split() == ["False", "True"]
