"""LoRA: what learns, that nothing else moves, that merging changes no vector, and that a killed run goes on."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import load_file

from aisle.core.errors import InputError
from aisle.data.windows import cut
from aisle.retrieval.lexical import Lexical
from aisle.settings import Finetuning
from aisle.training.answers import Answers
from aisle.training.finetune import Tuning
from tests.text.tiny import tiny_model
from tests.training.test_finetune import CELLS, tiny

torch = pytest.importorskip("torch", reason="the training extra is not installed")
pytest.importorskip("peft", reason="the training extra is not installed")
WORDS = ["red", "blue", "lamp", "sofa"]


def learns(folder: Path, how: Finetuning) -> set[str]:
    """The layers' maps that have a gradient."""
    from aisle.text.lora_train import learning
    from aisle.text.model_train import open_model

    model = learning(open_model(folder), how)
    return {name.removeprefix("base_model.model.") for name, tensor in model.net.model.named_parameters() if tensor.requires_grad}


def test_lora_learns_two_thin_matrices_of_every_linear_map_in_the_top_layers_and_nothing_else(tmp_path: Path) -> None:
    found = learns(tiny_model(tmp_path, WORDS, layers=4), Finetuning(method="lora", rank=2))
    assert {name.split(".")[2] for name in found} == {"2", "3"}, "the upper half of four"
    assert all("lora_A" in name or "lora_B" in name for name in found) and len(found) == 2 * 6 * 2
    one = learns(tmp_path, Finetuning(method="lora", layers=1))
    assert {name.split(".")[2] for name in one} == {"3"}


def test_the_top_layers_themselves_may_learn_alone(tmp_path: Path) -> None:
    found = learns(tiny_model(tmp_path, WORDS, layers=3), Finetuning(layers=1))
    assert {name.split(".")[2] for name in found} == {"2"} and any("LayerNorm" in name for name in found)
    everything = learns(tmp_path, Finetuning())
    assert any("embeddings" in name for name in everything)


@pytest.mark.parametrize(("how", "share"), [({}, {0.1}), ({"dropout": 0.0}, {0.0}), ({"method": "lora"}, {0.1, 0.05})])
def test_as_much_is_dropped_out_as_the_model_or_the_settings_say(tmp_path: Path, how: dict[str, object], share: set[float]) -> None:
    from aisle.text.lora_train import learning
    from aisle.text.model_train import open_model

    model = learning(open_model(tiny_model(tmp_path, WORDS, layers=2)), Finetuning.model_validate(how))
    assert {part.p for part in model.net.modules() if isinstance(part, torch.nn.Dropout)} == share


def test_a_model_without_layers_of_a_known_name_is_refused(tmp_path: Path) -> None:
    from aisle.text.lora_train import learning
    from aisle.text.model_train import open_model

    model = open_model(tiny_model(tmp_path, WORDS))
    model.net.model = torch.nn.Sequential(torch.nn.Linear(2, 2))
    with pytest.raises(InputError, match=r'no known names.*method = "full"'):
        learning(model, Finetuning(method="lora"))


def test_what_is_kept_names_its_base_and_no_path_and_merging_changes_no_vector(tmp_path: Path) -> None:
    from aisle.text.lora_train import digest, keep, learning
    from aisle.text.model_train import open_model

    base = tiny_model(tmp_path / "base", WORDS, layers=2)
    model = learning(open_model(base), Finetuning(method="lora", rank=2))
    with torch.no_grad():
        for name, tensor in model.net.named_parameters():
            if "lora_B" in name:
                tensor.add_(0.1)
        model.net.eval()
        before = model.vectors(model.tokens(["red lamp"]))
        keep(model, tmp_path / "adapter")
        after = model.vectors(model.tokens(["red lamp"]))
        untouched = open_model(base)
        untouched.net.eval()
        plain = untouched.vectors(untouched.tokens(["red lamp"]))
    assert torch.allclose(before, after, atol=0.01) and not torch.allclose(plain, after, atol=0.05)
    assert not [name for name, _ in model.net.named_parameters() if "lora" in name]
    said = json.loads((tmp_path / "adapter" / "adapter_config.json").read_text())
    assert (said["base_model_name_or_path"], said["revision"]) == ("base", digest(base))
    assert sorted(path.name for path in (tmp_path / "adapter").iterdir()) == ["adapter_config.json", "adapter_model.safetensors"]
    assert str(tmp_path) not in (tmp_path / "adapter" / "adapter_config.json").read_text()


HOW = Finetuning(method="lora", rank=4, learning_rate=3e-3)


def job(folder: Path, model: Path, steps: dict[str, int]) -> Path:
    """A job on the shop whose shoppers call things by words that no title holds."""
    data = tiny(model, CELLS)
    answers = Answers.of(data, cut(data.events, data.judgements))
    Tuning(folder, model, float("inf"), steps, HOW).write(data, answers, Lexical().fit(data))
    return folder


def test_a_job_killed_in_the_middle_goes_on_to_the_same_losses_and_the_same_adapter(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from aisle.text import loop_train, tune_train

    steps = {"pieces": 2, "pairs": 60}
    whole, cut_off = job(tmp_path / "whole", tmp_path / "model", steps), job(tmp_path / "killed", tmp_path / "model", steps)
    tune_train.tune(whole)
    first = json.loads((whole / "measured.json").read_text())

    def killed(**told: object) -> None:
        if told.get("part") == "pairs" and (cut_off / "checkpoint-pairs" / "step-5.safetensors").is_file():
            raise KeyboardInterrupt

    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setattr(loop_train, "SAVED", 0.0)
        patch.setattr(tune_train, "say", killed)
        tune_train.tune(cut_off)
    assert json.loads((cut_off / "checkpoint-pairs" / "state.json").read_text())["steps"] == 5 and not (cut_off / "measured.json").exists()
    monkeypatch.setattr(tune_train, "export", lambda source, target, name: shutil.copytree(whole / "encoder", target))
    tune_train.tune(cut_off)
    second = json.loads((cut_off / "measured.json").read_text())
    assert first["best"] == "pairs" and first["learned"] == "LoRA of rank 4 on the upper half"
    assert second["losses"]["pairs"] == pytest.approx(first["losses"]["pairs"], rel=1e-4) and len(second["losses"]["pairs"]) == 60
    one, other = (load_file(folder / "adapter" / "adapter_model.safetensors") for folder in (whole, cut_off))
    assert set(one) == set(other) and all(np.allclose(one[name], other[name], atol=1e-4) for name in one)
    assert np.mean(first["measured"]["int8"]["test"]) > 2 * np.mean(first["measured"]["untouched"]["test"])
