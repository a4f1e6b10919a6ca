"""One base under several adapters in one process: each as its own merged model, none as the base, and what does not fit is refused."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest

from aisle.core import onnx
from aisle.core.errors import BundleError, InputError
from aisle.testing.encoder import EncoderSuite
from aisle.testing.toys import DOZEN
from aisle.text.adapted import AdaptedEncoder
from aisle.text.encoders import load_encoder
from tests.text.tiny import tiny_model, written_once

torch = pytest.importorskip("torch", reason="the training extra is not installed")
pytest.importorskip("peft", reason="the training extra is not installed")
TEXTS = [title for english, chinese, *_ in DOZEN.values() for title in (english, chinese)]


def adapter(base: Path, folder: Path, seed: int, layers: int, rank: int) -> None:
    """LoRA with random numbers on the top ``layers``, as fine-tuning keeps it."""
    from aisle.settings import Finetuning
    from aisle.text.lora_train import keep, learning
    from aisle.text.model_train import open_model

    model = learning(open_model(base), Finetuning(method="lora", layers=layers, rank=rank, alpha=2 * rank))
    torch.manual_seed(seed)
    with torch.no_grad():
        for name, tensor in model.net.named_parameters():
            if "lora_B" in name:
                tensor.copy_(torch.randn_like(tensor))
    keep(model, folder)


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A model with two adapters of different layers and ranks."""
    words = sorted({word for text in TEXTS for word in (*text.lower().split(), *text) if word.strip()})
    folder = tiny_model(tmp_path_factory.mktemp("models") / "base", words, layers=2)
    adapter(folder, folder / "adapters" / "lamps", 1, 2, 2)
    adapter(folder, folder / "adapters" / "sofas", 2, 1, 5)
    return folder


