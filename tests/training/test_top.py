"""Whether the top is read again is decided on requests that did not teach its weight; how much it reads comes from the milliseconds."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from aisle.core.candidates import Candidates
from aisle.evaluation.replay import Replay
from aisle.fusion.recall import Recall
from aisle.fusion.stack import Stack
from aisle.fusion.top import read
from aisle.query.understand import understand
from aisle.ranking.calibrate import Calibrator
from aisle.ranking.logistic import Logistic
from aisle.testing.toys import catalogue
from aisle.text.cross import Cross
from aisle.training import top
from aisle.training.frames import Frame
from aisle.training.top import Topped, choose_top
from tests.training.shelves import WIDE, shelf

ITEMS = catalogue({str(number): {"title": f"item {number}"} for number in range(WIDE)})


class Knowing(Cross):
    """Knows what each query wants in a ``share`` of them, and guesses in the others."""

    def __init__(self, share: float, wanted: dict[str, int]) -> None:
        self.share, self.wanted = share, wanted

    def score(self, query: str, texts: Sequence[str]) -> NDArray[np.float32]:
        random = np.random.default_rng(int(query.split()[1]))
        scores = random.random(len(texts))
        if random.random() < self.share:
            scores += [3.0 * (text == f"item {self.wanted[query]}") for text in texts]
        return scores.astype(np.float32)


def frames() -> dict[int, Frame]:
    """Windows 3 and 4: one source that is right in a third of the requests."""
    found = {}
    for window in (3, 4):
        made = shelf(200, window, (0.3, 0.0), task="search")
        requests = [replace(one, surface="search", query=f"q {1_000 * window + place}") for place, one in enumerate(made.replay.requests)]
        found[window] = replace(made, replay=replace(made.replay, requests=requests))
    return found


def chosen(share: float, monkeypatch: pytest.MonkeyPatch, ms: float = 10.0, planned: int = 0, ranker: bool = True) -> Topped:
    made = frames()
    wanted = {str(one.replay.requests[r].query): int(item) for one in made.values() for r, item in _wanted(one)}

    def framed(pipeline: object, stack: object, asked: Replay, *_: object, **__: object) -> Frame:
        return next(one for one in made.values() if one.replay is asked)

    monkeypatch.setattr(top, "frame", framed)
    monkeypatch.setattr(top, "milliseconds", lambda *_: 1.0)
    monkeypatch.setattr(Replay, "sample", lambda self, most, seed: self)
    recall = Recall(("s0",))
    recall.theta_ = np.array([1.0, 0.0])
    model: Any = _Nothing() if ranker else None
    stack = Stack("search", ("s0",), recall, ("s0_share",), model, Calibrator(), Calibrator(), 0.0)
    pipeline: Any = SimpleNamespace(catalogue=ITEMS, understand=understand)
    return choose_top(pipeline, stack, Knowing(share, wanted), {window: one.replay for window, one in made.items()}, ms, planned, 7)


class _Nothing(Logistic):
    def score(self, x: NDArray[np.float32]) -> NDArray[np.float32]:
        return np.zeros(len(x), np.float32)


def _wanted(frame: Frame) -> list[tuple[int, int]]:
    return list(zip(frame.replay.truth.request.tolist(), frame.replay.truth.item.tolist(), strict=True))


def test_one_that_knows_is_kept_and_the_gain_is_shown_beside_the_cost(monkeypatch: pytest.MonkeyPatch) -> None:
    found = chosen(0.8, monkeypatch, ms=20.0)
    assert found.top is not None and found.row is not None and found.row.kept and found.first == found.top.first == 20
    figures = {figure.model: figure for figure in found.figures}
    without, again, gain = (figures[name].test for name in ("fused", "fused_read_again", "gain_of_reading_again"))
    assert without is not None and again is not None and gain is not None
    assert gain.low > 0.1 and again.value - without.value == pytest.approx(gain.value)
    cost = figures["cost_of_reading_again"].test
    assert cost is not None and cost.value == pytest.approx(20.0)
    assert figures["fused"].development is not None and figures["fused"].development.n == 100, "half of window 3 taught the weight"


def test_one_that_guesses_is_left_out_and_told(monkeypatch: pytest.MonkeyPatch) -> None:
    found = chosen(0.0, monkeypatch)
    assert found.top is None and found.row is not None and not found.row.kept
    assert "left out" in found.row.why and found.figures


@pytest.mark.parametrize(("ms", "planned", "first"), [(10.0, 0, 10), (3.5, 0, 3), (999.0, 0, top.DEEPEST), (10.0, 4, 4)])
def test_the_milliseconds_or_the_plan_say_how_many_are_read(ms: float, planned: int, first: int, monkeypatch: pytest.MonkeyPatch) -> None:
    assert chosen(0.8, monkeypatch, ms, planned).first == first


def test_no_time_for_two_or_a_ranker_that_learned_nothing_leave_it_out(monkeypatch: pytest.MonkeyPatch) -> None:
    slow, plain = chosen(0.8, monkeypatch, ms=1.5), chosen(0.8, monkeypatch, ranker=False)
    assert slow.top is None and slow.row is not None and "no time for two" in slow.row.why
    assert plain.top is None and plain.row is not None and "has learned nothing" in plain.row.why


def test_what_only_a_deep_page_sees_is_never_read() -> None:
    wanted = {"q 1": 0}
    columns = {"score": np.float32([0.1, 0.9, 0.5]), "beyond": np.float32([0, 1, 0])}
    held = Candidates(np.array([0, 3]), np.array([0, 1, 2], np.int32), columns)
    found = read(Knowing(1.0, wanted), 2, [understand("q 1")], held, ITEMS)
    assert np.isfinite(found).tolist() == [True, False, True]
    assert np.isnan(read(Knowing(1.0, wanted), 2, [None], held, ITEMS)).all()
