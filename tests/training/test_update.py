"""`aisle train --update`: what goes into the next bundle, what is compared on what, and when the running one stays."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from aisle.bundle import Bundle, Store, verify
from aisle.core.errors import AisleError, BundleError, InputError, RefusedError
from aisle.core.request import Request
from aisle.opening import open_shop
from aisle.state.folder import State
from aisle.state.intake import record
from aisle.training import trial, update_bundle
from aisle.training import update as updating
from aisle.training.trial import Compared
from aisle.training.update import update
from tests.training.test_evaluate import Rows, later, rewritten

NEW = {"item_id": "brandnew", "title": "Zirconium lamp"}


def arrived(rows: Rows) -> Rows:
    """A new item in the shop."""
    return [*rows, {name: NEW.get(name, value) for name, value in rows[0].items()}]


def shop(folder: Path, place: Path, events: Callable[[Rows], Rows]) -> Path:
    """A copy of the trained shop with what came since."""
    made = place / "shop"
    shutil.copytree(folder, made, ignore=shutil.ignore_patterns(".work"))
    rewritten(made, "events.csv", events)
    rewritten(made, "items.csv", arrived)
    return made


@pytest.fixture(scope="module")
def month(folder: Path, store: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The shop a month later."""
    return shop(folder, tmp_path_factory.mktemp("month"), later)


@pytest.fixture(scope="module")
def updated(month: Path, store: Path) -> Bundle:
    """By five requests a task and more: so small a shop has no thirty in a month."""
    with pytest.MonkeyPatch.context() as patch:
        for module in (updating, trial):
            patch.setattr(module, "FEWEST", 5)
        return update(month, quiet=True)


def card(bundle: Bundle) -> dict[str, object]:
    found = bundle.manifest["update"]
    assert isinstance(found, dict)
    return dict(found)


def test_the_next_bundle_is_active_and_says_where_it_comes_from(month: Path, store: Path, updated: Bundle) -> None:
    parent = str(Store(store).current())
    assert Store(month / "bundles").current() == updated.bundle_id != parent
    assert Store(month / "bundles").previous() == parent
    assert verify(updated.folder).manifest["parent"] == parent
    full = card(updated)["full"]
    assert isinstance(full, dict) and full["bundle"] == parent and full["updates"] == 1
    assert updated.manifest["plan"] == verify(store / parent).manifest["plan"], "a full training may repeat it"


def test_sources_learned_and_were_compared_on_what_they_had_not_seen(updated: Bundle) -> None:
    made, tests = card(updated)["sources"], card(updated)["tests"]
    assert isinstance(made, dict) and made["item_knn"] == "fitted again" and made.get("als", "carried on") == "carried on"
    assert isinstance(tests, list) and {one["task"] for one in tests} & {"home", "home_new"}  # type: ignore[call-overload,index]
    for one in tests:
        assert isinstance(one, dict) and one["requests"] >= 5 and 0 < one["before"] < 1 and 0 < one["after"] < 1  # type: ignore[operator]
        assert one["difference"] == pytest.approx(one["after"] - one["before"], abs=1e-5)  # type: ignore[operator]
    until = card(updated)["learned_until"]
    assert until == updated.manifest["newest_event"]


def test_rankers_and_fusion_are_those_of_the_full_training(updated: Bundle, store: Path) -> None:
    files, before = (verify(place).manifest["files"] for place in (updated.folder, store / str(Store(store).current())))
    assert isinstance(files, dict) and isinstance(before, dict)
    stacks = {name: digest for name, digest in before.items() if name.startswith("stacks/") and "/clicks/" not in name}
    assert stacks and stacks.items() <= files.items()
    assert files["sources/item_knn/neighbours.weight.npy"] != before["sources/item_knn/neighbours.weight.npy"]


def test_it_answers_knows_the_new_item_and_what_happened_since(month: Path, store: Path, updated: Bundle) -> None:
    now, then = open_shop(month / "bundles"), open_shop(store)
    assert now.newest > then.newest + 20 * 86_400
    page, home = now.answer([Request("1", "search", query="zirconium lamp"), Request("2", "home", user_id=now.users(1)[0])])
    assert page.items[0].item_id == "brandnew"
    assert home.items and not home.degraded
    report = json.loads((updated.folder / "report.json").read_text(encoding="utf-8"))
    assert report["notes"][0].startswith(f"Updated from {Store(store).current()}") and report["models"]
    assert "Updated from" in (updated.folder / "report.html").read_text(encoding="utf-8")


