"""Texts written after a bundle: found by the bundle's words and rarities, and an old text found no more."""

from __future__ import annotations

from random import Random

import numpy as np
import pytest

from aisle.core.catalogue import Catalogue
from aisle.core.overlay import Overlaid
from aisle.core.strings import Strings
from aisle.text.later import LaterTokens, rewritten
from aisle.text.tokens import Tokens

WORDS = ["red", "blue", "lamp", "sofa", "rug", "oak", "台灯", "茶壶", "50ml"]


def catalogue(*titles: str, brand: str = "Acme") -> Catalogue:
    ids = Strings.of(f"i{row}" for row in range(len(titles)))
    return Catalogue(ids, {"title": Strings.of(titles), "brand": Strings.of([brand] * len(titles))}, {})


def after(items: Catalogue, tokens: Tokens, **changes: str) -> tuple[Overlaid, LaterTokens]:
    """Titles by id, of new items or old ones."""
    new = [item for item in changes if item not in items.row_of]
    rows = {**items.row_of, **{item: len(items) + place for place, item in enumerate(new)}}
    later = Overlaid(items, new, {"title": {rows[item]: title for item, title in changes.items()}})
    return later, rewritten(tokens, later, later.rewritten.tolist())[0]


def scores(tokens: Tokens, *words: str, field: str = "title") -> list[float]:
    score = np.zeros(len(tokens), np.float32)
    tokens.fields[field].add(score, tokens.words.find(words), 1.0)
    return [round(float(value), 5) for value in tokens.fold(score)]


def test_a_new_title_scores_as_an_old_one_of_the_same_words() -> None:
    items = catalogue("red lamp", "blue lamp", "oak sofa")
    _, tokens = after(items, Tokens.fit(items), n1="red lamp", n2="blue rug")
    found = scores(tokens, "red", "lamp")
    assert found[3] == found[0] > found[1] > 0 and found[4] == 0


def test_a_title_written_anew_is_found_by_its_new_words_alone() -> None:
    items = catalogue("red lamp", "blue lamp", "oak sofa")
    base = Tokens.fit(items)
    later, one = after(items, base, i0="oak sofa")
    assert scores(one, "red", "lamp")[0] == 0 and scores(one, "oak")[0] == scores(one, "oak")[2] > 0
    _, two = after(later, one, i0="red lamp")
    assert scores(two, "red", "lamp") == scores(base, "red", "lamp") and scores(two, "oak")[0] == 0
    assert scores(one, "red", "lamp")[0] == 0, "the state before stays as it was"


def test_a_word_that_the_bundle_does_not_know_is_found_and_rare() -> None:
    items = catalogue("red lamp", "blue lamp", "oak sofa")
    base = Tokens.fit(items)
    _, tokens = after(items, base, n="zorblax lamp", i1="zorblax zorblax")
    found = scores(tokens, "zorblax")
    assert found[3] > 0 and found[1] > found[3] and found[0] == found[2] == 0
    assert found[3] > scores(tokens, "lamp")[3]
    assert base.words.get("zorblax") == -1 and len(base.words) < len(tokens.words)
    assert not tokens.common(tokens.words.get("zorblax"), 0.0) and tokens.common(tokens.words.get("lamp"), 0.5)


def test_what_the_features_read_is_the_text_as_it_is_now() -> None:
    items = catalogue("red lamp", "blue lamp", "oak sofa")
    _, tokens = after(items, Tokens.fit(items), n="oak rug red", i1="sofa")
    field = tokens.fields["title"]
    length, token = field.read(tokens.slots(np.array([3, 0, 1], np.int32)))
    assert [tokens.words.names[number] for number in token] == ["oak", "rug", "red", "red", "lamp", "sofa"]
    assert length.tolist() == [3, 2, 1]
    assert [tokens.plain[int(slot)] for slot in tokens.slots(np.array([0, 1, 3], np.int32))] == ["red lamp", "sofa", "oak rug red"]


