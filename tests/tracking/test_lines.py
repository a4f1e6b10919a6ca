"""The JSON lines: what is written is read again, also after a kill and by the run that goes on."""

from __future__ import annotations

import json
from pathlib import Path

from aisle.tracking.lines import JsonLines, read


def test_points_and_facts_are_lines_as_documented(tmp_path: Path) -> None:
    sink = JsonLines(tmp_path / "deep" / "run.jsonl")
    sink.fact("data", {"fingerprint": "abc"})
    sink.point("fit sasrec", 0, {})
    sink.point("fit sasrec", 1, {"loss": 2.5})
    lines = [json.loads(line) for line in sink.path.read_text(encoding="utf-8").splitlines()]
    assert all(line.pop("at") >= 0 for line in lines)
    assert lines == [
        {"kind": "fact", "name": "data", "value": {"fingerprint": "abc"}},
        {"kind": "begin", "part": "fit sasrec", "step": 0},
        {"kind": "point", "part": "fit sasrec", "step": 1, "loss": 2.5},
    ]


def test_values_of_one_step_come_together_and_the_newest_fact_counts(tmp_path: Path) -> None:
    sink = JsonLines(tmp_path / "run.jsonl")
    sink.point("a", 10, {"loss": 1.0})
    sink.point("a", 10, {"development": 0.5})
    sink.fact("settings", 1)
    sink.fact("settings", 2)
    found = read(sink.path)
    assert found.parts == {"a": {10: {"loss": 1.0, "development": 0.5}}} and found.facts == {"settings": 2}


def test_a_part_that_begins_again_forgets_and_one_that_goes_on_keeps(tmp_path: Path) -> None:
    sink = JsonLines(tmp_path / "run.jsonl")
    for step in (1, 2, 3):
        sink.point("afresh", step, {"loss": 9.0})
        sink.point("taken up", step, {"loss": float(step)})
    sink.point("afresh", 0, {})
    sink.point("afresh", 1, {"loss": 1.0})
    sink.point("taken up", 2, {})
    found = read(sink.path).parts
    assert found["afresh"] == {1: {"loss": 1.0}}
    assert found["taken up"] == {1: {"loss": 1.0}, 2: {"loss": 2.0}}, "step 3 was made after the checkpoint"


def test_a_line_cut_by_a_kill_is_passed_over_and_no_file_is_no_curve(tmp_path: Path) -> None:
    sink = JsonLines(tmp_path / "run.jsonl")
    sink.point("a", 1, {"loss": 1.0})
    with sink.path.open("a", encoding="utf-8") as file:
        file.write('{"kind": "point", "part": "a", "st')
    assert read(sink.path).parts == {"a": {1: {"loss": 1.0}}}
    assert read(tmp_path / "none.jsonl").parts == {}
