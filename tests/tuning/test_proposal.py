"""The proposal: ready to paste, and put into aisle.toml without touching anything else in it."""

from __future__ import annotations

from pathlib import Path

import pytest

from aisle.core.errors import SettingsError
from aisle.settings import Tuned, load
from aisle.tuning.proposal import MARK, snippet, write

TUNED = Tuned.model_validate({"markov": {"decay": 0.4, "backward": 0.0}, "trees": {"epochs": 100}})
TABLES = "[tuned.markov]\nbackward = 0.0\ndecay = 0.4\n\n[tuned.trees]\nepochs = 100\n"
OWN = """# our shop
name = "Lamps"  # as on the door

[ranking]
# measured in May
candidates = 300
"""


def test_the_snippet_holds_what_differs_and_nothing_else() -> None:
    assert snippet(TUNED) == TABLES and snippet(Tuned()) == ""


def test_a_folder_without_settings_gets_them(tmp_path: Path) -> None:
    assert write(tmp_path, TUNED).read_text(encoding="utf-8") == f"{MARK}\n{TABLES}"
    assert load(tmp_path).tuned == TUNED


def test_everything_else_stays_as_it_was_written(tmp_path: Path) -> None:
    (tmp_path / "aisle.toml").write_text(OWN, encoding="utf-8")
    write(tmp_path, TUNED)
    assert (tmp_path / "aisle.toml").read_text(encoding="utf-8") == f"{OWN}\n{MARK}\n{TABLES}"


def test_what_was_tuned_before_is_replaced_and_comments_of_other_tables_stay(tmp_path: Path) -> None:
    path = tmp_path / "aisle.toml"
    path.write_text("[tuned.als]\ndecay = 0.5\n# of als\nregularization = 1.0\n\n# how we rank\n" + OWN.split("\n\n")[1], encoding="utf-8")
    write(tmp_path, TUNED)
    assert path.read_text(encoding="utf-8") == "\n# how we rank\n" + OWN.split("\n\n")[1] + f"\n{MARK}\n{TABLES}"
    once = path.read_text(encoding="utf-8")
    write(tmp_path, TUNED)
    assert path.read_text(encoding="utf-8") == once
    write(tmp_path, Tuned())
    assert "tuned" not in path.read_text(encoding="utf-8") and load(tmp_path).ranking.candidates == 300


def test_another_form_is_refused_and_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "aisle.toml"
    path.write_text("tuned = { markov = { decay = 0.5 } }\n", encoding="utf-8")
    with pytest.raises(SettingsError, match=r"aisle\.toml.*by hand"):
        write(tmp_path, TUNED)
    assert path.read_text(encoding="utf-8") == "tuned = { markov = { decay = 0.5 } }\n"
