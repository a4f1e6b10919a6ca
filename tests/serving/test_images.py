"""Items' images come from the shop's folder or the catalogue, and from nowhere else on the disk or in the world."""

from __future__ import annotations

import io
import os
from pathlib import Path

import pytest
from starlette.testclient import TestClient

from aisle.serving.app import create_app
from aisle.serving.images import LARGEST_FILE, Images
from aisle.serving.live import Live
from aisle.serving.picture import HUES, picture
from aisle.serving.telemetry import Telemetry
from tests.serving.conftest import HOST
from tests.serving.fakes import FakeEngine

DRAWING = b'<svg xmlns="http://www.w3.org/2000/svg"><script>alert(1)</script></svg>'


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    shop = tmp_path / "shop"
    (shop / "images").mkdir(parents=True)
    (shop / "images" / "a.svg").write_bytes(DRAWING)
    (shop / "notes.txt").write_text("secret", encoding="utf-8")
    (shop / "large.png").write_bytes(b"x" * (LARGEST_FILE + 1))
    (tmp_path / "outside.png").write_bytes(b"secret")
    os.symlink(tmp_path / "outside.png", shop / "link.png")
    os.symlink(shop / "circle.png", shop / "circle.png")
    return shop


def shop(folder: Path | None, image: object) -> TestClient:
    engine = FakeEngine(items={"a/1": {"item_id": "a/1", "title": "Lamp", "image": image}})  # type: ignore[dict-item]
    return TestClient(create_app(Live(engine, lambda: 0.0), Telemetry(io.StringIO()), pictures=folder), base_url=HOST)


def test_a_drawing_in_the_shops_folder_is_shown_and_cannot_run_scripts(folder: Path):
    client = shop(folder, "images/a.svg")
    assert '<img class="art" src="/image/a%2F1"' in client.get("/?q=lamp").text
    response = client.get("/image/a%2F1")
    assert (response.status_code, response.content, response.headers["content-type"]) == (200, DRAWING, "image/svg+xml")
    assert response.headers["content-security-policy"] == "default-src 'none'; style-src 'unsafe-inline'; sandbox"
    assert response.headers["x-content-type-options"] == "nosniff"


@pytest.mark.parametrize(
    "image",
    ["../outside.png", "/etc/hostname", "link.png", "circle.png", "notes.txt", "images", "large.png", "images/none.png", "https://cdn.test/a.png",
     "a\0.png", "x" * 400 + ".png", "", "images/../../outside.png", None, 5.0],
)  # fmt: skip
def test_nothing_else_is_served_and_a_picture_is_drawn_instead(folder: Path, image: object):
    client = shop(folder, image)
    page = client.get("/?q=lamp")
    assert page.status_code == 200
    assert '<svg class="art' in page.text
    assert client.get("/image/a%2F1").json()["code"] == "not_found"


def test_an_absolute_path_into_the_folder_counts_as_inside(folder: Path):
    assert Images(folder).read({"image": str(folder / "images" / "a.svg")}) == (DRAWING, "image/svg+xml")


def test_without_a_folder_there_are_no_files():
    assert shop(None, "images/a.svg").get("/image/a%2F1").status_code == 404


def test_an_unknown_item_has_no_image(folder: Path):
    assert shop(folder, "images/a.svg").get("/image/nope").status_code == 404


def test_pictures_are_of_many_colours_in_a_shop_without_categories():
    colours = {str(picture(f"A{n}", "")).partition(" viewBox")[0] for n in range(50)}
    assert len(colours) == HUES
    assert len({str(picture(f"A{n}", "Lamps")).partition(" viewBox")[0] for n in range(50)}) == 1
