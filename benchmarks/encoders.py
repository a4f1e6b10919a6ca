"""Encoders on Home Depot, through the classes that training uses: untouched, adapted, fine-tuned, as a table; how fast they are.

``python -m benchmarks.encoders``, after the part `homedepot`, whose bundle holds the fine-tuned one. No test query taught any of them; the
whole catalogue is ranked by the vectors alone.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from statistics import median
from time import perf_counter

import numpy as np
from numpy.typing import NDArray

from aisle.bundle import Store, verify
from aisle.core.catalogue import Catalogue
from aisle.core.stage import Allowed
from aisle.core.threads import one_thread
from aisle.query.understand import understand
from aisle.retrieval.dense import Dense
from aisle.retrieval.late import LateInteraction
from aisle.retrieval.vectors import ItemVectors, item_texts
from aisle.text.encoder import Encoder, OnnxEncoder
from aisle.text.encoders import load_encoder
from aisle.text.ngram import NgramEncoder
from aisle.text.normalise import normalise
from aisle.text.static import StaticEncoder
from benchmarks.figures import WORK, Figure, Lines, show
from benchmarks.homedepot_parts import RELEVANT, HomeDepot, pairs, searching
from benchmarks.measure import interval
from benchmarks.minilm import minilm_encoder, minilm_source

LINES = Lines("encoders")
DEPTHS = (10, 100)
TEXTS, QUERIES, CHECKED = 4_000, 300, 1_000
Floats = NDArray[np.float32]


def encoder_figures() -> list[Figure]:
    """Every figure of the part."""
    one_thread()
    (folder, how), shop = _tuned(), HomeDepot()
    other, test = shop.split()
    asked = [normalise(shop.texts[query]) for query in test]
    wanted = [shop.relevant(int(query)) for query in test]
    untouched = ItemVectors.of(minilm_encoder(threads=2), shop.catalogue, tokens=True)
    figures = [LINES.machine(), *_recall("ngram", NgramEncoder().fit(item_texts(shop.catalogue)), shop, asked, wanted)]
    figures += _shares("untouched", untouched.encoder.encode(asked, "query"), untouched, wanted)
    figures += _by_token("untouched", untouched, shop.catalogue, shop, test, wanted)
    mapped = _mapped(shop, other, untouched)
    figures += _shares("linear map", np.stack([mapped.turned(untouched.query(text)) for text in asked]), untouched, wanted)
    tuned = OnnxEncoder(folder, threads=2)
    figures += _recall("fine-tuned, int8", tuned, shop, asked, wanted, how)
    held = Catalogue.load(folder.parent.parent.parent / "catalogue")
    figures += _by_token("fine-tuned", ItemVectors.load(folder.parent), held, shop, test, wanted)
    words = (folder / "tokenizer.json").read_text(encoding="utf-8")
    figures += _recall("static, of the fine-tuned", StaticEncoder.distilled(tuned, words, item_texts(shop.catalogue)), shop, asked, wanted)
    return [*figures, *speed_figures(shop, asked)]


def _mapped(shop: HomeDepot, queries: NDArray[np.int64], vectors: ItemVectors) -> Dense:
    return Dense(vectors=vectors).learn([understand(shop.texts[query]) for query in queries], pairs(shop, queries))


def _tuned() -> tuple[Path, str]:
    """The folder of the encoder of the part `homedepot`'s bundle, where that was fine-tuned, and how."""
    store = WORK / "homedepot" / "bundles"
    if not (store / "CURRENT").exists():
        raise SystemExit("The part homedepot makes what this part measures: make results ONLY=homedepot")
    bundle = verify(Store.at(store)[1])
    folder = next((bundle.folder / "sources").glob("vectors-*/encoder"))
    steps = bundle.manifest["plan"]["finetune"]
    if not steps or not isinstance(load_encoder(folder), OnnxEncoder):
        raise SystemExit("That bundle's encoder is not fine-tuned: give it more minutes.")
    seconds = sum(took for part, took in bundle.manifest["seconds"].items() if part.startswith("encoder: "))
    said = ", ".join(f"{int(count)} steps on {name}" for name, count in steps.items() if name != "rate")
    return folder, f"by aisle train in {seconds:.0f} s: {said}, 256 texts and more a step"


def _recall(name: str, encoder: Encoder, shop: HomeDepot, asked: Sequence[str], wanted: Sequence[set[int]], how: str = "") -> list[Figure]:
    texts = item_texts(shop.catalogue)
    begun = perf_counter()
    vectors = ItemVectors(encoder, encoder.encode(texts, "item").astype(np.float16), name)
    took = LINES.one(f"{name}: seconds for 54,667 titles", perf_counter() - begun)
    return [*_shares(name, encoder.encode(asked, "query"), vectors, wanted, how), took]


