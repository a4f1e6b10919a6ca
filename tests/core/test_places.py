"""Places answer as a dictionary of the same texts would, without holding the texts."""

from __future__ import annotations

import tracemalloc

from hypothesis import given
from hypothesis import strategies as some

from aisle.core.places import Places
from aisle.core.strings import Strings


@given(some.lists(some.text(some.characters(codec="utf-8")), unique=True), some.lists(some.text(some.characters())))
def test_they_answer_as_a_dictionary(texts: list[str], asked: list[str]) -> None:
    places, known = Places(Strings.of(texts)), {text: row for row, text in enumerate(texts)}
    assert dict(places) == known and len(places) == len(known)
    assert all(places.get(text) == known.get(text) and places.get(text, -1) == known.get(text, -1) for text in [*texts, *asked])
    assert all((text in places) == (text in known) for text in asked) and 7 not in places


def test_what_came_since_stands_behind_and_changes_nothing_before() -> None:
    places = Places(Strings.of(["lamp", "pot"]))
    later = places.knowing({"cup": 2}).knowing({"rug": 3})
    assert dict(later) == {"lamp": 0, "pot": 1, "cup": 2, "rug": 3} and dict(places) == {"lamp": 0, "pot": 1}


def test_they_cost_a_quarter_of_a_dictionary() -> None:
    ids = Strings.of(f"item-{number}" for number in range(20_000))
    tracemalloc.start()
    try:
        places = Places(ids)
        held, _ = tracemalloc.get_traced_memory()
        dictionary = {text: row for row, text in enumerate(ids)}
        both, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert len(dictionary) == len(places) and held < (both - held) / 4
