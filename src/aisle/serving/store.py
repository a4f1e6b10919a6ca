"""The bundle store as a running server handles it: what is opened from it answers through whatever engine the server builds around it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from aisle.bundle import Bundle, Store, read, verify
from aisle.core.errors import BundleError
from aisle.serving.engine import BundleInfo, Engine


class OpenStore:
    """The store that ``path`` names, or that its bundle lies in. ``build`` makes an engine of a bundle that was verified."""

    def __init__(self, path: Path, build: Callable[[Bundle], Engine]) -> None:
        self.store, _ = Store.at(path)
        self._build = build

    def list(self) -> list[BundleInfo]:
        """Every bundle of the store."""
        return listed(self.store)

    def current(self) -> str | None:
        """The active bundle's name."""
        return self.store.current()

    def previous(self) -> str | None:
        """The name of the one before it."""
        return self.store.previous()

    def open(self, bundle_id: str) -> Engine:
        """Verify a bundle and open it."""
        if bundle_id not in self.store.names():
            raise BundleError(f"There is no bundle `{bundle_id}`.", "GET /v1/bundles lists them.")
        return self._build(verify(self.store.folder / bundle_id))

    def activate(self, bundle_id: str) -> None:
        """Make it the active one, after one more look at its hashes."""
        self.store.activate(bundle_id)


def listed(store: Store) -> list[BundleInfo]:
    """Every bundle of a store; what cannot be read says why."""
    active = store.current()
    return [_info(store.folder / name, name == active) for name in store.names()]


def _info(folder: Path, active: bool) -> BundleInfo:
    try:
        return BundleInfo(folder.name, active, str(read(folder).manifest.get("created_at", "")))
    except BundleError as error:
        return BundleInfo(folder.name, active, problem=error.what)