def test_where_nothing_came_the_active_bundle_stays(month: Path, updated: Bundle) -> None:
    before = Store(month / "bundles").names()
    assert update(month, quiet=True).bundle_id == updated.bundle_id
    assert Store(month / "bundles").names() == before


def few(rows: Rows) -> Rows:
    """Some sixty events a month later."""
    return later(rows, share=60 / len(rows))


@pytest.fixture(scope="module")
def quiet_month(folder: Path, store: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return shop(folder, tmp_path_factory.mktemp("quiet"), few)


def test_where_too_little_came_to_tell_facts_alone_are_new_and_the_events_wait(quiet_month: Path, store: Path) -> None:
    parent = open_shop(store)
    made = update(quiet_month, quiet=True)
    assert "too few" in str(card(made)["why_not_learned"]) and card(made)["sources"] == {}
    known = verify(store / parent.bundle_id).manifest["newest_event"]
    assert card(made)["learned_until"] == known < made.manifest["newest_event"]  # type: ignore[operator]
    now = open_shop(quiet_month / "bundles")
    assert now.item("brandnew") is not None and now.newest > parent.newest
    old, new = (
        {(shop.pipeline.catalogue.ids[row], shop.pipeline.catalogue.ids[item])
         for row, item in zip(*shop.pipeline.sources["item_knn"].neighbours_.matrix().nonzero(), strict=True)}  # type: ignore[attr-defined]
        for shop in (parent, now)
    )  # fmt: skip
    assert old == new


@pytest.fixture
def waiting(folder: Path, store: Path, tmp_path: Path) -> Path:
    """A shop to which a month of events came, not updated yet."""
    return shop(folder, tmp_path, later)


def test_an_update_that_is_worse_is_refused_and_the_running_bundle_stays(waiting: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    lost = Compared("home", 400, 0.4, 0.3, -0.1, -0.12, -0.08, 0.001, 0.03)
    monkeypatch.setattr(updating, "FEWEST", 5)
    monkeypatch.setattr(updating, "compare", lambda *_: [lost])
    before = Store(waiting / "bundles").current()
    with pytest.raises(RefusedError, match=f"worse than {before}, which stays active: home/ndcg@10 0.4000 before, 0.3000 after on 400"):
        update(waiting, quiet=True)
    assert Store(waiting / "bundles").current() == before and len(Store(waiting / "bundles").names()) == 1


def test_one_stopped_while_it_writes_leaves_nothing_and_one_that_was_overtaken_is_not_activated(
    waiting: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def stop(*_: object) -> None:
        raise KeyboardInterrupt

    before = Store(waiting / "bundles").current()
    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setattr(update_bundle, "_report", stop)
        update(waiting, quiet=True)
    assert Store(waiting / "bundles").current() == before and len(Store(waiting / "bundles").names()) == 1

    def overtaken(*_: object) -> None:
        (waiting / "bundles" / "CURRENT").write_text("another", encoding="utf-8")

    monkeypatch.setattr(update_bundle, "_report", overtaken)
    with pytest.raises(BundleError, match=r"another became active while .* was updated, so .* was written but not activated"):
        update(waiting, quiet=True)
    assert Store(waiting / "bundles").current() == "another"


def refusal(folder: Path, **more: Path) -> str:
    with pytest.raises(AisleError) as found:
        update(folder, quiet=True, **more)
    return str(found.value)


def test_what_an_update_cannot_know_is_said_before_anything_is_learned(waiting: Path, folder: Path, tmp_path: Path) -> None:
    text = (waiting / "aisle.toml").read_text(encoding="utf-8")
    (waiting / "aisle.toml").write_text(text + "\n[tuned.item_knn]\nshrink = 3\n", encoding="utf-8")
    assert "aisle.toml says otherwise" in refusal(waiting) and "tuned" in refusal(waiting)
    (waiting / "aisle.toml").write_text(text, encoding="utf-8")
    rewritten(waiting, "events.csv", lambda rows: rows[: len(rows) // 2])
    assert "The log ends on" in refusal(waiting)
    empty = tmp_path / "empty"
    empty.mkdir()
    assert "no active bundle" in refusal(empty)


def test_who_was_forgotten_since_the_full_training_is_forgotten_by_a_full_training_only(waiting: Path) -> None:
    with State.open(waiting / "state") as state:
        moment = 1_750_000_000.0
        record(state, [{"type": "click", "item_id": "brandnew", "user_id": "gone", "timestamp": moment}], moment)
        state.log.forget("gone", moment + 1)
    with pytest.raises(InputError, match="Somebody was forgotten since"):
        update(waiting, quiet=True, state=waiting / "state")