@pytest.fixture(scope="module")
def graph(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """One graph for both precisions."""
    from aisle.text import adapted_train

    with pytest.MonkeyPatch.context() as patch:
        written_once(adapted_train, patch, tmp_path_factory.mktemp("graph") / "model.onnx")
        yield


@pytest.fixture(scope="module")
def exact(base: Path, graph: None, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Exported without quantisation."""
    from aisle.text.adapted_train import export_adapted

    folder = tmp_path_factory.mktemp("exact")
    assert min(export_adapted(base, folder, "tiny", precision="fp32").values()) > 0.9999
    return folder


@pytest.fixture(scope="module")
def eight(base: Path, graph: None, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Exported in int8, as shops have it."""
    from aisle.text.adapted_train import export_adapted

    folder = tmp_path_factory.mktemp("eight")
    assert set(export_adapted(base, folder, "tiny")) == {"", "lamps", "sofas"}
    return folder


def by_torch(folder: Path) -> np.ndarray:  # type: ignore[type-arg]
    """The vectors of a model's folder before any export."""
    from aisle.text.model_train import open_model, padded

    model = open_model(folder)
    model.net.eval()
    with torch.no_grad():
        return np.concatenate([model.net(*padded(model.tokens([text]))).numpy() for text in TEXTS])


def test_under_each_adapter_it_is_the_merged_model_and_under_none_the_base(base: Path, exact: Path, tmp_path: Path) -> None:
    from aisle.text.adapted_train import merge

    encoder = AdaptedEncoder(exact)
    found = {name: encoder.encode(TEXTS, "item", adapter=name) for name in ("lamps", "", "sofas")}
    np.testing.assert_allclose(found[""], by_torch(base), atol=1e-4)
    for name in ("lamps", "sofas"):
        merge(base / "adapters" / name, tmp_path / name)
        np.testing.assert_allclose(found[name], by_torch(tmp_path / name), atol=1e-4)
        assert np.abs(found[name] - found[""]).max() > 0.05, "an adapter that changes nothing would prove nothing"
    np.testing.assert_array_equal(encoder.encode(TEXTS, "item"), found[""])


def test_turns_between_adapters_do_not_colour_each_other_and_nothing_is_loaded_again(eight: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    encoder = AdaptedEncoder(eight)
    alone = {name: AdaptedEncoder(eight, adapter=name).encode(TEXTS, "query") for name in ("", "lamps", "sofas")}
    monkeypatch.setattr(onnx, "session", None)
    for name in ("lamps", "sofas", "", "sofas", "lamps"):
        np.testing.assert_array_equal(encoder.encode(TEXTS, "query", adapter=name), alone[name])
        np.testing.assert_array_equal(encoder.using(name).encode(TEXTS, "query"), alone[name])
    assert (encoder.name, encoder.using("lamps").name, encoder.adapters) == ("tiny", "tiny+lamps", ["lamps", "sofas"])
    assert len({encoder.fingerprint, encoder.using("lamps").fingerprint, encoder.using("sofas").fingerprint}) == 3
    assert encoder.size("lamps") < 0.5 * (eight / "model.onnx").stat().st_size


def test_a_saved_one_opens_under_the_adapter_that_it_had(eight: Path, tmp_path: Path) -> None:
    AdaptedEncoder(eight, adapter="sofas").save(tmp_path)
    again = load_encoder(tmp_path)
    assert isinstance(again, AdaptedEncoder) and again.adapter == "sofas" and again.adapters == ["lamps", "sofas"]


@pytest.mark.parametrize(
    ("spoil", "said"),
    [
        (lambda folder: (folder / "adapters" / "lamps.onnx_adapter").write_bytes(b"nothing" * 99), r"lamps\.onnx_adapter cannot be read"),
        (lambda folder: _facts(folder, base=1), "was made for another base"),
        (lambda folder: (folder / "adapters" / "sofas.onnx_adapter").unlink(), "no adapter `sofas`.*There are: lamps"),
    ],
    ids=["damaged", "foreign", "gone"],
)
def test_an_adapter_that_is_damaged_foreign_or_gone_is_refused(
    eight: Path, tmp_path: Path, spoil: Callable[[Path], object], said: str
) -> None:
    AdaptedEncoder(eight, adapter="sofas").save(tmp_path)
    spoil(tmp_path)
    with pytest.raises(BundleError, match=said):
        load_encoder(tmp_path)


def test_an_adapter_of_other_shapes_is_refused(eight: Path, tmp_path: Path) -> None:
    from onnxruntime import AdapterFormat, OrtValue

    AdaptedEncoder(eight).save(tmp_path)
    made = AdapterFormat()
    made.set_model_version(int(json.loads((eight / "encoder.json").read_text())["base"]))
    made.set_parameters({"model.encoder.layer.1.output.dense.down": OrtValue.ortvalue_from_numpy(np.zeros((3, 2), np.float32))})
    made.export_adapter(str(tmp_path / "adapters" / "lamps.onnx_adapter"))
    with pytest.raises(BundleError, match=r"does not fit the base: model.encoder.layer.1.output.dense.down \(3, 2\)"):
        load_encoder(tmp_path)


def test_what_is_no_lora_of_this_base_is_not_exported(base: Path, tmp_path: Path) -> None:
    from aisle.text.adapted_train import export_adapted

    def spoilt(name: str, **said: object) -> Path:
        folder = tmp_path / name
        shutil.copytree(base, folder)
        path = folder / "adapters" / "lamps" / "adapter_config.json"
        path.write_text(json.dumps(json.loads(path.read_text()) | said))
        return folder

    with pytest.raises(InputError, match="lamps was learned on another base"):
        export_adapted(spoilt("other", revision="0123456789abcdef"), tmp_path / "out")
    with pytest.raises(InputError, match="more than low-rank updates"):
        export_adapted(spoilt("biased", bias="all"), tmp_path / "out")
    pickled = spoilt("pickled")
    (pickled / "adapters" / "lamps" / "adapter_model.safetensors").rename(pickled / "adapters" / "lamps" / "adapter_model.bin")
    with pytest.raises(InputError, match="a pickle is never opened"):
        export_adapted(pickled, tmp_path / "out")


class TestAdapted(EncoderSuite):
    @pytest.fixture(autouse=True)
    def exported(self, eight: Path) -> None:
        self.folder = eight

    def encoder(self) -> AdaptedEncoder:
        return AdaptedEncoder(self.folder, adapter="lamps")


def _facts(folder: Path, **more: object) -> None:
    path = folder / "encoder.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | more))
