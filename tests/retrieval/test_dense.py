"""Sources by meaning: nearest items exactly, filters inside, vectors shared and stored once, the learned map."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest

from aisle.core.catalogue import Catalogue
from aisle.core.events import Dataset, Events
from aisle.core.overlay import Overlaid
from aisle.core.profiles import Profiles, Slices
from aisle.core.request import Request
from aisle.core.stage import Allowed, Block
from aisle.core.strings import Strings
from aisle.query.understand import understand
from aisle.retrieval.dense import Content, Dense
from aisle.retrieval.vectors import ItemVectors, item_texts, reworded
from aisle.text.adapt import Adapter, Pairs
from aisle.text.encoder import Vectors
from aisle.text.ngram import NgramEncoder
from tests.retrieval.shop import block

COLOURS = ("red", "blue", "green", "white")
THINGS = ("lamp", "sofa", "rug", "chair", "table")
TITLES = [f"{colour} {thing} number{n}" for colour in COLOURS for thing in THINGS for n in range(30)]


def catalogue(titles: Sequence[str] = TITLES, **texts: list[str]) -> Catalogue:
    columns = {"title": Strings.of(titles)} | {name: Strings.of(column) for name, column in texts.items()}
    return Catalogue(Strings.of(map(str, range(len(titles)))), columns, {})


class Counting(NgramEncoder):
    """Counts how many texts it was given."""

    given = 0

    def encode(self, texts: Sequence[str], kind: str) -> Vectors:
        self.given += len(texts)
        return super().encode(texts, kind)  # type: ignore[arg-type]


@pytest.fixture(scope="module")
def vectors() -> ItemVectors:
    return ItemVectors.of(NgramEncoder(dimension=16).fit(TITLES), catalogue())


def searching(*texts: str | None) -> Block:
    n = len(texts)
    requests = [Request(f"r{number}", "search", query=text) for number, text in enumerate(texts)]
    queries = [None if text is None else understand(text) for text in texts]
    return Block(requests, np.full(n, np.nan), queries, Profiles.strangers(n), Slices.none(n), Slices.none(n))


@pytest.mark.parametrize("share", [1.0, 0.5, 0.02, 0.004, 0.0])
def test_the_nearest_allowed_items_are_found_exactly_however_narrow_the_filter(vectors: ItemVectors, share: float) -> None:
    mask = np.random.default_rng(3).random(len(TITLES)) < share
    wanted = vectors.query("red lamp number7")
    rows, score = vectors.nearest(wanted, mask, 25)
    exact = vectors.whole() @ wanted
    allowed = np.flatnonzero(mask)
    assert len(rows) == min(25, len(allowed)) and mask[rows].all() and len(set(rows.tolist())) == len(rows)
    np.testing.assert_allclose(score, np.sort(exact[allowed])[::-1][: len(rows)], atol=1e-5)


def test_a_query_finds_what_it_names(vectors: ItemVectors) -> None:
    page = Dense(vectors=vectors).retrieve(searching("blue sofa", None), Allowed.everything(len(TITLES), 2), 20)
    assert page.counts.tolist() == [20, 0]
    assert all("blue sofa" in TITLES[row] for row in page.item)


def test_score_is_what_retrieve_gave_whoever_stands_beside(vectors: ItemVectors) -> None:
    dense, asked = Dense(vectors=vectors), searching("blue sofa", None, "rug")
    page = dense.retrieve(asked, Allowed.everything(len(TITLES), 3), 20)
    np.testing.assert_array_equal(dense.score(asked, page), page["score"])
    alone = dense.retrieve(searching("rug"), Allowed.everything(len(TITLES), 1), 20)
    np.testing.assert_array_equal(alone["score"], page["score"][page.of_request(2)])


def test_content_follows_the_newest_interest_and_the_page_before_it(vectors: ItemVectors) -> None:
    sofa, lamp = TITLES.index("red sofa number1"), TITLES.index("blue lamp number2")
    content = Content(vectors=vectors, decay=0.2)
    home = content.retrieve(block([[sofa, lamp], []]), Allowed.everything(len(TITLES), 2), 10)
    assert home.counts.tolist() == [10, 0] and all("lamp" in TITLES[row] for row in home.item)
    page = content.retrieve(block([[lamp, lamp]], seeds=[[sofa]]), Allowed.everything(len(TITLES), 1), 10)
    assert all("red sofa" in TITLES[row] for row in page.item)


def test_a_query_vector_and_the_catalogue_are_encoded_once() -> None:
    encoder = Counting(dimension=8)
    encoder.fit(TITLES)
    dense = Dense(encoder).fit(Dataset(catalogue(), Events.none()))
    content = Content(vectors=dense.vectors_).fit(Dataset(catalogue(), Events.none()))
    assert content.vectors_ is dense.vectors_ and encoder.given == len(TITLES)
    asked = searching("blue sofa")
    dense.score(asked, dense.retrieve(asked, Allowed.everything(len(TITLES), 1), 5))
    assert encoder.given == len(TITLES) + 1
    assert len(content.fit(Dataset(catalogue(["one"]), Events.none())).vectors_) == 1


def test_two_sources_store_their_vectors_once_and_open_them_once(vectors: ItemVectors, tmp_path: Path) -> None:
    dense, content = Dense(vectors=vectors, mapping=np.eye(16, dtype=np.float32)), Content(vectors=vectors, decay=0.5)
    dense.save(tmp_path / "dense")
    content.save(tmp_path / "content")
    assert len(list(tmp_path.rglob("vectors.npy"))) == len(list(tmp_path.rglob("encoder.json"))) == 1
    opened, other = Dense.load(tmp_path / "dense", catalogue()), Content.load(tmp_path / "content", catalogue())
    assert opened.vectors_ is other.vectors_ and other.decay == 0.5 and opened.mapping is not None
    everything = Allowed.everything(len(TITLES), 1)
    for mine, theirs in ((dense, opened), (content, other)):
        asked = searching("blue sofa") if mine is dense else block([[3]])
        np.testing.assert_array_equal(mine.retrieve(asked, everything, 9).item, theirs.retrieve(asked, everything, 9).item)


def test_the_map_learns_what_shoppers_mean_and_holds_for_queries_it_did_not_see() -> None:
    """In this shop whoever types red means blue, and the other way round."""
    wide = ItemVectors.of(NgramEncoder(dimension=48).fit(TITLES), catalogue())
    meant = {"red": "blue", "blue": "red"}
    typed = [
        (f"{colour} {thing} number{n}", f"{meant[colour]} {thing} number{n}") for colour in meant for thing in THINGS for n in range(30)
    ]
    order = np.random.default_rng(1).permutation(len(typed))
    train, held = [typed[place] for place in order[:240]], [typed[place] for place in order[240:]]
    rows = np.array([TITLES.index(title) for _, title in train])
    pairs = Pairs(np.arange(len(train)), rows, np.ones(len(train), np.float32))
    learned = Dense(vectors=wide).learn(
        [understand(text) for text, _ in train], pairs, Adapter(learning_rate=3e-2, epochs=100, temperature=0.1)
    )
    everything = Allowed.everything(len(TITLES), len(held))
    first = {}
    for name, source in (("plain", Dense(vectors=wide)), ("learned", learned)):
        page = source.retrieve(searching(*(text for text, _ in held)), everything, 1)
        first[name] = np.mean([TITLES[row].split()[:2] == title.split()[:2] for row, (_, title) in zip(page.item, held, strict=True)])
    assert first["plain"] < 0.2
    assert first["learned"] > 0.7


def test_the_encoder_reads_what_the_title_does_not_say() -> None:
    texts = item_texts(
        catalogue(
            ["Acme &amp; Co Lamp", "Rug"], brand=["Acme", "Bolt"], category=["Home > Lamps|X", "A > Rugs"], description=["", "d" * 900]
        )
    )
    assert texts[0] == "acme & co lamp. lamps" and texts[1].startswith("rug. bolt. rugs. ddd") and len(texts[1]) < 230


def test_reading_what_is_encoded_changes_no_catalogue_that_answers_read() -> None:
    items = Catalogue(Strings.of(["a", "b"]), {"title": Strings.of(["red lamp", "blue lamp"])}, {})
    assert item_texts(items) == item_texts(items, np.arange(2)) == ["red lamp", "blue lamp"]
    assert list(items.texts) == ["title"]


def test_only_another_text_is_encoded_again() -> None:
    items = Catalogue(Strings.of(["a", "b"]), {"title": Strings.of(["red lamp", "blue lamp"])}, {})
    later = Overlaid(items, ["c"], {"title": {1: "Blue Lamp", 2: "rug"}, "colour": {0: "crimson", 1: "navy"}})
    assert later.rewritten.tolist() == [0, 1, 2]
    assert reworded(items, later, later.rewritten).tolist() == [2], "the matching form of a title is what is read"
