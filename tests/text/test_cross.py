"""The cross-encoder learns what only both texts together tell, keeps it through the export, and refuses what it cannot be made of."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from aisle.core.errors import BundleError, InputError
from aisle.text.cross import Cross
from aisle.text.pairs import Pairs
from tests.text.tiny import tiny_model, written_once

torch = pytest.importorskip("torch", reason="the training extra is not installed")
SAID, SHOWN = [f"s{n}" for n in range(6)], [f"t{n}" for n in range(6)]


def toy() -> Pairs:
    """`s3` belongs to `t3` and to nothing else: neither text alone says whether a pair does."""
    rows = [(first, second, float(first[1:] == second[1:])) for first in SAID for second in SHOWN]
    return Pairs([a for a, _, _ in rows], [b for _, b, _ in rows], np.array([c for _, _, c in rows], np.float32)).checked()


@pytest.fixture(scope="module")
def learned(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Path, list[float], float]]:
    """The toy learned by a model of one layer: its folder, its losses, how well the export agrees; what is exported later in this file
    takes the graph of this export."""
    from aisle.text import cross_export_train
    from aisle.text.cross_learn_train import Course, Single, teach
    from aisle.text.cross_model_train import open_cross

    work = tmp_path_factory.mktemp("cross")
    model = open_cross(tiny_model(work / "plain", [*SAID, *SHOWN], dropout=0.0), longest=16)
    pairs = toy()
    history = teach(model, Single(model, pairs, size=12), None, Course(300, rate=2e-3))
    model.save(work / "model")
    with pytest.MonkeyPatch.context() as patch:
        written_once(cross_export_train, patch, work / "graph.onnx")
        alike = cross_export_train.export_cross(work / "model", work / "served", pairs.first, pairs.second, 16)
        yield work, history.losses, alike


def test_it_learns_a_relation_that_no_text_holds_alone(learned: tuple[Path, list[float], float]) -> None:
    served, pairs = Cross(learned[0] / "served"), toy()
    scores = np.array([served.score(a, [b])[0] for a, b in zip(pairs.first, pairs.second, strict=True)])
    assert scores[pairs.label > 0].min() > scores[pairs.label == 0].max()


def test_the_served_copy_agrees_with_torch(learned: tuple[Path, list[float], float]) -> None:
    assert learned[2] > 0.99


def test_a_copy_in_full_precision_gives_the_same_numbers(learned: tuple[Path, list[float], float], tmp_path: Path) -> None:
    from aisle.text.cross_export_train import export_cross
    from aisle.text.cross_model_train import open_cross

    pairs = toy()
    export_cross(learned[0] / "model", tmp_path, pairs.first, pairs.second, 16, quantise=False)
    model = open_cross(learned[0] / "model", longest=16)
    model.net.eval()
    with torch.no_grad():
        numbers = [float(model.net(*padded_one(model, a, b))[0]) for a, b in zip(pairs.first, pairs.second, strict=True)]
    copied = [Cross(tmp_path).score(pairs.first[0], [pairs.second[row]])[0] for row in range(6)]
    np.testing.assert_allclose(copied, numbers[:6], atol=1e-4)


def padded_one(model: object, first: str, second: str) -> object:
    from aisle.text.cross_model_train import padded

    return padded(model.tokens([first], [second]))  # type: ignore[attr-defined]


def test_a_score_does_not_depend_on_what_stands_beside_it_and_nothing_has_none(learned: tuple[Path, list[float], float]) -> None:
    served = Cross(learned[0] / "served")
    texts = ["t0", "t1 t2 t3 t4", "", "\ud800", "t5 " * 500]
    together = served.score("s1", texts)
    np.testing.assert_array_equal(together, [served.score("s1", [text])[0] for text in texts])
    assert np.isnan(together).tolist() == [False, False, True, False, False]
    assert np.isnan(served.score(" ", ["t0"])).all() and served.score("s1", []).shape == (0,)


def test_a_saved_one_is_the_same_and_a_damaged_one_is_refused(learned: tuple[Path, list[float], float], tmp_path: Path) -> None:
    served = Cross(learned[0] / "served")
    served.save(tmp_path)
    again = Cross.load(tmp_path)
    assert again.fingerprint == served.fingerprint and again.score("s2", ["t2"])[0] == served.score("s2", ["t2"])[0]
    (tmp_path / "model.onnx").unlink()
    with pytest.raises(BundleError, match=r"cannot be read: .*model\.onnx"):
        Cross.load(tmp_path)


def test_an_export_that_says_something_else_is_refused(learned: tuple[Path, list[float], float], tmp_path: Path) -> None:
    """The graph of what was taught in the place of one that was not."""
    from aisle.text import cross_export_train
    from aisle.text.cross_model_train import open_cross

    open_cross(learned[0] / "plain", longest=16).save(tmp_path / "untaught")
    pairs = toy()
    with pytest.raises(InputError, match=r"agree .* correlation of -?0\.\d+ only.*cross_ms = 0"):
        cross_export_train.export_cross(tmp_path / "untaught", tmp_path / "served", pairs.first, pairs.second, 16)


def test_fewer_layers_and_the_head_are_kept_apart_from_the_encoder(tmp_path: Path) -> None:
    from aisle.text.cross_model_train import HEAD, open_cross

    source = tiny_model(tmp_path / "plain", SAID, layers=3, dropout=0.0)
    model = open_cross(source, layers=2)
    model.save(tmp_path / "kept")
    assert json.loads((tmp_path / "kept" / "config.json").read_text())["num_hidden_layers"] == 2
    again = open_cross(tmp_path / "kept")
    assert torch.equal(again.net.head.weight, model.net.head.weight)
    (tmp_path / "kept" / HEAD).unlink()
    assert len(open_cross(tmp_path / "kept").net.model.encoder.layer) == 2
    with pytest.raises(InputError, match=r"3 layers; 4 are wanted"):
        open_cross(source, layers=4)


def test_a_model_is_told_of_shared_words_which_at_first_mean_nothing(tmp_path: Path) -> None:
    from aisle.text.cross_model_train import open_cross

    model = open_cross(tiny_model(tmp_path / "plain", SAID, dropout=0.0))
    rows = model.net.model.embeddings.token_type_embeddings.weight
    assert model.tokens(["s3"], ["s3"])[0].types == [0, 2, 0, 3, 1]
    assert torch.equal(rows[:2], rows[2:])
    with torch.no_grad():
        rows[3] += 1
    model.save(tmp_path / "kept")
    assert torch.equal(open_cross(tmp_path / "kept").net.model.embeddings.token_type_embeddings.weight, rows)


@pytest.mark.parametrize(("marked", "types"), [(True, [0, 2, 0, 3, 1]), (False, [0, 0, 0, 1, 1])])
def test_a_copy_of_an_older_bundle_is_not_told_of_shared_words(
    learned: tuple[Path, list[float], float], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, marked: bool, types: list[int]
) -> None:
    Cross(learned[0] / "served").save(tmp_path)
    told = json.loads((tmp_path / "cross.json").read_text())
    assert told.pop("marked")
    (tmp_path / "cross.json").write_text(json.dumps(told | ({"marked": True} if marked else {})))
    cross, seen = Cross(tmp_path), list[list[int]]()

    class Session:
        def run(self, names: list[str], given: dict[str, np.ndarray]) -> list[np.ndarray]:
            seen.append(given["token_type_ids"][0].tolist())
            return [np.zeros(1)]

    monkeypatch.setattr(cross, "_session", Session())
    cross.score("s3", ["s3"])
    assert seen == [types]


def test_a_model_that_reads_left_to_right_is_refused(tmp_path: Path) -> None:
    from aisle.text.cross_model_train import open_cross

    source = tiny_model(tmp_path, SAID, dropout=0.0)
    told = json.loads((source / "config.json").read_text())
    (source / "config.json").write_text(json.dumps(told | {"model_type": "gpt2"}))
    with pytest.raises(InputError, match=r"reads left to right"):
        open_cross(source)


def test_every_epoch_holds_what_belongs_together_once_and_a_fixed_share_of_the_rest(tmp_path: Path) -> None:
    from aisle.text.cross_learn_train import OTHERS, Single
    from aisle.text.cross_model_train import open_cross

    source = Single(open_cross(tiny_model(tmp_path, [*SAID, *SHOWN], dropout=0.0)), toy(), size=5)
    epochs = [np.concatenate([batch.label for batch in source(epoch)]) for epoch in (0, 1)]
    assert [int(labels.sum()) for labels in epochs] == [6, 6] and [len(labels) for labels in epochs] == [6 * (1 + OTHERS)] * 2
    assert len(list(source(0))) == source.steps()


def test_a_list_starts_with_its_answer_and_the_loss_falls_when_it_is_first(tmp_path: Path) -> None:
    from aisle.text.cross_learn_train import Course, Listed, Lists, teach
    from aisle.text.cross_model_train import open_cross

    model = open_cross(tiny_model(tmp_path, [*SAID, *SHOWN], dropout=0.0))
    rows, ones = np.arange(6), np.ones(6, np.float32)
    hard = [np.array([row for row in range(6) if row != query]) for query in range(6)]
    source = Listed(model, Lists(SAID, SHOWN, rows, rows, ones, hard), wide=4, size=3)
    batch = next(iter(source(0)))
    assert len(batch.pairs) == 12 and batch.wide == 4 and source.steps() == 2
    history = teach(model, source, None, Course(100, rate=5e-3))
    assert np.mean(history.losses[-4:]) < 0.5 * np.mean(history.losses[:4])
