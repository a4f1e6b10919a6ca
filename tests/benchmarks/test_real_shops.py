"""A line of a real shop says what was held out, whichever order the requests stand in."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pytest

from benchmarks import real_shops
from benchmarks.folders import Folder, Pair, relevant
from benchmarks.real_shops import RealShop, split

PAIRS: list[Pair] = [({"surface": "home", "user_id": user}, relevant({item})) for user, item in (("a", "x"), ("b", "y"))]


def held_out(folder: Path, pairs: Sequence[Pair]) -> str:
    made = Folder(folder)
    made.protocol("later", pairs)
    return split(made, "later")


def test_the_split_is_known_whatever_order_requests_stand_in_and_another_truth_is_another(tmp_path: Path) -> None:
    one = held_out(tmp_path / "one", PAIRS)
    assert held_out(tmp_path / "two", PAIRS[::-1]) == one
    assert held_out(tmp_path / "three", [PAIRS[0], (PAIRS[1][0], relevant({"z"}))]) != one


def test_a_line_carries_protocol_ties_split_and_seed_and_the_training_its_seconds_and_memory(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def answered(*arguments: str) -> tuple[float, float]:
        if arguments[0] == "batch":
            Path(arguments[4]).write_text('{"items": [{"item_id": "x"}]}\n' * 2, encoding="utf-8")
        return 2.0, 100.0

    monkeypatch.setattr(real_shops, "WORK", tmp_path)
    monkeypatch.setattr(real_shops, "raw_data", lambda: tmp_path)
    monkeypatch.setattr(real_shops, "builders", lambda: {"toy": lambda raw, folder: folder.protocol("later", PAIRS)})
    monkeypatch.setattr(real_shops, "aisle", answered)
    lines = {figure.figure: figure for figure in RealShop("toy", 1, "the last item held out")()}
    assert lines["train: seconds"].value == 2 and lines["train: peak MB"].value == 100
    assert lines["later: hr@10"].value == 0.5
    wanted = f"the last item held out; equal scores by the item's row; split {split(Folder(tmp_path / 'toy'), 'later')}, seed 7"
    assert lines["later: hr@10"].note == wanted
