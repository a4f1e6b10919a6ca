"""The page of figures: a part run again replaces its lines, every line shows its command."""

from __future__ import annotations

from pathlib import Path

import pytest

from benchmarks import results
from benchmarks.results import Figure, keep, main, page


def test_a_part_that_runs_again_replaces_its_lines(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(results, "LINES", tmp_path)
    keep("shop", [Figure("shop", "ndcg@10", 0.1, "make results")])
    keep("shop", [Figure("shop", "ndcg@10", 0.2, "make results")])
    lines = results.load(tmp_path / "shop.jsonl")
    assert [line["value"] for line in lines] == [0.2]


def test_every_figure_shows_its_interval_and_its_command() -> None:
    line = {"part": "shop", "figure": "ndcg@10", "value": 0.25, "low": 0.2, "high": 0.3, "n": 40, "note": "a protocol", "command": "make x"}
    text = page({"shop": [line]})
    assert "| ndcg@10 | 0.2500 | 0.2000 to 0.3000 | 40 | `make x` |" in text
    assert "- a protocol" in text


def test_a_page_without_figures_says_so() -> None:
    assert "Nothing has been measured yet." in page({})


def test_the_page_can_be_written_without_running_anything(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(results, "LINES", tmp_path)
    monkeypatch.setattr(results, "PAGE", tmp_path / "results.md")
    keep("shop", [Figure("shop", "hr@10", 0.5, "make results ONLY=shop")])
    main(["page"])
    assert "hr@10" in (tmp_path / "results.md").read_text(encoding="utf-8")


def test_an_unknown_part_is_refused() -> None:
    with pytest.raises(SystemExit, match="unknown part: nowhere"):
        main(["nowhere"])
