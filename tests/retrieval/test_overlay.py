"""What sources say beside what came after their bundle: the text sources take it in, the others keep to what they learned."""

from __future__ import annotations

from collections.abc import Mapping
from random import Random

import numpy as np
import pytest

from aisle.core.answer import Value
from aisle.core.candidates import Candidates
from aisle.core.catalogue import Catalogue
from aisle.core.events import Dataset
from aisle.core.overlay import Overlaid
from aisle.core.request import Request
from aisle.core.stage import Allowed, Block, Source
from aisle.query.understand import understand
from aisle.retrieval.base import history
from aisle.retrieval.counters import HOUR, Counters
from aisle.retrieval.dense import Content, Dense, Nearest
from aisle.retrieval.item_knn import ItemKnn
from aisle.retrieval.late import LateInteraction
from aisle.retrieval.later_vectors import rewritten
from aisle.retrieval.lexical import Lexical
from aisle.retrieval.new_items import NewItems
from aisle.retrieval.overlay import Bundled, Step, after, bundled
from aisle.retrieval.popularity import Popularity
from aisle.retrieval.registry import SOURCES
from aisle.retrieval.repeat import Repeat
from aisle.retrieval.vectors import ItemVectors
from aisle.testing import toys
from aisle.testing.blocks import ask, block, every_item
from aisle.text.ngram import NgramEncoder
from tests.retrieval.shop import START, log
from tests.text.tiny import tiny_encoder

DATA = toys.bilingual()
ENCODER = NgramEncoder(dimension=16).fit(
    [f"{one} {two}" for one, two in zip(DATA.catalogue.text("title"), DATA.catalogue.text("title_zh"), strict=True)]
)
NOW = toys.START + 40 * toys.DAY
LANTERN: Mapping[str, Value] = {"title": "Green paper lantern", "title_zh": "绿色纸灯笼", "price": 12.0, "created_at": NOW - toys.DAY}


def grown(items: Catalogue, **new: Mapping[str, Value]) -> Overlaid:
    """The catalogue with new items behind it."""
    cells: dict[str, dict[int, Value]] = {}
    for row, attributes in enumerate(new.values(), len(items)):
        for name, value in attributes.items():
            cells.setdefault(name, {})[row] = value
    return Overlaid(items, list(new), cells)


def step(catalogue: Overlaid, vectors: ItemVectors | None = None, counted: Counters | None = None) -> Step:
    made = {} if vectors is None else {vectors.made_from: vectors.encode(catalogue, catalogue.rewritten)}
    return Step(catalogue, catalogue.rewritten, made, counted)


def asked(catalogue: Catalogue, *requests: Request, events: Dataset = DATA) -> Block:
    """A block whose profiles and seeds are over the longer catalogue."""
    return block(Dataset(catalogue, events.events), list(requests))


def best(source: Source, catalogue: Catalogue, request: Request) -> list[str]:
    one = asked(catalogue, request)
    found = source.retrieve(one, Allowed.everything(len(catalogue), 1), 5)
    return [catalogue.ids[int(row)] for row in found.item]


@pytest.mark.parametrize("query", ["green lantern", "灯笼", "lanterns"])
def test_a_new_title_is_found_by_words_and_pieces(query: str) -> None:
    items = grown(DATA.catalogue, lantern=LANTERN)
    lexical = Lexical().fit(DATA)
    later = lexical.over(step(items))
    assert best(later, items, ask("search", query=query))[0] == "lantern"
    assert 12 in later.matches(understand(query)) and 12 not in lexical.matches(understand(query))


def test_a_piece_of_a_new_chinese_title_counts_as_literal_and_an_old_one_no_more() -> None:
    lexical = Lexical().fit(DATA)
    row = DATA.catalogue.row_of["pot_tea"]
    items = Overlaid(grown(DATA.catalogue, lantern=LANTERN), cells={"title_zh": {row: "玻璃杯"}})
    both = Step(items, np.array([row, 12], np.int32))
    later = lexical.over(both)
    assert later.literal(understand("纸灯笼")).tolist() == [12]
    assert lexical.literal(understand("铁茶壶")).tolist() == [row] and not len(later.literal(understand("铁茶壶")))
    assert later.literal(understand("玻璃杯")).tolist() == [row]


