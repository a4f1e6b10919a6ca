"""What fine-tuning aims at: nested sizes and a teacher's margins worked out by hand, and a killed run that goes on to the same losses."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from aisle.core.errors import InputError
from tests.text.test_contrast import Table
from tests.text.tiny import tiny_model

torch = pytest.importorskip("torch", reason="the training extra is not installed")

ROWS = [[0.6, 0.8, 0, 0], [0.8, 0.6, 0, 0], [0, 0.6, 0.8, 0], [0.5, 0.5, 0.5, 0.5]]


def batch(other: list[int]) -> object:
    """Rows 0 and 2 ask, rows 1 and 3 answer; ``other`` by pair is a hard negative among rows 1, 3, 2."""
    from aisle.text.contrast_train import Batch

    numbers = {"asked": np.array([0, 1]), "shown": np.array([0, 1, 2]), "other": np.array(other)}
    own = np.arange(2)
    return Batch([[0], [2]], [[1], [3], [2]], own, own, np.array([[True, False, False], [False, True, False]]), **numbers)


def test_nested_sizes_cost_the_sum_of_what_each_would_cost_alone() -> None:
    from aisle.text.aim_train import Aim
    from aisle.text.contrast_train import loss

    whole = np.array(ROWS)
    alone = [rows / np.linalg.norm(rows, axis=1, keepdims=True) for rows in (whole, whole[:, :3], whole[:, :2])]
    told = [float(loss(Table(rows.tolist()), batch([-1, -1])).detach()) for rows in alone]  # type: ignore[arg-type]
    found = Aim((2, 3, 4)).loss(Table(ROWS), batch([-1, -1]))  # type: ignore[arg-type]
    assert float(found.detach()) == pytest.approx(sum(told), rel=1e-5) and len(set(told)) == 3
    assert float(Aim().loss(Table(ROWS), batch([-1, -1])).detach()) == pytest.approx(told[0])  # type: ignore[arg-type]


def test_margin_mse_is_the_mean_square_between_the_margins_of_both() -> None:
    """Margins of the student 5 - 3 and 2 - 4, of the teacher 1 and -5: the mean of 1 and 9. Scale the student's and the teacher's alike
    and it grows by the square; the pair without a negative counts nothing."""
    from aisle.text.aim_train import margin_mse

    scores, margins = torch.tensor([[5.0, 9.0, 3.0], [7.0, 2.0, 4.0]]), torch.tensor([1.0, -5.0])
    assert float(margin_mse(scores, batch([2, 2]), margins)) == 5.0  # type: ignore[arg-type]
    assert float(margin_mse(2 * scores, batch([2, 2]), 2 * margins)) == 20.0  # type: ignore[arg-type]
    assert float(margin_mse(scores, batch([2, -1]), torch.tensor([1.0, torch.nan]))) == 1.0  # type: ignore[arg-type]
    assert float(margin_mse(scores, batch([-1, -1]), torch.full((2,), torch.nan))) == 0.0  # type: ignore[arg-type]


def test_the_margin_s_weight_stands_before_it_at_every_size() -> None:
    from aisle.text.aim_train import Aim, margin_mse
    from aisle.text.contrast_train import TEMPERATURE

    given, margins = batch([2, 2]), torch.tensor([1.0, -5.0])
    whole = np.array(ROWS)
    alone = [rows / np.linalg.norm(rows, axis=1, keepdims=True) for rows in (whole, whole[:, :2])]
    scores = [torch.tensor(rows[[0, 2]] @ rows[[1, 3, 2]].T / TEMPERATURE, dtype=torch.float32) for rows in alone]
    more = sum(float(margin_mse(some, given, margins)) for some in scores)  # type: ignore[arg-type]
    plain = float(Aim((2,)).loss(Table(ROWS), given).detach())  # type: ignore[arg-type]
    found = float(Aim((2,), 0.5, lambda _: margins).loss(Table(ROWS), given).detach())  # type: ignore[arg-type]
    assert found == pytest.approx(plain + 0.5 * more, rel=1e-5)


def test_a_size_that_the_model_does_not_have_is_refused_with_the_setting() -> None:
    from aisle.text.aim_train import check_sizes

    check_sizes((32, 8), 32)
    with pytest.raises(InputError, match=r"have 32 numbers; 33 of them cannot be kept.*encoder_size"):
        check_sizes((8, 33), 32)


WORDS = [f"w{number}" for number in range(24)]
TEXTS = [f"{WORDS[row]} {WORDS[row + 8]}" for row in range(8)]


def test_a_teacher_learns_which_item_answers_and_its_margins_say_so(tmp_path: Path) -> None:
    """Query ``w16`` wants item 0, and so on; each item is a hard negative of every other query."""
    from aisle.text.contrast_train import Known
    from aisle.text.cross_learn_train import Course
    from aisle.text.model_train import open_model
    from aisle.text.teacher_train import Teacher

    teacher = taught(tiny_model(tmp_path, WORDS, dropout=0.0), Course(1, rate=3e-3, steps=60), Teacher)
    (given,) = Known(open_model(tmp_path), teacher.pairs, [[0]] * 8)(0)
    margins = teacher(given)
    assert (given.other >= 0).all() and float((margins > 0).float().mean()) > 0.8 and float(margins.mean()) > 1.0
    queries = given.asked[given.query].tolist()
    right = teacher.scores(queries, given.shown[given.item].tolist())
    wrong = teacher.scores(queries, given.shown[given.other].tolist())
    torch.testing.assert_close(margins, right - wrong, atol=1e-4, rtol=1e-4)


def taught(folder: Path, course: object, teacher: type) -> object:
    from aisle.text.contrast_train import Pairs

    own = np.arange(8)
    hard = [np.setdiff1d(own, [row]) for row in range(8)]
    made = teacher.of(folder, Pairs(WORDS[16:], own, own, [frozenset({row}) for row in range(8)], hard), TEXTS)
    assert made.learn(course).steps == course.steps  # type: ignore[attr-defined]
    return made


def test_a_run_that_was_killed_goes_on_to_the_same_losses(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from aisle.text import loop_train
    from aisle.text.aim_train import Aim
    from aisle.text.contrast_train import Known
    from aisle.text.cross_learn_train import Course
    from aisle.text.loop_train import Loop, Recipe
    from aisle.text.model_train import open_model
    from aisle.text.teacher_train import Teacher

    folder = tiny_model(tmp_path / "model", WORDS)

    def run(place: Path, stop: int = 99) -> list[float]:
        def watch(step: int, of: int, loss: float) -> None:
            if step == stop:
                raise KeyboardInterrupt

        teacher, model = taught(folder, Course(1, steps=4, checkpoint=place / "teacher"), Teacher), open_model(folder)
        source, aim = Known(model, teacher.pairs, model.tokens(TEXTS), size=4), Aim((16, 8), 0.1, teacher)  # type: ignore[arg-type,attr-defined]
        recipe, checkpoint = Recipe(8, 1e-3), place / "pairs"
        return Loop(model.net, recipe, source, lambda given: aim.loss(model, given), watch=watch, checkpoint=checkpoint).run().losses

    whole = run(tmp_path / "whole")
    monkeypatch.setattr(loop_train, "SAVED", 0.0)
    with pytest.raises(KeyboardInterrupt):
        run(tmp_path / "killed", 5)
    assert run(tmp_path / "killed") == pytest.approx(whole, abs=1e-5) and len(whole) == 8
