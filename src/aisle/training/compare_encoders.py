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
from aisle.core.threads import alone
from aisle.data.dataset import load_dataset
from aisle.data.windows import cut
from aisle.evaluation.results import Measured
from aisle.retrieval.lexical import Lexical
from aisle.retrieval.vectors import Making, item_texts
from aisle.settings import JOINT, Settings, load, named_model
from aisle.text.encoder import Encoder, OnnxEncoder, ReadsTokens
from aisle.text.encoders import load_encoder
from aisle.text.found import shares, shares_of, wanted_among
from aisle.text.narrow import NarrowEncoder
from aisle.text.normalise import normalise
from aisle.text.pieces import holds, piece
from aisle.text.token_head import together
from aisle.tracking import Tracker
from aisle.training.advice import Comparison, Row, judged, within
from aisle.training.answers import ASKED, POOL, Answers, lookalikes, pool
from aisle.training.encoders import EXACT, REAL, adapters_of, installed, open_adapted, open_encoder, open_exact, pinned, short, spoken

FEWEST = 30
"""Queries below which made-up ones measure instead."""
TIMED = 200
"""Queries that are timed one by one."""
SEED = 7
SIZES = (256, 128, 64)
"""First numbers of a transformer's vectors that are measured alone, where a budget is given."""
Opening = Callable[[], Encoder]


@dataclass(frozen=True)
class Questions:
    """``texts`` that ask, the pool's ``items`` and which of them each wants; ``said`` tells what they are."""

    texts: Sequence[str]
    items: Sequence[str]
    wanted: Sequence[set[int]]
    said: str


def compare(
    folder: Path, more: Sequence[Path] = (), quiet: bool = False, only: Collection[str] | None = None, budget_ms: float | None = None
) -> Comparison:
    """Measure n-grams, MiniLM and its static copy where the package is installed, the active bundle's own encoder, and ``more`` models,
    folders, each under every adapter beside it, or names on a hub, on queries of windows 3 and 4, which taught none of them; ``only``: no
    others than these and ``more``. With ``budget_ms`` their variants too, and the advice keeps one query within it. Raises `AisleError` for
    what the user can mend."""
    settings = load(folder)
    with Tracker(quiet=quiet) as tracker, TemporaryDirectory() as work:
        with tracker.part("read and clean"):
            data, _ = load_dataset(folder, settings)
        if not len(data.catalogue):
            raise InputError("No item could be read.", "See rejected.csv for the reasons.")
        with tracker.part("choose queries and items"):
            questions = questions_of(data)
        found: dict[str, tuple[Row, list[float]]] = {}
        at_hand = _at_hand(folder, data, settings, more, Path(work))
        at_hand = {
            name: opened for name, opened in at_hand.items() if only is None or name in only or name.partition("+")[0] in _named(more)
        }
        for place, (name, opened) in enumerate((at_hand | (_exact(at_hand, more, Path(work)) if budget_ms else {})).items()):
            with tracker.part(f"measure {name}"):
                encoder = opened()
                found[name] = measured(name, encoder, questions, Path(work) / f"size-{place}")
                if budget_ms and isinstance(encoder, OnnxEncoder) and not name.endswith(EXACT):
                    for size in (size for size in SIZES if size < encoder.dimension):
                        narrow = f"{name}_{size}"
                        found[narrow] = measured(narrow, NarrowEncoder(encoder, size), questions, Path(work) / f"size-{place}-{size}")
    return within(found, questions.said, budget_ms) if budget_ms else judged(found, questions.said)


def _at_hand(folder: Path, data: Dataset, settings: Settings, more: Sequence[Path], work: Path) -> dict[str, Opening]:
    """Name to what opens it."""
    found: dict[str, Opening] = {"ngram": lambda: open_encoder("ngram", data, work / "ngram")}
    if installed():
        found["minilm"] = lambda: open_encoder("minilm", data, work / "minilm")
        found["static"] = lambda: open_encoder("static", data, work / "static")
        if min(spoken(data)) >= REAL:
            found[JOINT] = lambda: open_encoder(JOINT, data, work / JOINT)
    chosen = pinned(settings.encoder)
    given = _named(more) | ({short(chosen): chosen} if chosen else {})
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


