"""What contrastive pre-training without labels is worth: ``python -m benchmarks.contrastive``.

MiniLM goes on by each sort of pairs alone and by all: on Home Depot, which has titles and no more, and on the simulated shop, which has
descriptions and clicks too. Queries that measure teach nothing. Every encoder is measured as it is served, in int8. Finished models are
kept under ``build/results/contrastive``; an interrupted one goes on.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from time import process_time
from typing import TYPE_CHECKING

import numpy as np

from aisle.core.events import Dataset, Events
from aisle.core.threads import one_thread
from aisle.data.dataset import load_dataset
from aisle.retrieval.lexical import Lexical
from aisle.retrieval.vectors import item_texts
from aisle.settings import load
from aisle.simulate.shop import simulate
from aisle.text.alike import SORTS, Alike, Sort
from aisle.text.encoder import OnnxEncoder
from aisle.text.found import wanted_among
from aisle.text.normalise import normalise
from aisle.training.alike import alike
from aisle.training.answers import ASKED, Answers, lookalikes, pool
from aisle.training.compare_encoders import Questions, measured, questions_of
from aisle.training.pretrain import shop_texts
from benchmarks.figures import WORK, Figure, Lines, show
from benchmarks.homedepot_parts import HomeDepot
from benchmarks.measure import interval
from benchmarks.minilm import minilm_encoder, minilm_source

if TYPE_CHECKING:
    from aisle.text.pretrain_train import Told

LINES = Lines("contrastive")
PLACE = WORK / "contrastive"
STEPS = {"Home Depot": 30, "simulated": 16}
"""Steps of 64 pairs, some six seconds each on one core without units for half precision."""
WAYS: Mapping[str, Mapping[str, Sequence[Sort]]] = {
    "Home Depot": {"dropout": ("dropout",)},
    "simulated": {"all": SORTS, "described": ("described",), "clicked": ("clicked",)},
}
ITEMS, EVENTS, SEED = 2_000, 40_000, 7


def contrastive_figures() -> list[Figure]:
    """Every figure of the part."""
    one_thread()
    PLACE.mkdir(parents=True, exist_ok=True)
    figures = [LINES.machine()]
    for name, (given, questions) in {"Home Depot": homedepot(), "simulated": simulated()}.items():
        figures += _shop(name, given, questions)
    return figures


def homedepot() -> tuple[Alike, Questions]:
    """Titles and the queries that are no test queries; some test queries, and what they are asked among."""
    shop, random = HomeDepot(), np.random.default_rng(SEED)
    other, test = shop.split()
    texts = [*item_texts(shop.catalogue), *(normalise(shop.texts[query]) for query in other.tolist())]
    data = Dataset(shop.catalogue, Events.none())
    asked = np.sort(random.permutation([query for query in test.tolist() if shop.relevant(query)])[:ASKED])
    known = {query: shop.relevant(query) for query in asked.tolist()}
    query, item = np.array([(query, row) for query, rows in known.items() for row in sorted(rows)]).T
    answers = Answers(shop.texts, query, item, np.full(len(shop.texts), 4, np.int8))
    rows = pool(asked.tolist(), known, lookalikes(data, answers, Lexical().fit(data), asked), len(shop.catalogue), random)
    wanted = wanted_among(rows, [known[query] for query in asked.tolist()])
    said = f"{len(asked):,} test queries among {len(rows):,} items"
    questions = Questions([normalise(shop.texts[query]) for query in asked.tolist()], item_texts(shop.catalogue, rows), wanted, said)
    return alike(data, list(dict.fromkeys(texts))), questions


def simulated() -> tuple[Alike, Questions]:
    """A shop with titles, descriptions and clicks, in two languages; its own queries of windows 3 and 4."""
    folder = PLACE / "shop"
    if not (folder / "events.csv").is_file():
        simulate(folder, ITEMS, EVENTS, SEED, pictures=False)
    data, _ = load_dataset(folder, load(folder))
    return alike(data, shop_texts(data)), questions_of(data)


def _shop(shop: str, given: Alike, questions: Questions) -> list[Figure]:
    before = _found(minilm_encoder(threads=2), questions, f"{shop} untouched")
    figures = [LINES.held(f"{shop}, untouched: recall@10", interval(before), questions.said)]
    for way, sorts in WAYS[shop].items():
        name = f"{shop}, {way}"
        told, cpu = trained(PLACE / name, given, sorts, STEPS[shop])
        after = _found(OnnxEncoder(PLACE / name / "onnx"), questions, name)
        counted = ", ".join(f"{count:,} {sort}" for sort, count in told.pairs.items())
        note = f"{told.steps} steps of 64 pairs in {cpu:.0f} CPU s; pairs at hand: {counted}"
        figures += [
            LINES.held(f"{name}: recall@10", interval(after), note),
            LINES.held(f"{name} against untouched: recall@10", interval(after - before), "paired by query"),
            LINES.one(f"{name}: perplexity of pairs kept out", told.perplexity, f"{told.before:.3f} before"),
        ]
    return figures


def trained(place: Path, given: Alike, sorts: Sequence[Sort], steps: int) -> tuple[Told, float]:
    """Train and export, or take up what was finished; what came out, and the CPU seconds of learning."""
    import torch

    from aisle.text.alike_train import Contrasting
    from aisle.text.export_train import export
    from aisle.text.pretrain_train import Told

    spent = place / "cpu.json"
    if not spent.is_file():
        torch.set_num_threads(1)
        begun = process_time()
        told = Contrasting(given, place, minilm_source(), sorts, steps=steps).run()
        cpu = process_time() - begun
        export(place, place / "onnx", "paired")
        spent.write_text(json.dumps({"cpu": cpu, "told": vars(told)}), encoding="utf-8")
    said = json.loads(spent.read_text(encoding="utf-8"))
    return Told(**said["told"]), float(said["cpu"])


def _found(encoder: OnnxEncoder, questions: Questions, name: str) -> np.ndarray[tuple[int], np.dtype[np.float64]]:
    """Each query's share."""
    return np.array(measured(name, encoder, questions, PLACE / "measured" / name)[1])


if __name__ == "__main__":
    show(contrastive_figures())
