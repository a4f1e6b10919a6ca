"""Exports a fitted net from torch to one ONNX graph that onnxruntime serves; training only."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from aisle.core.quiet import quiet
from aisle.ranking.ctr.layout import Shape
from aisle.ranking.ctr.parts_train import CtrNet


class Served(nn.Module):  # type: ignore[misc]
    """A net and its bias, as they are served."""

    def __init__(self, net: CtrNet, bias: float) -> None:
        super().__init__()
        self.net = net
        self.register_buffer("bias", torch.tensor(bias))
        self.eval()

    def forward(self, ids: Tensor, numbers: Tensor) -> Tensor:
        """``(b,)``: the logit."""
        return self.net(ids, numbers) + self.bias


def exported(net: Served, shape: Shape) -> bytes:
    """The graph: ``ids`` ``(n, k) int64`` and ``numbers`` ``(n, m) float32`` to ``logit`` ``(n,) float32`` for any n."""
    ids = torch.zeros(2, shape.columns + shape.length * len(shape.sequenced), dtype=torch.int64)
    batch = torch.export.Dim("batch")
    with quiet():
        program = torch.onnx.export(
            net, (ids, torch.zeros(2, shape.numbers)), dynamo=True, external_data=False, verbose=False,
            dynamic_shapes={"ids": {0: batch}, "numbers": {0: batch}},
            input_names=["ids", "numbers"], output_names=["logit"],
        )  # fmt: skip
    return bytes(program.model_proto.SerializeToString())
