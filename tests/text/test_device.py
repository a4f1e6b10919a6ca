"""Where text models learn: one process is as none, two are as one with batches twice as large, the main one speaks and decides."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.repo.walk import ROOT
from tests.text.tiny import tiny_model

torch = pytest.importorskip("torch", reason="the training extra is not installed")
pytest.importorskip("accelerate", reason="the training extra is not installed")
TWO = "import sys; from aisle.text.launch_train import launch; launch('tests.text.learner', sys.argv[1], 2)"


def two(folder: Path) -> subprocess.CompletedProcess[str]:
    """`tests.text.learner` in two processes on this machine's processor."""
    return subprocess.run([sys.executable, "-c", TWO, str(folder)], cwd=ROOT, capture_output=True, text=True, check=False, timeout=300)


@pytest.fixture(scope="module")
def done(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, str]:
    """The folder, and what was said."""
    folder = tmp_path_factory.mktemp("two")
    found = two(folder)
    assert found.returncode == 0, found.stderr
    return folder, found.stdout


def said(folder: Path, rank: int) -> dict[str, list[float]]:
    return json.loads((folder / f"{rank}.json").read_text(encoding="utf-8"))


def test_two_processes_step_along_the_mean_of_their_gradients_to_the_same_weights(done: tuple[Path, str]) -> None:
    from safetensors.torch import load_file

    first, second = (load_file(done[0] / f"{rank}.safetensors") for rank in (0, 1))
    assert not torch.allclose(first["own"], second["own"]), "each has a batch of its own"
    assert torch.allclose(first["mean"], (first["own"] + second["own"]) / 2)
    assert all(torch.equal(tensor, second[name]) for name, tensor in first.items() if name != "own")


def test_two_processes_learn_as_one_does_from_batches_twice_as_large(done: tuple[Path, str]) -> None:
    from tests.text.learner import batches, loop, net

    def joined(epoch: int) -> Iterator[object]:
        every = [*batches(2 * epoch), *batches(2 * epoch + 1)]
        yield from (torch.cat(every[at : at + 2]) for at in range(0, 10, 2))

    alone = loop(net(), joined).run()  # type: ignore[arg-type]
    for rank in (0, 1):
        assert said(done[0], rank)["losses"] == pytest.approx(alone.losses, rel=1e-4)
        assert [value for _, value in said(done[0], rank)["judged"]] == pytest.approx([value for _, value in alone.judged], rel=1e-3)  # type: ignore[misc]


def test_what_two_processes_had_begun_goes_on_to_the_same_losses(done: tuple[Path, str]) -> None:
    for rank in (0, 1):
        assert said(done[0], rank)["again"] == pytest.approx(said(done[0], rank)["losses"], abs=1e-6)
    assert len(list((done[0] / "checkpoint").glob("step-*"))) == 1


def test_the_main_process_alone_is_heard(done: tuple[Path, str]) -> None:
    assert done[1].splitlines() == ['{"rank": 0}']


def test_a_process_that_fails_ends_the_others_and_its_words_are_the_last(tmp_path: Path) -> None:
    (tmp_path / "broken").touch()
    found = two(tmp_path)
    assert found.returncode == 1 and found.stderr.splitlines()[-1] == "ValueError: the second process has no such thing"
    assert not list(tmp_path.glob("*.safetensors"))


def test_one_process_learns_as_the_same_steps_without_the_library_do() -> None:
    from aisle.text.loop_train import share
    from tests.text.learner import batches, loop, net

    made, losses = net(), []
    recipe = loop(made).recipe  # type: ignore[arg-type]
    flat, deep = ([one for one in made.parameters() if (one.ndim > 1) is so] for so in (False, True))
    groups = [{"params": deep, "weight_decay": recipe.weight_decay}, {"params": flat, "weight_decay": 0.0}]
    optimizer = torch.optim.AdamW(groups, fused=True)
    for step, batch in enumerate([*batches(0), *batches(1), *batches(2)][: recipe.steps]):
        for group in optimizer.param_groups:
            group["lr"] = recipe.learning_rate * share(step, recipe.steps, recipe)
        optimizer.zero_grad()
        loss = ((made(batch)[:, 0] - batch.sum(1)) ** 2).mean()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(made.parameters(), recipe.clip)
        optimizer.step()
        losses.append(float(loss.detach()))
    assert loop(net()).run().losses == losses


@pytest.mark.skipif(not torch.cuda.is_available(), reason="there is no GPU here")
def test_a_model_learns_on_a_gpu_goes_on_after_a_kill_and_is_saved(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from aisle.text import loop_train
    from aisle.text.contrast_train import Pieces, loss
    from aisle.text.model_train import Opened, open_model
    from tests.text.learner import KILLED, killed

    texts = ["red lamp", "blue sofa", "green desk", "black chair"]
    folder = tiny_model(tmp_path / "model", [word for text in texts for word in text.split()])
    monkeypatch.setattr(loop_train, "SAVED", 0.0)

    def learned(**more: object) -> tuple[Opened, list[float]]:
        model = open_model(folder)
        recipe, source = loop_train.Recipe(KILLED + 3), Pieces(model, texts, model.tokens(texts))
        return model, loop_train.Loop(model.net, recipe, source, lambda batch: loss(model, batch), **more).run().losses  # type: ignore[arg-type]

    model, whole = learned()
    assert next(model.net.parameters()).device.type == "cuda" and len(whole) == KILLED + 3
    with pytest.raises(InterruptedError):
        learned(checkpoint=tmp_path / "checkpoint", watch=killed)
    assert learned(checkpoint=tmp_path / "checkpoint")[1] == pytest.approx(whole, abs=1e-2), "dropout's dice on the GPU are kept too"
    model.save(tmp_path / "saved")
    assert open_model(tmp_path / "saved").vectors(model.tokens(texts)).isfinite().all()
