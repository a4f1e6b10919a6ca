"""A shop with pictures from `aisle train` to its answers and its update; whether rankers look at pictures is decided on window 3."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from aisle.bundle import Bundle
from aisle.core.request import Request
from aisle.fusion.recall import Recall
from aisle.fusion.stack import Stack
from aisle.opening import open_shop
from aisle.retrieval.pictures import Pictures
from aisle.simulate.shop import simulate
from aisle.testing import toys
from aisle.training.ablation import LOOK, Windows
from aisle.training.budget import Budget, choose_sources
from aisle.training.frames import Frame
from aisle.training.job import plain_stacks
from aisle.training.learn import Recipe
from aisle.training.picture_source import pictured
from aisle.training.reading import looks, with_reading
from aisle.training.run import train
from aisle.training.update import update
from tests.repo.walk import ROOT
from tests.training.shelves import shelf
from tests.training.test_evaluate import Rows, later, rewritten

SETTINGS = """
encoder = "ngram"
finetune = false
[retrieval]
dense = false
content = false
als = false
ease = false
markov = false
[ranking]
ranker = "logistic"
[evaluation]
train_requests = 100
test_requests = 100
"""
ANSWER = """
import sys
class Absent:
    def find_spec(self, name, path=None, target=None):
        if name.split(".")[0] in ("PIL", "resvg_py", "duckdb", "torch"):
            raise ModuleNotFoundError(name)
sys.meta_path.insert(0, Absent())
from pathlib import Path
from aisle.core.request import Request
from aisle.opening import open_shop
answer, = open_shop(Path(sys.argv[1])).answer([Request("r", "similar", None, items=(sys.argv[2],), limit=5)])
sys.stdout.write(" ".join(item.item_id for item in answer.items))
"""


def dressed(rows: Rows) -> Rows:
    """Every item has one of six pictures, by its colour's name; the first names a file that is not there, the second an address."""
    for place, row in enumerate(rows):
        row["image"] = f"images/{len(row['colour']) % 6}.png" if place > 1 else ("images/none.png", "https://cdn.example/a.png")[place]
    return rows


def plain(rows: Rows) -> Rows:
    """Without searches and without what was shown: two tasks are left, which are enough here."""
    return [{**row, "query": ""} for row in rows if row["type"] not in ("impression", "query", "message")]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    made = tmp_path_factory.mktemp("pictured")
    simulate(made, 80, 4_000, 3, pictures=False)
    rewritten(made, "items.csv", dressed)
    rewritten(made, "events.csv", plain)
    for name in ("judgements.csv", "examples.csv", "tags.jsonl", "labels.csv", "relations.csv"):
        (made / name).unlink()
    (made / "images").mkdir()
    for place in range(6):
        Image.new("RGB", (32, 32), (40 * place, 255 - 40 * place, 90)).save(made / "images" / f"{place}.png")
    (made / "aisle.toml").write_text(SETTINGS, encoding="utf-8")
    return made


@pytest.fixture(scope="module")
def bundle(folder: Path) -> Bundle:
    return train(folder, minutes=10, quiet=True)


def of(bundle: Bundle) -> Pictures:
    found = open_shop(bundle.folder).pipeline.sources["pictures"]
    assert isinstance(found, Pictures)
    return found


def test_the_plan_says_what_was_read_and_why_the_rest_was_not(bundle: Bundle) -> None:
    plan = json.loads((bundle.folder / "report.json").read_text(encoding="utf-8"))["plan"]
    (row,) = [row for row in plan if row["part"] == "picture_encoder"]
    assert "descriptor: a picture of 78 of 80 items was read, 1 at an address, which is never fetched, 1 missing" in row["why"]
    assert any(row["part"].endswith(": pictures") for row in plan), "the source was tried on window 3 as every other"


def test_a_bundle_holds_the_vectors_and_answers_without_the_libraries_that_made_them(folder: Path, bundle: Bundle) -> None:
    shop = open_shop(bundle.folder)
    asked = next(item for item in shop.pipeline.catalogue.ids if of(bundle).vectors_.seen[shop.pipeline.catalogue.row_of[item]])
    (here,) = shop.answer([Request("r", "similar", None, items=(asked,), limit=5)])
    done = subprocess.run([sys.executable, "-c", ANSWER, str(bundle.folder), asked], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.stdout.split() == [item.item_id for item in here.items], done.stderr
    assert of(bundle).vectors_.vectors.dtype == np.float16
    assert any("pictures" in item.scores for item in here.items)


def test_an_update_looks_at_new_pictures_and_keeps_the_others(folder: Path, bundle: Bundle, tmp_path: Path) -> None:
    shop = tmp_path / "shop"
    shutil.copytree(folder, shop, ignore=shutil.ignore_patterns(".work"))
    rewritten(shop, "events.csv", later)
    rewritten(
        shop, "items.csv", lambda rows: [*rows, {**rows[2], "item_id": "fresh", "title": "Zirconium lamp", "image": "images/fresh.png"}]
    )
    Image.new("RGB", (32, 32), (10, 10, 250)).save(shop / "images" / "fresh.png")
    after = update(shop, quiet=True)
    before, now = of(bundle).vectors_, of(after).vectors_
    assert (before.made.pictures, now.made.pictures) == (78, 79)
    old, new = (open_shop(one.folder).pipeline.catalogue for one in (bundle, after))
    rows = new.rows(old.ids)
    np.testing.assert_array_equal(now.vectors[rows], before.vectors)
    assert now.seen[new.row_of["fresh"]]


def shelves(hint: float) -> Windows:
    """A feature of pictures that knows what is wanted by so much."""
    frames = []
    for seed in (1, 2, 3):
        made: Frame = shelf(150, seed, (0.7, 0.2))
        dice = np.random.default_rng(seed)
        column = (hint * made.relevant + dice.standard_normal(len(made.item))).astype(np.float32)
        frames.append(replace(made, names=(*made.names, "picture_last"), x=np.concatenate([made.x, column[None]])))
    return Windows(*frames)


@pytest.mark.parametrize(("hint", "kept"), [(4.0, True), (0.0, False)])
def test_rankers_look_at_pictures_only_where_window_3_surely_gains(hint: float, kept: bool) -> None:
    begins = Stack("home", ("s0", "s1"), Recall(("s0", "s1")))
    learned, windows, (row,) = with_reading(begins, shelves(hint), Recipe(None, 7, only=("logistic",)))
    assert row.part == LOOK and row.kept == kept == looks(learned.stack)
    assert ("picture_last" in windows.test.names) == kept


def test_a_shop_without_pictures_has_neither() -> None:
    names, why = choose_sources({}, Budget(30), 1_000, 10_000)
    assert "pictures" not in names and why["pictures"] == "no item names a picture"
    assert "pictures" in choose_sources({}, Budget(30), 1_000, 10_000, pictured=900)[0]
    assert pictured(toys.dozen()) == 0 and pictured(toys.catalogue({"a": {"image": "a.png"}, "b": {"image": ""}})) == 1


def test_look_alikes_stand_in_for_an_item_and_do_not_complete_a_basket() -> None:
    stacks = plain_stacks(["popularity", "item_knn", "pictures"])
    having = {task for task, stack in stacks.items() if "pictures" in stack.sources}
    assert having == {"home", "home_new", "similar"}
