"""Which type of product a Home Depot query asks for, through what `aisle train` learns of a query: `python -m benchmarks.query_types`.

No query's type is known, so titles speak for them: a title's type is the last word before it says what the thing has or is for (a comma,
a bracket, a dash, `in`, `with`, `for`, `and`); a query's types are those of its best-graded titles. Queries are split, never rows.
"""

from __future__ import annotations

import re
import warnings
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from aisle.core.catalogue import Catalogue
from aisle.core.events import Dataset, Events, Judgements
from aisle.core.strings import Strings
from aisle.core.threads import one_thread
from aisle.evaluation.classification import classification_report
from aisle.query.category_train import SURE, category_examples
from aisle.query.examples import Examples
from aisle.query.grams import Grams
from aisle.query.intent_train import learn
from aisle.text.normalise import normalise
from aisle.text.segment import stem
from benchmarks.figures import Figure, Lines, show
from benchmarks.homedepot_parts import RELEVANT, HomeDepot
from benchmarks.intents import Remembered, percentiles
from benchmarks.measure import interval
from benchmarks.minilm import minilm_encoder

Floats = NDArray[np.floating]
Numbers = NDArray[np.int64]
LINES = Lines("query_types")
FEWEST = 20
"""Titles of a type; the words of rarer ones are mostly brands and slips."""
VAGUE = frozenset({"kit", "set", "system", "unit", "assembly", "pack", "piece", "combo"})
"""Such a word is a type together with the one before it."""
SILENT = frozenset({"white", "black", "brown", "gray", "silver", "only", "sample", "featuring", "style", "series", "model", "finish"})
"""Colours and the like, which no type ends with."""
TURN = re.compile(r"[,(]|\s-+\s|\s(?:in|with|for|and|by|on|to|at)\s", re.IGNORECASE)
WORD = re.compile(r"[a-z]{3,}(?:[-/&'][a-z]+)*")


def product_type(title: str) -> str:
    """The last word of the title's beginning, without its ending; empty where there is none.

    >>> product_type("Milwaukee M12 3 in. Cordless Circular Saw Kit with Battery"), product_type("Toro Spark Plugs, White")
    ('saw kit', 'plug')
    """
    words = [word for word in TURN.split(title, 1)[0].lower().split() if WORD.fullmatch(word) and word not in SILENT]
    last = [stem(word) for word in words[-2:]]
    return " ".join(last if last and words[-1] in VAGUE else last[-1:])


def types_of(titles: Iterable[str], fewest: int = FEWEST) -> list[str | None]:
    """Each title's type, named as its words are written most often; None where fewer than ``fewest`` titles have it."""
    titles = list(titles)
    found = [product_type(title) for title in titles]
    size = Counter(found)
    written = Counter(word for title in titles for word in WORD.findall(title.lower()))
    name = {stem(word): word for word, _ in sorted(written.items(), key=lambda one: (one[1], one[0]))}
    return [" ".join(name[part] for part in kind.split()) if kind and size[kind] >= fewest else None for kind in found]


def best_graded(shop: HomeDepot, queries: Numbers) -> Judgements:
    """Each query's titles of its highest grade, where that is relevant."""
    pairs = [
        (place, int(row))
        for place, query in enumerate(queries.tolist())
        for row in shop.rows[query][(shop.grades[query] == shop.grades[query].max()) & (shop.grades[query] >= RELEVANT)]
    ]
    query, item = np.array(pairs, np.int32).reshape(-1, 2).T
    grade, split = np.full(len(pairs), RELEVANT, np.float32), np.zeros(len(queries), np.int8)
    return Judgements(Strings.of(shop.texts[number] for number in queries), query, item, grade, split, RELEVANT)


@dataclass(frozen=True)
class Wanted:
    """``n`` test queries in matching form and the number of each one's most frequent type in ``names``; those from ``taught`` on nobody
    taught."""

    texts: tuple[str, ...]
    truth: Numbers
    names: tuple[str, ...]
    taught: int


def wanted(catalogue: Catalogue, judged: Judgements, known: Examples) -> Wanted:
    """The test queries whose titles have a type, without those that teach in another spelling; of types as frequent the first taught."""
    labels = catalogue.labels("category")
    names = [*known.names, *(name for name in labels.names if name not in set(known.names))]
    number = {name: place for place, name in enumerate(names)}
    taught, held = set(known.texts), dict[str, Counter[int]]()
    for query, item in zip(judged.query.tolist(), judged.item.tolist(), strict=True):
        form, code = normalise(judged.queries[query]), int(labels.first[item])
        if form and code >= 0 and form not in taught:
            held.setdefault(form, Counter())[number[labels.names[code]]] += 1
    truth = [min(kinds, key=lambda kind: (-kinds[kind], kind)) for kinds in held.values()]
    return Wanted(tuple(held), np.array(truth, np.int64), tuple(names), len(known.names))


