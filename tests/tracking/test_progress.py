"""Progress on the screen."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from aisle.tracking import Tracker
from aisle.training.process import Process


def test_on_a_narrow_screen_words_wrap_and_numbers_stay_whole(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    with Tracker() as tracker, tracker.part("search: the logged pages in the fused order", 34_970) as advance:
        advance(34_970)
    shown = capsys.readouterr().err
    assert "…" not in shown
    assert "34970/34970" in shown and len(re.findall(r"\d:\d\d:\d\d", shown)) == 2


SPEAKS = """
from aisle.tracking.spoken import say
say(part="pairs", of=2)
say(point="pairs", step=1, values={"loss": 1.23456, "rate": 0.0002})
say(point="pairs", step=1, values={"per_second": 12.0})
say(part="pairs", of=2)
"""


def test_a_training_apart_shows_its_loss_and_rate_beside_steps_and_time(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    pytest.importorskip("torch", reason="the training extra is not installed")
    monkeypatch.setenv("COLUMNS", "160")
    monkeypatch.setenv("PYTHONPATH", f"{tmp_path}:{Path(__file__).parents[2] / 'src'}")
    (tmp_path / "speaks.py").write_text(SPEAKS)
    with Tracker() as tracker:
        assert Process("speaks", tmp_path, 60.0, "encoder", {"pairs": "learn"}, "It failed", "").run(tracker)
    shown = capsys.readouterr().err
    assert "encoder: learn: loss 1.235, rate 2.0e-04" in shown and "2/2" in shown
    assert list(tracker.seconds) == ["encoder: learn"]


def test_what_has_no_bar_is_passed_over() -> None:
    Tracker(quiet=True).beside("nothing", "loss 1")
