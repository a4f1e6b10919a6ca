"""The source by pictures: what looks alike comes first, what has no picture is silent, and a bundle holds all that answers need."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageDraw

from aisle.core.errors import InputError
from aisle.core.events import Dataset
from aisle.core.stage import Allowed
from aisle.ranking.likeness import Likeness
from aisle.retrieval.base import history
from aisle.retrieval.picture_vectors import PictureVectors
from aisle.retrieval.pictures import Pictures
from aisle.testing import toys
from aisle.testing.blocks import ask, block, every_item
from aisle.testing.source import SourceSuite
from aisle.vision.descriptor import Descriptor

COLOURS = {"red": (220, 30, 30), "blue": (30, 30, 220), "green": (30, 180, 60)}
LOOKS = {
    "red_cup": ("red", "round"), "red_ball": ("red", "round"), "red_box": ("red", "square"), "blue_box": ("blue", "square"),
    "blue_ball": ("blue", "round"), "green_box": ("green", "square"),
}  # fmt: skip


def draw(path: Path, colour: str, shape: str) -> None:
    """A shape on white."""
    path.parent.mkdir(parents=True, exist_ok=True)
    picture = Image.new("RGB", (96, 96), "white")
    pen = ImageDraw.Draw(picture)
    (pen.ellipse if shape == "round" else pen.rectangle)((20, 20, 76, 76), fill=COLOURS[colour])
    picture.save(path)


def shelf(folder: Path) -> Dataset:
    """Six items with pictures, one whose file is gone, one at an address, one that is no picture, one without; ``u`` bought the red cup."""
    for name, look in LOOKS.items():
        draw(folder / "images" / f"{name}.png", *look)
    (folder / "images" / "broken.png").write_bytes(b"no picture at all")
    written = {name: f"images/{name}.png" for name in LOOKS}
    written |= {"gone": "images/gone.png", "far": "https://cdn.example/far.png", "broken": "images/broken.png"}
    items = {name: {"title": name, "image": image} for name, image in written.items()} | {"plain": {"title": "plain"}}
    return replace(toys.shop(toys.catalogue(items), [("u", "red_cup", 1.0, "purchase")]), folder=folder)


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Dataset:
    return shelf(tmp_path_factory.mktemp("shelf"))


@pytest.fixture(scope="module")
def source(data: Dataset) -> Pictures:
    return Pictures().fit(data)


@pytest.fixture(scope="module")
def dozen(tmp_path_factory: pytest.TempPathFactory) -> Dataset:
    """The suites' shop, each item with a look of its own."""
    data, folder = toys.bilingual(), tmp_path_factory.mktemp("dozen")
    images = {}
    for place, item in enumerate(data.catalogue.ids):
        picture = Image.new("RGB", (64, 64), (255 - 20 * place, 20 * place, 60))
        ImageDraw.Draw(picture).rectangle((4, 4, 8 + 4 * place, 50 - 3 * place), fill=(0, 0, 0))
        picture.save(folder / f"{item}.png")
        images[item] = f"{item}.png"
    items = {item: {**facts(item), "image": images[item]} for item in data.catalogue.ids}
    return replace(data, catalogue=toys.catalogue(items), folder=folder)


def facts(item: str) -> dict[str, str | float | None]:
    return dict(zip(("title", "title_zh", "category", "brand", "price"), toys.DOZEN[item], strict=True))


class TestPictures(SourceSuite):
    """Everything a source promises, on a shop that lies in a folder."""

    @pytest.fixture(autouse=True)
    def _shop(self, dozen: Dataset) -> None:
        self.shop = dozen

    def source(self) -> Pictures:
        return Pictures()

    def data(self) -> Dataset:
        return self.shop


def order(source: Pictures, data: Dataset, *items: str) -> list[str]:
    asked = block(data, [ask("similar", items=items)])
    found = source.retrieve(asked, Allowed.everything(len(data.catalogue), 1), 20)
    return [data.catalogue.ids[int(row)] for row in found.item]


def test_the_same_look_comes_first_then_what_shares_colour_or_shape_then_what_shares_neither(source: Pictures, data: Dataset) -> None:
    found = order(source, data, "red_cup")
    assert set(found[:2]) == {"red_cup", "red_ball"}
    assert set(found[2:4]) == {"red_box", "blue_ball"}
    assert set(found[4:]) == {"blue_box", "green_box"}


