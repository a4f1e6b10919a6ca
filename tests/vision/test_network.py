"""A network of the user's: what it gives, and what is said of a file that is no such network."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest

from aisle.core.errors import SettingsError
from aisle.settings import Pictures, load
from aisle.vision.encoder import PictureEncoder
from aisle.vision.encoders import picture_encoder
from aisle.vision.network import OnnxPictures

onnx = pytest.importorskip("onnx", reason="the training extra is not installed")
MEAN, STD = (0.5, 0.5, 0.5), (0.25, 0.25, 0.25)


def network(
    path: Path, shape: Sequence[int | str] = ("n", 3, 8, 8), axes: Sequence[int] = (2, 3), kind: int = 1, flat: bool = True
) -> Path:
    """The mean of each colour: a picture's vector is its mean colour."""
    helper = onnx.helper
    node = helper.make_node("ReduceMean", ["picture"], ["vector"], axes=list(axes), keepdims=0 if flat else 1)
    graph = helper.make_graph(
        [node],
        "means",
        [helper.make_tensor_value_info("picture", kind, list(shape))],
        [helper.make_tensor_value_info("vector", kind, None)],
    )
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)], ir_version=8), str(path))
    return path


def opened(path: Path, size: int = 8) -> OnnxPictures:
    return OnnxPictures(path, size, MEAN, STD)


def blues(count: int) -> np.ndarray:
    return np.broadcast_to(np.array([0, 0, 255], np.uint8), (count, 8, 8, 3))


EXPECTED = np.array([-1, -1, 1]) / np.sqrt(3)
"""(0 - .5) / .25 = -2 and (1 - .5) / .25 = 2, of unit length."""


@pytest.mark.parametrize(
    ("shape", "axes", "flat"),
    [(("n", 3, 8, 8), (2, 3), True), (("n", 3, 8, 8), (2, 3), False), (("n", 8, 8, 3), (1, 2), True), ((4, 3, "h", "w"), (2, 3), True)],
)
def test_pixels_are_scaled_and_handed_in_as_the_network_takes_them(
    tmp_path: Path, shape: Sequence[int | str], axes: Sequence[int], flat: bool
) -> None:
    encoder = opened(network(tmp_path / "n.onnx", shape, axes, flat=flat))
    found = encoder.encode(blues(35))
    assert isinstance(encoder, PictureEncoder) and encoder.dimension == 3
    assert found.shape == (35, 3) and found.dtype == np.float32
    np.testing.assert_allclose(found, np.tile(EXPECTED, (35, 1)), atol=1e-6)
    assert encoder.encode(blues(0)).shape == (0, 3)


def test_what_changes_a_vector_changes_the_fingerprint(tmp_path: Path) -> None:
    path = network(tmp_path / "n.onnx")
    assert opened(path).fingerprint == opened(path).fingerprint != OnnxPictures(path, 8, MEAN, (1, 1, 1)).fingerprint


def test_a_file_that_is_no_network_is_refused_with_the_mend(tmp_path: Path) -> None:
    (tmp_path / "n.onnx").write_bytes(b"no network")
    with pytest.raises(SettingsError, match=r"n\.onnx is no ONNX model that can be opened.*Export the network"):
        opened(tmp_path / "n.onnx")


def test_another_size_is_refused_and_the_right_one_named(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match=r"takes pictures of 8 x 8, and `pictures.size` says 16\. Set size = 8"):
        opened(network(tmp_path / "n.onnx"), 16)


@pytest.mark.parametrize(("shape", "axes"), [(("n", 3, 8), (2,)), (("n", 1, 8, 8), (2, 3))])
def test_what_takes_no_coloured_picture_is_refused(tmp_path: Path, shape: Sequence[int | str], axes: Sequence[int]) -> None:
    with pytest.raises(SettingsError, match=r"not one float32 input `\(batch, 3, height, width\)`"):
        opened(network(tmp_path / "n.onnx", shape, axes))


def test_half_precision_input_is_refused(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match=r"tensor\(float16\), not one float32 input"):
        opened(network(tmp_path / "n.onnx", kind=10))


@pytest.mark.parametrize("axes", [(0, 2, 3), (3,), (0, 1, 2, 3)])
def test_a_network_that_gives_no_vector_a_picture_is_refused(tmp_path: Path, axes: Sequence[int]) -> None:
    with pytest.raises(SettingsError, match="not a finite vector each"):
        opened(network(tmp_path / "n.onnx", axes=axes))


def test_the_settings_name_the_file_as_seen_from_the_shop(tmp_path: Path) -> None:
    network(tmp_path / "n.onnx")
    (tmp_path / "aisle.toml").write_text('[pictures]\nencoder = "n.onnx"\nsize = 8\n', encoding="utf-8")
    assert picture_encoder(load(tmp_path).pictures).name == "onnx"
    assert picture_encoder(Pictures()).name == "descriptor"


@pytest.mark.parametrize(("said", "why"), [('encoder = "gone.onnx"', "there is no such file"), ("std = [0.2, 0, 0.2]", "above 0")])
def test_settings_that_cannot_be_are_refused(tmp_path: Path, said: str, why: str) -> None:
    (tmp_path / "aisle.toml").write_text(f"[pictures]\n{said}\n", encoding="utf-8")
    with pytest.raises(SettingsError, match=why):
        load(tmp_path)
