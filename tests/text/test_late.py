"""Learning to compare token by token: the same products as in serving, padding says nothing, and a few steps teach it."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from aisle.text.token_head import likeness
from tests.text.tiny import tiny_encoder, tiny_model

torch = pytest.importorskip("torch", reason="the training extra is not installed")

WORDS = ("red", "blue", "lamp", "sofa", "pipe", "tall")
ITEMS = ["red lamp", "blue lamp", "tall blue sofa", "pipe"]
ASKED = ["lamp", "tall sofa red"]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tiny_model(tmp_path_factory.mktemp("model"), WORDS, dropout=0.0)


def test_training_compares_as_serving_will(folder: Path) -> None:
    from aisle.text.late_train import Late
    from aisle.text.model_train import open_model

    model = open_model(folder)
    late = Late.of(model, ITEMS)
    torch.nn.init.normal_(late.weight)
    model.net.eval()
    with torch.no_grad():
        queries, items = model.read(model.tokens(ASKED, "query")), model.read(model.tokens(ITEMS))
        scores = late.scores(queries, items).cpu().numpy()
    head = late.head()
    states = [one[mask > 0].cpu().numpy() for one, mask in zip(items.states, items.mask, strict=True)]
    starts = np.cumsum([0, *(len(one) for one in states[:-1])])
    for number, found in enumerate(scores):
        asked = head.asked(queries.states[number][queries.mask[number] > 0].cpu().numpy())
        np.testing.assert_allclose(likeness(asked, head.tokens(np.concatenate(states)), starts), found, atol=1e-5)


def test_reading_gives_the_vectors_and_one_state_a_token(folder: Path) -> None:
    from aisle.text.model_train import open_model

    model = open_model(folder)
    model.net.eval()
    tokens = model.tokens(ITEMS)
    with torch.no_grad():
        read, vectors = model.read(tokens), model.vectors(tokens)
    np.testing.assert_allclose(read.vectors.cpu(), vectors.cpu(), atol=1e-6)
    assert read.mask.sum(1).tolist() == [len(one) for one in tokens]
    means = (read.states * read.mask[:, :, None]).sum(1)
    np.testing.assert_allclose(torch.nn.functional.normalize(means, dim=-1).cpu(), vectors.cpu(), atol=1e-5)


def test_the_export_tells_the_same_states_and_keeps_what_was_learned(folder: Path, tmp_path: Path) -> None:
    from aisle.text.late_train import Late
    from aisle.text.model_train import open_model

    encoder, model = tiny_encoder(WORDS), open_model(folder)
    read = encoder.read(ITEMS, "item")
    np.testing.assert_array_equal(read.vectors, encoder.encode(ITEMS, "item"))
    assert encoder.tells_states and np.diff(read.starts).tolist() == [len(one) for one in model.tokens(ITEMS)]
    means = np.add.reduceat(read.states, read.starts[:-1])
    np.testing.assert_allclose(means / np.linalg.norm(means, axis=1, keepdims=True), read.vectors, atol=1e-5)
    encoder.head = Late.of(model, ITEMS).head()
    encoder.save(tmp_path)
    again = type(encoder).load(tmp_path)
    encoder.head = None
    assert again.head is not None and again.head.size == 32


def test_a_few_steps_teach_which_item_answers(folder: Path) -> None:
    """Queries whose words stand in no item: only what is learned tells them apart."""
    from aisle.text.aim_train import Aim
    from aisle.text.contrast_train import Batch
    from aisle.text.late_train import Late
    from aisle.text.loop_train import Loop, Recipe
    from aisle.text.model_train import open_model

    model = open_model(folder)
    late = Late.of(model, ITEMS)
    items, queries = model.tokens(["red red", "blue blue", "pipe pipe"]), model.tokens(["lamp", "sofa", "tall"], "query")
    own = np.arange(3)
    batch = Batch(queries, items, own, own, np.eye(3, dtype=bool))
    aim = Aim(late=late)
    begun = torch.cat([late.projection.detach().reshape(-1), late.weight.detach()]).clone()
    history = Loop(aim.beside(model.net), Recipe(60, 3e-3), lambda _: iter([batch]), lambda given: aim.loss(model, given)).run()
    model.net.eval()
    with torch.no_grad():
        scores = late.scores(model.read(queries), model.read(items)).cpu().numpy()
    assert scores.argmax(1).tolist() == [0, 1, 2]
    assert history.losses[-1] < 0.2 * history.losses[0]
    assert not torch.equal(begun, torch.cat([late.projection.detach().reshape(-1), late.weight.detach()]))
