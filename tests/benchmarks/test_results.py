"""The page of figures: a part run again replaces its lines, every figure shows its command, every target is one that a part measures."""

from __future__ import annotations

from pathlib import Path

import pytest

from benchmarks import figures, results
from benchmarks.figures import Figure, Lines, keep, weighed
from benchmarks.measure import load
from benchmarks.page import page, short, targets
from benchmarks.results import known, main, measurer

LINE = {"part": "shop", "figure": "ndcg@10", "value": 0.25, "low": 0.2, "high": 0.3, "n": 1_040, "note": "a protocol", "command": "make x"}
WANTED = {"title": "Order", "part": "shop", "figure": "ndcg@10", "source": "the best so far .2"}


def test_a_part_that_runs_again_replaces_its_lines(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(figures, "LINES", tmp_path)
    keep("shop", [Figure("shop", "ndcg@10", 0.1, "make results")])
    keep("shop", [Figure("shop", "ndcg@10", 0.2, "make results")])
    assert [line["value"] for line in load(tmp_path / "shop.jsonl")] == [0.2]


def test_every_figure_shows_its_interval_and_its_command() -> None:
    text = page({"shop": [LINE]}, [])
    assert "| ndcg@10 | 0.2500 | 0.2000 to 0.3000 | 1,040 | a protocol |" in text
    assert "    make x\n" in text


def test_a_note_that_figures_share_is_said_once() -> None:
    text = page({"shop": [LINE, LINE | {"figure": "hr@10"}]}, [])
    assert text.count("a protocol") == 1


@pytest.mark.parametrize(
    ("bound", "said"),
    [({"least": 0.2}, "yes"), ({"least": 0.26}, "**no**"), ({"most": 0.2}, "**no**"), ({"most": 0.2, "of": "low"}, "yes")],
)
def test_a_target_is_compared_with_what_was_measured(bound: dict[str, object], said: str) -> None:
    assert f"| {said} | the best so far .2 |" in page({"shop": [LINE]}, [WANTED | bound])


def test_what_was_not_measured_is_not_reached() -> None:
    text = page({}, [WANTED | {"least": 0.2}])
    assert "| not measured |" in text
    assert "0 of 1 are reached, 1 are not measured yet." in text
    assert "Nothing has been measured yet." in text


def test_a_missing_number_reaches_no_target() -> None:
    assert "| **no** |" in page({"shop": [LINE | {"value": float("nan")}]}, [WANTED | {"most": 3}])


def test_every_target_names_a_part_and_one_bound() -> None:
    for target in targets():
        assert target["part"] in known()
        assert ("least" in target) != ("most" in target)
    names = [(target["part"], target["figure"]) for target in targets()]
    assert len(set(names)) == len(names)


@pytest.mark.parametrize("name", known())
def test_every_part_can_be_measured(name: str) -> None:
    assert callable(measurer(name))


@pytest.mark.parametrize(("value", "said"), [(0.5, "0.5000"), (12.345, "12.35"), (1_234.6, "1,235"), (0.0, "0"), (float("nan"), "none")])
def test_numbers_are_short(value: float, said: str) -> None:
    assert short(value) == said


def test_the_page_can_be_written_without_measuring(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(figures, "LINES", tmp_path)
    monkeypatch.setattr(results, "PAGE", tmp_path / "results.md")
    keep("shop", [Lines("shop").one("hr@10", 0.5)])
    main(["page"])
    assert "| hr@10 | 0.5000 |" in (tmp_path / "results.md").read_text(encoding="utf-8")


def test_an_unknown_part_is_refused() -> None:
    with pytest.raises(SystemExit, match="unknown part: nowhere"):
        main(["nowhere"])


def test_a_command_is_weighed_by_itself_whatever_the_size_of_this_process(tmp_path: Path) -> None:
    weight = bytearray(400_000_000)
    seconds, peak = weighed(["python3", "-c", "x = bytearray(60_000_000)"], tmp_path)
    assert 0 < seconds < 30
    assert 60 < peak < len(weight) / 2**20 / 2


def test_a_command_that_fails_ends_the_run(tmp_path: Path) -> None:
    with pytest.raises(SystemExit, match="status 3"):
        weighed(["python3", "-c", "raise SystemExit(3)"], tmp_path)