def test_an_item_without_any_event_is_found_by_who_bought_its_like(source: Pictures, data: Dataset) -> None:
    asked = block(data, [ask("home", "u")])
    found = source.retrieve(asked, Allowed.everything(len(data.catalogue), 1), 3)
    assert "red_ball" in [data.catalogue.ids[int(row)] for row in found.item]


def test_items_without_a_readable_picture_are_never_proposed_and_have_no_score(source: Pictures, data: Dataset) -> None:
    assert set(order(source, data, "red_cup")) == set(LOOKS)
    score = source.score(block(data, [ask("similar", items=["red_cup"])]), every_item(len(data.catalogue), 1))
    assert {data.catalogue.ids[row] for row in np.flatnonzero(np.isnan(score))} == {"gone", "far", "broken", "plain"}
    assert order(source, data, "plain") == []


def test_a_reason_is_true_scores_without_an_item_are_those_of_the_rest_alone(source: Pictures, data: Dataset) -> None:
    items = np.arange(len(data.catalogue), dtype=np.int32)
    both = block(data, [ask("similar", items=["red_cup", "green_box"])])
    past = history(both, source.decay).item.tolist()
    for gone, left in (("red_cup", "green_box"), ("green_box", "red_cup")):
        alone = source.score(block(data, [ask("similar", items=[left])]), every_item(len(items), 1))
        found = source.without(both, 0, items)[past.index(int(data.catalogue.rows([gone])[0]))]
        np.testing.assert_allclose(found, np.nan_to_num(alone), atol=1e-3)


def test_what_was_not_read_is_counted_by_reason(source: Pictures) -> None:
    made = source.vectors_.made
    assert (made.pictures, made.items, made.unread) == (6, 10, {"missing": 1, "elsewhere": 1, "broken": 1})
    assert "a picture of 6 of 10 items was read, 1 at an address, which is never fetched, 1 missing" in made.text()


def test_pictures_are_looked_at_once_and_an_update_looks_at_new_ones_alone(tmp_path: Path) -> None:
    class Counting(Descriptor):
        looked = 0

        def encode(self, pictures: np.ndarray) -> np.ndarray:
            Counting.looked += len(pictures)
            return super().encode(pictures)

    data = shelf(tmp_path)
    source = Pictures(Counting()).fit(data)
    assert Counting.looked == 5, "the red cup and the red ball are one file twice"
    draw(tmp_path / "images" / "gone.png", "green", "round")
    before = source.vectors_
    later = source.by(Counting()).fit(data)
    assert Counting.looked == 6
    row = int(data.catalogue.rows(["red_cup"])[0])
    assert np.array_equal(later.vectors_.vectors[row], before.vectors[row]) and later.vectors_.made.pictures == 7


def test_an_update_by_another_encoder_is_refused(tmp_path: Path) -> None:
    class Other(Descriptor):
        @property
        def fingerprint(self) -> str:
            return "other"

    data = shelf(tmp_path)
    source = Pictures().fit(data)
    draw(tmp_path / "images" / "gone.png", "green", "round")
    with pytest.raises(InputError, match=r"another than the bundle's\. Train in full"):
        source.by(Other()).fit(data)


def test_vectors_are_kept_as_float16_and_answer_the_same_when_opened(source: Pictures, data: Dataset, tmp_path: Path) -> None:
    source.vectors_.save(tmp_path)
    opened = PictureVectors.load(tmp_path)
    assert opened.vectors.dtype == np.float16
    rows = np.arange(len(data.catalogue))
    np.testing.assert_array_equal(opened.take(rows), source.vectors_.take(rows))
    assert opened.made == source.vectors_.made


def test_the_features_say_how_alike_a_candidate_is_to_the_newest(source: Pictures, data: Dataset) -> None:
    asked = block(data, [ask("home", "u"), ask("home", "nobody")])
    columns = Likeness(source.vectors_, "picture")(asked, every_item(len(data.catalogue), 2))
    row = {name: int(data.catalogue.rows([name])[0]) for name in ("red_ball", "red_box", "blue_box", "plain")}
    nearest = columns["picture_most"][: len(data.catalogue)]
    assert nearest[row["red_ball"]] == pytest.approx(1, abs=1e-3)
    assert nearest[row["red_ball"]] > nearest[row["red_box"]] > nearest[row["blue_box"]]
    assert np.isnan(nearest[row["plain"]])
    assert np.isnan(columns["picture_most"][len(data.catalogue) :]).all()
    np.testing.assert_allclose(columns["picture_last"], columns["picture_most"])
