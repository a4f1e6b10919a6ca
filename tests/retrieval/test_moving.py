"""Sources in the next bundle: they know the same items wherever these stand, and going on neither loses nor invents anything."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from aisle.core.catalogue import Catalogue
from aisle.core.events import Dataset
from aisle.core.stage import Source
from aisle.core.strings import Strings
from aisle.retrieval import next_train
from aisle.retrieval.als import Als
from aisle.retrieval.ease import Ease
from aisle.retrieval.item_knn import ItemKnn
from aisle.retrieval.markov import Markov
from aisle.retrieval.moving import GoesOn, Movable, moved_rows
from aisle.retrieval.ncf import Ncf
from aisle.retrieval.neighbours import Neighbours
from aisle.retrieval.next_train import Later, Pasts
from aisle.retrieval.sasrec import SasRec
from aisle.retrieval.two_tower import TwoTower
from aisle.retrieval.vectors import ItemVectors
from aisle.testing import toys
from aisle.testing.blocks import ask, block, every_item
from aisle.text.ngram import NgramEncoder

ITEMS = {f"i{number}": {"title": f"{'even' if number % 2 == 0 else 'odd'} thing {'abcdefghij'[number]}"} for number in range(10)}
SMALL: dict[str, Any] = {"embedding_size": 8, "epochs": 5, "learning_rate": 2e-2}
MAKERS: dict[str, Callable[[], Any]] = {
    "item_knn": ItemKnn, "markov": Markov, "ease": lambda: Ease(regularization=1.0), "als": lambda: Als(embedding_size=8),
    "sasrec": lambda: SasRec(blocks=1, negatives=4, dropout=0.0, **SMALL), "two_tower": lambda: TwoTower(**SMALL),
    "squared": lambda: TwoTower(loss="squared", **SMALL), "ncf": lambda: Ncf(**SMALL), "gmf": lambda: Ncf(model="gmf", **SMALL),
}  # fmt: skip
NETS = ("sasrec", "two_tower", "squared", "ncf", "gmf")


def parity(users: int = 40, more: list[toys.Happening] | None = None) -> Dataset:
    """Even users buy even items one after another, odd ones odd items."""
    bought = [(f"u{user}", f"i{(user + 2 * step) % 10}", float(step), "purchase") for user in range(users) for step in range(4)]
    return toys.shop(toys.catalogue(ITEMS), [*bought, *(more or [])])


def elsewhere(data: Dataset, order: list[int]) -> Dataset:
    """The same shop with its items in another order and a new item in front."""
    old = data.catalogue
    ids = ["fresh", *(old.ids[row] for row in order)]
    titles = ["odd thing fresh", *(old.texts["title"][row] for row in order)]
    catalogue = Catalogue(Strings.of(ids), {"title": Strings.of(titles)}, {})
    item = np.append(catalogue.rows(old.ids), np.int32(-1))[data.events.item].astype(np.int32)
    return replace(data, catalogue=catalogue, events=replace(data.events, item=item))


def by_id(source: Source, data: Dataset, user: str = "u4") -> dict[str, float]:
    asked = block(data, [ask("home", user=user)])
    return dict(zip(data.catalogue.ids, source.score(asked, every_item(len(data.catalogue), 1)).tolist(), strict=True))


@pytest.fixture(scope="module", params=MAKERS)
def fitted(request: pytest.FixtureRequest) -> Any:
    return MAKERS[request.param]().fit(parity())


def test_where_items_stand_changes_nothing_of_what_is_known_of_them(fitted: Any) -> None:
    data, order = parity(), np.random.default_rng(3).permutation(10).tolist()
    other = elsewhere(data, order)
    assert isinstance(fitted, Movable)
    before, after = by_id(fitted, data), by_id(fitted.moved(data.catalogue.rows(other.catalogue.ids)), other)
    assert np.isnan(after.pop("fresh")) or fitted.name in ("two_tower", "ncf"), "nothing is known of a new item"
    assert after == pytest.approx(before, rel=1e-4, nan_ok=True)
    assert max(before.values()) > 0


def test_an_item_that_is_gone_is_nobodys_neighbour() -> None:
    made = Neighbours(np.array([0, 2, 3, 4]), np.array([1, 2, 0, 0], np.int32), np.array([5, 6, 7, 8], np.float32))
    moved = made.moved(np.array([2, 0], np.int32))
    assert moved.matrix().toarray().tolist() == [[0, 8], [6, 0]]
    assert len(Neighbours.none(0).moved(np.array([-1], np.int32))) == 1
    assert moved_rows(np.array([[1.0], [2.0]]), np.array([1, -1, 0], np.int32)).tolist() == [[2], [0], [1]]


@pytest.mark.parametrize("name", NETS)
def test_a_net_that_has_nothing_new_to_learn_stays_what_it_was(name: str) -> None:
    data = parity()
    source = MAKERS[name]().fit(data)
    assert isinstance(source, GoesOn) and source.goes_on
    again = source.go_on(data, since=data.until)
    assert by_id(again, data) == pytest.approx(by_id(source, data), rel=1e-3)


@pytest.mark.parametrize("name", [*NETS, "als"])
def test_what_came_since_is_learned_and_the_source_before_it_stays(name: str) -> None:
    """From one day on even users buy what is new; nothing of it stands in its text."""
    data = parity()
    source = MAKERS[name]().fit(elsewhere(data, list(range(10))))
    came = [(f"u{user}", "fresh", 30.0 + user / 100, "purchase") for user in range(0, 40, 2)]
    known = elsewhere(data, list(range(10)))
    later = replace(known, events=toys.log(known.catalogue, [*_happened(data), *came]))
    before = by_id(source, known)
    again = source
    for _ in range(1 if name == "als" else 10):
        again = again.go_on(later, since=data.until)
    after = by_id(again, known)
    assert _ahead(after, "fresh") > _ahead(before, "fresh")
    assert by_id(source, known) == pytest.approx(before, nan_ok=True)


def _happened(data: Dataset) -> list[toys.Happening]:
    events, ids = data.events, data.catalogue.ids
    rows = zip(events.user.tolist(), events.item.tolist(), events.time.tolist(), strict=True)
    return [(events.users[user], ids[item], (time - toys.START) / toys.DAY, "purchase") for user, item, time in rows]


def _ahead(scores: dict[str, float], item: str) -> float:
    """How many times their spread ``item`` lies above the others; -inf where nothing is known of it."""
    others = np.array([score for name, score in scores.items() if name != item and np.isfinite(score)])
    return float(np.nan_to_num((scores[item] - others.mean()) / others.std(), nan=-np.inf))


def test_who_came_again_is_gone_over_and_the_first_of_each_is_no_target(monkeypatch: pytest.MonkeyPatch) -> None:
    items = toys.catalogue(ITEMS)
    came = [("a", "i1", 1.0, "purchase"), ("a", "i2", 2.0, "purchase"), ("a", "i3", 9.0, "purchase"), ("b", "i4", 9.0, "purchase"),
            ("b", "i5", 9.5, "purchase"), ("c", "i6", 1.0, "purchase"), ("c", "i7", 2.0, "purchase")]  # fmt: skip
    later = Later.of(toys.shop(items, came), toys.START + 5 * toys.DAY)
    assert [one.tolist() for one in later.sequences] == [[1, 2, 3], [4, 5]] and later.fresh == [1, 2]
    assert Pasts.of(later.sequences).item[later.targets()].tolist() == [2, 3, 5]
    monkeypatch.setattr(next_train, "MOST", 1)
    assert Pasts.of(later.sequences).item[later.targets()].tolist() == [3, 5]
    assert later.seen.tolist() == [False, *[True] * 7, False, False]


def test_a_bundle_without_the_items_tower_cannot_go_on() -> None:
    source = TwoTower(**SMALL).fit(parity())
    source.take({name: value for name, value in source.weights_.items() if not name.startswith("item.")})
    assert not source.goes_on


def test_only_texts_that_are_new_or_others_are_encoded() -> None:
    before = parity().catalogue
    vectors = ItemVectors.of(NgramEncoder(8).fit(before.texts["title"]), before)
    titles = {**ITEMS, "i3": {"title": "even more"}, "new": {"title": "odd one out"}}
    after = toys.catalogue(dict(reversed(titles.items())))
    moved, encoded = vectors.moved(before, after)
    assert encoded == 2
    fresh = ItemVectors.of(vectors.encoder, after)
    assert np.array_equal(moved.vectors, fresh.vectors) and moved.made_from == fresh.made_from
    assert vectors.moved(before, before) == (vectors, 0)
