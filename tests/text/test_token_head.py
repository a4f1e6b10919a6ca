"""Late interaction worked out by hand: what a token's vector is, what a query's tokens count, how alike texts are by them."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from aisle.text.token_head import Asked, TokenHead, likeness, together


def floats(*rows: object) -> np.ndarray:
    return np.array(rows, np.float32)


def test_a_text_is_as_alike_as_its_best_token_is_to_each_of_the_query_s() -> None:
    """The query's tokens count .75 and .25. The first text has (1, 0) and (.6, .8): 1 and .8; the second has (0, 1) alone: 0 and 1."""
    asked = Asked(floats([1, 0], [0, 1]), floats(0.75, 0.25))
    tokens = floats([1, 0], [0.6, 0.8], [0, 1])
    np.testing.assert_allclose(likeness(asked, tokens, np.array([0, 2])), [0.75 + 0.2, 0.25])


def test_a_token_keeps_the_named_directions_at_unit_length() -> None:
    head = TokenHead(floats([1, 0, 0], [0, 0, 2]), floats(0, 0, 0))
    np.testing.assert_allclose(head.tokens(floats([3, 100, 2])), [[0.6, 0.8]])
    assert head.size == 2


def test_tokens_count_alike_where_nothing_taught_it_and_by_what_was_learned_else() -> None:
    states = floats([1, 0], [0, 1], [1, 1])
    np.testing.assert_allclose(TokenHead.principal(states, 2).asked(states).weight, 1 / 3)
    taught = TokenHead(floats([1, 0], [0, 1]), floats(50, 0), -50.0).asked(states)
    assert taught.weight[1] == pytest.approx(0, abs=1e-6) and taught.weight.sum() == pytest.approx(1)


def test_the_directions_kept_are_those_in_which_states_are_largest() -> None:
    random = np.random.default_rng(1)
    states = (random.normal(size=(400, 5)) * [3, 0.01, 5, 0.02, 0.01]).astype(np.float32)
    head = TokenHead.principal(states, 2)
    unit = states / np.linalg.norm(states, axis=1, keepdims=True)
    lost = np.abs(np.linalg.norm(unit @ head.projection.T, axis=1) - 1)
    assert lost.mean() < 0.001 and np.abs(head.projection[:, [1, 3, 4]]).max() < 0.05


def test_a_head_is_the_same_after_saving(tmp_path: Path) -> None:
    head = TokenHead(floats([1, 2], [3, 4]), floats(5, 6), -1.5)
    head.save(tmp_path / "head.safetensors")
    again = TokenHead.load(tmp_path / "head.safetensors")
    np.testing.assert_array_equal(again.projection, head.projection)
    np.testing.assert_array_equal(again.weight, head.weight)
    assert again.bias == head.bias


def test_tokens_and_the_whole_are_worth_at_most_one() -> None:
    np.testing.assert_allclose(together(floats(1, 0), floats(1, 1)), [1, 1 / 3], rtol=1e-6)