def _exact(at_hand: Mapping[str, Opening], more: Sequence[Path], work: Path) -> dict[str, Opening]:
    """Those of the models at hand whose weights are there, without quantisation."""
    kinds = {"minilm": "minilm"} | _named(more)
    return {
        f"{name}_{EXACT}": lambda kind=kind, name=name: open_exact(kind, work / f"{Path(name).name}-{EXACT}")  # type: ignore[misc]
        for name, kind in kinds.items()
        if name in at_hand
    }


def _adapted(name: str, model: Path, work: Path) -> dict[str, Callable[[], Encoder]]:
    """Each adapter beside a model, all on one base that is opened once."""
    opened = cache(lambda: open_adapted(model, work))
    return {f"{name}+{each.name}": lambda each=each: opened().using(each.name) for each in adapters_of(model)}  # type: ignore[misc]


def _named(models: Sequence[Path]) -> dict[str, str]:
    """Models' folders by their names, a second one of a name by its whole path; models on a hub fetched and pinned."""
    found: dict[str, str] = {}
    for place in (pinned(named_model(str(one), Path()) or str(one.resolve())) for one in models):
        found[place if short(place) in found else short(place)] = place
    return found


def questions_of(data: Dataset) -> Questions:
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
    wanted = wanted_among(rows, [known[query] for query in asked.tolist()])
    said = f"{len(asked):,} queries of windows 3 and 4, which taught no encoder, among {len(rows):,} items"
    return Questions([normalise(answers.texts[query]) for query in asked.tolist()], [texts[row] for row in rows.tolist()], wanted, said)


def _made_up(texts: Sequence[str], random: np.random.Generator) -> Questions:
    chosen = [texts[row] for row in random.permutation(len(texts))[:POOL].tolist()]
    queries = [piece(text, random) for text in chosen[:ASKED]]
    wanted = [{place for place, text in enumerate(chosen) if holds(text, query)} for query in queries]
    kept = [place for place, rows in enumerate(wanted) if rows]
    said = f"{len(kept):,} queries made up of words of titles, for the log has too few real ones, among {len(chosen):,} items"
    return Questions([queries[place] for place in kept], chosen, [wanted[place] for place in kept], said)


def measured(name: str, encoder: Encoder, questions: Questions, folder: Path) -> tuple[Row, list[float]]:
    """A row and each query's share, of the encoder as a server opens it from ``folder``, where it is saved: one thread for all."""
    encoder.save(folder)
    encoder = load_encoder(folder)
    with alone():
        begun = perf_counter()
        items = encoder.encode(questions.items, "item")
        texts = len(questions.items) / max(1e-9, perf_counter() - begun)
        asked, took = [], []
        for text in questions.texts:
            begun = perf_counter()
            asked.append(encoder.encode([text], "query")[0])
            took.append(1_000 * (perf_counter() - begun))
    found = shares(np.stack(asked), items, questions.wanted)
    size = sum(path.stat().st_size for path in folder.rglob("*") if path.is_file()) / 1e6
    tokens = _by_token(encoder, questions, np.stack(asked) @ items.T)
    return Row(name, Measured.mean(np.array(found)), texts, median(took[:TIMED]), size, encoder.dimension, tokens), found


def _by_token(encoder: Encoder, questions: Questions, cosine: NDArray[np.float32]) -> Measured | None:
    """recall@10 where every item is compared token by token too (`aisle.retrieval.late`); None where an encoder does not tell tokens.
    ``cosine`` ``(queries, items)`` is what whole vectors say."""
    if not isinstance(encoder, ReadsTokens) or not encoder.tells_states:
        return None
    making = Making(encoder, questions.items, tokens=True)
    making.add(len(questions.items))
    held = making.tokens()
    assert held is not None
    rows = np.arange(len(questions.items))
    asked = (held.head.asked(encoder.read([text], "query").states) for text in questions.texts)
    scores = (together(held.score(one, rows), whole) for one, whole in zip(asked, cosine, strict=True))
    return Measured.mean(np.array(shares_of(scores, questions.wanted)))
