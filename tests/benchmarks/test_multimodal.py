"""The comparison of modalities: every modality says something before it is compared, and an arm is told only what it may know."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from aisle.fusion.recall import Recall
from aisle.fusion.stack import Stack
from aisle.retrieval.dense import Content
from benchmarks import multimodal
from benchmarks.figures import Lines
from benchmarks.multimodal import ARMS, Arm, job_of, of_arm, task_figures
from tests.training.shelves import shelf


def test_texts_have_vectors_and_a_shop_without_pictures_has_no_source_of_them(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(multimodal, "WORK", tmp_path / "work")
    (tmp_path / "items.csv").write_text("item_id,title\na,Red lamp\nb,Blue lamp\nc,Tea cup\n", encoding="utf-8")
    rows = "".join(f"u{user},{item},{order},purchase\n" for user in range(9) for order, item in enumerate("abc"))
    (tmp_path / "events.csv").write_text("user_id,item_id,order,type\n" + rows, encoding="utf-8")
    job = job_of(tmp_path)
    assert set(job.text) == {"content"}
    content = job.text["content"]
    assert isinstance(content, Content)
    lengths = np.linalg.norm(content.vectors_.whole(), axis=1)
    np.testing.assert_allclose(lengths, 1, atol=1e-2)


def test_an_arm_that_may_know_more_ranks_better_and_nothing_else_leaks_in() -> None:
    frames = {window: shelf(150, window, (0.3, 0.9)) for window in (2, 3, 4)}
    stack = Stack("home_new", ("s0", "s1"), Recall(("s0", "s1")))
    poor, rich = (of_arm(Arm(sources), stack, frames, 7).mean() for sources in (("s0",), ("s0", "s1")))
    assert rich > poor + 0.2
    blind = {window: replace(one, names=tuple("picture_last" if name == "user_hint" else name for name in one.names)) for window, one in
             ((window, shelf(150, window, (0.3, 0.0), hint=4.0)) for window in (2, 3, 4))}  # fmt: skip
    without, looking = (of_arm(Arm(("s0", "s1"), groups), stack, blind, 7).mean() for groups in ((), (multimodal.LOOK,)))
    assert looking > without + 0.2


def test_a_shop_without_pictures_has_the_arms_without_them(monkeypatch: pytest.MonkeyPatch) -> None:
    arms = {"one": Arm(("s0",)), "both": Arm(("s0", "s1"), (), "one"), "late": Arm(("s0", "pictures"), (), "one")}
    monkeypatch.setattr(multimodal, "ARMS", {**arms, "early": Arm(("s0",), (multimodal.LOOK,), "one")})
    frames = {window: shelf(80, window) for window in (2, 3, 4)}
    figures = task_figures(Lines("multimodal"), "toy", Stack("home_new", ("s0", "s1"), Recall(("s0", "s1"))), frames, 7)
    assert [figure.figure for figure in figures] == ["toy: one", "toy: both", "toy: both - one"]


def test_every_arm_is_compared_with_one_that_there_is() -> None:
    assert all(not arm.against or arm.against in ARMS for arm in ARMS.values())
