"""`aisle pretrain`: a language model or a sentence encoder from a shop's own text and clicks, and whether it finds more than n-grams do."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
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
from aisle.text.alike import SORTS, Sort
from aisle.text.normalise import normalise
from aisle.tracking import Tracker
from aisle.tracking.boards import opened
from aisle.tracking.run import Run, part, tracked
from aisle.training.advice import Comparison
from aisle.training.alike import alike
from aisle.training.compare_encoders import compare
from aisle.training.encoders import model_folder

if TYPE_CHECKING:
    from aisle.text.pretrain_train import Told

Kind = Literal["bert", "gpt", "contrastive"]
NOTHING = Path("nothing")
"""Said instead of a folder to start from: a small model of the shop's own, which knows its words and no more."""
LEARNING = "learn the shop's language"
SAID = {
    "dropout": ("{:,} of a text twice through dropout", "none of a text twice, for the model drops nothing out"),
    "halved": ("{:,} of the halves of a text", "none of halves, for no text is long enough"),
    "described": ("{:,} of a title and its description", "none of title and description, for no item has one of its own"),
    "clicked": ("{:,} of titles clicked in one session of window 1", "none of titles clicked together, for window 1 has no such click"),
}
"""How the pairs of a sort are counted, and why there are none."""
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
        kept, places = ("pairs", 3) if told.pairs else ("texts", 1)
        counted = "; ".join(SAID[sort][0 if count else 1].format(count) for sort, count in told.pairs.items())
        return [
            f"{told.kind}, {told.layers} layers of {told.width}, {told.vocabulary:,} tokens{grown}: {told.steps:,} steps in "
            f"{told.seconds / 60:.1f} min over {told.texts:,} texts; "
            f"perplexity of {kept} kept out {told.perplexity:,.{places}f}, {told.before:,.{places}f} before.",
            *([f"Pairs that taught: {counted}."] if counted else []),
            f"recall@10 of {self.compared.asked}: {held}. {verdict}",
            f'Fine-tuned it may find more: encoder = "{self.out}" in aisle.toml, then aisle train.',
        ]


def pretrain(
    folder: Path,
    out: Path,
    kind: Kind = "bert",
    minutes: float = 30.0,
    start: Path | None = None,
    quiet: bool = False,
    pairs: Collection[str] = (),
) -> Gained:
    """Pre-train on the texts of the shop in ``folder`` and write the model to ``out``; ``start`` is a model to go on from, `NOTHING` for
    none; in its absence it is none, or the installed one for ``contrastive``, which learns from these sorts of ``pairs``, empty: all.
    Killed, the same command goes on; its curves are in ``out/tracking.jsonl``. Of several processes, which accelerate launched, all but
    the main one end in here. Raises `AisleError` for what the user can mend."""
    if (out / "config.json").is_file():
        raise InputError(f"{out} holds a model already.", "Name another folder, or remove it.")
    sorts = _sorts(kind, pairs)
    given, installed = None if start == NOTHING else start, start is None and kind == "contrastive"
    from aisle.text.device_train import main

    settings = load(folder)
    with Tracker(quiet=quiet or not main()) as tracker, tracked(opened(settings.tracking, out, "tracking") if main() else Run()):
        with tracker.part("read and clean"):
            data, _ = load_dataset(folder, settings)
        with tracker.part(LEARNING) as advance, part(kind):
            begin = model_folder("minilm") if installed else given
            told = _trained(data, out, (kind, sorts), minutes * 60, begin, _watch(tracker, advance))
    if not main():
        raise SystemExit
    beside = ("ngram", "minilm") if installed else ("ngram",)
    return Gained(told, compare(folder, [out, *([given] if given else [])], quiet, beside), out.resolve())


def _trained(
    data: Dataset,
    out: Path,
    what: tuple[Kind, Sequence[Sort]],
    seconds: float,
    start: Path | None,
    watch: Callable[[int, int, float], None],
) -> Told:
    """What came of learning by ``what`` is asked for."""
    from aisle.text.alike_train import Contrasting
    from aisle.text.pretrain_train import Pretraining

    (kind, sorts), texts = what, shop_texts(data)
    if kind == "contrastive":
        return Contrasting(alike(data, texts), out, start, sorts, seconds, watch=watch).run()
    return Pretraining(texts, out, kind, seconds, start, watch=watch).run()


def _sorts(kind: Kind, pairs: Collection[str]) -> list[Sort]:
    """The sorts of pairs that are asked for, all where none is named."""
    if pairs and kind != "contrastive":
        raise InputError(f"A model of kind {kind} learns from texts, not from pairs.", "Leave --pairs out, or give --kind contrastive.")
    if unknown := sorted(set(pairs) - set(SORTS)):
        raise InputError(f"There are no pairs of the sort {', '.join(unknown)}.", f"--pairs takes {', '.join(SORTS)}.")
    return [sort for sort in SORTS if not pairs or sort in pairs]


def _watch(tracker: Tracker, advance: Callable[[int], None]) -> Callable[[int, int, float], None]:
    """Tells each step on the screen."""
    done = 0

    def watch(step: int, of: int, loss: float) -> None:
        nonlocal done
        advance(step - done)
        done = step
        tracker.beside(LEARNING, f"step {step:,} of {of:,}, loss {loss:.3f}")

    return watch


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
