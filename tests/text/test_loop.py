"""The training loop: it learns, keeps its best, obeys the time, goes on after a kill to the same losses, stops at a loss that is none."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path

import pytest

torch = pytest.importorskip("torch", reason="the training extra is not installed")


def net() -> object:
    torch.manual_seed(1)
    return torch.nn.Sequential(torch.nn.Linear(4, 8), torch.nn.Dropout(0.2), torch.nn.LayerNorm(8), torch.nn.Linear(8, 1))


def batches(epoch: int) -> Iterator[object]:
    """Ten batches in which the answer is the sum."""
    dice = torch.Generator().manual_seed(epoch)
    for _ in range(10):
        yield torch.randn(16, 4, generator=dice)


def loop(made: object, steps: int = 40, **more: object) -> object:
    from aisle.text.loop_train import Loop, Recipe

    recipe = Recipe(steps, learning_rate=0.02, patience=more.pop("patience", 9))  # type: ignore[arg-type]
    return Loop(made, recipe, batches, lambda batch: ((made(batch)[:, 0] - batch.sum(1)) ** 2).mean(), **more)  # type: ignore[operator,arg-type]


def test_it_learns_in_as_many_steps_as_told() -> None:
    history = loop(net()).run()
    assert history.steps == 40 == len(history.losses)
    assert sum(history.losses[-5:]) < 0.5 * sum(history.losses[:5])


def test_a_killed_run_goes_on_to_the_same_losses(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from aisle.text import loop_train

    whole = loop(net()).run()
    monkeypatch.setattr(loop_train, "SAVED", 0.0)

    def killed(step: int, of: int, loss: float) -> None:
        if step == 23:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        loop(net(), checkpoint=tmp_path, watch=killed).run()
    again = loop(net(), checkpoint=tmp_path).run()
    assert again.losses == pytest.approx(whole.losses, abs=1e-6)
    assert len(list(tmp_path.glob("step-*"))) == 1


def test_the_best_weights_are_kept_and_no_gain_ends_the_training() -> None:
    made = net()
    values = iter([0.1, 0.9, 0.5, 0.4])
    seen: list[float] = []

    def judge() -> float:
        seen.append(float(made[0].weight.detach().sum()))
        return next(values)

    history = loop(made, steps=40, judge=judge, patience=2).run()
    assert history.best == 0.9 and history.steps == 30, "judged at 0, 10, 20 and 30: two in a row are no better than 10"
    assert float(made[0].weight.detach().sum()) == pytest.approx(seen[1])


def test_the_steps_shrink_to_the_time_so_that_the_rate_ends_at_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    from aisle.text import loop_train

    now = [0.0]
    monkeypatch.setattr(loop_train, "perf_counter", lambda: now[0])

    def pass_(step: int, of: int, loss: float) -> None:
        now[0] += 1.0

    history = loop(net(), steps=1_000, left=lambda: 25.0 - now[0], watch=pass_).run()
    assert 20 <= history.steps <= 27


def test_a_loss_that_is_no_number_names_its_batch() -> None:
    from aisle.text.loop_train import Loop, Recipe, TrainingError

    made = net()
    broken = Loop(made, Recipe(5), batches, lambda batch: made(batch).sum() * float("nan"), describe=lambda batch: f"{len(batch)} rows")
    with pytest.raises(TrainingError, match=r"loss of step 0 is nan: 16 rows.*Lower the learning rate"):
        broken.run()


def test_norms_and_biases_are_not_decayed_and_lower_layers_learn_slower() -> None:
    from aisle.text.loop_train import Recipe, parameter_groups

    model = torch.nn.ModuleDict(
        {
            "embeddings": torch.nn.Embedding(3, 2),
            "layer": torch.nn.ModuleList([torch.nn.Linear(2, 2), torch.nn.Linear(2, 2)]),
            "head": torch.nn.Linear(2, 1),
        }
    )
    holder = torch.nn.ModuleDict({"encoder": model})
    groups = parameter_groups(holder, Recipe(1, learning_rate=1.0, layer_decay=0.5))
    told = {(round(group.rate, 4), group.decay > 0) for group in groups}
    assert told == {(0.125, True), (0.25, True), (0.25, False), (0.5, True), (0.5, False), (1.0, True), (1.0, False)}


def test_the_rate_warms_up_and_falls_to_nothing() -> None:
    from aisle.text.loop_train import Recipe, share

    for decay in ("cosine", "linear"):
        curve = [share(step, 100, Recipe(100, decay=decay)) for step in range(100)]  # type: ignore[arg-type]
        assert curve[0] == 0.1 and curve[9] == 1.0 and curve[-1] < 0.02
        assert all(before >= after for before, after in pairwise(curve[9:]))
