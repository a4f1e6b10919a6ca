"""How much an answer teaches: a grade's height, what was done, how seldom the place was looked at; window 1's log alone says so."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import load_file

from aisle.core.events import Dataset, Events, Judgements
from aisle.core.strings import Strings
from aisle.data.windows import Windows
from aisle.retrieval.lexical import Lexical
from aisle.training.answers import Answers
from aisle.training.finetune import Tuning
from aisle.training.worth import weighed
from tests.evaluation.logs import Deed, shop
from tests.training.test_finetune import goods, judged


def graded(grades: list[float], mark: float) -> Answers:
    count = np.arange(len(grades), dtype=np.int32)
    texts, split = Strings.of([str(number) for number in count]), np.full(len(count), -1, np.int8)
    judgements = Judgements(texts, count, count, np.array(grades, np.float32), split, mark)
    data, windows = Dataset(goods(), Events.none(), judgements), Windows(np.zeros(0, np.int8), np.ones(len(count), np.int8), "time")
    return weighed(Answers.of(data, windows), data, windows)


def logged(deeds: list[Deed], late: float = 99.0) -> Answers:
    """Events before the hour ``late`` are window 1, the others window 2."""
    data = shop(deeds)
    at = (data.events.time - data.events.time[0]) / 3_600
    windows = Windows(np.where(at < late, 1, 2).astype(np.int8), np.zeros(0, np.int8), "time")
    return weighed(Answers.of(data, windows), data, windows)


def worth(answers: Answers) -> dict[str, float]:
    """By item, beside the least."""
    assert answers.weight is not None
    return {"abcdefgh"[item]: round(float(one / answers.weight.min()), 3) for item, one in zip(answers.item, answers.weight, strict=True)}


def deed(kind: str, item: str, at: float = 1.0, user: str = "ann", query: str = "lamp", rank: float = float("nan")) -> Deed:
    return Deed(user, kind, item, at, query=query, rank=rank)


def pages(seen: dict[int, int]) -> list[Deed]:
    """Two things each shown 100 times at rank 0 and at rank 1 and clicked, of these, so often as ``seen`` says."""
    found = []
    for time in range(200):
        user, at = f"u{time}", 0.01 * time
        found += [deed("impression", item, at, user, rank=(rank + time) % 2) for rank, item in enumerate("gh")]
        here = "gh"[time % 2], "hg"[time % 2]
        found += [deed("click", item, at + 0.001, user, rank=rank) for rank, item in enumerate(here) if time // 2 < seen[rank]]
    return found


def test_a_grade_weighs_by_its_height_above_the_mark_whatever_the_scale() -> None:
    for grades, mark in (([0, 1, 2, 3], 1), ([0, 50, 100, 150], 50)):
        found = graded([float(grade) for grade in grades], mark)
        assert found.weight is not None and found.weight.tolist() == pytest.approx([2 / 3, 1, 4 / 3])
        assert found.how == "answers weighed by their grade"


def test_equal_grades_weigh_nothing() -> None:
    assert (found := graded([0, 1, 1], 1)).weight is None and found.how == ""


def test_a_purchase_weighs_more_than_a_cart_and_that_more_than_a_click() -> None:
    found = logged([deed("click", "a"), deed("cart", "b"), deed("click", "c"), deed("purchase", "c", 1.2)])
    assert worth(found) == {"a": 1, "b": 2, "c": 3}
    assert float(np.mean(found.weight)) == pytest.approx(1)  # type: ignore[arg-type]
    assert found.how.endswith("not by place: the log tells that of 0% of what answered, 80% are needed")


def test_a_click_at_a_place_that_is_looked_at_half_as_often_weighs_twice() -> None:
    found = logged([*pages({0: 80, 1: 40}), deed("click", "a", rank=0), deed("click", "b", rank=1)])
    assert {name: worth(found)[name] for name in "ab"} == pytest.approx({"a": 1, "b": 2}, abs=0.02)
    assert found.how == "answers weighed by what was done with them, and by how seldom their places are looked at"


def test_a_deed_without_a_place_has_that_of_the_page_before_it_and_nobody_looks_at_a_page_after_it() -> None:
    shown = [deed("impression", "a", 0.9, rank=1), deed("impression", "a", 1.1, rank=0), deed("impression", "b", 0.9, rank=0)]
    found = worth(logged([*pages({0: 80, 1: 40}), *shown, deed("cart", "a"), deed("cart", "b")]))
    assert found["a"] == pytest.approx(2 * found["b"], abs=0.05)


def test_too_few_clicks_tell_no_places_apart() -> None:
    found = logged([deed("impression", "a", 0.9, rank=1), deed("click", "a", rank=1)])
    assert (found.weight, found.how) == (None, "answers weighed alike, not by place: too few clicks tell places apart")


def test_only_window_1_says_how_much_places_are_looked_at_and_what_was_done() -> None:
    first = [deed("click", "a", 0.1, rank=0), deed("click", "b", 0.2, rank=1), deed("cart", "b", 0.2, rank=1)]
    later = [replace(one, at=one.at + 10) for one in [*pages({0: 80, 1: 40}), deed("purchase", "a", rank=1)]]
    assert worth(logged([*first, *later], late=5)) == {"a": 1, "b": 2}


def test_the_weights_reach_the_process_beside_their_pairs(tmp_path: Path) -> None:
    tune_train = pytest.importorskip("aisle.text.tune_train", reason="the training extra is not installed")
    data = judged()
    answers = replace(Answers.of(data, ones := Windows(np.zeros(0, np.int8), np.ones(200, np.int8), "time")), how="so")
    answers = replace(answers, weight=(1 + answers.query).astype(np.float32))
    lexical = Lexical().fit(data)
    Tuning(tmp_path, Path("model"), 60.0, {}).write(data, answers, lexical)
    task = tune_train.Task.read(tmp_path)
    assert len(task.pairs.query) == 170 and (task.pairs.weight == 1 + task.pairs.query).all() and task.weighed == "so"
    Tuning(tmp_path, Path("model"), 60.0, {}).write(data, weighed(Answers.of(data, ones), data, ones), lexical)
    assert "weight" not in load_file(tmp_path / "pairs.safetensors") and tune_train.Task.read(tmp_path).pairs.weight is None


def test_answers_of_some_queries_keep_their_weights() -> None:
    answers = graded([0, 1, 2, 3], 1)
    some = answers.where(np.array([True, True, False, True]))
    assert some.query.tolist() == [1, 3] and some.weight is not None and some.weight.tolist() == pytest.approx([2 / 3, 4 / 3])
