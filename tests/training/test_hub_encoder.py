"""A shop whose settings name a model on a hub: fetched, exported, pinned in the bundle's plan, and held to the plan's hashes."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from aisle.core.errors import InputError
from aisle.text.encoders import load_encoder
from aisle.text.hub import hashes
from aisle.training import encoders
from aisle.training.compare_encoders import _named
from aisle.training.encoders import check_pinned, choose_encoder
from aisle.training.run import Plan, read_plan, train
from tests.text.fake_hub import COMMIT, serving
from tests.text.tiny import tiny_model

hub = pytest.importorskip("huggingface_hub", reason="the training extra is not installed")
NAME = "shops/tiny"


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tiny_model(tmp_path_factory.mktemp("model"), ["red", "blue", "lamp", "sofa", "desk"])


@pytest.fixture
def asked(model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[list[str]]:
    monkeypatch.setattr(hub.constants, "HF_HUB_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "exported"))
    with serving({NAME: model}) as (address, paths):
        monkeypatch.setenv("HF_ENDPOINT", address)
        yield paths


@pytest.fixture
def shop(tmp_path: Path) -> Path:
    titles = [f"{colour} {thing} {number}" for colour in ("red", "blue") for thing in ("lamp", "sofa", "desk") for number in range(10)]
    (tmp_path / "items.csv").write_text("item_id,title\n" + "".join(f"{n},{title}\n" for n, title in enumerate(titles)))
    (tmp_path / "aisle.toml").write_text(f'encoder = "{NAME}"\n')
    return tmp_path


def test_a_shop_is_trained_with_a_model_on_a_hub_and_its_bundle_says_which_to_the_byte(asked: list[str], shop: Path, model: Path) -> None:
    bundle = train(shop, minutes=30, quiet=True)
    plan = json.loads((bundle.folder / "manifest.json").read_text())["plan"]
    assert plan["encoder"] == f"{NAME}@{COMMIT}"
    assert plan["encoder_files"] == hashes(model)
    (held,) = (load_encoder(folder) for folder in bundle.folder.glob("sources/vectors-*/encoder"))
    assert held.name == f"{NAME}@{COMMIT[:7]}"
    read = read_plan(bundle.folder / "manifest.json")
    before = len(asked)
    check_pinned(read.encoder, read.encoder_files)
    with pytest.raises(InputError, match=r"model\.safetensors of shops/tiny@.* the plan says 000000"):
        check_pinned(read.encoder, read.encoder_files | {"model.safetensors": "0" * 64})
    assert len(asked) == before, "a commit that is here is not asked for again"


def test_a_plan_without_hashes_and_other_encoders_are_taken_as_they_are() -> None:
    check_pinned(Plan().encoder, Plan().encoder_files)
    check_pinned("minilm", {})
    assert encoders.pinned_files("minilm") == {} and encoders.pinned("joint:static") == "joint:static"


def test_encoders_are_compared_by_their_names_on_a_hub_too(asked: list[str]) -> None:
    assert _named([Path(NAME)]) == {f"{NAME}@{COMMIT[:7]}": f"{NAME}@{COMMIT}"}


def test_a_name_is_fetched_where_it_is_named_and_nowhere_else(asked: list[str], shop: Path) -> None:
    from aisle.data.dataset import load_dataset
    from aisle.settings import Settings, load
    from aisle.training.budget import Budget

    data, _ = load_dataset(shop, load(shop))
    for kind in ("", "ngram"):
        choose_encoder(data, Settings(encoder=kind), Budget(30))
    assert not asked
    assert choose_encoder(data, Settings(encoder=f"joint:{NAME}"), Budget(30))[0] == f"joint:{NAME}@{COMMIT}"
