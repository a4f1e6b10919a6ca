"""A model's folder that must not or cannot be opened ends `aisle train` and `aisle encoders` before anything is learned, with the mend."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from aisle.core.errors import InputError
from aisle.training import encoders
from aisle.training.compare_encoders import compare
from aisle.training.run import train
from tests.text.tiny import tiny_model

WORDS = ("red", "blue", "lamp")


@pytest.fixture(scope="module")
def good(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tiny_model(tmp_path_factory.mktemp("good"), WORDS)


def changed(path: Path, **more: object) -> None:
    path.write_text(json.dumps(json.loads(path.read_text()) | more))


def foreign(folder: Path) -> None:
    """The tokenizer of a model with more words."""
    model = json.loads((folder / "tokenizer.json").read_text())["model"]
    changed(folder / "tokenizer.json", model=model | {"vocab": model["vocab"] | {f"word{n}": len(model["vocab"]) + n for n in range(9)}})


BROKEN: dict[str, tuple[Callable[[Path], object], str]] = {
    "weights": (lambda at: (at / "model.safetensors").unlink(), r"holds no weights: model\.safetensors is missing.*Download or export"),
    "pickle": (lambda at: (at / "model.safetensors").rename(at / "pytorch_model.bin"), r"are a pickle.*safe_serialization=True"),
    "code": (lambda at: changed(at / "config.json", auto_map={"AutoModel": "evil.Model"}), r"Python code of its own, which is never run"),
    "tokenizer": (foreign, r"knows 17 tokens, the model 8.*Take the tokenizer that belongs to the model"),
    "no_tokenizer": (lambda at: (at / "tokenizer.json").unlink(), r"holds no tokenizer\.json.*Save a fast tokenizer"),
    "no_model": (lambda at: (at / "config.json").unlink(), r"config\.json is missing"),
    "pointer": (lambda at: (at / "model.safetensors").write_text("version https://git-lfs"), r"model\.safetensors is damaged.*git-lfs"),
    "torn": (lambda at: (at / "config.json").write_text("{"), r"config\.json is damaged"),
    "list": (lambda at: (at / "tokenizer.json").write_text("[]"), r"tokenizer\.json is damaged: it holds no object"),
    "empty": (lambda at: (at / "tokenizer.json").write_text("{}"), r"tokenizer\.json describes no tokenizer"),
}


@pytest.fixture
def shop(tmp_path: Path, good: Path, request: pytest.FixtureRequest) -> Path:
    """A shop whose settings name a model that is broken in one way."""
    shutil.copytree(good, tmp_path / "model")
    BROKEN[request.param][0](tmp_path / "model")
    (tmp_path / "items.csv").write_text("item_id,title\n" + "".join(f"{n},red lamp {n}\n" for n in range(20)))
    (tmp_path / "aisle.toml").write_text('encoder = "model"\n')
    return tmp_path


@pytest.mark.parametrize(("shop", "why"), [(name, why) for name, (_, why) in BROKEN.items()], indirect=["shop"])
def test_a_broken_model_is_refused_by_both_commands(shop: Path, why: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(encoders, "_export", lambda *_: pytest.fail("nothing of it may be opened"))
    with pytest.raises(InputError, match=why):
        train(shop, minutes=5, quiet=True)
    (shop / "aisle.toml").unlink()
    with pytest.raises(InputError, match=why):
        compare(shop, [shop / "model"], quiet=True, only=())
