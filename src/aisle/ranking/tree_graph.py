"""Boosted trees as an ONNX graph: scored in half of LightGBM's own time, and LightGBM need not be loaded for it."""

from __future__ import annotations

import math
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

import numpy as np
from numpy.typing import NDArray

from aisle.core.onnx import session

if TYPE_CHECKING:
    import lightgbm

BEYOND = float(np.finfo(np.float32).max)
Node = Mapping[str, Any]


class TreeGraph:
    """The sum of the trees that `write` wrote."""

    def __init__(self, graph: bytes) -> None:
        self._session = session(graph)

    @classmethod
    def beside(cls, folder: Path, name: str) -> Self | None:
        """The graph that lies in ``folder``; None where a bundle was made without one."""
        path = folder / f"{name}.onnx"
        return cls(path.read_bytes()) if path.is_file() else None

    def raw(self, x: NDArray[np.float32]) -> NDArray[np.float32]:
        """``(n,) float32`` from features ``(n, f)``: LightGBM's raw score, but summed in float32."""
        return np.asarray(self._session.run(None, {"x": np.ascontiguousarray(x)})[0])[:, 0]


def write(booster: lightgbm.Booster, path: Path) -> None:
    """The trees of ``booster`` over numbers, without categories, as ``TreeEnsembleRegressor`` of ONNX' operators for models of tables."""
    from onnx import TensorProto, helper, save

    columns = _columns(booster.dump_model())
    node = helper.make_node("TreeEnsembleRegressor", ["x"], ["y"], domain="ai.onnx.ml", n_targets=1, **columns)
    given = helper.make_tensor_value_info("x", TensorProto.FLOAT, [None, booster.num_feature()])
    found = helper.make_tensor_value_info("y", TensorProto.FLOAT, [None, 1])
    sets = [helper.make_opsetid("ai.onnx.ml", 3), helper.make_opsetid("", 17)]
    save(helper.make_model(helper.make_graph([node], "trees", [given], [found]), opset_imports=sets, ir_version=8), path)


def _columns(model: Node) -> dict[str, list[Any]]:
    """The operator's attributes: one entry a node in ``nodes_*``, one a leaf in ``target_*``."""
    nodes: dict[str, list[Any]] = {
        f"nodes_{name}": []
        for name in ("treeids", "nodeids", "featureids", "values", "modes", "truenodeids", "falsenodeids", "missing_value_tracks_true")
    }
    leaves: dict[str, list[Any]] = {f"target_{name}": [] for name in ("treeids", "nodeids", "ids", "weights")}
    for number, tree in enumerate(model["tree_info"]):
        _walk(tree["tree_structure"], number, len(nodes["nodes_treeids"]), nodes, leaves)
    return nodes | leaves


def _walk(node: Node, tree: int, first: int, nodes: dict[str, list[Any]], leaves: dict[str, list[Any]]) -> int:
    """Append ``node`` and all below it, and return its number in its ``tree``, whose first entry is ``first``."""
    place = len(nodes["nodes_treeids"])
    number, split = place - first, "split_feature" in node
    entry = {
        "treeids": tree, "nodeids": number, "featureids": node["split_feature"] if split else 0,
        "values": below(node["threshold"]) if split else 0.0, "modes": "BRANCH_LEQ" if split else "LEAF", "truenodeids": 0,
        "falsenodeids": 0, "missing_value_tracks_true": int(split and _missing_goes_left(node)),
    }  # fmt: skip
    for name, value in entry.items():
        nodes[f"nodes_{name}"].append(value)
    if split:
        nodes["nodes_truenodeids"][place] = _walk(node["left_child"], tree, first, nodes, leaves)
        nodes["nodes_falsenodeids"][place] = _walk(node["right_child"], tree, first, nodes, leaves)
    else:
        for name, value in {"treeids": tree, "nodeids": number, "ids": 0, "weights": node["leaf_value"]}.items():
            leaves[f"target_{name}"].append(value)
    return number


def _missing_goes_left(node: Node) -> bool:
    """Where nothing was missing in what taught, LightGBM reads a missing number as 0."""
    return bool(node["default_left"]) if node["missing_type"] == "NaN" else float(node["threshold"]) >= 0


def below(threshold: float) -> float:
    """The largest float32 that is not above ``threshold``, so that every float32 falls to the same side.

    >>> below(0.1) < 0.1 < float(np.nextafter(np.float32(below(0.1)), np.float32(1)))
    True
    """
    if abs(threshold) > BEYOND:  # LightGBM writes what is infinite as 1e300
        return math.copysign(math.inf, threshold)
    near = np.float32(threshold)
    return float(near if float(near) <= threshold else np.nextafter(near, np.float32(-np.inf)))