def test_the_words_that_a_title_holds_are_those_of_its_newest_text() -> None:
    row = DATA.catalogue.row_of["lamp_red"]
    items = Overlaid(grown(DATA.catalogue, lantern=LANTERN), cells={"title": {row: "Blue stool"}})
    later = Lexical().fit(DATA).over(Step(items, np.array([row, 12], np.int32)))
    held = later.held(understand("green lantern"), np.ones(13, bool))
    assert held is not None and np.flatnonzero(held.best).tolist() == [12]
    red = later.held(understand("desk lamp"), np.ones(13, bool))
    assert red is not None and [items.ids[row] for row in np.flatnonzero(red.best).tolist()] == ["lamp_blue"]


def test_a_word_of_a_new_title_is_not_mended_away() -> None:
    lexical = Lexical().fit(DATA)
    assert lexical.speller_("red lapm") == "red lamp"
    later = lexical.over(step(grown(DATA.catalogue, n={"title": "Lapm cheese"})))
    assert later.speller_("red lapm") is None and later.speller_("leatehr lapm") == "leather lapm"
    assert lexical.speller_("red lapm") == "red lamp", "the bundle's own stays as it was"


def test_a_new_item_is_found_by_meaning_and_a_history_with_it_finds_its_like() -> None:
    vectors = ItemVectors.of(ENCODER, DATA.catalogue)
    items = grown(DATA.catalogue, again={"title": "Red desk lamp", "title_zh": "红色台灯", "category": "Home > Lamps", "brand": "Lumo"})
    change = step(items, vectors)
    dense, content = Dense(vectors=vectors).over(change), Content(vectors=vectors).over(change)
    assert dense.vectors_ is content.vectors_, "what two sources share is made once"
    assert set(best(dense, items, ask("search", query="red desk lamp"))[:2]) == {"lamp_red", "again"}
    assert best(content, items, ask("similar", items=["again"]))[:2] == ["lamp_red", "again"]


def test_an_item_that_waits_for_its_vector_is_silent_whatever_its_text_said() -> None:
    vectors = ItemVectors.of(ENCODER, DATA.catalogue)
    items = Overlaid(DATA.catalogue, cells={"title": {0: "Something else"}})
    waiting = rewritten(vectors, items.rewritten, {}, len(items))
    assert waiting.waiting.tolist() == [0]
    rows = np.arange(12, dtype=np.int32)
    query = vectors.query("red desk lamp")
    assert np.isnan(waiting.score(query, rows)[0]) and np.isfinite(waiting.score(query, rows)[1:]).all()
    assert 0 not in waiting.nearest(query, np.ones(12, bool), 12)[0]
    assert not np.isnan(waiting.mean(np.array([0, 1], np.int32), np.ones(2))).any()
    ready = rewritten(waiting, np.zeros(0, np.int32), {vectors.made_from: vectors.encode(items, items.rewritten)}, len(items))
    assert not len(ready.waiting) and np.isfinite(ready.score(query, rows)).all()


@pytest.mark.parametrize("seed", range(5))
def test_the_nearest_of_old_and_new_vectors_are_those_of_all_compared_one_by_one(seed: int) -> None:
    random, dice = np.random.default_rng(seed), Random(seed)

    def unit(count: int) -> np.ndarray:
        found = random.normal(size=(count, 16))
        return (found / np.linalg.norm(found, axis=1, keepdims=True)).astype(np.float16)

    vectors = ItemVectors(ENCODER, unit(60), "made")
    rows = np.array(sorted(dice.sample(range(60), 12)) + list(range(60, 75)), np.int32)
    later = rewritten(vectors, rows, {"made": dict(zip(rows.tolist(), unit(len(rows)), strict=True))}, 75)
    query = unit(1)[0].astype(np.float32)
    score = later.score(query, np.arange(75, dtype=np.int32))
    for mask in (np.ones(75, bool), random.random(75) < 0.5):
        allowed = np.flatnonzero(mask)
        expected = allowed[np.lexsort((allowed, -score[allowed]))][:9]
        assert later.nearest(query, mask, 9)[0].tolist() == expected.tolist()


