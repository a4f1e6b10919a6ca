"""The exclusive or tells apart what crosses categories from what only adds."""

from __future__ import annotations

import pytest

from aisle.ranking.ctr.net import KINDS
from aisle.testing.ctr import auc, exclusive
from tests.ranking.ctr.small import small


@pytest.mark.parametrize("kind", KINDS)
def test_only_what_crosses_categories_learns_an_exclusive_or(kind: str) -> None:
    found = auc(small(kind, epochs=12).fit(exclusive()), exclusive(1_000, seed=8))
    assert found > 0.9 if kind != "lr" else found < 0.6
