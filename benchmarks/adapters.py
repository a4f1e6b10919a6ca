"""Fine-tuning by its size on Home Depot: a linear map, one of low rank, LoRA on the top layers, those layers in full; and adapters in turn.

``python -m benchmarks.adapters``. Small: every row learns the same pairs, those with layers in the same few batches, and no test query
teaches. The second adapter learns banking77's intents on the same base; its official test texts judge.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from time import perf_counter, process_time
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from aisle.core.threads import one_thread
from aisle.settings import Finetuning
from aisle.text.adapt import Adapter
from aisle.text.adapt import Pairs as Judged
from aisle.text.adapted import AdaptedEncoder
from aisle.text.encoder import Encoder, OnnxEncoder
from aisle.text.found import shares
from aisle.text.normalise import normalise
from benchmarks.figures import WORK, Figure, Lines, show
from benchmarks.folders import raw_data, read
from benchmarks.homedepot_parts import HomeDepot
from benchmarks.measure import interval
from benchmarks.minilm import minilm_source

if TYPE_CHECKING:
    from aisle.text.contrast_train import Pairs

LINES = Lines("adapters")
PLACE = WORK / "adapters"
TAUGHT, ASKED, STEPS, BATCH = 1_000, 300, 24, 32
"""Queries that teach and that judge, steps, pairs a step."""
TEXTS, BANKING = 1_500, 400
"""Banking texts that teach and that judge."""
RANK, TIMED = 16, 200
HOW = {"LoRA, upper half": Finetuning(method="lora"), "upper half in full": Finetuning(layers=3)}
Floats = NDArray[np.float32]


@dataclass(frozen=True)
class Work:
    """``pairs`` teach, over ``texts``; ``asked`` queries judge, each wanting rows of ``shown``."""

    texts: Sequence[str]
    pairs: Pairs
    asked: Sequence[str]
    shown: Sequence[str]
    wanted: Sequence[set[int]]

    def measure(self, encoder: Encoder, turn: Floats | None = None) -> list[float]:
        """recall@10 of each asked query among what is shown."""
        asked = encoder.encode(self.asked, "query")
        return shares(asked if turn is None else asked @ turn.T, encoder.encode(self.shown, "item"), self.wanted)

    def first(self, encoder: Encoder) -> list[float]:
        """Whether the nearest is wanted."""
        near = (encoder.encode(self.asked, "query") @ encoder.encode(self.shown, "item").T).argmax(axis=1)
        return [float(row in rows) for row, rows in zip(near.tolist(), self.wanted, strict=True)]


def adapter_figures() -> list[Figure]:
    """Every figure of the part."""
    import torch

    one_thread()
    torch.set_num_threads(1)
    source = minilm_source()
    shop, bank = search(), intents()
    figures = [LINES.machine()]
    seconds = {name: learned(source, shop.pairs, shop.texts, how, PLACE / name) for name, how in HOW.items()}
    seconds["intents"] = learned(source, bank.pairs, bank.texts, HOW["LoRA, upper half"], PLACE / "intents")
    encoder = together(source, {"search": PLACE / "LoRA, upper half" / "adapter", "intents": PLACE / "intents" / "adapter"})
    full = exported(PLACE / "upper half in full" / "model", "upper half in full")
    said = f"{ASKED} test queries among {len(shop.shown):,} judged titles; {len(shop.pairs.query):,} pairs teach"
    steps = f"{said}; {STEPS} steps of {BATCH}"
    figures.append(recall("untouched", shop.measure(encoder), said))
    figures += mapped(encoder, shop, said)
    figures.append(recall("LoRA, upper half", shop.measure(encoder.using("search")), f"{steps}, rank 8, int8 base"))
    figures += cost("LoRA, upper half", seconds["LoRA, upper half"], encoder.size("search"))
    figures.append(recall("upper half in full", shop.measure(full), f"{steps}, int8"))
    size = (PLACE / "served" / "upper half in full" / "model.onnx").stat().st_size
    figures += cost("upper half in full", seconds["upper half in full"], size)
    figures += crossed(encoder, shop, bank, seconds["intents"])
    return [*figures, *speed(encoder, shop.asked)]


def search() -> Work:
    """Home Depot by its split: what was judged and is not relevant looks like an answer and is none."""
    from aisle.text.contrast_train import Pairs

    shop = HomeDepot()
    dice = np.random.default_rng(7)
    taught, asked = (
        dice.permutation([q for q in side.tolist() if shop.relevant(q)])[:n] for side, n in zip(shop.split(), (TAUGHT, ASKED), strict=True)
    )
    rows = np.unique(np.concatenate([shop.rows[query] for query in (*taught, *asked)]))
    place = {row: number for number, row in enumerate(rows.tolist())}
    texts = [shop.catalogue.texts["title"][row] for row in rows.tolist()]
    answers = [frozenset(place[row] for row in shop.relevant(query)) for query in taught.tolist()]
    hard = [
        np.array([place[row] for row in shop.rows[query].tolist() if place[row] not in known], np.int64)
        for query, known in zip(taught.tolist(), answers, strict=True)
    ]
    query, item = (
        np.array(column, np.int64) for column in zip(*((q, row) for q, known in enumerate(answers) for row in sorted(known)), strict=True)
    )
    shown = np.unique(np.concatenate([shop.rows[query] for query in asked]))
    seen = {row: number for number, row in enumerate(shown.tolist())}
    said = [[normalise(shop.texts[number]) for number in side.tolist()] for side in (taught, asked)]
    titles = [shop.catalogue.texts["title"][row] for row in shown.tolist()]
    return Work(
        texts,
        Pairs(said[0], query, item, answers, hard),
        said[1],
        titles,
        [{seen[row] for row in shop.relevant(query)} for query in asked.tolist()],
    )


def intents() -> Work:
    """banking77: a text shall find its intent's name."""
    from aisle.text.contrast_train import Pairs

    dice = np.random.default_rng(7)
    sides = {}
    for split, most in (("train", TEXTS), ("test", BANKING)):
        rows = list(read(raw_data() / "banking77" / f"{split}.csv.gz"))
        sides[split] = [rows[number] for number in dice.permutation(len(rows))[:most].tolist()]
    names = sorted({row["category"] for side in sides.values() for row in side})
    label = {split: [names.index(row["category"]) for row in side] for split, side in sides.items()}
    said = {split: [normalise(row["text"]) for row in side] for split, side in sides.items()}
    count, none = len(said["train"]), np.zeros(0, np.int64)
    answers = [frozenset({number}) for number in label["train"]]
    pairs = Pairs(said["train"], np.arange(count), np.array(label["train"], np.int64), answers, [none] * count)
    plain = [name.replace("_", " ") for name in names]
    return Work(plain, pairs, said["test"], plain, [{number} for number in label["test"]])


