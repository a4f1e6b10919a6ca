"""What the sources say together, worked by hand."""

from __future__ import annotations

import numpy as np

from aisle.ranking.features import agreement

NAN = np.nan


def test_many_middling_voices_sum_to_more_than_one_loud_one() -> None:
    ranks = np.array([[0, 5, NAN], [NAN, 5, NAN], [NAN, 10, NAN]])
    shares = np.array([[1, 0.5, NAN], [NAN, 0.5, NAN], [NAN, 0.25, NAN]], np.float32)
    found = agreement(shares, np.log1p(ranks).astype(np.float32))
    assert found["sources_agreeing"].tolist() == [1, 3, 0]
    np.testing.assert_allclose(found["best_rank"], np.log1p([0, 5, NAN]), rtol=1e-6)
    np.testing.assert_allclose(found["places_summed"], [1, 1 / 2 + 1 / 2 + 1 / 3, 0], rtol=1e-6)
    np.testing.assert_allclose(found["shares_summed"], [1, 1.25, 0])
