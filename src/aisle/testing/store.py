"""What a bundle store promises: bundles are whole or not there, one is active, a damaged one is refused and the running one stays."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from functools import partial
from pathlib import Path
from typing import Protocol

from aisle.bundle import Bundle, Json
from aisle.core.errors import BundleError


class BundleStore(Protocol):
    """Bundles side by side, written whole, one of them active."""

    def write(self, name: str, manifest: Mapping[str, Json]) -> AbstractContextManager[Path]: ...
    def names(self) -> list[str]: ...
    def current(self) -> str | None: ...
    def activate(self, name: str) -> Bundle: ...
    def rollback(self) -> Bundle: ...


class InterruptedTrainingError(Exception):
    """What a broken-off training looks like from inside."""


class StoreSuite:
    """Runs under pytest. `damage` must change a stored bundle's bytes behind the store's back."""

    def store(self, folder: Path) -> BundleStore:
        """An empty store that keeps its bundles in ``folder``, or opens those that lie there."""
        raise NotImplementedError

    def damage(self, store: BundleStore, name: str) -> None:
        """Flip a byte of a file of bundle ``name``."""
        raise NotImplementedError

    def filled(self, folder: Path, *names: str) -> BundleStore:
        """A store with these bundles, the last of them active."""
        store = self.store(folder)
        for name in names:
            with store.write(name, {"made": name}) as place:
                (place / "part").mkdir()
                (place / "part" / "weights.bin").write_bytes(name.encode())
            store.activate(name)
        return store

    def test_an_empty_store_has_nothing_active(self, tmp_path: Path) -> None:
        store = self.store(tmp_path)
        assert store.names() == [] and store.current() is None
        assert refused(store.rollback)

    def test_what_was_written_is_read_again(self, tmp_path: Path) -> None:
        self.filled(tmp_path, "one", "two")
        again = self.store(tmp_path)
        assert again.names() == ["one", "two"] and again.current() == "two"
        bundle = again.activate("one")
        assert bundle.manifest["made"] == "one"
        assert (bundle.folder / "part" / "weights.bin").read_bytes() == b"one"

    def test_a_broken_off_write_leaves_no_bundle(self, tmp_path: Path) -> None:
        store = self.filled(tmp_path, "one")
        try:
            with store.write("half", {}) as place:
                (place / "weights.bin").write_bytes(b"half")
                raise InterruptedTrainingError
        except InterruptedTrainingError:
            pass
        assert store.names() == ["one"] and store.current() == "one"

    def test_a_damaged_bundle_is_refused_and_the_active_one_stays(self, tmp_path: Path) -> None:
        store = self.filled(tmp_path, "one", "two")
        self.damage(store, "one")
        assert "one" in refused(lambda: store.activate("one"))
        assert refused(store.rollback)
        assert store.current() == "two"

    def test_an_unknown_name_is_refused_wherever_it_points(self, tmp_path: Path) -> None:
        store = self.filled(tmp_path, "one")
        for name in ("none", "", "..", "../one", "/etc", "a\nb"):
            assert refused(partial(store.activate, name))
        assert store.current() == "one"

    def test_rolling_back_goes_to_the_one_before(self, tmp_path: Path) -> None:
        store = self.filled(tmp_path, "one", "two")
        assert store.rollback().bundle_id == "one" == store.current()


def refused(work: Callable[[], object]) -> str:
    """What the store said when it refused; empty when it did not."""
    try:
        work()
    except BundleError as error:
        return str(error)
    return ""
