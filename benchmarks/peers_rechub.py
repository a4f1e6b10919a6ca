"""torch-rechub's nets on our tables of examples, so that both do the same work."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, Self

import numpy as np
import torch
from numpy.typing import NDArray

from aisle.ranking.ctr.dcn_train import CROSSES
from aisle.ranking.ctr.examples import Examples
from aisle.ranking.ctr.layout import Layout
from aisle.ranking.ctr.settings import Settings


class Rechub:
    """One of its nets, of the same widths; numbers are its dense features; it reads no history, nor do these nets of ours."""

    def __init__(self, kind: str, settings: Settings, layout: Layout, folder: str) -> None:
        self.kind, self.settings, self.layout, self.folder = kind, settings, layout, folder

    def fit(self, examples: Examples) -> Self:
        """Learn with its own trainer and loader."""
        from torch_rechub.basic.features import DenseFeature, SparseFeature
        from torch_rechub.models.ranking import DCNv2, DeepFM
        from torch_rechub.trainers import CTRTrainer
        from torch_rechub.utils.data import DataGenerator

        torch.manual_seed(self.settings.seed)
        self.layout = replace(self.layout).fit(examples)
        columns = self._columns(examples)
        ends = [*list(self.layout.offsets.values())[1:], self.layout.shape.size]
        sizes = [end - start for start, end in zip(self.layout.offsets.values(), ends, strict=True)]
        sparse = [SparseFeature(f"c{place}", size, self.settings.embedding_size) for place, size in enumerate(sizes)]
        dense = [DenseFeature(f"n{place}") for place in range(self.layout.shape.numbers)]
        mlp = {"dims": list(self.settings.layers), "dropout": self.settings.dropout}
        net = (
            DeepFM(sparse + dense, sparse, mlp)
            if self.kind == "deepfm"
            else DCNv2(sparse + dense, CROSSES, mlp, use_low_rank_mixture=False)
        )
        optimizer = {"lr": self.settings.learning_rate, "weight_decay": 1e-5}
        self.trainer = CTRTrainer(net, optimizer_params=optimizer, n_epoch=self.settings.epochs, model_path=self.folder)
        label = examples.label.astype(np.float32)
        loader, _, _ = DataGenerator(columns, label).generate_dataloader(
            x_val=columns, y_val=label, x_test=columns, y_test=label, batch_size=self.settings.batch
        )
        self.trainer.fit(loader)
        return self

    def score(self, examples: Examples) -> NDArray[np.float64]:
        """The probability of each case."""
        columns = {name: torch.from_numpy(values) for name, values in self._columns(examples).items()}
        self.trainer.model.eval()
        with torch.no_grad():
            return np.asarray(self.trainer.model(columns).numpy(), np.float64).ravel()

    def _columns(self, examples: Examples) -> dict[str, NDArray[Any]]:
        inputs = self.layout.apply(examples)
        ids = {f"c{place}": inputs.ids[:, place] - start for place, start in enumerate(self.layout.offsets.values())}
        return ids | {f"n{place}": inputs.numbers[:, place] for place in range(self.layout.shape.numbers)}