def learned(source: Path, pairs: Pairs, texts: Sequence[str], how: Finetuning, folder: Path) -> float:
    """CPU seconds of the steps; the model goes to ``folder/model``, its updates, where it has any, to ``folder/adapter``. What an earlier
    run of the same sizes learned is taken up."""
    from aisle.text.contrast_train import Known, loss
    from aisle.text.loop_train import Loop, Recipe
    from aisle.text.lora_train import RATES, keep, learning
    from aisle.text.model_train import open_model

    kept, sizes = folder / "seconds.json", [TAUGHT, TEXTS, STEPS, BATCH, how.model_dump()]
    if kept.is_file() and (said := json.loads(kept.read_text(encoding="utf-8")))["sizes"] == sizes:
        return float(said["seconds"])
    shutil.rmtree(PLACE / "served", ignore_errors=True)
    model = open_model(source)
    batches = Known(model, pairs, model.tokens(texts), size=BATCH)
    model = learning(model, how)
    begun = process_time()
    Loop(model.net, Recipe(STEPS, RATES[how.method]), batches, lambda batch: loss(model, batch)).run()
    took = process_time() - begun
    keep(model, folder / "adapter")
    model.save(folder / "model")
    kept.write_text(json.dumps({"seconds": took, "sizes": sizes}), encoding="utf-8")
    return took


def together(source: Path, adapters: Mapping[str, Path]) -> AdaptedEncoder:
    """The base with its adapters, as `aisle encoders --model` opens them."""
    from aisle.text.adapted_train import export_adapted

    if not (PLACE / "served" / "base" / "encoder.json").is_file():
        shutil.rmtree(PLACE / "base", ignore_errors=True)
        shutil.copytree(source, PLACE / "base")
        for name, folder in adapters.items():
            shutil.copytree(folder, PLACE / "base" / "adapters" / name)
        export_adapted(PLACE / "base", PLACE / "served" / "base")
    return AdaptedEncoder(PLACE / "served" / "base")


