"""bert_ctr keeps the promises of a click-through model, and reads texts: it knows what is asked for of items that nobody ever saw."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import replace
from functools import cache
from pathlib import Path

import numpy as np
import pytest
import torch

from aisle.core.errors import InputError, SettingsError
from aisle.ranking.ctr.base import Ctr
from aisle.ranking.ctr.bert import BertCtr
from aisle.ranking.ctr.bert_head import BertHead
from aisle.ranking.ctr.bert_train import Cases, exported, fitted
from aisle.ranking.ctr.examples import Column, Examples
from aisle.ranking.ctr.net import Net
from aisle.ranking.ctr.settings import BERT
from aisle.testing.ctr import LETTERS, CtrSuite, additive, auc
from aisle.text.ngram import NgramEncoder
from tests.ranking.ctr.small import small

KINDS = ("lamp", "sofa", "mirror", "carpet", "kettle", "clock")
COLOURS = ("red", "blue", "green", "grey", "pink", "black", "white", "brown", "amber", "ivory")
SMALL = replace(BERT, embedding_size=16, layers=(32,), learning_rate=0.01, epochs=6, batch=128)
TITLES = dict(zip(LETTERS, ("lamp", "sofa", "mirror", "carpet", "kettle", "clock", "teapot", "basket"), strict=True))


@cache
def encoder() -> NgramEncoder:
    """Reads the toys' words."""
    return NgramEncoder(31).fit([*(f"{colour} {kind}" for colour in COLOURS for kind in KINDS), *TITLES.values()] * 3)


class TestBertCtr(CtrSuite):
    def model(self) -> Ctr:
        return BertCtr(encoder(), TITLES, replace(SMALL, epochs=10))


def wanting(rows: int, colours: tuple[str, ...], seed: int, searching: bool) -> Examples:
    """Clicked (95 %) where the title's kind is that of the query, or without one that of one of the last three items, which have a word
    in common with it; every item's id is its title."""
    dice = np.random.default_rng(seed)
    names = [f"{colour} {kind}" for colour in colours for kind in KINDS]
    kind, other = dice.integers(0, len(KINDS), rows), dice.integers(0, len(KINDS), rows)
    other = np.where(dice.random(rows) < 0.4, kind, other)
    item = dice.integers(0, len(colours), rows) * len(KINDS) + kind
    past = dice.integers(0, len(names), (rows, 3))
    if not searching:
        past[:, 1] = dice.integers(0, len(colours), rows) * len(KINDS) + other
    fits = kind == other if searching else (past % len(KINDS) == kind[:, None]).any(axis=1)
    label = (dice.random(rows) < np.where(fits, 0.95, 0.05)).astype(float)
    query = Column(other.astype(np.int32) if searching else np.full(rows, -1, np.int32), KINDS)
    return Examples(
        {"item": Column(item.astype(np.int32), names), "query": query}, {}, label, {"item": Column(past.astype(np.int32), names)}
    )


@pytest.mark.parametrize("searching", [True, False])
def test_what_it_learned_of_texts_holds_for_items_that_nobody_was_shown_where_a_net_over_ids_knows_nothing(searching: bool) -> None:
    """Learned from eight colours, asked about two others: a perfect model has an AUC of some .95, one that knows only ids .5."""
    known, unseen = wanting(4_000, COLOURS[:8], 7, searching), wanting(1_000, COLOURS[8:], 8, searching)
    assert auc(BertCtr(encoder(), settings=SMALL).fit(known), unseen) > 0.85
    assert auc(small("dcn").fit(known), unseen) < 0.65


def test_attention_finds_the_one_item_that_matters() -> None:
    known, unseen = wanting(4_000, COLOURS[:8], 7, False), wanting(1_000, COLOURS[8:], 8, False)
    blind = replace(unseen, sequences={"item": unseen.sequences["item"].pick(np.random.default_rng(1).permutation(1_000))})
    model = BertCtr(encoder(), settings=SMALL).fit(known)
    assert auc(model, unseen) > auc(model, blind) + 0.2, "with the histories of others it knows little"


def test_the_graph_says_what_torch_says() -> None:
    dice = np.random.default_rng(3)
    vectors = np.vstack([np.zeros(8), dice.normal(size=(20, 8))]).astype(np.float32)
    ids, numbers = dice.integers(0, 21, (300, 5)), dice.normal(size=(300, 2)).astype(np.float32)
    label = (dice.random(300) < 0.4).astype(float)
    cases = Cases(vectors, ids, numbers)
    served, _ = fitted(cases, Examples({}, {}, label), replace(SMALL, epochs=2))
    given = vectors[ids[:, 0]], vectors[ids[:, 1]], vectors[ids[:, 2:]], np.arange(300)
    with torch.no_grad():
        wanted = served(*(torch.from_numpy(one) for one in (*given, numbers))).numpy()
    assert np.std(wanted) > 0.01
    head = BertHead(exported(served, cases))
    assert head.length == 3
    np.testing.assert_allclose(head.logit(*given, numbers), wanted, atol=1e-5)


def test_a_position_that_adds_to_clicks_is_no_merit_of_what_stood_there() -> None:
    """Fitted with the tower, two titles that are equally liked score alike although one always stood in front."""
    dice = np.random.default_rng(5)
    item = dice.integers(0, 2, 4_000)
    place = np.where(dice.random(4_000) < 0.8, item, 1 - item)
    label = (dice.random(4_000) < np.where(place == 0, 0.6, 0.2)).astype(float)
    names = ["red lamp", "blue sofa"]
    some = Examples({"item": Column(item.astype(np.int32), names), "position": Column(place.astype(np.int32), ["0", "1"])}, {}, label)
    apart = []
    for tower in (None, "position"):
        model = BertCtr(encoder(), settings=replace(SMALL, tower=tower)).fit(some)
        logit = model.raw(some)
        apart.append(logit[item == 0].mean() - logit[item == 1].mean())
    assert abs(apart[1]) < apart[0] / 2


def test_what_it_was_fitted_with_must_be_there_and_an_encoder_too() -> None:
    some = wanting(300, COLOURS[:2], 7, True)
    model = BertCtr(encoder(), settings=replace(SMALL, epochs=1)).fit(some)
    with pytest.raises(InputError, match="`query`"):
        model.score(some.without("query"))
    with pytest.raises(SettingsError, match="encoder"):
        BertCtr().fit(some)


def test_without_its_numbers_it_reads_texts_alone() -> None:
    some = additive(500)
    model = BertCtr(encoder(), TITLES, replace(SMALL, epochs=1), numbers=False).fit(some)
    other = replace(some, numbers={"price": np.zeros(500)})
    np.testing.assert_array_equal(model.score(some), model.score(other))


def test_a_saved_one_is_served_without_torch(tmp_path: Path) -> None:
    BertCtr(encoder(), TITLES, replace(SMALL, epochs=1)).fit(additive(500)).save(tmp_path)
    program = (
        "import sys; from pathlib import Path; from aisle.ranking.ctr.opening import opened; from aisle.ranking.ctr.examples import *\n"
        f"model = opened(Path({str(tmp_path)!r})); some = Column(np.zeros(3, np.int32), ['a'])\n"
        "model.score(Examples({'item': some, 'user': some}, {'price': np.zeros(3)}, np.zeros(3),"
        " {'item': Column(np.zeros((3, 4), np.int32), ['a'])}))\n"
        "assert 'torch' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", program], check=True)


def test_a_net_of_ids_is_no_bert() -> None:
    with pytest.raises(SettingsError, match="bert_ctr"):
        Net("bert_ctr")
