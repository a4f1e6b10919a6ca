"""What all that scores promises, a ranker over the feature matrix, a fuser over named columns: no score leans on its neighbours."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Protocol, Self

import numpy as np
from numpy.typing import NDArray

Matrix = NDArray[np.float32]
Scores = NDArray[np.float32]
ROWS, FEATURES, GROUP = 600, 4, 10


class Ranker(Protocol):
    """A fitted model over the feature matrix ``(n, f) float32``, NaN for missing."""

    name: str

    def score(self, x: Matrix) -> Scores: ...
    def save(self, folder: Path) -> None: ...


class Fuser(Protocol):
    """From named columns ``(n,) float32`` to one score ``(n,) float32``."""

    def score(self, columns: Mapping[str, Scores]) -> Scores: ...
    def save(self, folder: Path) -> None: ...
    @classmethod
    def load(cls, folder: Path) -> Self: ...


def lesson() -> tuple[Matrix, NDArray[np.float32]]:
    """``(600, 4)`` features, a tenth of them missing, and labels that follow the first one; the last one is noise."""
    dice = np.random.default_rng(7)
    x = dice.normal(size=(ROWS, FEATURES)).astype(np.float32)
    taken = (x[:, 0] + 0.3 * dice.normal(size=ROWS) > 0.5).astype(np.float32)
    x[dice.random(x.shape) < 0.1] = np.nan
    return x, taken


class RankerSuite:
    """Runs under pytest. A subclass fits its ranker on `lesson`, in groups of ten rows, and says how a saved one is opened."""

    def fitted(self) -> Ranker:
        """The ranker fitted on `lesson`."""
        raise NotImplementedError

    def opened(self, folder: Path) -> Ranker:
        """What `save` wrote."""
        raise NotImplementedError

    def test_it_learns_what_there_is_to_learn(self) -> None:
        x, taken = lesson()
        score = self.fitted().score(x)
        assert score.shape == (ROWS,) and score.dtype == np.float32 and np.isfinite(score).all()
        higher = score[taken == 1][:, None] > score[taken == 0][None, :]
        assert higher.mean() > 0.8, "the area under the curve on what it was fitted on"

    def test_a_score_does_not_lean_on_its_neighbours(self) -> None:
        x, _ = lesson()
        ranker = self.fitted()
        together = ranker.score(x)
        np.testing.assert_allclose([ranker.score(x[row : row + 1])[0] for row in range(20)], together[:20], rtol=1e-5)
        np.testing.assert_allclose(ranker.score(x[::-1])[::-1], together, rtol=1e-5)

    def test_missing_features_and_no_rows_are_no_accident(self) -> None:
        ranker = self.fitted()
        assert np.isfinite(ranker.score(np.full((3, FEATURES), np.nan, np.float32))).all()
        assert ranker.score(np.zeros((0, FEATURES), np.float32)).shape == (0,)

    def test_fitting_twice_gives_the_same(self) -> None:
        x, _ = lesson()
        np.testing.assert_allclose(self.fitted().score(x), self.fitted().score(x), rtol=1e-6)

    def test_a_saved_ranker_scores_the_same(self, tmp_path: Path) -> None:
        x, _ = lesson()
        ranker = self.fitted()
        ranker.save(tmp_path)
        np.testing.assert_allclose(self.opened(tmp_path).score(x), ranker.score(x), rtol=1e-5, atol=1e-6)


class FuserSuite:
    """Runs under pytest. A subclass hands in a fitted fuser and columns as it reads them."""

    def fitted(self) -> Fuser:
        """The fuser."""
        raise NotImplementedError

    def columns(self) -> Mapping[str, Scores]:
        """Columns ``(n,)`` of at least three candidates, some of them NaN, the first candidate the best in every one."""
        raise NotImplementedError

    def pick(self, rows: Sequence[int]) -> dict[str, Scores]:
        """The columns of some of the candidates."""
        return {name: values[list(rows)] for name, values in self.columns().items()}

    def test_the_best_everywhere_stays_the_best(self) -> None:
        score = self.fitted().score(self.columns())
        assert np.isfinite(score).all() and score.argmax() == 0

    def test_a_score_does_not_lean_on_its_neighbours(self) -> None:
        fuser, columns = self.fitted(), self.columns()
        together = fuser.score(columns)
        for row in range(len(together)):
            np.testing.assert_allclose(fuser.score(self.pick([row])), together[row : row + 1], rtol=1e-6)

    def test_a_source_that_is_left_out_is_missing_and_not_an_error(self) -> None:
        fuser, columns = self.fitted(), self.columns()
        for gone in columns:
            left = {name: values for name, values in columns.items() if name != gone}
            assert np.isfinite(fuser.score(left)).all()

    def test_no_candidates_give_no_scores(self) -> None:
        assert len(self.fitted().score(self.pick([]))) == 0

    def test_a_saved_fuser_scores_the_same(self, tmp_path: Path) -> None:
        fuser = self.fitted()
        fuser.save(tmp_path)
        np.testing.assert_allclose(type(fuser).load(tmp_path).score(self.columns()), fuser.score(self.columns()), rtol=1e-6)