def exported(model: Path, name: str) -> OnnxEncoder:
    """A model's folder as it is served."""
    from aisle.text.export_train import export

    if not (PLACE / "served" / name / "encoder.json").is_file():
        export(model, PLACE / "served" / name)
    return OnnxEncoder(PLACE / "served" / name)


def mapped(encoder: AdaptedEncoder, shop: Work, said: str) -> list[Figure]:
    """The linear maps on the frozen base, learned from the same pairs."""
    asked, items = encoder.encode(shop.pairs.queries, "query"), encoder.encode(shop.texts, "item")
    pairs = Judged(shop.pairs.query, shop.pairs.item, np.ones(len(shop.pairs.query), np.float32))
    figures = []
    for name, rank in (("linear map", 0), (f"map of rank {RANK}", RANK)):
        begun = process_time()
        turn = Adapter(rank=rank).fit(asked, items, pairs)
        took = process_time() - begun
        size = len(items[0])
        figures.append(recall(name, shop.measure(encoder, turn), said + ("" if turn is not None else "; no gain, so none is kept")))
        figures += cost(name, took, 4 * size * (2 * rank or size))
    return figures


def crossed(encoder: AdaptedEncoder, shop: Work, bank: Work, seconds: float) -> list[Figure]:
    """Each adapter on both tasks, through one session."""
    said = f"{BANKING} official test texts, the nearest of 77 intents' names; {TEXTS:,} texts teach, {STEPS} steps of {BATCH}"
    figures = [
        LINES.held(f"banking77, {name or 'untouched'}: accuracy", interval(np.array(bank.first(encoder.using(name)))), said)
        for name in ("", "intents", "search")
    ]
    figures.append(recall("LoRA of the other task", shop.measure(encoder.using("intents")), "the intents' adapter on search"))
    return [*figures, *cost("banking77, intents", seconds, encoder.size("intents"))]


def speed(encoder: AdaptedEncoder, queries: Sequence[str]) -> list[Figure]:
    """One query alone by the plain base, by the one with room, under an adapter, and under two in turn; what opening again would take."""
    plain = exported(PLACE / "base", "plain")
    turns = ("search", "intents")
    ways: dict[str, Callable[[int, str], object]] = {
        "base exported alone": lambda number, text: plain.encode([text], "query"),
        "base with room, no adapter": lambda number, text: encoder.encode([text], "query", adapter=""),
        "one adapter": lambda number, text: encoder.encode([text], "query", adapter="search"),
        "two adapters in turn": lambda number, text: encoder.encode([text], "query", adapter=turns[number % 2]),
    }
    took: dict[str, list[float]] = {name: [] for name in ways}
    for number, text in enumerate(queries[:TIMED]):  # the ways take turns, so that a busy moment meets all of them
        for name, way in ways.items():
            begun = perf_counter()
            way(number, text)
            took[name].append(1_000 * (perf_counter() - begun))
    figures = [LINES.one(f"{name}: one query, p50 ms", median(values), f"{TIMED} queries, one thread") for name, values in took.items()]
    again = [_timed(lambda: OnnxEncoder(PLACE / "served" / "plain")) for _ in range(5)]
    chosen = [_timed(lambda: encoder.using("search")) for _ in range(TIMED)]
    figures.append(LINES.one("choosing another adapter, p50 ms", median(chosen), "no session is made, no file read"))
    figures.append(LINES.one("opening a merged encoder instead, p50 ms", median(again), "5 times"))
    before = _resident()
    kept = AdaptedEncoder(PLACE / "served" / "base")
    between = _resident()
    more = OnnxEncoder(PLACE / "served" / "plain")
    figures.append(LINES.one("base and two adapters: MB", between - before, "resident, more than before it was opened"))
    figures.append(LINES.one("a merged encoder more: MB", _resident() - between, f"resident; {kept.name} and {more.name} both open"))
    return figures


def recall(name: str, values: Sequence[float], note: str) -> Figure:
    return LINES.held(f"{name}: recall@10", interval(np.array(values)), note)


def cost(name: str, seconds: float, size: int) -> list[Figure]:
    return [LINES.one(f"{name}: CPU seconds of learning", seconds, "one thread"), LINES.one(f"{name}: bytes", size)]


def _timed(what: Callable[[], object]) -> float:
    begun = perf_counter()
    what()
    return 1_000 * (perf_counter() - begun)


def _resident() -> float:
    """MB that this process holds."""
    pages = int(Path("/proc/self/statm").read_text(encoding="utf-8").split()[1])
    return pages * 4_096 / 1e6


if __name__ == "__main__":
    show(adapter_figures())
