"""Search by the tokens' vectors: kept beside the vectors, moved with them, guessed where a text is new, left out where nobody reads."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest

from aisle.core.catalogue import Catalogue
from aisle.core.events import Dataset
from aisle.core.overlay import Overlaid
from aisle.core.stage import Allowed
from aisle.core.strings import Strings
from aisle.query.understand import understand
from aisle.retrieval.dense import Dense
from aisle.retrieval.late import LateInteraction, without_tokens
from aisle.retrieval.later_vectors import rewritten
from aisle.retrieval.vectors import ItemVectors
from aisle.testing import toys
from aisle.testing.blocks import ask, block
from aisle.text.encoder import Kind, Read
from aisle.text.ngram import NgramEncoder
from aisle.text.token_head import TokenHead

DATA = toys.bilingual()
ROWS = np.arange(12, dtype=np.int32)


class WordByWord(NgramEncoder):
    """Tells n-grams of each word as its state; counts the texts that it read."""

    head: TokenHead | None = None
    tells_states = True
    texts = 0

    def read(self, texts: Sequence[str], kind: Kind) -> Read:
        self.texts += len(texts)
        words = [text.split() or [text] for text in texts]
        states = [self.encode(some, kind) for some in words]
        starts = np.concatenate([[0], np.cumsum([len(some) for some in words])]).astype(np.int64)
        return Read(self.encode(texts, kind), np.concatenate([np.zeros((0, self.dimension), np.float32), *states]), starts)


@pytest.fixture
def vectors() -> ItemVectors:
    encoder = WordByWord(dimension=24).fit(list(DATA.catalogue.text("title")))
    return ItemVectors.of(encoder, DATA.catalogue, tokens=True)


def searched(source: LateInteraction, query: str) -> list[str]:
    found = source.retrieve(block(DATA, [ask("search", query=query)]), Allowed.everything(12, 1), 3)
    return [DATA.catalogue.ids[int(row)] for row in found.item]


def test_what_meets_every_word_of_the_query_comes_first(vectors: ItemVectors) -> None:
    assert searched(LateInteraction(vectors=vectors), "red lamp")[0] == "lamp_red"


def test_an_encoder_that_tells_no_tokens_leaves_the_source_silent() -> None:
    plain = ItemVectors.of(NgramEncoder(dimension=8).fit(["red lamp"]), DATA.catalogue, tokens=True)
    assert plain.tokens is None and plain.query_tokens("red lamp") is None
    assert not len(LateInteraction(vectors=plain).retrieve(block(DATA, [ask("search", query="red")]), Allowed.everything(12, 1), 3))


def test_a_rewritten_text_is_worth_what_its_whole_vector_lets_expect(vectors: ItemVectors) -> None:
    items = Overlaid(DATA.catalogue, cells={"title": {0: "Something else"}})
    waiting = rewritten(vectors, items.rewritten, {}, len(items))
    ready = rewritten(waiting, np.zeros(0, np.int32), {vectors.made_from: vectors.encode(items, items.rewritten)}, len(items))
    assert waiting.has_tokens(ROWS).tolist() == [False, *[True] * 11]
    one = block(DATA, [ask("search", query="red desk lamp")])
    old, late, new = (LateInteraction(vectors=each).retrieve(one, Allowed.everything(12, 1), 12) for each in (vectors, waiting, ready))
    assert 0 in old.item and 0 not in late.item and 0 in new.item
    assert vectors.tokens is not None
    intercept, slope = vectors.tokens.line
    cosine = ready.score(ready.query("red desk lamp"), ROWS[:1])
    np.testing.assert_allclose(new["score"][new.item == 0], (intercept + slope * cosine + 0.5 * cosine) / 1.5, rtol=1e-5)


def test_the_line_follows_what_tokens_say(vectors: ItemVectors) -> None:
    assert vectors.tokens is not None
    intercept, slope = vectors.tokens.line
    assert slope > 0 and abs(intercept + slope - 1) < 0.3, "an item is wholly like itself by both"


def test_another_catalogue_reads_again_only_what_changed(vectors: ItemVectors) -> None:
    encoder = vectors.encoder
    assert isinstance(encoder, WordByWord)
    before, encoder.texts = DATA.catalogue, 0
    titles = [str(before.texts["title"][row]) for row in range(12)]
    titles[3] = "Green garden hose"
    order = list(reversed(range(12)))
    texts = {name: Strings.of([str(column[row]) for row in order]) for name, column in before.texts.items() if name != "title"}
    after = Catalogue(Strings.of([before.ids[row] for row in order]), {**texts, "title": Strings.of([titles[row] for row in order])}, {})
    moved, count = vectors.moved(before, after)
    assert count == 1 and encoder.texts == 1 and moved.tokens is not None and vectors.tokens is not None
    fresh = ItemVectors.of(encoder, after, tokens=True).tokens
    assert fresh is not None and len(moved.tokens) == 12
    for place, row in enumerate(order):
        if row != 3:
            np.testing.assert_array_equal(moved.tokens.of(place), vectors.tokens.of(row))


def test_tokens_are_written_with_the_vectors_and_left_out_where_nobody_reads_them(vectors: ItemVectors, tmp_path: Path) -> None:
    late, dense = LateInteraction(vectors=vectors), Dense(vectors=vectors)
    for source in (late, dense):
        (tmp_path / "with" / source.name).mkdir(parents=True)
        source.save(tmp_path / "with" / source.name)
    again = LateInteraction.load(tmp_path / "with" / "late_interaction", DATA.catalogue).vectors_
    assert again.tokens is not None and vectors.tokens is not None
    np.testing.assert_array_equal(again.tokens.tokens, vectors.tokens.tokens)
    asked = vectors.query_tokens("red lamp")
    assert asked is not None
    np.testing.assert_array_equal(again.tokens.score(asked, ROWS), vectors.tokens.score(asked, ROWS))
    less = without_tokens({"dense": dense})["dense"]
    assert isinstance(less, Dense) and less.vectors_.tokens is None
    (tmp_path / "without" / "dense").mkdir(parents=True)
    less.save(tmp_path / "without" / "dense")
    assert Dense.load(tmp_path / "without" / "dense", DATA.catalogue).vectors_.tokens is None


def test_a_better_spelling_is_what_is_asked(vectors: ItemVectors) -> None:
    from dataclasses import replace

    late = LateInteraction(vectors=vectors)
    one = block(Dataset(DATA.catalogue, DATA.events), [ask("search", query="red lapm")])
    one.queries = [replace(understand("red lapm"), correction="red lamp")]
    found = late.retrieve(one, Allowed.everything(12, 1), 3)
    assert DATA.catalogue.ids[int(found.item[0])] == "lamp_red"
