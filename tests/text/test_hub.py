"""Models that a hub keeps: what is fetched and what is not, pinned, taken from the cache without a network, refused with the mend."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from aisle.core.errors import InputError
from aisle.text.hub import fetch, hashes, verify
from tests.text.fake_hub import COMMIT, serving
from tests.text.tiny import tiny_model

hub = pytest.importorskip("huggingface_hub", reason="the training extra is not installed")
NAME = "shops/tiny"


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tiny_model(tmp_path_factory.mktemp("model"), ["red", "lamp"])
    (folder / "README.md").write_text("---\nlicense: mit\n---\n")
    (folder / "1_Pooling").mkdir()
    (folder / "1_Pooling" / "config.json").write_text('{"pooling_mode_cls_token": true}')
    (folder / "modeling_tiny.py").write_text("raise SystemExit('never run')")
    (folder / "pytorch_model.bin").write_bytes(b"a pickle")
    return folder


@pytest.fixture
def model(made: Path, tmp_path: Path) -> Path:
    """A copy that a test may break."""
    for path in made.rglob("*"):
        if path.is_file():
            (tmp_path / "hub" / path.relative_to(made)).parent.mkdir(parents=True, exist_ok=True)
            (tmp_path / "hub" / path.relative_to(made)).write_bytes(path.read_bytes())
    return tmp_path / "hub"


@pytest.fixture
def asked(model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[list[str]]:
    """What a hub with that model was asked for; nothing is read from this user's cache."""
    monkeypatch.setattr(hub.constants, "HF_HUB_CACHE", str(tmp_path / "cache"))
    with serving({NAME: model}) as (address, paths):
        monkeypatch.setenv("HF_ENDPOINT", address)
        yield paths


def gone(monkeypatch: pytest.MonkeyPatch) -> None:
    """From now on there is no network."""
    monkeypatch.setattr(hub.constants, "HF_HUB_OFFLINE", True)


def test_a_name_brings_weights_tokenizer_and_settings_and_nothing_that_could_run(asked: list[str], model: Path) -> None:
    found = fetch(NAME)
    assert (found.name, found.commit, found.pinned) == (NAME, COMMIT, f"{NAME}@{COMMIT}")
    assert (found.folder / "model.safetensors").read_bytes() == (model / "model.safetensors").read_bytes()
    assert (found.folder / "1_Pooling" / "config.json").is_file()
    assert {path.suffix for path in found.folder.rglob("*") if path.is_file()} <= {".json", ".safetensors", ".txt", ".md"}
    assert not [path for path in asked if path.endswith((".py", ".bin"))]


def test_what_was_fetched_needs_no_network_again(asked: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    first = fetch(NAME)
    before = len(asked)
    assert fetch(first.pinned) == first and len(asked) == before, "a commit is the same for ever"
    gone(monkeypatch)
    assert fetch(NAME) == first == fetch(first.pinned)


def test_without_a_network_the_way_round_is_told(asked: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    gone(monkeypatch)
    with pytest.raises(InputError) as caught:
        fetch(f"{NAME}@v1")
    assert "hub cannot be reached" in caught.value.what and not asked
    assert "hf download shops/tiny --revision v1 --local-dir tiny" in caught.value.mend
    assert 'Copy the folder tiny to models/tiny beside aisle.toml and set encoder = "models/tiny"' in caught.value.mend


def test_half_a_download_is_no_model_without_a_network(asked: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    found = fetch(NAME)
    (found.folder / "1_Pooling" / "config.json").unlink()
    gone(monkeypatch)
    with pytest.raises(InputError, match="hub cannot be reached"):
        fetch(NAME)


@pytest.mark.parametrize(
    ("said", "why"),
    [("shops/other", "knows no model shops/other"), (f"{NAME}@v9", "has no revision `v9`"), ("tiny", "no name of a model on a hub")],
)
def test_what_the_hub_does_not_know_is_said(asked: list[str], said: str, why: str) -> None:
    with pytest.raises(InputError, match=why):
        fetch(said)


def test_code_that_a_model_brings_along_is_refused_before_its_weights_are_fetched(asked: list[str], model: Path) -> None:
    config = json.loads((model / "config.json").read_text())
    (model / "config.json").write_text(json.dumps(config | {"auto_map": {"AutoModel": "modeling_tiny.Tiny"}}))
    with pytest.raises(InputError, match="Python code of its own, which is never run"):
        fetch(NAME)
    assert not [path for path in asked if path.endswith(("model.safetensors", ".py"))]


def test_a_pickle_is_refused_unfetched_with_the_mend(asked: list[str], model: Path) -> None:
    (model / "model.safetensors").unlink()
    with pytest.raises(InputError, match=r"shops/tiny on the hub are a pickle.*safe_serialization=True"):
        fetch(NAME)
    assert not [path for path in asked if path.endswith(".bin")]


def test_files_that_are_not_those_of_the_plan_are_named(asked: list[str]) -> None:
    found = fetch(NAME)
    files = hashes(found.folder)
    assert files.keys() > {"model.safetensors", "config.json", "tokenizer.json", "1_Pooling/config.json"}
    verify(found, files)
    with pytest.raises(InputError, match=r"tokenizer\.json of shops/tiny@.* has hash .*the plan says 000000"):
        verify(found, files | {"tokenizer.json": "0" * 64})
