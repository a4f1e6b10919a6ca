"""bert_ctr's head, which reads a language model's vectors of history, query and title: its net, its fit and its export; training only."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from aisle.core.quiet import quiet
from aisle.ranking.ctr.base import tail
from aisle.ranking.ctr.chain_train import log_odds
from aisle.ranking.ctr.examples import Examples
from aisle.ranking.ctr.loop_train import Whole, learned, prepare
from aisle.ranking.ctr.parts_train import CtrNet, hidden
from aisle.ranking.ctr.settings import Settings
from aisle.ranking.ctr.tower_train import Tower

NOWHERE = -1e4
"""What keeps attention away from where there is no item."""
INPUTS = ("title", "query", "past", "owner", "numbers")


class Cases(NamedTuple):
    """What the head learns from: ``vectors`` ``(v, d) float32``, the first one zero for what is missing; ``ids`` ``(n, 2 + length) int64``,
    rows of them: the title's, the query's, the last items'; ``numbers`` ``(n, m) float32``."""

    vectors: NDArray[np.float32]
    ids: NDArray[np.int64]
    numbers: NDArray[np.float32]


class Head(nn.Module):  # type: ignore[misc]
    """Vectors are narrowed to a few coordinates, W_t for titles and W_q for queries. What was taken last is read twice: as the mean, and as
    Σ_j softmax_j(⟨w ⊙ t, h_j⟩ + r_j) h_j, weighed by what is asked about and by how long ago it was (target attention as in Zhou et al.,
    KDD 2018, normalised). Hidden layers with dropout over all of it, its products with the title, cosines and numbers; a line beside."""

    def __init__(self, vectors: Tensor, length: int, numbers: int, settings: Settings) -> None:
        super().__init__()
        width, size = vectors.shape[1], min(settings.embedding_size, vectors.shape[1])
        self.title, self.query = nn.Linear(width, size, bias=False), nn.Linear(width, size, bias=False)
        with torch.no_grad():
            for narrow in (self.title, self.query):
                narrow.weight.copy_(principal(vectors, size))
        self.metric, self.recent = nn.Parameter(torch.full((size,), 1 / size**0.5)), nn.Parameter(torch.zeros(length))
        self.plain = nn.Linear(4 + numbers, 1, bias=False)
        nn.init.zeros_(self.plain.weight)
        self.deep = hidden(7 * size + 4 + numbers, settings.layers, settings.dropout)
        self.out = nn.Linear(settings.layers[-1], 1, bias=False)

    def forward(self, title: Tensor, query: Tensor, past: Tensor, owner: Tensor, numbers: Tensor) -> Tensor:
        """``(n,)``: titles ``(n, d)`` for the requests ``owner`` ``(n,)`` of which ``query`` ``(r, d)`` and ``past`` ``(r, length, d)``
        tell; zero vectors are missing."""
        near = (title * query[owner]).sum(-1)
        return self.read(self.title(title), self.query(query)[owner], self.title(past)[owner], near, numbers)

    def read(self, title: Tensor, query: Tensor, past: Tensor, near: Tensor, numbers: Tensor) -> Tensor:
        """``(b,)`` of narrowed vectors; ``near`` is the cosine of title and query before that."""
        there = past.abs().sum(-1) > 0
        alike = ((title * self.metric).unsqueeze(1) * past).sum(-1)
        weight = torch.softmax(torch.where(there, alike + self.recent, NOWHERE), -1)
        attended, mean = (weight.unsqueeze(-1) * past).sum(1), past.sum(1) / there.sum(1, keepdim=True).clamp(min=1)
        nearest = torch.where(there, alike, 0.0).amax(-1)
        known = torch.stack([near, nearest, there.any(-1).float(), (query.abs().sum(-1) > 0).float()], 1)
        told = torch.cat([known, numbers], 1)
        x = torch.cat([title, query, mean, attended, title * query, title * mean, title * attended, told], 1)
        return (self.out(self.deep(x)) + self.plain(told)).squeeze(1)


