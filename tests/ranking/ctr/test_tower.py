"""The position's tower: learned beside the net, left out when serving, and the net is the freer of position for it."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from aisle.core.errors import InputError
from aisle.ranking.ctr.examples import Column, Examples
from aisle.testing.ctr import additive
from tests.ranking.ctr.small import small

SEEN = np.array([0.9, 0.3])


def ranked(rows: int = 8_000, seed: int = 7) -> Examples:
    """Two items, truly clicked at 60 and 40 % when seen. The worse stands at the top, where 90 % look, four times out of five; at the
    bottom 30 % look."""
    dice = np.random.default_rng(seed)
    item = dice.integers(0, 2, rows)
    bottom = (dice.random(rows) < 0.8) == (item == 0)
    label = (dice.random(rows) < np.array([0.6, 0.4])[item] * SEEN[bottom.astype(int)]).astype(float)
    categories = {"item": Column(item.astype(np.int32), ["good", "bad"]), "position": Column(bottom.astype(np.int32), ["0", "1"])}
    return Examples(categories, {}, label)


def test_without_position_the_worse_item_seems_better_and_with_the_tower_it_does_not() -> None:
    shown = ranked()
    asked = Examples({"item": Column(np.array([0, 1], np.int32), ["good", "bad"])}, {}, np.zeros(2))
    naive = small("lr", epochs=4).fit(shown.without("position")).score(asked)
    freed = small("lr", epochs=4, tower="position").fit(shown).score(asked)
    assert naive[0] < naive[1]
    assert freed[0] > freed[1]


def test_position_is_not_needed_when_serving_and_changes_nothing() -> None:
    shown = ranked(2_000)
    model = small("deepfm", epochs=2, tower="position").fit(shown)
    assert np.array_equal(model.score(shown), model.score(shown.without("position")))
    assert model.score(shown).mean() == pytest.approx(shown.label.mean(), abs=0.03), "the tower's mean stays in the bias"


def test_what_the_tower_learned_is_how_much_less_the_bottom_is_looked_at() -> None:
    """Of what is clicked at 60 and 40 % when seen, 54 and 36 % are at the top, 18 and 12 % at the bottom: 1.7 and 1.4 in logits."""
    model = small("lr", epochs=4, tower="position").fit(ranked())
    added = model.tower_
    assert set(added) == {"0", "1"}
    assert added["0"] - added["1"] == pytest.approx(1.6, abs=0.25)
    assert small("lr", epochs=1).fit(ranked(500).without("position")).tower_ == {}


def test_an_unknown_tower_is_named() -> None:
    with pytest.raises(InputError, match="`place`"):
        small("lr", tower="place").fit(replace(additive(200)))
