"""Pictures out of the folder and nowhere else: what is an address, missing, outside or broken is told apart and never raises."""

from __future__ import annotations

from io import BytesIO
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from aisle.vision.files import pixels, read

RED = '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 10 10"><rect width="10" height="10" fill="#ff0000"/>{}</svg>'


def png(picture: Image.Image, kind: str = "PNG") -> bytes:
    held = BytesIO()
    picture.save(held, kind)
    return held.getvalue()


@pytest.fixture
def shop(tmp_path: Path) -> Path:
    folder = tmp_path / "shop"
    (folder / "images").mkdir(parents=True)
    (folder / "images" / "a.png").write_bytes(b"bytes")
    (folder / "images" / "empty.png").write_bytes(b"")
    (tmp_path / "secret.png").write_bytes(b"secret")
    (folder / "out.png").symlink_to(tmp_path / "secret.png")
    return folder


@pytest.mark.parametrize(
    ("written", "said"),
    [
        ("images/a.png", b"bytes"), ("images/none.png", "missing"), ("images", "missing"), ("../secret.png", "missing"),
        ("out.png", "missing"), ("/etc/hostname", "missing"), ("a" * 400, "missing"), ("images/\0.png", "missing"),
        ("images/empty.png", "broken"), ("https://cdn.example/a.png", "elsewhere"), ("//cdn.example/a.png", "elsewhere"),
        ("data:image/png;base64,AAAA", "elsewhere"), ("file:///etc/hostname", "elsewhere"),
    ],
)  # fmt: skip
def test_only_what_lies_in_the_folder_is_read(shop: Path, written: str, said: object) -> None:
    assert read(shop, written) == said


def test_a_shop_in_no_folder_has_no_pictures() -> None:
    assert read(None, "images/a.png") == "missing"


def test_a_wide_picture_is_shown_whole_on_white() -> None:
    found = pixels(png(Image.new("RGB", (100, 50), (0, 0, 255))), 64)
    assert found is not None and found.shape == (64, 64, 3)
    assert found[0].tolist() == [[255] * 3] * 64 and found[32].tolist() == [[0, 0, 255]] * 64


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "GIF", "WEBP"])
def test_the_usual_kinds_are_decoded(kind: str) -> None:
    found = pixels(png(Image.new("RGB", (40, 40), (250, 0, 0)), kind), 16)
    assert found is not None and np.abs(found[8, 8].astype(int) - (250, 0, 0)).max() < 12


def test_what_is_seen_through_is_white() -> None:
    found = pixels(png(Image.new("RGBA", (8, 8), (0, 0, 0, 0))), 8)
    assert found is not None and (found == 255).all()


def test_a_drawing_is_drawn() -> None:
    found = pixels(RED.format("").encode(), 32)
    assert found is not None and (found == (255, 0, 0)).all()


@pytest.mark.parametrize(
    "more", ['<image href="/etc/passwd"/>', '<image href="http://x.example/a.png"/>', "<style>@import 'a.css'</style>"]
)
def test_a_drawing_that_refers_to_other_files_is_not_drawn(more: str) -> None:
    assert pixels(RED.format(more).encode(), 32) is None


@pytest.mark.parametrize(
    "data", [b"", b"no picture", b"<svg", b"<svg \xff\xfe></svg>", png(Image.new("RGB", (60, 60)))[:-40], b"\xff\xd8\xff\xe0"]
)
def test_damaged_files_give_nothing(data: bytes) -> None:
    assert pixels(data, 32) is None