@pytest.mark.parametrize("name", sorted(SOURCES))
def test_every_source_stays_right_when_items_come_that_it_never_learned(name: str) -> None:
    """Same scores for the items of the bundle, one score a candidate, no new item from what only behaviour tells."""
    given: Mapping[str, dict[str, object]] = {"dense": {"encoder": ENCODER}, "content": {"encoder": ENCODER}, "als": {"embedding_size": 8}}
    words = name == "late_interaction"
    made = LateInteraction(tiny_encoder(("red", "lamp", "tea", "desk"))) if words else SOURCES[name](**given.get(name, {}))
    source = made.fit(DATA)
    items = grown(DATA.catalogue, lantern=LANTERN, other={"title": "Other thing"})
    later = after(source, step(items, source.vectors_ if isinstance(source, Nearest) else None))
    requests = [ask("home", "u0"), ask("home", "nobody"), ask("search", "u2", query="red lamp"), ask("similar", items=["lamp_red"])]
    wanted = [request for request in requests if request.surface in source.surfaces]
    old, new = block(DATA, wanted), asked(items, *wanted)
    before, now = source.score(old, every_item(12, len(wanted))), later.score(new, every_item(14, len(wanted)))
    np.testing.assert_allclose(now.reshape(-1, 14)[:, :12], before.reshape(-1, 12), rtol=1e-6)
    found = later.retrieve(new, Allowed.everything(14, len(wanted)), 20)
    assert found.requests == len(wanted) and np.isfinite(found["score"]).all()
    if name in ("item_knn", "markov", "first_order", "als", "ease", "popularity", "trending", "repeat"):
        assert np.isnan(now.reshape(-1, 14)[:, 12:]).all() and not (found.item >= 12).any()


def clicked(items: Catalogue, user: str, *wanted: str) -> Dataset:
    """The toy log, and one more user who clicked these, of the longer catalogue."""
    happened = [(user, item, 30.0 + place, "click") for place, item in enumerate(wanted)]
    return Dataset(items, toys.log(items, happened))


def test_a_history_with_new_items_is_read_without_them_by_what_learned_before() -> None:
    knn = ItemKnn().fit(DATA)
    items = grown(DATA.catalogue, lantern=LANTERN)
    later = after(knn, step(items))
    mixed, plain = clicked(items, "w", "lamp_red", "lantern"), clicked(items, "w", "lamp_red")
    a, b = (later.retrieve(asked(items, ask("home", "w"), events=one), Allowed.everything(13, 1), 9) for one in (mixed, plain))
    assert a.item.tolist() == b.item.tolist() and len(a)


def test_a_page_of_a_new_item_starts_from_nothing_not_from_its_reader() -> None:
    items = grown(DATA.catalogue, lantern=LANTERN)
    later = after(ItemKnn().fit(DATA), step(items))
    alone = asked(items, ask("item", "u0", items=["lantern"]))
    mixed = asked(items, ask("item", "u0", items=["lantern", "lamp_red"]))
    assert not len(later.retrieve(alone, Allowed.everything(13, 1), 9))
    assert len(later.retrieve(mixed, Allowed.everything(13, 1), 9))
    assert len(bundled(mixed, 12).seeds.item) == 1