def query_type_figures() -> list[Figure]:
    """Every figure of the part."""
    one_thread()
    machine, shop = LINES.machine(), HomeDepot()
    titles = [str(title) for title in shop.catalogue.text("title")]
    kinds = types_of(titles)
    catalogue = Catalogue(shop.catalogue.ids, {"category": Strings.of(kinds)}, {})
    other, test = shop.split()
    known = category_examples(Dataset(catalogue, Events.none(), best_graded(shop, other)))
    if known is None:
        raise SystemExit("There is nothing to tell apart.")
    asked = wanted(catalogue, best_graded(shop, test), known)
    encode = Remembered(minilm_encoder())
    encode([*known.texts, *asked.texts])
    encode.keep()
    model = learn(known, encode, SURE)
    if model is None:
        raise SystemExit("There is nothing to tell apart.")
    vectors, reader = encode(asked.texts), model.classifier
    scores = {
        "majority": np.tile(known.targets.sum(axis=0), (len(asked.texts), 1)),
        "TF-IDF linear": linear(known, asked.texts),
        "reader": reader.scores(asked.texts, vectors if reader.reads_vectors else None),
    }
    note = f"{sum(kind is not None for kind in kinds) / len(kinds):.0%} of the titles have a type; {len(known):,} queries teach"
    sure = model.read(asked.texts, vectors)[1] >= SURE
    first = scores["reader"].argmax(axis=1) == asked.truth
    took = percentiles(lambda place: model.find(asked.texts[place], vectors[place]), (50, 99))
    return [
        machine,
        LINES.one("types", len(known.names), note),
        LINES.held("queries of a type that nobody taught", interval((asked.truth >= asked.taught).astype(float)), "they count as wrong"),
        *(figure for name, score in scores.items() for figure in quality(name, score, asked)),
        gain("reader", "TF-IDF linear", scores, asked),
        LINES.held("reader: named", interval(sure.astype(float)), f"queries whose type is told: chance from {SURE} on"),
        LINES.held("reader: accuracy where named", interval(first[sure].astype(float))),
        LINES.one("reader: share of the encoder", reader.meaning, "chosen on what teaches"),
        LINES.one("reader: one query, p50 ms", took[0], "beyond encoding; CPU time of one thread"),
        LINES.one("reader: one query, p99 ms", took[1], "beyond encoding; CPU time of one thread"),
    ]


def linear(known: Examples, texts: Sequence[str]) -> Floats:
    """``(n, types)``: a linear support vector machine on the reader's n-grams, one type against the rest."""
    from sklearn.exceptions import ConvergenceWarning
    from sklearn.svm import LinearSVC

    grams = Grams().fit(known.texts)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        model = LinearSVC(C=0.5, random_state=7).fit(grams.rows(known.texts), known.truth)
    result = np.full((len(texts), len(known.names)), -np.inf)
    result[:, model.classes_] = model.decision_function(grams.rows(texts))
    return result


def hits(score: Floats, truth: Numbers, depth: int) -> NDArray[np.float64]:
    """``(n,)``: 1 where the true type is among the ``depth`` best; one without a score never is."""
    order = np.argsort(-score, axis=1, kind="stable")[:, :depth]
    return (order == truth[:, None]).any(axis=1).astype(float)


def quality(name: str, score: Floats, asked: Wanted) -> list[Figure]:
    """Accuracy at 1 and 3, and the mean F1 over the types that occur or are named."""
    said = np.asarray(score.argmax(axis=1), np.int64)
    used = np.union1d(asked.truth, said)
    report = classification_report(np.searchsorted(used, asked.truth), np.searchsorted(used, said), [asked.names[n] for n in used])
    found = [LINES.held(f"{name}: accuracy@{depth}", interval(hits(score, asked.truth, depth))) for depth in (1, 3)]
    return [*found, LINES.one(f"{name}: macro F1", report.macro.f1, f"{len(used)} types occur or are named", len(asked.truth))]


def gain(one: str, other: str, scores: dict[str, Floats], asked: Wanted) -> Figure:
    """The difference in accuracy, query by query."""
    values = hits(scores[one], asked.truth, 1) - hits(scores[other], asked.truth, 1)
    return LINES.held(f"{one} less {other}: accuracy@1", interval(values), "query by query")


if __name__ == "__main__":
    show(query_type_figures())
