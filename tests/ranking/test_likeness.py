"""How alike a candidate is to what its user last took: worked by hand, missing where nothing is known, one request as in a block."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from aisle.core.candidates import Candidates
from aisle.core.profiles import Profiles, Slices
from aisle.core.request import Request
from aisle.core.stage import Block
from aisle.ranking.likeness import READ, Likeness
from aisle.schema import EVENT_CODE

NAN = np.nan
VECTORS = np.array([[1, 0], [0, 1], [0.6, 0.8], [0, 0]], np.float16)
CLICK = float(EVENT_CODE["click"])


class Held:
    """Vectors at hand."""

    def __init__(self, vectors: NDArray[np.float16]) -> None:
        self.vectors = vectors

    def __len__(self) -> int:
        return len(self.vectors)

    def take(self, rows: NDArray[np.integer]) -> NDArray[np.float32]:
        return self.vectors[rows].astype(np.float32)


def like(vectors: NDArray[np.float16] = VECTORS) -> Likeness:
    return Likeness(Held(vectors))


def block(*pasts: list[int], seeds: Slices | None = None) -> Block:
    """A request for each past, the newest item last."""
    n, offsets = len(pasts), np.concatenate([[0], np.cumsum([len(past) for past in pasts])]).astype(np.int64)
    age = np.concatenate([np.arange(len(past))[::-1] for past in pasts]).astype(float)
    item = np.concatenate([np.array(past, np.int32) for past in pasts])
    stranger = Profiles.strangers(n)
    recent = Slices(offsets, item, {"age": age, "type": np.full(len(item), CLICK)})
    profiles = Profiles(recent, stranger.owned, stranger.dismissed, {}, stranger.price, np.diff(offsets).astype(float), stranger.idle)
    requests = [Request(f"r{number}", "home") for number in range(n)]
    return Block(requests, np.full(n, NAN), [None] * n, profiles, Slices.none(n) if seeds is None else seeds, Slices.none(n))


def candidates(*lists: list[int]) -> Candidates:
    return Candidates.of([np.array(one, np.int32) for one in lists], score=[np.zeros(len(one), np.float32) for one in lists])


def test_the_last_item_and_the_nearest_one_by_hand() -> None:
    found = like()(block([0, 1]), candidates([0, 1, 2]))
    np.testing.assert_allclose(found["alike_last"], [0, 1, 0.8], atol=1e-3)
    np.testing.assert_allclose(found["alike_most"], [1, 1, 0.8], atol=1e-3)


def test_a_stranger_an_item_without_text_and_one_of_later_are_missing_not_zero() -> None:
    found = like()(block([], [0]), candidates([0], [0, 3, 9]))
    assert np.array_equal(np.isnan(found["alike_last"]), [True, False, True, True])
    assert np.array_equal(np.isnan(found["alike_most"]), [True, False, True, True])


def test_a_history_item_without_text_is_like_nothing_and_hides_no_other() -> None:
    found = like()(block([0, 3]), candidates([0]))
    assert found["alike_last"].tolist() == found["alike_most"].tolist() == [1]
    assert np.isnan(like()(block([3]), candidates([0]))["alike_most"]).all()


def test_a_page_that_starts_from_an_item_is_compared_with_that_item() -> None:
    seeds = Slices(np.array([0, 1]), np.array([1], np.int32), {})
    np.testing.assert_allclose(like()(block([0], seeds=seeds), candidates([1]))["alike_last"], [1])


def test_one_request_reads_as_it_does_in_a_block() -> None:
    dice = np.random.default_rng(2)
    vectors = dice.normal(size=(30, 8))
    vectors = (vectors / np.linalg.norm(vectors, axis=1, keepdims=True)).astype(np.float16)
    pasts, lists = [dice.integers(0, 30, k).tolist() for k in (3, 0, READ + 5)], [dice.permutation(30)[:7].tolist() for _ in range(3)]
    together = like(vectors)(block(*pasts), candidates(*lists))
    for name, values in together.items():
        alone = [like(vectors)(block(past), candidates(one))[name] for past, one in zip(pasts, lists, strict=True)]
        np.testing.assert_allclose(np.concatenate(alone), values, rtol=1e-6)


def test_a_text_that_is_still_to_be_encoded_is_like_nothing_and_hides_no_other() -> None:
    waiting = np.array([[1, 0], [NAN, NAN], [0.6, 0.8]], np.float16)
    found = like(waiting)(block([0, 1], [0]), candidates([0, 2], [1]))
    np.testing.assert_allclose(found["alike_last"], [1, 0.6, NAN], atol=1e-3)
    np.testing.assert_allclose(found["alike_most"], [1, 0.6, NAN], atol=1e-3)
