"""Contrastive pre-training: what is a negative, what is kept out, that dropout is needed, that a killed run goes on, that it learns."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from pathlib import Path

import numpy as np
import pytest

from aisle.core.errors import InputError
from aisle.text.alike import Alike, Sort
from aisle.text.pretrained import check_folder
from tests.text.tiny import tiny_model

torch = pytest.importorskip("torch", reason="the training extra is not installed")
THINGS = 9
TITLES = [f"t{one} t{other}" for one in range(THINGS) for other in range(THINGS)]
TOLD = [f"d{one} d{other}" for one in range(THINGS) for other in range(THINGS)]
WORDS = [f"{kind}{number}" for kind in "td" for number in range(THINGS)]
NONE = np.zeros((0, 2), np.int64)


def toy(clicked: np.ndarray = NONE) -> Alike:
    """Titles whose descriptions say the same in other words."""
    rows = np.arange(len(TITLES))
    described, alone = np.stack([rows, rows + len(rows)], axis=1), np.arange(2 * len(rows))
    pairs: Mapping[Sort, np.ndarray] = {
        "dropout": np.stack([alone, alone], axis=1),
        "halved": NONE,
        "described": described,
        "clicked": clicked,
    }
    return Alike([*TITLES, *TOLD], np.tile(rows, 2), pairs)


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tiny_model(tmp_path_factory.mktemp("tiny") / "model", WORDS)


def trained(out: Path, start: Path | None, steps: int = 5, given: Alike | None = None, **more: object) -> object:
    from aisle.text.alike_train import Contrasting

    return Contrasting(given or toy(), out, start, steps=steps, **more).run()  # type: ignore[arg-type]


def test_texts_of_one_topic_or_clicked_together_are_no_negatives() -> None:
    alike = Alike(["a", "a's", "b", "c"], np.array([0, 0, 1, 2]), {"clicked": np.array([[0, 2]])})
    rows = np.arange(4)
    expected = [[True, True, True, False], [True, True, True, False], [True, True, True, False], [False, False, False, True]]
    assert alike.related(rows, rows).tolist() == expected


def test_what_measures_has_no_topic_of_what_teaches() -> None:
    alike = toy(np.array([[row, row + 1] for row in range(0, 60, 2)]))
    teaching, held = alike.parted(("dropout", "described", "clicked"), seed=1)
    topics = {
        side: {int(alike.topic[row]) for pairs in some.values() for row in pairs.ravel()} for side, some in (("t", teaching), ("h", held))
    }
    assert topics["h"] and not topics["t"] & topics["h"]
    assert len(topics["t"] | topics["h"]) == len(TITLES), "each topic is somewhere"
    assert "described" not in alike.parted(("dropout",), seed=1)[0], "a sort that is off teaches nothing"


def test_a_pass_has_every_pair_once_and_no_batch_of_two_sorts(model: Path) -> None:
    from aisle.text.alike_train import BATCH, Mixed
    from aisle.text.model_train import open_model

    opened, alike = open_model(model), toy()
    source = Mixed(opened, alike, alike.pairs)
    batches = list(source(0))
    words = {str(opened.tokens([text])[0]): text for text in alike.texts}
    sides = [{words[str(one)][0] + words[str(other)][0] for one, other in zip(b.queries, b.items, strict=True)} for b in batches]
    same = [all(one == other for one, other in zip(b.queries, b.items, strict=True)) for b in batches]
    assert all(side == {"td"} or twice for side, twice in zip(sides, same, strict=True))
    assert sum(len(b.query) for b in batches) == 3 * len(TITLES) and len(batches) == source.steps()
    assert max(len(b.query) for b in batches) <= BATCH and all(b.related.diagonal().all() for b in batches)
    assert [b.queries for b in source(1)] != [b.queries for b in batches]


def test_a_text_twice_teaches_only_where_the_model_drops_units_out(model: Path, tmp_path: Path) -> None:
    from aisle.text.alike_train import drops
    from aisle.text.model_train import open_model

    assert drops(open_model(model))
    still = tiny_model(tmp_path / "still", WORDS, dropout=0.0)
    assert not drops(open_model(still))
    told = trained(tmp_path / "out", still, steps=1)
    assert told.pairs["dropout"] == 0 and told.pairs["described"] > 64  # type: ignore[attr-defined]
    with pytest.raises(InputError, match=r"needs 64 pairs of texts that say alike, here are 0"):
        trained(tmp_path / "none", still, sorts=("dropout",))


def test_it_learns_which_words_mean_the_same(model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from aisle.text import alike_train
    from aisle.text.model_train import open_model

    monkeypatch.setattr(alike_train, "RATE", 5e-3)
    told = trained(tmp_path / "out", model, steps=24, sorts=("described",))
    assert told.perplexity < 0.5 * told.before  # type: ignore[attr-defined]
    check_folder(tmp_path / "out")
    opened = open_model(tmp_path / "out")
    opened.net.eval()
    with torch.no_grad():
        near = opened.vectors(opened.tokens(TITLES)) @ opened.vectors(opened.tokens(TOLD)).T
    assert float((near.argmax(1) == torch.arange(len(TITLES))).float().mean()) > 0.5


def test_a_killed_run_goes_on_to_the_same_losses_and_to_nothing_else(model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from aisle.text import loop_train

    monkeypatch.setattr(loop_train, "SAVED", 0.0)
    whole: dict[int, float] = {}
    trained(tmp_path / "whole", model, watch=_into(whole))

    def killed(step: int, of: int, loss: float) -> None:
        if step == 3:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        trained(tmp_path / "killed", model, watch=killed)
    with pytest.raises(InputError, match="another model, other texts or other pairs"):
        trained(tmp_path / "killed", model, sorts=("dropout",))
    again: dict[int, float] = {}
    told = trained(tmp_path / "killed", model, watch=_into(again))
    assert min(again) == 3 and list(again.values()) == pytest.approx([whole[step] for step in again], abs=1e-5)
    assert told.steps == 5 and json.loads((tmp_path / "killed" / "pretraining.json").read_text())["pairs"] == told.pairs  # type: ignore[attr-defined]
    assert not (tmp_path / "killed" / "unfinished-contrastive").exists()


def test_what_starts_from_nothing_learns_and_goes_on_when_killed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from aisle.text import loop_train

    monkeypatch.setattr(loop_train, "SAVED", 0.0)
    small: dict[str, object] = {"steps": 40, "sorts": ("described",), "shape": (1, 64)}

    def killed(step: int, of: int, loss: float) -> None:
        if step == 3:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        trained(tmp_path / "own", None, watch=killed, **small)  # type: ignore[arg-type]
    again: dict[int, float] = {}
    told = trained(tmp_path / "own", None, watch=_into(again), **small)  # type: ignore[arg-type]
    assert min(again) == 3 and told.perplexity < 0.7 * told.before, told  # type: ignore[attr-defined]
    assert told.own and (told.layers, told.width) == (1, 64)  # type: ignore[attr-defined]
    check_folder(tmp_path / "own")
    assert not (tmp_path / "own" / "unfinished-contrastive").exists()


def test_too_few_pairs_leave_nothing_behind(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="needs 64 pairs of texts that say alike, here are 0"):
        trained(tmp_path / "own", None, sorts=("clicked",))
    assert not (tmp_path / "own").exists()


def test_what_was_pretrained_here_from_nothing_goes_on_at_its_own_rate(model: Path, tmp_path: Path) -> None:
    from aisle.text.alike_train import OWN_RATE, RATE, Contrasting, Mixed
    from aisle.text.model_train import open_model

    told = trained(tmp_path / "own", None, steps=1, sorts=("described",), shape=(1, 64))
    assert told.own  # type: ignore[attr-defined]
    for start, rate in ((tmp_path / "own", OWN_RATE), (model, RATE)):
        source = Mixed(open_model(start), toy(), toy().pairs)
        assert Contrasting(toy(), tmp_path / "on", start)._loop(source, [], 0.0).recipe.learning_rate == rate


def _into(losses: dict[int, float]) -> Callable[[int, int, float], None]:
    return lambda step, of, loss: losses.__setitem__(step, loss)
