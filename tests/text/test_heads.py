"""Heads on the encoder's vectors: loss and gradient by hand, what counts nothing, a killed run that goes on to the same losses."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from aisle.text.lesson import Lesson
from tests.text.test_aim import ROWS, TEXTS, WORDS, batch
from tests.text.test_contrast import Table
from tests.text.tiny import tiny_model

torch = pytest.importorskip("torch", reason="the training extra is not installed")

NONE = np.full(3, -1)


def lesson(items: list[int], queries: list[int], weight: float = 0.5, name: str = "category") -> Lesson:
    return Lesson(name, weight, np.array(items), np.array(queries), NONE, NONE)


def heads(*lessons: Lesson) -> Any:
    """The head of label 0 reads a vector's first number, that of label 1 its second."""
    from aisle.text.heads_train import Heads

    made = Heads(lessons, 4)
    with torch.no_grad():
        for one in lessons:
            made.theta[one.name] += torch.eye(2, 4)
    return made


def added(made: Any, rows: Any) -> Any:
    """What the heads add for a batch whose queries are rows 0 and 2, and whose items are rows 1, 3 and 2."""
    return made(rows[[0, 2]], rows[[1, 3, 2]], batch([-1, -1]))


def test_a_head_adds_its_weight_times_the_mean_cross_entropy_of_what_has_a_label() -> None:
    """Of queries 0 has label 1, of items 0 has label 0 and 1 label 1; the logits are the vectors' first two numbers."""
    made = heads(lesson([0, 1, -1], [1, -1]))
    logits = np.array([[0.6, 0.8], [0.8, 0.6], [0.5, 0.5]])
    truth = np.array([1, 0, 1])
    wanted = (np.log(np.exp(logits).sum(1)) - logits[np.arange(3), truth]).mean()
    assert float(added(made, torch.tensor(ROWS)).detach()) == pytest.approx(0.5 * wanted, rel=1e-6)


def test_tasks_add_up_beside_the_contrastive_loss_at_every_size() -> None:
    from aisle.text.aim_train import Aim

    one, other = lesson([0, 1, -1], [1, -1]), lesson([1, 1, 0], [-1, -1], 0.3, "price")
    rows = torch.tensor(ROWS)
    more = float((added(heads(one), rows) + added(heads(other), rows)).detach())
    given = batch([-1, -1])
    plain = float(Aim((2,)).loss(Table(ROWS), given).detach())  # type: ignore[arg-type]
    both = float(Aim((2,), heads=heads(one, other)).loss(Table(ROWS), given).detach())  # type: ignore[arg-type]
    assert both == pytest.approx(plain + more, rel=1e-6) and more > 0


def test_the_gradient_reaches_the_vectors_of_texts_with_a_label_and_no_others() -> None:
    """Of cross-entropy it is weight / count · (chances - truth) · theta."""
    rows = torch.tensor(ROWS, requires_grad=True)
    added(heads(lesson([0, -1, -1], [1, -1])), rows).backward()  # type: ignore[attr-defined]
    chances = np.exp([0.6, 0.8]) / np.exp([0.6, 0.8]).sum()
    slope = 0.5 / 2 * (chances - [0, 1])
    assert rows.grad[0].tolist() == pytest.approx([*slope, 0, 0], abs=1e-6)
    assert rows.grad[1].abs().sum() > 0 and rows.grad[2:].abs().sum() == 0, "row 1 is item 0; rows 2 and 3 have no label"


def test_a_batch_without_a_label_adds_nothing_and_breaks_nothing() -> None:
    rows = torch.tensor(ROWS, requires_grad=True)
    made = heads(lesson([-1, -1, -1, 1], [-1, -1]))
    found = added(made, rows)
    found.backward()  # type: ignore[attr-defined]
    assert float(found.detach()) == 0.0 and not rows.grad.any()  # type: ignore[attr-defined]
    assert not made.theta["category"].grad.any(), "zero and not absent: a checkpoint counts on it"  # type: ignore[attr-defined]


