"""Which evidence answers a question on a product: `python -m benchmarks.product_qa`. An interrupted run is taken up.

The data has no training questions for the ranking of evidence: four fifths of the development questions teach, a fifth chooses, official
tests measure. The set of texts from six sources teaches nothing at all, so that it shows what is carried over to another kind of evidence.
"""

from __future__ import annotations

import shutil
import sys
from pathlib import Path
from time import process_time
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from aisle.core.catalogue import Catalogue
from aisle.core.events import Dataset, Events
from aisle.core.profiles import Profiles, Slices
from aisle.core.request import Request
from aisle.core.stage import Block
from aisle.core.strings import Strings
from aisle.core.threads import one_thread
from aisle.query.understand import understand
from aisle.retrieval.lexical import Lexical
from aisle.text.encoder import OnnxEncoder
from benchmarks.figures import WORK, Figure, Lines, show
from benchmarks.measure import interval
from benchmarks.minilm import minilm_encoder, minilm_source
from benchmarks.qa_data import FILES, METRICS, Asked, Column, best_weight, by_chance, quality, read_set, taught, within

if TYPE_CHECKING:
    from aisle.text.cross_learn_train import Lists

LINES = Lines("product_qa")
PLACE = WORK / "product_qa"
LONGEST, EPOCHS, CHECKED = 64, 3, 40
Qualities = dict[str, dict[str, NDArray[np.float64]]]
PAIRS = (("mixed", "lexical"), ("mixed", "MiniLM"), ("cross-encoder, int8", "MiniLM"), ("cross-encoder, int8", "mixed"))
"""What is compared question by question."""


def product_qa_figures() -> list[Figure]:
    """Every figure of the part."""
    one_thread()
    machine = LINES.machine()
    sets = {name: read_set(name) for name in FILES}
    tests = {name: asked for name, asked in sets.items() if name != "dev"}
    teaching, choosing = taught(sets["dev"], list(tests.values()))
    encoder = minilm_encoder()
    words, meaning = lexical(choosing), cosine(encoder, choosing)
    share = best_weight(words, meaning, choosing)
    cross, note, seconds = learned(teaching, choosing, PLACE)
    figures = [machine, LINES.one("mixed: share of the lexical score", share, f"best MRR on {len(choosing.questions)} questions")]
    figures.append(LINES.one("cross-encoder: CPU seconds", seconds, note))
    for name, asked in tests.items():
        figures += set_figures(name, asked, measured(asked, encoder, share, cross))
    shutil.rmtree(PLACE, ignore_errors=True)
    return figures


def measured(asked: Asked, encoder: OnnxEncoder, share: float, cross: Path) -> Qualities:
    """The dumbest first."""
    length = np.array([len(text) for text in asked.evidence], float)[asked.held.item]
    words, meaning = lexical(asked), cosine(encoder, asked)
    scores = {
        "longest evidence": length,
        "lexical": words,
        "MiniLM": meaning,
        "mixed": share * words + (1 - share) * meaning,
        "cross-encoder, int8": crossed(cross, asked),
    }
    return {"random order": by_chance(asked)} | {name: quality(score, asked) for name, score in scores.items()}


def set_figures(name: str, asked: Asked, found: Qualities) -> list[Figure]:
    """Each order's metrics, and the differences of MRR question by question."""
    answered = int(np.isfinite(found["random order"]["MRR"]).sum())
    note = (
        f"{len(asked.held) / len(asked.questions):.1f} candidates a question; {len(asked.questions) - answered} without an answer left out"
    )
    notes = {"random order": f"expected; {note}"}
    figures = [
        LINES.held(f"{name}: {order}: {metric}", interval(values[metric]), notes.get(order, ""))
        for order, values in found.items()
        for metric in METRICS
    ]
    for one, other in PAIRS:
        gain = interval(found[one]["MRR"] - found[other]["MRR"])
        figures.append(LINES.held(f"{name}: {one} less {other}: MRR", gain, "question by question"))
    return figures


