"""Where each task starts: all sources that can answer it alike, but for substitutes what the text says."""

from __future__ import annotations

import numpy as np
import pytest

from aisle.fusion.recall import Recall
from aisle.training.job import plain_stacks

NAMES = ("popularity", "item_knn", "markov", "ease", "content")


def score(recall: Recall, **told: tuple[float, float]) -> float:
    """What the recall side makes of an item: each source's share and place, 0 first."""
    shares = {f"{name}_share": np.array([share], np.float32) for name, (share, _) in told.items()}
    ranks = {f"{name}_rank": np.log1p(np.array([place], np.float32)) for name, (_, place) in told.items()}
    return float(recall.score({**shares, **ranks})[0])


def test_a_substitute_is_what_is_like_the_item_whatever_lay_in_baskets_beside_it() -> None:
    like = {"content": (0.5, 30)}
    beside = {"content": (0.1, 150), **dict.fromkeys(("item_knn", "markov", "ease"), (1.0, 0))}
    stacks = plain_stacks(NAMES)
    assert score(stacks["similar"].recall, **like) > score(stacks["similar"].recall, **beside)
    assert score(stacks["basket"].recall, **like) < score(stacks["basket"].recall, **beside)


@pytest.mark.parametrize("names", [NAMES[:-1], NAMES[-1:], ()])
def test_without_a_text_or_without_anything_else_all_weigh_the_same(names: tuple[str, ...]) -> None:
    recall = plain_stacks(names)["similar"].recall
    assert (recall.theta_ == Recall(recall.sources).theta_).all()