def _by_token(
    name: str, vectors: ItemVectors, held: Catalogue, shop: HomeDepot, test: NDArray[np.int64], wanted: Sequence[set[int]]
) -> list[Figure]:
    """The same by the source that compares token by token, as a server asks it for the first 200; ``held`` has the items in the order of
    ``vectors``, which is a bundle's own."""
    if vectors.tokens is None:
        raise SystemExit("That bundle keeps no tokens: its plan says why.")
    block = searching([understand(shop.texts[query]) for query in test])
    found = LateInteraction(vectors=vectors).retrieve(block, Allowed.everything(len(held), len(block)), 200)
    row = shop.catalogue.rows(held.ids)
    lists = [row[found.item[found.of_request(request)]] for request in range(len(block))]
    size = (vectors.tokens.tokens.nbytes + vectors.tokens.starts.nbytes) / 1e6
    note = f"late interaction of the nearest 200, tokens of {vectors.tokens.head.size} numbers, {size:.0f} MB in all"
    return _found(f"{name}, token by token", lists, wanted, note)


def _shares(name: str, asked: Floats, items: ItemVectors, wanted: Sequence[set[int]], how: str = "") -> list[Figure]:
    """recall@10 and @100 over the test queries, relevant from grade 2.33."""
    table, lists = items.whole(), []
    for vector in asked:
        order = np.argpartition(-(table @ vector), DEPTHS[-1])[: DEPTHS[-1]]
        lists.append(order[np.argsort(-(table[order] @ vector))])
    return _found(name, lists, wanted, how)


def _found(name: str, lists: Sequence[NDArray[np.integer]], wanted: Sequence[set[int]], how: str) -> list[Figure]:
    shares: dict[int, list[float]] = {depth: [] for depth in DEPTHS}
    for order, rows in zip(lists, wanted, strict=True):
        for depth in DEPTHS:
            shares[depth].append(len(rows.intersection(order[:depth].tolist())) / len(rows) if rows else np.nan)
    note = f"whole catalogue, relevant from {RELEVANT}{'; ' if how else ''}{how}"
    return [LINES.held(f"{name}: recall@{depth}", interval(np.array(values)), note) for depth, values in shares.items()]


def speed_figures(shop: HomeDepot, asked: Sequence[str]) -> list[Figure]:
    """MiniLM in int8 by onnxruntime against torch in float32, on the same texts, in the same process: many with two threads each, one query
    with one thread each, as a server encodes it."""
    import torch

    from aisle.text.model_train import open_model, padded, pieces

    source = minilm_source()
    model = open_model(source)
    model.net.cpu().eval()
    model.net.model.set_attn_implementation("sdpa")  # torch at its best: training takes another way
    both, one = (minilm_encoder(threads=threads) for threads in (2, 1))
    texts, queries = item_texts(shop.catalogue)[:TEXTS], list(asked[:QUERIES])

    def by_torch(some: Sequence[str]) -> Floats:
        tokens = model.tokens(some)
        order = np.argsort([len(one) for one in tokens])
        parts = [model.net(*padded([tokens[row] for row in rows])) for rows in pieces(order.tolist(), tokens)]
        return np.asarray(torch.cat(parts).numpy()[np.argsort(order)], np.float32)

    with torch.inference_mode():
        torch.set_num_threads(2)
        rate = {"torch": _rate(by_torch, texts), "int8": _rate(lambda some: both.encode(some, "item"), texts)}
        cosine = (by_torch(texts[:CHECKED]) * both.encode(texts[:CHECKED], "item")).sum(axis=1)
        torch.set_num_threads(1)
        alone = {"torch": _alone(by_torch, queries), "int8": _alone(lambda some: one.encode(some, "query"), queries)}
    return [
        *(LINES.one(f"{name}: titles per second", value, "two threads") for name, value in rate.items()),
        *(LINES.one(f"{name}: one query, p50 ms", value, f"{len(queries)} test queries, one thread") for name, value in alone.items()),
        LINES.one("int8 against torch: titles per second, times", rate["int8"] / rate["torch"], "same run"),
        LINES.one("int8 against torch: one query, times as fast", alone["torch"] / alone["int8"], "same run"),
        LINES.one("int8 against torch: mean cosine", float(cosine.mean()), f"{CHECKED} titles"),
        LINES.one("int8 against torch: lowest cosine", float(cosine.min()), f"{CHECKED} titles"),
    ]


def _rate(way: Callable[[Sequence[str]], Floats], texts: Sequence[str]) -> float:
    way(texts[:64])
    begun = perf_counter()
    way(texts)
    return len(texts) / (perf_counter() - begun)


def _alone(way: Callable[[Sequence[str]], Floats], queries: Sequence[str]) -> float:
    took = []
    for query in queries:
        begun = perf_counter()
        way([query])
        took.append(1_000 * (perf_counter() - begun))
    return median(took)


if __name__ == "__main__":
    show(encoder_figures())