def test_a_rarity_stays_what_the_ranker_learned() -> None:
    items = catalogue(*["red lamp"] * 9, "oak")
    base = Tokens.fit(items)
    _, tokens = after(items, base, **{f"n{number}": "oak" for number in range(30)})
    word = base.words.get("oak")
    assert tokens.fields["title"].idf[word] == base.fields["title"].idf[word] and tokens.rarest == base.rarest


@pytest.mark.parametrize("seed", range(6))
def test_any_edits_end_where_one_edit_of_the_same_texts_would(seed: int) -> None:
    dice = Random(seed)

    def title() -> str:
        return " ".join(dice.choices([*WORDS, "new", "words"], k=dice.randint(0, 5)))

    items: Catalogue = catalogue(*(title() or "x" for _ in range(8)))
    first, tokens = items, Tokens.fit(items)
    base, now = tokens, {}
    for step in range(8):
        changes = {f"i{dice.randrange(8)}": title() for _ in range(dice.randint(0, 3))}
        changes |= {f"n{step}": title()} if dice.random() < 0.6 else {}
        if changes:
            items, tokens = after(items, tokens, **changes)
            now |= changes
    if not now:
        return
    _, once = after(first, base, **now)
    for word in (*WORDS, "new", "words"):
        for field in ("title", "brand"):
            assert scores(tokens, word, field=field) == scores(once, word, field=field), (word, field)
    for name in ("grams", "pieces"):
        for word in once.vocabularies[name].names:
            a, b = (
                one.fold(np.bincount(one.fields[name].postings(one.vocabularies[name].get(word))[0], minlength=len(one)))
                for one in (tokens, once)
            )
            assert a.tolist() == b.tolist(), (name, word)


def described(items: Catalogue, tokens: Tokens, **texts: str | None) -> tuple[Overlaid, LaterTokens]:
    """Descriptions by id of items that are there."""
    later = Overlaid(items, [], {"description": {items.row_of[item]: text for item, text in texts.items()}})
    return later, rewritten(tokens, later, later.rewritten.tolist())[0]


def test_a_field_that_no_item_had_is_searched_from_its_first_text_on() -> None:
    items = catalogue("red lamp", "blue lamp", "oak sofa")
    base = Tokens.fit(items)
    assert "description" not in base.fields
    later, one = after(items, base, n="oak rug", i0="red sofa")
    assert "description" not in one.fields, "nobody described anything yet"
    later, two = described(later, one, i1="made of walnut", n="walnut and oak")
    found = scores(two, "walnut", field="description")
    assert found[0] == found[2] == 0 and found[1] == found[3] > 0
    assert scores(two, "lamp") == scores(one, "lamp"), "titles score as before"
    length, token = two.fields["description"].read(two.slots(np.arange(4, dtype=np.int32)))
    assert length.tolist() == [0, 3, 0, 3]
    assert [two.words.names[number] for number in token][-1] == "oak"
    _, three = described(later, two, i1="of oak", n=None, i2="walnut")
    assert [score > 0 for score in scores(three, "walnut", field="description")] == [False, False, True, False]


def test_a_field_that_began_later_scores_alike_in_whatever_steps_its_texts_came() -> None:
    items = catalogue("red lamp", "blue lamp", "oak sofa")
    base, texts = Tokens.fit(items), {"i0": "walnut and oak", "i1": "a very long text on oak and walnut and more oak", "i2": "red"}
    _, at_once = described(items, base, **texts)
    later, tokens = items, base
    for item in ("i1", "i2", "i0"):
        later, tokens = described(later, tokens, **{item: texts[item]})
    for word in ("walnut", "oak", "red"):
        assert scores(tokens, word, field="description") == scores(at_once, word, field="description")
    title, longer, longest = scores(base, "oak")[2], *scores(at_once, "oak", field="description")[:2]
    assert longer == pytest.approx(title * 1.5 / (1 + 0.5 * (0.5 + 0.5 * 3 / 2)), rel=1e-3), "three words, where two are usual in titles"
    assert 0 < longest < 2 * longer
