"""Finished parts: taken up, made again when cut off, kept only where there is room; and decisions that stand."""

from __future__ import annotations

import json
from collections import namedtuple
from pathlib import Path

import pytest

from aisle.tracking import Tracker
from aisle.training.parts import Parts


class Number:
    """A part that is one number in a file."""

    def __init__(self, value: int) -> None:
        self.value = value

    def save(self, folder: Path) -> None:
        folder.mkdir(parents=True)
        (folder / "value").write_text(str(self.value))

    @classmethod
    def load(cls, folder: Path) -> Number:
        return cls(int((folder / "value").read_text()))


def never() -> Number:
    raise AssertionError("this part was finished already")


def notes(record: Path) -> list[dict[str, object]]:
    return [json.loads(line) for line in record.read_text().splitlines()] if record.exists() else []


def test_a_finished_part_is_taken_up_and_the_record_says_so(tmp_path: Path) -> None:
    record = tmp_path / "run.jsonl"
    first = Parts(tmp_path / "work", {"data": 1}, Tracker(record, quiet=True))
    assert first.get("a", Number.load, lambda: Number(7)).value == 7
    assert first.get("a", Number.load, never).value == 7
    assert notes(record) == [], "what this run made itself is not taken up"
    second = Parts(tmp_path / "work", {"data": 1}, Tracker(record, quiet=True))
    assert second.get("a", Number.load, never).value == 7
    assert notes(record) == [{"part": "a", "taken_up": True}]


@pytest.mark.parametrize("key", [{"data": 2}, {"data": 1, "settings": {"seed": 8}}])
def test_other_data_or_settings_start_afresh(tmp_path: Path, key: dict[str, object]) -> None:
    Parts(tmp_path / "work", {"data": 1}).get("a", Number.load, lambda: Number(7))
    other = Parts(tmp_path / "work", key)
    assert not other.holds("a")
    assert other.get("a", Number.load, lambda: Number(8)).value == 8


def test_a_part_that_was_cut_off_is_made_again(tmp_path: Path) -> None:
    class Broken(Number):
        def save(self, folder: Path) -> None:
            super().save(folder)
            raise OSError(28, "No space left on device")

    parts = Parts(tmp_path / "work", {})
    with pytest.raises(OSError, match="No space"):
        parts.get("a", Number.load, lambda: Broken(1))
    assert not parts.holds("a")
    assert Parts(tmp_path / "work", {}).get("a", Number.load, lambda: Number(2)).value == 2


def test_what_only_saves_time_is_not_kept_on_a_full_disk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    usage = namedtuple("usage", "total used free")
    monkeypatch.setattr("shutil.disk_usage", lambda _: usage(100, 50, 50))
    parts = Parts(tmp_path / "work", {}, Tracker(tmp_path / "run.jsonl", quiet=True))
    assert parts.get("a", Number.load, lambda: Number(1), spare=lambda _: 40).value == 1
    assert not parts.holds("a")
    assert {"part": "a", "kept": False} in notes(tmp_path / "run.jsonl")
    parts.get("b", Number.load, lambda: Number(1), spare=lambda _: 4)
    assert parts.holds("b")


def test_a_part_remembers_how_long_it_took(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    times = iter([10.0, 13.5])
    monkeypatch.setattr("aisle.training.parts.perf_counter", lambda: next(times))
    parts = Parts(tmp_path / "work", {})
    assert parts.seconds("a") == 0
    parts.get("a", Number.load, lambda: Number(1))
    assert Parts(tmp_path / "work", {}).seconds("a") == 3.5


def test_a_decision_is_made_once(tmp_path: Path) -> None:
    assert Parts(tmp_path / "work", {}).decided("sizes", lambda: {"2": 50}) == {"2": 50}
    assert Parts(tmp_path / "work", {}).decided("sizes", lambda: {"2": 99}) == {"2": 50}
    assert Parts(tmp_path / "work", {"data": 2}).decided("sizes", lambda: {"2": 99}) == {"2": 99}


def test_nothing_is_left_when_the_bundle_is_written(tmp_path: Path) -> None:
    parts = Parts(tmp_path / "work", {})
    parts.get("a", Number.load, lambda: Number(1))
    parts.clear()
    assert not (tmp_path / "work").exists()
