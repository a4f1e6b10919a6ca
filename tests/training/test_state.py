"""A running shop's log in training: what it tells is in the bundle, which says up to where; a folder that is none is refused."""

from __future__ import annotations

from pathlib import Path

import pytest

from aisle.core.errors import StateError
from aisle.opening import open_shop
from aisle.state.folder import State
from aisle.state.intake import record
from aisle.training.run import train
from tests.state.support import NOW


@pytest.fixture
def shop(tmp_path: Path) -> Path:
    """A folder with a handful of items and one event."""
    (tmp_path / "aisle.toml").write_text('encoder = "ngram"\n', encoding="utf-8")
    (tmp_path / "items.csv").write_text("item_id,title\n1,Red lamp\n2,Blue sofa\n3,Oak desk\n", encoding="utf-8")
    (tmp_path / "events.csv").write_text("timestamp,type,item_id,user_id\n2025-05-01T10:00:00Z,click,1,old\n", encoding="utf-8")
    return tmp_path


def test_the_log_is_learned_from_and_its_sequence_stands_in_the_manifest(shop: Path) -> None:
    with State.open(shop / "state") as state:
        clicks = ((place, str(1 + place % 3), f"new{place % 4}") for place in range(40))
        record(state, [{"type": "click", "item_id": item, "user_id": user, "timestamp": NOW - place} for place, item, user in clicks], NOW)
        state.items.put([{"item_id": "4", "title": "Live chair"}], now=NOW)
    bundle = train(shop, minutes=0.05, quiet=True, state=shop / "state")
    assert bundle.manifest["state_sequence"] == 41
    assert bundle.manifest["newest_event"] == NOW
    opened = open_shop(bundle.folder.parent)
    assert opened.item("4") == {"item_id": "4", "title": "Live chair"}
    assert set(opened.users(10)) == {"old", "new0", "new1", "new2", "new3"}


def test_a_state_folder_that_is_not_there_is_refused_before_anything_is_fitted(shop: Path) -> None:
    with pytest.raises(StateError, match="no state folder"):
        train(shop, minutes=0.05, quiet=True, state=shop / "typo")
    assert not (shop / "typo").exists()
