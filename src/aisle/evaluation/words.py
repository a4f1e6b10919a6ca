"""Plain words for models, tasks and metrics, and how the report writes numbers: what a shop owner reads instead of `hr@10`."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from math import isfinite

from aisle.evaluation.metrics import parse
from aisle.evaluation.results import Json

MODELS = {
    "fused": "Aisle", "popularity": "best sellers", "repeat": "what the shopper bought before", "item_knn": "bought together",
    "lexical": "plain word search", "dense": "search by meaning",
    "late_interaction": "search by the meaning of each word", "trending": "rising now", "new": "newest",
    "markov": "usual next step", "markov_first": "what follows the last product", "als": "shoppers alike",
    "ease": "products that go together", "content": "similar products", "pictures": "look-alikes", "sasrec": "where the last products lead",
    "encoder_untouched": "the pretrained encoder untouched", "encoder_pretrained": "pre-trained on the titles",
    "encoder_finetuned": "fine-tuned on what answered queries", "encoder_int8": "the same in int8, as served",
    "encoder_tokens": "the same, word by word beside the whole",
    "item_knn_bm25": "bought together, by BM25", "item_knn_session": "wanted in one visit",
    "encoder_adapted": "the encoder with a map learned on what answered queries",
    "encoder_distilled": "the pretrained encoder as a table of words", "encoder_ngram": "n-grams of the shop's own text",
    "two_tower": "two towers", "ncf": "neural collaborative filtering",
    "without_profile": "Aisle without the shopper's past",
    "profile_fold": "what the profile counts", "profile_encoder": "what the encoder reads in the titles of the past",
    "profile_both": "both together", "profile_usual": "the usual category, the last price",
    "constant_rate": "one rate for all", "position_rate": "by place on the page", "item_rate": "by product",
    "user_and_item": "what the shopper had to do with it", "item_facts": "popularity and age of a product",
    "text_match": "how the words match", "picture_match": "how the pictures match",
    "rank_fusion": "vote of all sources", "recall_side": "recall side (RER)",
    "weighted_average": "one α for all", "segments": "α by kind of user and query", "majority_vote": "votes for each member's first",
    "softmax_vote": "each member's softmax summed", "gate": "weights by what the request is like", "best_source": "the best source alone",
    "dcn": "net that crosses features (DCN)", "wide_deep": "wide and deep net", "deepfm": "DeepFM net", "fm": "factorisation machine",
    "logistic": "logistic CTR", "boosted": "boosted CTR", "lambdamart": "learned ranking", "softmax": "learned ranking, list by list",
    "unbiased_lambdamart": "learned ranking, clicks weighed by their places", "blend": "learned ranking and boosted CTR together",
    "intent_reader": "intents from the examples", "category_reader": "category from the log", "majority": "always the most frequent",
    "tfidf_linear": "linear model on words",
}  # fmt: skip
BASELINES = ("popularity", "repeat", "item_knn", "lexical")
"""What a shop has without us, and what stands beside every model."""

TASKS = {
    "home": ("Home page", "visits", "visits in which something was taken, how many had it among the first ten"),
    "home_new": ("Home page, new to the shopper", "visits", "visits in which something new was taken, how many had it among the first ten"),
    "search": ("Search", "searches", "searches that have a fitting product, how many show one among the first ten"),
    "item": ("Product page", "visits", "visits in which another product was taken, how many had it among the first ten"),
    "search_clicks": ("Clicks in search", "shown products", "shown products"),
    "home_clicks": ("Clicks on the home page", "shown products", "shown products"),
    "intent": ("Intent of a query", "texts", "texts of known intent, how many were understood"),
    "dense_pool": ("Search by meaning alone, among some thousand products", "queries", "queries, how many find what they want"),
    "attributes": ("Attributes that titles name", "titles", "titles that taught nothing, how much of what they name was found"),
    "category": ("Category of a query", "queries", "queries, how many were understood"),
    "next_category": ("Category of the next purchase", "visits", "visits, whose first purchase was foreseen"),
    "next_price": ("Price of the next purchase, in thirds", "visits", "visits, whose first price was foreseen"),
    "comes_back": ("Back within a week", "visits", "visits, after how many it was foreseen"),
    "basket": ("Basket", "baskets", "baskets, how many were completed from the first ten"),
}
OTHER_TASK = ("Results", "requests", "requests in which something was wanted, how many had it among the first ten")

METRICS = {
    "ndcg": "how near the top the wanted products stand, 1 is perfect",
    "hr": "share of requests with at least one hit among the first",
    "recall": "share of the wanted products that are among the first",
    "precision": "share of the first that were wanted",
    "mrr": "1 / place of the first hit, on average",
    "map": "precision at each hit, averaged",
    "conversion": "share of all requests whose first products include one that was bought",
    "revenue": "money paid for products among the first, per request",
    "accuracy": "share that it gets right",
    "f1": "harmonic mean of precision and recall",
    "in_scope": "share of the texts that it is sure enough of",
    "accuracy_in_scope": "share of those that it gets right",
    "coverage": "share of the catalogue that is shown to somebody",
    "novelty": "how unexpected the products are, in bits",
    "diversity": "how different the products of one page are",
    "auc": "chance that a clicked product scores above an unclicked one",
    "gauc": "the same within one shopper",
    "logloss": "error of the probability, smaller is better",
    "ne": "that error against always saying the average, below 1 is better",
    "brier": "squared error of the probability, smaller is better",
    "ece": "distance of the probability from the rate, smaller is better",
}


def model(name: str) -> str:
    """A model's plain name; one that we do not know keeps its own."""
    front, _, size = name.rpartition("_")
    if front in MODELS and size.isdecimal():
        return f"{MODELS[front]}, its first {size} numbers"
    return MODELS.get(name, name.replace("_", " "))


