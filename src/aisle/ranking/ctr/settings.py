"""Which neural click-through models there are, and how each is built and fitted."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True)
class Settings:
    """How a net is built and fitted. ``net``: its file and class in this folder, of which the one in `KINDS` counts; ``layers``: widths of
    the hidden layers, where it has any; ``regularization``: weight of the squared embeddings that a case touches, per case; ``decay``:
    AdamW's decoupled weight decay of dense layers; ``patience``: rounds without a gain on the tail, four in each pass over the cases;
    ``tower``: a category (the position) that only adds to the logit while fitting and is left out when serving; ``outcomes``: what may
    follow the label, each only after the one before (cart, purchase), for a kind that learns several at once, and ``weights`` of the losses
    of the label and of each of them, 1 where not said."""

    net: str = ""
    embedding_size: int = 16
    layers: tuple[int, ...] = (64, 32)
    dropout: float = 0.1
    regularization: float = 1e-5
    decay: float = 1e-4
    learning_rate: float = 2e-3
    optimizer: Literal["adamw", "sgd"] = "adamw"
    epochs: int = 10
    batch: int = 512
    patience: int = 4
    seed: int = 7
    tower: str | None = None
    outcomes: tuple[str, ...] = ()
    weights: tuple[float, ...] = ()


KINDS: Mapping[str, Settings] = {
    "lr": Settings("lr_train.Lr", optimizer="sgd", learning_rate=0.05, batch=128),
    "fm": Settings("fm_train.Fm", embedding_size=8, regularization=1e-3),
    "wide_deep": Settings("wide_deep_train.WideDeep"),
    "deepfm": Settings("deepfm_train.DeepFm", embedding_size=8, regularization=1e-3),
    "dcn": Settings("dcn_train.Dcn"),
    "din": Settings("din_train.Din"),
    "mean_pooling": Settings("din_train.MeanPooling"),
    "esmm": Settings("esmm_train.Esmm"),
}
"""Each kind's class, and its settings where nothing else is said: chosen on the development window of a simulated shop (`benchmarks.ctr`).
A new kind is one file and one line here; the benchmarks and the tests of all kinds then take it in."""
READ_HISTORY = frozenset({"din", "mean_pooling"})
"""Kinds that are made for a sequence of last items and refuse a table without one."""
BERT_CTR = "bert_ctr"
BERT = Settings(embedding_size=32, layers=(64,), dropout=0.2, regularization=0.0, decay=1e-3, learning_rate=1e-3)
"""The head over a language model's vectors (`bert`): its name, as a model and as a feature, and its settings; ``embedding_size`` is what
the vectors are narrowed to."""
