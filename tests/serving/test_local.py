"""The Python door with its state: what is recorded counts in the next answer, in any process, and looking makes no folder."""

from __future__ import annotations

from pathlib import Path

import pytest

import aisle
from aisle.core.errors import BundleError, RequestError
from tests.serving.toy_store import toy_store


@pytest.fixture
def store(tmp_path: Path) -> Path:
    return toy_store(tmp_path)


def test_looking_makes_no_state_and_recording_does(store: Path):
    with aisle.open(store) as shop:
        assert shop.search("red lamp").items[0].item_id == "lamp_red" and shop.profile("ada") is None
        assert not (store.parent / "state").exists()
        assert shop.record("click", item="lamp_red", user="ada")["stored"] == 1
        assert (shop.profile("ada") or {})["recent"] == ["lamp_red"]
    assert (store.parent / "state" / "log.sqlite").exists()


def test_two_open_shops_see_what_either_stored(store: Path, tmp_path: Path):
    with aisle.open(store, tmp_path / "kept") as one, aisle.open(str(store / "one"), tmp_path / "kept") as two:
        event = {"type": "click", "item_id": "cup_tea", "user_id": "bo", "event_id": "e"}
        assert one.record_all([event])["stored"] == 1 and two.record_all([event])["duplicate"] == 1
        assert two.put_items([{"item_id": "fresh", "title": "Turquoise gramophone"}])["stored"] == 1
        assert one.search("gramophone").items[0].item_id == "fresh" and one.delete_item("fresh") and not two.delete_item("fresh")
        assert [event["event_id"] for event in (two.export("bo") or {})["events"]] == ["e"]
        assert two.forget("bo") and one.profile("bo") is None and one.export("bo") is None


def test_what_is_wrong_is_said(store: Path, tmp_path: Path):
    with pytest.raises(BundleError, match="no active bundle"):
        aisle.open(tmp_path / "none")
    with aisle.open(store) as shop, pytest.raises(RequestError, match="limit"):
        shop.search("lamp", limit=100_000)
