"""Exports a fitted net from torch to one ONNX graph that onnxruntime serves; training only."""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor, nn

from aisle.core.quiet import quiet
from aisle.ranking.ctr.layout import Shape
from aisle.ranking.ctr.parts_train import CtrNet


class Served(nn.Module):  # type: ignore[misc]
    """A net and its bias, as they are served; ``tower`` is what the place added while fitting and does no more."""

    def __init__(self, net: CtrNet, bias: Tensor, tower: Mapping[str, float]) -> None:
        super().__init__()
        self.net, self.tower = net, dict(tower)
        self.register_buffer("bias", bias)
        self.eval()

    def forward(self, ids: Tensor, numbers: Tensor) -> Tensor | tuple[Tensor, Tensor]:
        """``(b,)``: the logit; of a net with further outcomes also ``(b, 1 + outcomes)``: the logits of each given the one before."""
        z = self.net(ids, numbers) + self.bias
        return z if z.dim() == 1 else (z[:, 0], z)


def exported(net: Served, shape: Shape) -> bytes:
    """The graph: ``ids`` ``(n, k) int64`` and ``numbers`` ``(n, m) float32`` to ``logit`` ``(n,) float32`` for any n, and where there
    are further outcomes ``logits`` ``(n, 1 + outcomes) float32``."""
    ids = torch.zeros(2, shape.columns + shape.length * len(shape.sequenced), dtype=torch.int64)
    batch = torch.export.Dim("batch")
    with quiet():
        program = torch.onnx.export(
            net, (ids, torch.zeros(2, shape.numbers)), dynamo=True, external_data=False, verbose=False,
            dynamic_shapes={"ids": {0: batch}, "numbers": {0: batch}},
            input_names=["ids", "numbers"], output_names=["logit"] if net.bias.dim() == 0 else ["logit", "logits"],
        )  # fmt: skip
    return bytes(program.model_proto.SerializeToString())
