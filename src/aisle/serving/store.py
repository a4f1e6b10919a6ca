"""The bundle store as a running server and the command line handle it."""

from __future__ import annotations

from pathlib import Path

from aisle.bundle import Store, read, verify
from aisle.core.errors import BundleError
from aisle.opening import shop_of
from aisle.serving.engine import BundleInfo, Engine


class OpenStore:
    """The store behind a running server: lists its bundles, activates one and gives the shop that answers from then on."""

    def __init__(self, path: Path) -> None:
        self.store, _ = Store.at(path)

    def list(self) -> list[BundleInfo]:
        """Every bundle; what cannot be read says why."""
        active = self.store.current()
        return [self._info(name, name == active) for name in self.store.names()]

    def _info(self, name: str, active: bool) -> BundleInfo:
        try:
            return BundleInfo(name, active, str(read(self.store.folder / name).manifest.get("created_at", "")))
        except BundleError as error:
            return BundleInfo(name, active, problem=error.what)

    def activate(self, bundle_id: str) -> Engine:
        """Verify and open first, then make it the active one; on any fault the active one stays."""
        if bundle_id not in self.store.names():
            raise BundleError(f"There is no bundle `{bundle_id}`.", "GET /v1/bundles lists them.")
        shop = shop_of(verify(self.store.folder / bundle_id))
        self.store.activate(bundle_id)
        return shop

    def rollback(self) -> Engine:
        """Activate and open the bundle that was active before."""
        before = self.store.previous()
        if before is None:
            raise BundleError("There is no earlier bundle to roll back to.", "Activate one by name.")
        return self.activate(before)