def test_leaving_out_an_item_that_a_source_never_knew_changes_nothing() -> None:
    items = grown(DATA.catalogue, lantern=LANTERN)
    later = after(ItemKnn().fit(DATA), step(items))
    assert isinstance(later, Bundled) and hasattr(later, "without")
    one = asked(items, ask("home", "w"), events=clicked(items, "w", "lamp_red", "lantern", "cup_tea"))
    shown = np.arange(13, dtype=np.int32)
    told = later.without(one, 0, shown)
    past = history(one, later.decay).item.tolist()
    assert told.shape == (3, 13)
    np.testing.assert_allclose(told[past.index(12)], np.nan_to_num(later.score(one, Candidates.of([shown]))), rtol=1e-6)
    assert (told[past.index(0)] != told[past.index(12)]).any()
    assert not hasattr(Bundled(Popularity(), 12), "without")


def test_a_long_history_with_new_items_is_read_further_back_by_what_does_not_know_them() -> None:
    items = grown(DATA.catalogue, lantern=LANTERN)
    later = after(ItemKnn().fit(DATA), step(items))
    one = asked(items, ask("home", "w"), events=clicked(items, "w", "pot_tea", *["lamp_red", "cup_tea"] * 24, "shoe_run", "lantern"))
    past = history(one, later.decay).item
    assert items.row_of["pot_tea"] not in past and items.row_of["pot_tea"] in history(bundled(one, 12), later.decay).item
    told = later.without(one, 0, np.arange(13, dtype=np.int32))
    assert told.shape == (len(past), 13) and np.isfinite(told).all()


def test_what_was_bought_of_a_new_item_is_bought_again() -> None:
    items = grown(DATA.catalogue, lantern=LANTERN)
    repeat = Repeat().fit(DATA).over(step(items))
    events = toys.log(items, [("w", "lantern", 1.0, "purchase"), ("w", "lantern", 9.0, "purchase")])
    found = repeat.retrieve(asked(items, ask("home", "w"), events=Dataset(items, events)), Allowed.everything(13, 1), 5)
    assert [items.ids[int(row)] for row in found.item] == ["lantern"]


def test_a_new_item_is_new_in_the_very_hour_in_which_it_came() -> None:
    new = NewItems().fit(DATA)
    old = block(DATA, [ask("home", as_of=NOW)])
    assert not len(new.retrieve(old, Allowed.everything(12, 1), 5))
    items = grown(DATA.catalogue, lantern={"title": "lantern", "created_at": NOW + 600})
    later = new.over(step(items))
    asking = asked(items, ask("home", as_of=NOW + 601))
    assert [items.ids[int(row)] for row in later.retrieve(asking, Allowed.everything(13, 1), 5).item] == ["lantern"]


@pytest.mark.parametrize("seed", range(4))
def test_two_logs_counted_apart_are_one_log(seed: int) -> None:
    dice = Random(seed)
    kinds = ("interest", "click", "purchase", "impression")
    rows = [(0, dice.randrange(4), START + dice.uniform(0, 3_000) * HOUR, dice.choice(kinds[1:])) for _ in range(60)]
    rows.sort(key=lambda row: row[2])
    one, items = Counters.of(log(rows), 4), np.arange(4)
    wrong = Counters.of(log(rows[:7]), 4)
    parts = Counters.of(log(rows[:35]), 4).plus(wrong).plus(Counters.of(log(rows[35:]), 4))
    for as_of in (np.nan, *(START + hours * HOUR for hours in (100, 1_500, 2_000, 9_999))):
        for kind in kinds:
            np.testing.assert_allclose(parts.count(items, as_of, kind), one.count(items, as_of, kind))
            np.testing.assert_allclose(parts.windowed(items, as_of, 240, kind), one.windowed(items, as_of, 240, kind))
            np.testing.assert_array_equal(parts.last(items, as_of, kind), one.last(items, as_of, kind))
            np.testing.assert_array_equal(parts.first(items, as_of, kind), one.first(items, as_of, kind))
        np.testing.assert_allclose(parts.decayed(items, as_of, 7.0), one.decayed(items, as_of, 7.0), rtol=1e-9)
    assert (parts.begin, parts.end) == (one.begin, one.end)
    assert parts.usual == Counters.of(log(rows[:35]), 4).usual, "the scale stays what the ranker learned"