def task(name: str) -> tuple[str, str, str]:
    """Title, what its requests are called, and the question that ``hr@10`` answers, after "of 100"."""
    return TASKS.get(name, OTHER_TASK if not name else (name.replace("_", " ").capitalize(), *OTHER_TASK[1:]))


def metric(name: str) -> str:
    """What a metric says, in one line; empty for one that we do not know."""
    return METRICS.get(parse(name.rpartition("/")[2])[0], "")


def number(value: float | None, sign: bool = False) -> str:
    """Three or four digits that matter; a dash for what is missing.

    >>> number(0.12345), number(1234.5), number(float("nan")), number(-0.01, sign=True)
    ('0.123', '1,234', '–', '−0.010')
    """
    if value is None or not isfinite(value):
        return "–"
    size = abs(value)
    form = ",.0f" if size >= 1000 else (".1f" if size >= 100 else (".2f" if size >= 2 else ".3f"))
    return minus(f"{value:{'+' if sign else ''}{form}}")


def minus(text: str) -> str:
    """A number's text with the minus sign that print uses."""
    return text.replace("-", "−")


def chance(p: float) -> str:
    """A p-value.

    >>> chance(0.0004), chance(0.043)
    ('< .001', '0.043')
    """
    return "–" if not isfinite(p) else ("< .001" if p < 0.001 else f"{p:.3f}")


def listing(words: Sequence[str], last: str = "and") -> str:
    """Words as a sentence joins them.

    >>> listing(["a", "b", "c"])
    'a, b and c'
    """
    return words[0] if len(words) == 1 else f"{', '.join(words[:-1])} {last} {words[-1]}" if words else ""


def flat(values: Mapping[str, Json], front: str = "") -> Iterable[tuple[str, str]]:
    """Nested facts as lines of name and text, in their order."""
    for name, value in values.items():
        label = f"{front}{name}".replace("_", " ")
        if isinstance(value, Mapping) and any(isinstance(part, Mapping) for part in value.values()):
            yield from flat(value, f"{label} · ")
        else:
            yield label, fact(value)


def fact(value: Json) -> str:
    """One fact as text."""
    if value is None or value == "":
        return "–"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, int):
        return f"{value:,}"
    if isinstance(value, float):
        return f"{value:,.0f}" if value.is_integer() else number(value)
    if isinstance(value, str):
        return value
    if isinstance(value, Mapping):
        return ", ".join(f"{str(name).replace('_', ' ')} {fact(part)}" for name, part in value.items())
    return ", ".join(fact(part) for part in value) or "–"
