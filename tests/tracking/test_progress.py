"""Progress on the screen."""

from __future__ import annotations

import re

import pytest

from aisle.tracking import Tracker


def test_on_a_narrow_screen_words_wrap_and_numbers_stay_whole(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    with Tracker() as tracker, tracker.part("search: the logged pages in the fused order", 34_970) as advance:
        advance(34_970)
    shown = capsys.readouterr().err
    assert "…" not in shown
    assert "34970/34970" in shown and len(re.findall(r"\d:\d\d:\d\d", shown)) == 2
