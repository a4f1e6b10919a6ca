"""What a reader of answers may meet is documented: codes of reasons, stages of absences, settings, keys of rules."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from aisle.arrange import rules_file
from aisle.arrange.page import MOVES
from aisle.explain import absence, facts
from aisle.explain.phrases import phrases
from aisle.settings import Arrange
from tests.explain.test_phrases import templates

DOCUMENT = (Path(__file__).parents[2] / "docs" / "page.md").read_text(encoding="utf-8")
HELPERS = {"date", "quoted", "joint", "did", "lost", "filter"}


def codes() -> set[str]:
    return {key.split("/")[0] for key in templates("en")} - HELPERS


@pytest.mark.parametrize("code", sorted(codes()))
def test_every_code_of_a_reason_is_documented(code: str) -> None:
    assert f"`{code}`" in DOCUMENT


def test_every_deed_has_words() -> None:
    for deed, code in facts.DEED.items():
        assert code in phrases("zh")
        assert f"did/{deed}" in phrases("en")


def test_every_stage_of_an_absence_is_documented() -> None:
    source = Path(absence.__file__).read_text(encoding="utf-8")
    stages = set(re.findall(r'Absence\(\s*"(\w+)"', source)) | {"buried", "page", "cut", "unscored"}
    assert len(stages) >= 9
    assert all(f"`{stage}`" in DOCUMENT for stage in stages)


def test_every_rule_key_and_setting_is_documented() -> None:
    assert all(re.search(rf"\b{key}\b", DOCUMENT) for key in (*rules_file.KEYS, *rules_file.ACTIONS, *Arrange.model_fields))


def test_every_move_is_documented_by_its_name() -> None:
    assert all(f"`{move}`" in DOCUMENT for move in MOVES)
