"""`aisle pretrain`: a language model from a shop's own text, and whether it finds more than the shop's n-grams do."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import numpy as np

from aisle.core.errors import InputError
from aisle.core.events import Dataset
from aisle.data.dataset import load_dataset
from aisle.data.windows import cut
from aisle.evaluation.results import Json
from aisle.retrieval.vectors import item_texts
from aisle.settings import load
from aisle.text.normalise import normalise
from aisle.tracking import Tracker
from aisle.training.advice import Comparison
from aisle.training.compare_encoders import compare

if TYPE_CHECKING:
    from aisle.text.pretrain_train import Told

TEACHING = (1, 2)
"""Windows whose queries are learned from: those of the others measure."""


@dataclass(frozen=True)
class Gained:
    """``told`` by the training, and the new model ``compared`` with n-grams and with what it began as."""

    told: Told
    compared: Comparison
    out: Path

    def to_json(self) -> dict[str, Json]:
        """``pretrain --json``."""
        told: dict[str, Json] = {**vars(self.told)}
        return {"pretraining": told, **self.compared.to_json()}

    def lines(self) -> list[str]:
        """What happened and what it is worth, none included."""
        told, rows = self.told, {row.name: row.recall for row in self.compared.rows}
        own, best = rows[self.out.name], max(rows, key=lambda name: rows[name].value)
        held = ", ".join(f"{name} {recall.value:.3f} ({recall.low:.3f} to {recall.high:.3f})" for name, recall in rows.items())
        verdict = "It finds most." if best == self.out.name else f"It gains nothing over {best}: {rows[best].value - own.value:.3f} less."
        grown = f", {told.words:,} words added" if told.words else ""
        return [
            f"{told.kind}, {told.layers} layers of {told.width}, {told.vocabulary:,} tokens{grown}: {told.steps:,} steps in "
            f"{told.seconds / 60:.1f} min over {told.texts:,} texts; "
            f"perplexity of texts kept out {told.perplexity:,.1f}, {told.before:,.1f} before.",
            f"recall@10 of {self.compared.asked}: {held}. {verdict}",
            f'Fine-tuned it may find more: encoder = "{self.out}" in aisle.toml, then aisle train.',
        ]


def pretrain(
    folder: Path, out: Path, kind: Literal["bert", "gpt"] = "bert", minutes: float = 30.0, start: Path | None = None, quiet: bool = False
) -> Gained:
    """Pre-train on the texts of the shop in ``folder`` and write the model to ``out``; ``start`` is a model to go on from. Killed, the same
    command goes on. Raises `AisleError` for what the user can mend."""
    from aisle.text.pretrain_train import Pretraining

    if (out / "config.json").is_file():
        raise InputError(f"{out} holds a model already.", "Name another folder, or remove it.")
    with Tracker(quiet=quiet) as tracker:
        with tracker.part("read and clean"):
            data, _ = load_dataset(folder, load(folder))
            texts = shop_texts(data)
        done = 0
        with tracker.part("learn the shop's language") as advance:

            def watch(step: int, of: int, loss: float) -> None:
                nonlocal done
                advance(step - done)
                done = step
                if step % 10 == 0:
                    tracker.note(part="learn the shop's language", step=step, of=of, loss=round(loss, 4))

            told = Pretraining(texts, out, kind, minutes * 60, start, watch=watch).run()
    return Gained(told, compare(folder, [out, *([start] if start else [])], quiet, only=("ngram",)), out.resolve())


def shop_texts(data: Dataset) -> list[str]:
    """What the shop says, each text once, in matching form: titles with brand and category, whole descriptions, queries of windows 1 and
    2. Later queries measure encoders, so none learns from them."""
    windows = cut(data.events, data.judgements)
    asked = data.events.query[windows.of(*TEACHING) & (data.events.query >= 0)]
    queries = [data.events.queries[row] for row in np.unique(asked).tolist()]
    if data.judgements is not None:
        queries += [data.judgements.queries[row] for row in np.flatnonzero(np.isin(windows.query, TEACHING)).tolist()]
    described = list(data.catalogue.texts["description"]) if "description" in data.catalogue.texts else []
    return [text for text in dict.fromkeys([*item_texts(data.catalogue), *map(normalise, [*described, *queries])]) if text]
