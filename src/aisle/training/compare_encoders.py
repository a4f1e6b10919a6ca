"""`aisle encoders`: the encoders at hand measured on this shop's own queries: quality, speed, size; and which one to take."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from time import perf_counter

import numpy as np
from numpy.typing import NDArray

from aisle.bundle import Store
from aisle.core.errors import InputError
from aisle.core.events import Dataset
from aisle.data.dataset import load_dataset
from aisle.data.windows import cut
from aisle.evaluation.intervals import bootstrap
from aisle.evaluation.results import Json, Measured
from aisle.retrieval.lexical import Lexical
from aisle.retrieval.vectors import item_texts
from aisle.settings import JOINT, Settings, load
from aisle.text.encoder import Encoder
from aisle.text.encoders import load_encoder
from aisle.text.found import shares
from aisle.text.normalise import normalise
from aisle.text.pieces import holds, piece
from aisle.tracking import Tracker
from aisle.training.answers import ASKED, POOL, Answers, lookalikes, pool
from aisle.training.encoders import REAL, adapters_of, installed, open_adapted, open_encoder, short, spoken

FEWEST = 30
"""Queries below which made-up ones measure instead."""
TIMED = 200
"""Queries that are timed one by one."""
SEED = 7


@dataclass(frozen=True)
class Row:
    """One encoder: ``recall`` is recall@10 among the pool, ``texts`` a second in batches, ``query_ms`` the median of one query alone."""

    name: str
    recall: Measured
    texts: float
    query_ms: float
    megabytes: float
    dimension: int


@dataclass(frozen=True)
class Comparison:
    """All rows, best first, the one to take and why; ``asked`` says by what was measured."""

    rows: Sequence[Row]
    take: str
    why: str
    asked: str

    def to_json(self) -> dict[str, Json]:
        """``encoders --json``."""
        rows: list[Json] = [
            {
                "name": row.name,
                "recall@10": {"value": row.recall.value, "low": row.recall.low, "high": row.recall.high},
                "texts_per_second": row.texts,
                "query_ms": row.query_ms,
                "megabytes": row.megabytes,
                "dimension": row.dimension,
            }
            for row in self.rows
        ]
        return {"asked": self.asked, "encoders": rows, "take": self.take, "why": self.why}


@dataclass(frozen=True)
class Questions:
    """``texts`` that ask, the pool's ``items`` and which of them each wants; ``said`` tells what they are."""

    texts: Sequence[str]
    items: Sequence[str]
    wanted: Sequence[set[int]]
    said: str


def compare(folder: Path, more: Sequence[Path] = (), quiet: bool = False, only: Collection[str] | None = None) -> Comparison:
    """Measure n-grams, MiniLM and its static copy where the package is installed, the active bundle's own encoder, and ``more`` folders of
    models, each under every adapter beside it, on queries of windows 3 and 4, which taught none of them; ``only``: no others than these and
    ``more``. Raises `AisleError` for what the user can mend."""
    settings = load(folder)
    with Tracker(quiet=quiet) as tracker, TemporaryDirectory() as work:
        with tracker.part("read and clean"):
            data, _ = load_dataset(folder, settings)
        if not len(data.catalogue):
            raise InputError("No item could be read.", "See rejected.csv for the reasons.")
        with tracker.part("choose queries and items"):
            questions = _questions(data)
        found: dict[str, tuple[Row, list[float]]] = {}
        for place, (name, opened) in enumerate(_at_hand(folder, data, settings, more, Path(work)).items()):
            if only is None or name in only or name.partition("+")[0] in _named(more):
                with tracker.part(f"measure {name}"):
                    found[name] = _measured(name, opened(), questions, Path(work) / f"size-{place}")
    return _judged(found, questions.said)


def _at_hand(folder: Path, data: Dataset, settings: Settings, more: Sequence[Path], work: Path) -> dict[str, Callable[[], Encoder]]:
    """Name to what opens it."""
    found: dict[str, Callable[[], Encoder]] = {"ngram": lambda: open_encoder("ngram", data, work / "ngram")}
    if installed():
        found["minilm"] = lambda: open_encoder("minilm", data, work / "minilm")
        found["static"] = lambda: open_encoder("static", data, work / "static")
        if min(spoken(data)) >= REAL:
            found[JOINT] = lambda: open_encoder(JOINT, data, work / JOINT)
    given = _named(more) | ({short(settings.encoder): settings.encoder} if settings.encoder else {})
    for number, (name, kind) in enumerate(given.items()):
        if name not in found:
            found[name] = lambda kind=kind, number=number: open_encoder(kind, data, work / f"more-{number}")  # type: ignore[misc]
        found |= _adapted(name, Path(kind), work / f"adapted-{number}")
    store = Store(folder / "bundles")
    if store.current() is not None:
        _, bundle = Store.at(folder / "bundles")
        for place in sorted(bundle.glob("sources/vectors-*/encoder")):
            encoder = load_encoder(place)
            if encoder.name not in found:
                found[encoder.name] = lambda place=place: load_encoder(place)  # type: ignore[misc]
    return found