class BertNet(CtrNet):
    """The head over a table of vectors that do not learn: what the loop of all nets fits."""

    def __init__(self, head: Head, vectors: Tensor) -> None:
        super().__init__()
        self.head = head
        self.register_buffer("vectors", vectors, persistent=False)

    def forward(self, ids: Tensor, numbers: Tensor) -> Tensor:
        """``(b,)``; a vector that several cases share is narrowed once."""
        used, place = torch.unique(ids, return_inverse=True)
        titles = self.head.title(self.vectors[used])
        query = self.vectors[ids[:, 1]]
        near = (self.vectors[ids[:, 0]] * query).sum(-1)
        return self.head.read(titles[place[:, 0]], self.head.query(query), titles[place[:, 2:]], near, numbers)

    def penalty(self, ids: Tensor) -> Tensor:
        """None: the table does not learn."""
        return torch.zeros(())


class Served(nn.Module):  # type: ignore[misc]
    """The head with its bias, as it is served."""

    def __init__(self, head: Head, bias: Tensor) -> None:
        super().__init__()
        self.head = head
        self.register_buffer("bias", bias)
        self.eval()

    def forward(self, title: Tensor, query: Tensor, past: Tensor, owner: Tensor, numbers: Tensor) -> Tensor:
        """``(n,)``, as `Head.forward`."""
        return self.head(title, query, past, owner, numbers) + self.bias


def train(cases: Cases, examples: Examples, settings: Settings, stop: Callable[[int], bool]) -> tuple[bytes, int]:
    """The fitted head as an ONNX graph, and the rounds made. Of ``examples``, in order of time, labels and the tower's column are read."""
    served, rounds = fitted(cases, examples, settings, stop)
    return exported(served, cases), rounds


def fitted(cases: Cases, examples: Examples, settings: Settings, stop: Callable[[int], bool] = lambda _: False) -> tuple[Served, int]:
    """The head of the best round and the rounds made."""
    prepare(len(examples), settings.seed)
    tower, place = Tower.of(settings.tower, examples)
    vectors, label = torch.from_numpy(cases.vectors), examples.label.astype(np.float32)
    net = BertNet(Head(vectors, cases.ids.shape[1] - 2, cases.numbers.shape[1], settings), vectors)
    data = torch.from_numpy(cases.ids), torch.from_numpy(cases.numbers), place, torch.from_numpy(label)
    found, rounds = learned(Whole(net, log_odds(label), tower), data, tail(examples.label), settings, stop)
    return Served(net.head, found.bias), rounds


def principal(vectors: Tensor, size: int) -> Tensor:
    """``(size, d)``: the directions in which the vectors differ most, so scaled that a narrowed vector's coordinates are near 1."""
    known = vectors[vectors.abs().sum(1) > 0]
    spread = torch.cov(known.T) if len(known) > 1 else torch.eye(vectors.shape[1])
    values, directions = torch.linalg.eigh(spread)
    return directions[:, -size:].T / values[-size:].mean().clamp(min=1e-6).sqrt()


def exported(served: Served, cases: Cases) -> bytes:
    """The graph: `INPUTS` as `Head.forward` has them to ``logit`` ``(n,) float32``, for any number of cases and requests."""
    width, length = cases.vectors.shape[1], cases.ids.shape[1] - 2
    given = (
        torch.zeros(4, width), torch.zeros(3, width), torch.zeros(3, length, width), torch.tensor([0, 1, 2, 2]),
        torch.zeros(4, cases.numbers.shape[1]),
    )  # fmt: skip
    many, asked = torch.export.Dim("cases"), torch.export.Dim("requests")
    sizes = (many, asked, asked, many, many)
    with quiet():
        program = torch.onnx.export(
            served, given, dynamo=True, external_data=False, verbose=False, input_names=list(INPUTS), output_names=["logit"],
            dynamic_shapes={name: {0: size} for name, size in zip(INPUTS, sizes, strict=True)},
        )  # fmt: skip
    return bytes(program.model_proto.SerializeToString())