def lexical(asked: Asked) -> Column:
    """``(n,)``: the lexical source over all evidence of the set, as shares of the question's best candidate."""
    texts = Strings.of(asked.evidence)
    catalogue = Catalogue(Strings.of(str(row) for row in range(len(texts))), {"title": texts}, {})
    source = Lexical().fit(Dataset(catalogue, Events.none()))
    n = len(asked.questions)
    requests = [Request(f"q{number}", "search", query=text) for number, text in enumerate(asked.questions)]
    understood = [understand(text, source.speller_) for text in asked.questions]
    block = Block(requests, np.full(n, np.nan), understood, Profiles.strangers(n), Slices.none(n), Slices.none(n))
    return within(source.score(block, asked.held), asked)


def cosine(encoder: OnnxEncoder, asked: Asked) -> Column:
    """``(n,)``: likeness of question and evidence by the encoder as it comes."""
    rows, place = np.unique(asked.held.item, return_inverse=True)
    items = encoder.encode([asked.evidence[row] for row in rows.tolist()], "item")
    questions = encoder.encode(asked.questions, "query")
    return np.asarray((questions[asked.held.request] * items[place]).sum(axis=1))


def crossed(folder: Path, asked: Asked) -> Column:
    """``(n,)``: scores of the served cross-encoder."""
    from aisle.text.cross import Cross

    served, parts = Cross(folder), []
    for number, question in enumerate(asked.questions):
        rows = asked.held.item[asked.held.of_request(number)]
        parts.append(served.score(question, [asked.evidence[row] for row in rows.tolist()]))
    return np.concatenate(parts)


def learned(teaching: Asked, choosing: Asked, work: Path) -> tuple[Path, str, float]:
    """Folder of the served copy, what taught it, CPU seconds; the weights are those with the best MRR on ``choosing``."""
    import torch

    from aisle.text.cross_export_train import export_cross
    from aisle.text.cross_learn_train import Course, Listed, teach
    from aisle.text.cross_model_train import open_cross

    torch.set_num_threads(1)
    begun, done, spent = process_time(), work / "cross", work / "seconds"
    model = open_cross(minilm_source(), longest=LONGEST)
    source = Listed(model, lists(teaching), size=8)
    note = f"{len(source.rows)} lists of {len(teaching.questions)} questions teach, {len(choosing.questions)} choose; learning and export"
    if not spent.is_file():
        asked, told = paired(choosing)
        looked = model.tokens(asked, told)

        def judge() -> float:
            return float(np.nanmean(quality(model.scores(looked).cpu().numpy(), choosing)["MRR"]))

        teach(model, source, judge, Course(EPOCHS, watch=_said, checkpoint=work / "checkpoint"))
        model.save(work / "model")
        export_cross(work / "model", done, asked[:CHECKED], told[:CHECKED], LONGEST)
        spent.write_text(f"{process_time() - begun:.1f}", encoding="utf-8")
    return done, note, float(spent.read_text(encoding="utf-8"))


def lists(asked: Asked) -> Lists:
    """What `aisle.text.cross_learn_train.Listed` learns from: each right evidence among the wrong ones of its own question."""
    from aisle.text.cross_learn_train import Lists

    held, right = asked.held, asked.right
    parts = [held.of_request(number) for number in range(len(asked.questions))]
    hard = [held.item[part][~right[part]].astype(np.int64) for part in parts]
    gain = np.ones(int(right.sum()), np.float32)
    return Lists(asked.questions, asked.evidence, held.request[right], held.item[right].astype(np.int64), gain, hard)


def paired(asked: Asked) -> tuple[list[str], list[str]]:
    """Question and evidence of every candidate."""
    owners, rows = asked.held.request.tolist(), asked.held.item.tolist()
    return [asked.questions[number] for number in owners], [asked.evidence[row] for row in rows]


def _said(step: int, of: int, loss: float) -> None:
    if step % 10 == 0:
        sys.stderr.write(f"step {step} of {of}, loss {loss:.3f}, {process_time():.0f} CPU s\n")


if __name__ == "__main__":
    show(product_qa_figures())