def _adapted(name: str, model: Path, work: Path) -> dict[str, Callable[[], Encoder]]:
    """Each adapter beside a model, all on one base that is opened once."""
    opened = cache(lambda: open_adapted(model, work))
    return {f"{name}+{each.name}": lambda each=each: opened().using(each.name) for each in adapters_of(model)}  # type: ignore[misc]


def _named(folders: Sequence[Path]) -> dict[str, str]:
    """Models' folders by their names, a second one of a name by its whole path."""
    found: dict[str, str] = {}
    for place in (str(folder.resolve()) for folder in folders):
        found[place if short(place) in found else short(place)] = place
    return found


def _questions(data: Dataset) -> Questions:
    """The shop's own queries of windows 3 and 4, else made-up ones."""
    random, texts = np.random.default_rng(SEED), item_texts(data.catalogue)
    answers = Answers.of(data, cut(data.events, data.judgements))
    late = np.concatenate([answers.queries(3), answers.queries(4)])
    if len(late) < FEWEST:
        return _made_up(texts, random)
    asked = np.sort(random.permutation(late)[: 2 * ASKED])
    known = answers.known()
    near = lookalikes(data, answers, Lexical().fit(data), asked)
    rows = pool(asked.tolist(), known, near, len(texts), random)
    place = {row: number for number, row in enumerate(rows.tolist())}
    wanted = [{place[row] for row in known[query]} for query in asked.tolist()]
    said = f"{len(asked):,} queries of windows 3 and 4, which taught no encoder, among {len(rows):,} items"
    return Questions([normalise(answers.texts[query]) for query in asked.tolist()], [texts[row] for row in rows.tolist()], wanted, said)


def _made_up(texts: Sequence[str], random: np.random.Generator) -> Questions:
    chosen = [texts[row] for row in random.permutation(len(texts))[:POOL].tolist()]
    queries = [piece(text, random) for text in chosen[:ASKED]]
    wanted = [{place for place, text in enumerate(chosen) if holds(text, query)} for query in queries]
    kept = [place for place, rows in enumerate(wanted) if rows]
    said = f"{len(kept):,} queries made up of words of titles, for the log has too few real ones, among {len(chosen):,} items"
    return Questions([queries[place] for place in kept], chosen, [wanted[place] for place in kept], said)


def _measured(name: str, encoder: Encoder, questions: Questions, folder: Path) -> tuple[Row, list[float]]:
    begun = perf_counter()
    items = encoder.encode(questions.items, "item")
    texts = len(questions.items) / max(1e-9, perf_counter() - begun)
    asked, took = [], []
    for text in questions.texts:
        begun = perf_counter()
        asked.append(encoder.encode([text], "query")[0])
        took.append(1_000 * (perf_counter() - begun))
    found = shares(np.stack(asked), items, questions.wanted)
    bounds = bootstrap(np.array(found)[:, None])
    recall = Measured(float(bounds.value[0]), float(bounds.low[0]), float(bounds.high[0]), len(found))
    encoder.save(folder)
    size = sum(path.stat().st_size for path in folder.rglob("*") if path.is_file()) / 1e6
    return Row(name, recall, texts, median(took[:TIMED]), size, encoder.dimension), found


def _judged(found: Mapping[str, tuple[Row, list[float]]], asked: str) -> Comparison:
    """The fastest of those that are not surely worse than the best."""
    rows = sorted((row for row, _ in found.values()), key=lambda row: -row.recall.value)
    best = rows[0]
    level = [row for row in rows if _level(found[row.name][1], found[best.name][1])]
    take = min(level, key=lambda row: row.query_ms)
    if take is best:
        why = f"{take.name} finds most" + ("" if len(level) > 1 else ", surely more than every other")
    else:
        why = f"{take.name} is not surely worse than {best.name} and answers in {take.query_ms:.2f} ms, not {best.query_ms:.2f}"
    return Comparison(rows, take.name, f"{why}.", asked)


def _level(one: Sequence[float], other: Sequence[float]) -> bool:
    """Whether the 95 % interval of the paired difference reaches 0."""
    difference: NDArray[np.float64] = np.array(one) - np.array(other)
    return not difference.any() or bool(bootstrap(difference[:, None]).high[0] >= 0)
