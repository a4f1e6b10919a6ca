"""Self-attention: what a sequence leads to where no single item of it tells, and the same numbers in training as in serving."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from aisle.core.events import Dataset
from aisle.retrieval import learned
from aisle.retrieval.base import newest
from aisle.retrieval.next_train import text_vectors
from aisle.retrieval.sasrec import SasRec
from aisle.retrieval.sasrec_train import Net, _written
from aisle.testing import toys
from aisle.testing.blocks import ask, block

SMALL = {"embedding_size": 16, "blocks": 1, "length": 6, "dropout": 0.0, "negatives": 8, "learning_rate": 3e-3}
TITLES = {
    "red": "Red wool scarf", "blue": "Blue wool scarf", "pivot": "Gift box", "tea": "Green tea tin", "mug": "Stoneware mug",
    "oolong": "Oolong tea tin", "spanner": "Adjustable steel spanner",
}  # fmt: skip


def crossing(users: int = 60) -> Dataset:
    """Half buy ``red, pivot, tea``, half ``blue, pivot, mug``: what comes after the pivot is decided by what came before it."""
    items = toys.catalogue({name: {"title": title} for name, title in TITLES.items()})
    bought = [(f"u{user}", ("red", "pivot", "tea") if user % 2 else ("blue", "pivot", "mug")) for user in range(users)]
    return toys.shop(items, [(user, item, float(step), "purchase") for user, mine in bought for step, item in enumerate(mine)])


@pytest.fixture(scope="module")
def fitted() -> SasRec:
    return SasRec(epochs=400, **SMALL).fit(crossing())  # type: ignore[arg-type]


def scores(source: SasRec, *seeds: str) -> dict[str, float]:
    data = crossing()
    asked = block(data, [ask("basket", items=seeds)])
    row = next(source.rows(asked))
    every = np.arange(len(data.catalogue), dtype=np.int32)
    return dict(zip(data.catalogue.ids, row.of(every).tolist(), strict=True))


def test_what_stands_before_the_last_item_decides(fitted: SasRec) -> None:
    after_red, after_blue = scores(fitted, "red", "pivot"), scores(fitted, "blue", "pivot")
    assert after_red["tea"] > 5 * after_red["mug"]
    assert after_blue["mug"] > 5 * after_blue["tea"]


def test_an_item_without_events_is_known_by_its_text(fitted: SasRec) -> None:
    found = scores(fitted, "red", "pivot")
    assert found["oolong"] > found["spanner"], "it shares two words with what is wanted"


def test_serving_gives_the_states_of_training() -> None:
    source, data = SasRec(**SMALL), crossing()  # type: ignore[arg-type]
    torch.manual_seed(0)
    net = Net(torch.from_numpy(text_vectors(data)), source)
    for parameter in net.parameters():
        torch.nn.init.normal_(parameter, std=0.3)
    net.eval()
    source.weights_ = _written(net, np.ones(len(data.catalogue), bool))
    sequence = np.array([3, 5, 2, 0, 5], np.int32)
    with torch.no_grad():
        padded = torch.tensor([[0, *sequence.tolist()]]), torch.tensor([[False] + [True] * 5])
        wanted = net(*padded)[0, -1].numpy()
    state = source.state(sequence)
    assert state is not None
    np.testing.assert_allclose(state, wanted, atol=1e-5)


def test_a_long_history_is_its_newest_items(fitted: SasRec) -> None:
    long, short = np.array([3, 4] * 9, np.int32), np.array([3, 4] * 3, np.int32)
    np.testing.assert_array_equal(fitted.state(long), fitted.state(short))


def test_a_log_without_two_items_in_a_row_teaches_nothing_and_says_nothing() -> None:
    data = toys.shop(crossing().catalogue, [(f"u{n}", name, float(n), "purchase") for n, name in enumerate(TITLES)])
    source = SasRec(epochs=1, **SMALL).fit(data)  # type: ignore[arg-type]
    assert not source.items.any()
    assert scores(source, "red", "pivot") == dict.fromkeys(TITLES, 0.0)


def test_the_newest_of_the_history_stand_last_and_twice_in_a_row_is_once() -> None:
    items = crossing().catalogue
    steps = ["red", "red", "tea", "mug", "mug", "red"]
    data = toys.shop(items, [("u", item, float(step), "click") for step, item in enumerate(steps)])
    asked = block(data, [ask("home", "u"), ask("home", "stranger")])
    names = list(TITLES)
    assert [names[row] for row in newest(asked, 0, len(items))] == ["red", "tea", "mug", "red"]
    assert [names[row] for row in newest(asked, 0, 4)] == ["red", "tea", "red"], "a mug came after the model"
    assert len(newest(asked, 1, len(items))) == 0


def test_many_items_are_found_by_codes(monkeypatch: pytest.MonkeyPatch, fitted: SasRec, tmp_path: Path) -> None:
    """With codes the same scores are given and the best is found."""
    monkeypatch.setattr(learned, "WIDE", 2)
    fitted.save(tmp_path)
    wide = SasRec.load(tmp_path, crossing().catalogue)
    plain, coded = scores(fitted, "red", "pivot"), scores(wide, "red", "pivot")
    assert coded == pytest.approx(plain, rel=1e-5)
    row = next(wide.rows(block(crossing(), [ask("basket", items=("red", "pivot"))])))
    best, _ = row.best(np.ones(len(TITLES), bool), 1)
    assert list(TITLES)[best[0]] == max(plain, key=lambda name: plain[name])