def test_made_up_queries_have_no_label_and_their_items_do() -> None:
    from aisle.text.contrast_train import Pieces

    (given,) = Pieces(Table(ROWS), ["red lamp", "blue sofa", "green rug"], [[0], [1], [2]])(0)  # type: ignore[arg-type]
    assert [one[0] for one in given.items] == given.shown.tolist() and sorted(given.shown) == [0, 1, 2]
    rows = torch.tensor(ROWS[:3])
    made = heads(lesson([0, 0, 0], [1, 1, 1]))
    found = float(made(rows, rows[given.shown], given).detach())  # type: ignore[operator]
    logits = rows[:, :2].numpy()
    assert found == pytest.approx(0.5 * (np.log(np.exp(logits).sum(1)) - logits[:, 0]).mean(), rel=1e-5)


def test_heads_learn_at_a_larger_rate_and_leave_those_of_the_encoder_as_they_are() -> None:
    from aisle.text.aim_train import Aim
    from aisle.text.loop_train import HEADS_RATE, Recipe, parameter_groups

    net = torch.nn.ModuleDict({"layer": torch.nn.ModuleList([torch.nn.Linear(2, 2), torch.nn.Linear(2, 2)]), "top": torch.nn.Linear(2, 2)})
    recipe = Recipe(1, learning_rate=0.01, layer_decay=0.5)
    alone = sorted(group.rate for group in parameter_groups(torch.nn.ModuleDict({"net": net}), recipe))
    together = Aim(heads=heads(lesson([0], [1]))).beside(net)  # type: ignore[arg-type]
    *rest, last = sorted(group.rate for group in parameter_groups(together, recipe))
    assert rest == alone and last == pytest.approx(0.01 * HEADS_RATE)


def test_a_head_is_judged_by_texts_that_taught_nothing() -> None:
    """Items 0 and 1 taught label 0, item 2 and query 1 are judged: row 3 reads as label 1, row 2 too, the most frequent label is 0."""
    one = Lesson("category", 0.5, np.array([0, 0, -1]), np.array([1, -1]), np.array([-1, -1, 1]), np.array([-1, 0]))
    (told,) = heads(one).told(Table([*ROWS[:3], [0.4, 0.5, 0.5, 0.5]]), [[0], [1], [3]], [[0], [2]])  # type: ignore[attr-defined]
    assert told["taught"] == {"items": 2, "queries": 1} and (told["weight"], told["labels"]) == (0.5, 2)
    assert told["held"] == {"items": {"n": 1, "right": 1.0, "usual": 0.0}, "queries": {"n": 1, "right": 0.0, "usual": 0.0}}


def test_a_killed_run_goes_on_to_the_same_losses_with_its_heads(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from aisle.text import loop_train
    from aisle.text.aim_train import Aim
    from aisle.text.contrast_train import Known, Pairs
    from aisle.text.heads_train import Heads
    from aisle.text.loop_train import Loop, Recipe
    from aisle.text.model_train import open_model

    folder, own = tiny_model(tmp_path / "model", WORDS), np.arange(8)
    pairs = Pairs(WORDS[16:], own, own, [frozenset({row}) for row in range(8)], [np.zeros(0, np.int64)] * 8)
    one = Lesson("category", 0.5, own % 2, np.where(own < 4, own % 2, -1), own * 0 - 1, own * 0 - 1)

    def run(place: Path, stop: int = 99) -> list[float]:
        def watch(step: int, of: int, loss: float) -> None:
            if step == stop:
                raise KeyboardInterrupt

        model = open_model(folder)
        made = Heads([one], 32)
        aim, source = Aim(heads=made), Known(model, pairs, model.tokens(TEXTS), size=4)
        loop = Loop(aim.beside(model.net), Recipe(10, 1e-3), source, lambda given: aim.loss(model, given), watch=watch, checkpoint=place)
        return loop.run().losses

    whole = run(tmp_path / "whole")
    monkeypatch.setattr(loop_train, "SAVED", 0.0)
    with pytest.raises(KeyboardInterrupt):
        run(tmp_path / "killed", 5)
    assert run(tmp_path / "killed") == pytest.approx(whole, abs=1e-5) and len(whole) == 10
