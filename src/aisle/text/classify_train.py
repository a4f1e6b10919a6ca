"""A pretrained transformer as a classifier of pairs of texts: the article's listing, on the loop of all text models; training only."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from tokenizers import Encoding
from torch import Tensor
from torch.nn import functional

from aisle.text.device_train import near, placed
from aisle.text.loop_train import History
from aisle.text.study_train import ARTICLE, ASKED, Labels, Pooling, Study, opened


@dataclass(frozen=True)
class Cases:
    """Case ``k`` is the pair ``first[k]``, ``second[k]`` (a query and a title, say) of class ``label[k]``; ``second[k]`` may be empty."""

    first: Sequence[str]
    second: Sequence[str]
    label: Labels

    def __len__(self) -> int:
        return len(self.label)


class Classifier:
    """Opens the BERT-like model in ``folder`` with a new head for ``classes``; texts are cut after ``tokens`` tokens, of both together. A
    pair's class is read off its first token, or off the mean of all, which serves a model better that learned hidden words alone."""

    def __init__(self, folder: Path, classes: int = 2, tokens: int = 128, seed: int = 7, pooling: Pooling = "first") -> None:
        self.pooling = pooling
        net, self.tokenizer = opened(folder, classes, tokens, seed)
        self.net = placed(net)

    def fit(
        self, cases: Cases, development: Cases, study: Study = ARTICLE, seen: Callable[[int, Labels], None] = lambda epoch, guessed: None
    ) -> History:
        """Learn ``cases`` by cross-entropy. After each epoch (and before the first, as 0) ``seen`` is told the guesses on
        ``development``; the weights of the epoch that guesses most of it right are kept."""
        encoded, asked = self._encoded(cases), self._encoded(development)
        counted = iter(range(study.epochs + 1))

        def judge() -> float:
            guessed = self._guess(asked)
            seen(next(counted), guessed)
            return float((guessed == development.label).mean())

        def loss(rows: Labels) -> Tensor:
            (label,) = near(self.net, torch.from_numpy(cases.label[rows]))
            return functional.cross_entropy(self._logits([encoded[row] for row in rows]), label)

        return study.learn(self.net, len(cases), loss, judge)

    def guess(self, cases: Cases) -> Labels:
        """``(n,) int64``: the likeliest class of each."""
        self.net.eval()
        with torch.no_grad():
            return self._guess(self._encoded(cases))

    def _guess(self, encoded: Sequence[Encoding]) -> Labels:
        parts = [self._logits(encoded[at : at + ASKED]).argmax(1) for at in range(0, len(encoded), ASKED)]
        return np.asarray(torch.cat(parts).cpu().numpy(), np.int64)

    def _encoded(self, cases: Cases) -> list[Encoding]:
        pairs = zip(cases.first, cases.second, strict=True)
        found: list[Encoding] = self.tokenizer.encode_batch([(one, other) if other else one for one, other in pairs])
        return found

    def _logits(self, encoded: Sequence[Encoding]) -> Tensor:
        logits: Tensor = self.net(self.net.pooled(encoded, self.pooling))
        return logits
