"""A training is followed: under one name also when it is taken up, with what a reader needs and nothing that must stay secret."""

from __future__ import annotations

import json
from pathlib import Path

from aisle.bundle import Store, verify
from aisle.core.events import Dataset
from aisle.settings import Settings, Source
from aisle.tracking.lines import read
from aisle.tracking.run import part, point
from aisle.training.follow import curves_of, followed
from aisle.training.parts import Parts


def test_a_training_leaves_one_file_that_says_what_it_learned_from(store: Path) -> None:
    (path,) = (store / ".work" / "tracking").glob("*.jsonl")
    manifest = verify(store / str(Store(store).current())).manifest
    facts = read(path).facts
    assert facts["data"] == manifest["data"]
    assert facts["settings"]["encoder"] == "ngram" and "sources" not in facts["settings"]  # type: ignore[index,call-overload,operator]


def test_an_interrupted_training_goes_on_in_its_file_and_the_next_one_has_its_own(data: Dataset, tmp_path: Path) -> None:
    settings = Settings(sources=(Source(file="postgresql://me:secret@host/shop", table="items"),))
    for loss in (2.0, 1.0):
        parts = Parts(tmp_path / "parts", {"data": 1})
        with followed(parts, data, settings) as run, part("fit"):
            point(1 + len(curves_of(run)), loss=loss)
            point(2, loss=loss)
    assert curves_of(run)["fit"].lines["loss"] == [(1.0, 2.0), (2.0, 1.0)], "the first run's step 1, the second's step 2"
    (path,) = (tmp_path / "tracking").glob("*.jsonl")
    assert "secret" not in path.read_text(encoding="utf-8")
    parts.clear()
    assert json.loads(path.read_text(encoding="utf-8").splitlines()[0])["value"]["fingerprint"] == data.fingerprint
