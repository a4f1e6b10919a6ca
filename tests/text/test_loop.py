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


@pytest.mark.parametrize("torn", ["save_file", "replace"])
def test_a_run_killed_while_it_stored_goes_on_from_the_checkpoint_before(
    torn: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Half a file of weights, or weights that the small file does not name yet."""
    from aisle.text import loop_train

    whole, calls, store = loop(net()).run(), [0], {"save_file": loop_train.save_file, "replace": Path.replace}[torn]
    monkeypatch.setattr(loop_train, "SAVED", 0.0)

    def killed(first: object, second: Path) -> object:
        calls[0] += 1
        if calls[0] < 23:
            return store(first, second)
        if torn == "save_file":
            second.write_bytes(b"half")
        raise KeyboardInterrupt

    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setattr(loop_train if torn == "save_file" else Path, torn, killed)
        loop(net(), checkpoint=tmp_path).run()
    assert '"steps": 22' in (tmp_path / "state.json").read_text() and (tmp_path / "step-23.safetensors").is_file()
    assert loop(net(), checkpoint=tmp_path).run().losses == pytest.approx(whole.losses, abs=1e-6)


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


@pytest.mark.parametrize(("later", "steps"), [(1.0, 25), (0.25, 82), (4.0, 11)])
def test_as_many_steps_are_planned_as_fit_however_the_machine_changes(later: float, steps: int, monkeypatch: pytest.MonkeyPatch) -> None:
    from aisle.text import loop_train

    now, planned = [0.0], []
    monkeypatch.setattr(loop_train, "perf_counter", lambda: now[0])

    def pass_(step: int, of: int, loss: float) -> None:
        now[0] += 1.0 if step <= 6 else later
        planned.append(of)

    history = loop(net(), steps=1_000, left=lambda: 25.0 - now[0], watch=pass_).run()
    assert history.steps == pytest.approx(steps, abs=2) and now[0] == pytest.approx(25.0, abs=2 * later)
    assert abs(planned[-1] - history.steps) <= 2, "the rate ends at nothing"


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


def plain() -> object:
    """A net without dice, so that the same batch gives the same gradient."""
    torch.manual_seed(1)
    return torch.nn.Sequential(torch.nn.Linear(4, 8), torch.nn.LayerNorm(8), torch.nn.Linear(8, 1))


@pytest.mark.parametrize("sizes", [[16], [4, 4, 4, 4], [10, 5, 1]], ids=["whole", "quarters", "uneven"])
def test_gradients_that_add_up_over_pieces_give_the_curve_of_the_whole_batch(sizes: list[int]) -> None:
    whole = loop(plain()).run()
    cut = loop(plain(), pieces=lambda batch: [(len(piece) / len(batch), piece) for piece in batch.split(sizes)]).run()
    assert cut.losses == pytest.approx(whole.losses, rel=1e-4)


def test_it_looks_as_often_as_told() -> None:
    from aisle.text.loop_train import Loop, Recipe

    made = net()
    recipe = Recipe(50, patience=99, looks=5)
    history = Loop(made, recipe, batches, lambda batch: made(batch).square().mean(), judge=lambda: 0.0).run()  # type: ignore[operator]
    assert [step for step, _ in history.judged] == [0, 10, 20, 30, 40, 50]


def test_sgd_has_momentum_and_learns_too() -> None:
    from aisle.text.loop_train import Recipe, optimizer_of, parameter_groups

    recipe = Recipe(1, optimizer="sgd")
    made = optimizer_of(parameter_groups(net(), recipe), recipe)  # type: ignore[arg-type]
    assert type(made).__name__ == "SGD" and {group["momentum"] for group in made.param_groups} == {0.9}


def test_each_step_tells_its_loss_rate_and_gradient_and_a_look_its_figure(tmp_path: Path) -> None:
    from aisle.tracking.lines import JsonLines, read
    from aisle.tracking.run import Run, part, tracked

    with tracked(Run([JsonLines(tmp_path / "run.jsonl")])), part("pairs"):
        history = loop(net(), judge=lambda: 0.5, texts=len).run()
    told = read(tmp_path / "run.jsonl").parts["pairs"]
    assert [told[step]["loss"] for step in range(1, 41)] == history.losses
    assert told[4]["rate"] == 0.02 and told[40]["rate"] < 0.001, "warmed up after a tenth, nearly nothing at the end"
    assert all(told[step]["gradient_norm"] > 0 for step in range(1, 41))
    assert {step for step in told if "development" in told[step]} == {0, 10, 20, 30, 40}
    assert told[10]["per_second"] > 0 and told[10]["memory_mb"] > 10
