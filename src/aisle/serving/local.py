"""The Python door: `aisle.open("my-shop/bundles")` answers in this process what HTTP answers over the network."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from time import time
from typing import cast

from aisle.bundle import Store, verify
from aisle.core.answer import Answer, Completion, Json
from aisle.core.errors import RequestError
from aisle.live import LiveShop
from aisle.opening import shop_of
from aisle.serving.parse import parse
from aisle.shop import Shop
from aisle.state.folder import LOG_NAME, State

OLD = 30 * 86_400.0
"""A log that ends longer ago is treated as if today were its last day, as `aisle serve --clock log` does."""


class LocalShop:
    """An open bundle. Every call takes what the HTTP route of that name takes; what is wrong with it raises `RequestError`.

    Answers are as of the newest event known. The state folder, which a running server may share, is made with the first `record`.
    """

    def __init__(self, path: str | Path, state: str | Path | None = None, wall: Callable[[], float] = time) -> None:
        """Open a bundle store or one bundle. Raises `BundleError` when there is none or it is damaged."""
        store, folder = Store.at(Path(path))
        bundle = verify(folder)
        after = bundle.manifest.get("state_sequence")
        self.shop: Shop | LiveShop = shop_of(bundle)
        self._after, self._wall, self._shift = after if isinstance(after, int) else 0, wall, 0.0
        self._folder = Path(state) if state is not None else store.folder.parent / "state"
        self._state: State | None = None
        if (self._folder / LOG_NAME).is_file():
            self._live()

    def record(self, type: str, user: str | None = None, item: str | None = None, **fields: Json) -> Mapping[str, Json]:
        """Store one event; on disk when it returns, and counted in the next answer. Without a ``timestamp`` it happens now.

        Gives what ``POST /v1/events`` answers. Raises `RequestError` for an event that cannot be read.
        """
        named = {"type": type, "user_id": user, "item_id": item, **fields}
        shop = self._live()
        told = shop.record([{name: value for name, value in named.items() if value is not None}], self._wall() + self._shift)
        for one in cast("Sequence[Mapping[str, str]]", told["rejected"]):
            raise RequestError(f"The event cannot be stored: {one['reason']}.", "The contract's table of events says what it may hold.")
        return told

    def close(self) -> None:
        """Let go of the state folder."""
        if self._state is not None:
            self._state.close()

    def _live(self) -> LiveShop:
        if isinstance(self.shop, LiveShop):
            return self.shop
        self._state = State.open(self._folder)
        live = LiveShop(self.shop, self._state, self._after)
        if self._wall() - live.newest > OLD:
            self._shift = live.newest - self._wall()
            live = LiveShop(self.shop, self._state, self._after, self._shift)
        self.shop = live
        return live

    def search(
        self, query: str, user: str | None = None, filters: Mapping[str, object] | None = None, limit: int = 10, **more: object
    ) -> Answer:
        """Items for a query, best first."""
        return self._ask("search", {"query": query, "user_id": user, "filters": filters or {}, "limit": limit, **more})

    def recommend(
        self, user: str | None = None, surface: str = "home", items: Sequence[str] | None = None, limit: int = 10, **more: object
    ) -> Answer:
        """Items for a person (``home``), a product page (``item``) or a basket (``basket``)."""
        given = {} if items is None else {"items": list(items)}
        return self._ask(surface, {"user_id": user, "limit": limit, **given, **more})

    def similar(self, items: Sequence[str], limit: int = 10, **more: object) -> Answer:
        """Substitutes for some items."""
        return self._ask("similar", {"items": list(items), "limit": limit, **more})

    def rank(self, items: Sequence[str], user: str | None = None, query: str | None = None, **more: object) -> Answer:
        """Score what another engine found, all of it."""
        return self._ask("rank", {"items": list(items), "user_id": user, "query": query, **more})

    def complete(self, query: str, limit: int = 8) -> list[Completion]:
        """Ways to go on typing."""
        return self.shop.complete(query, limit)

    def _ask(self, surface: str, body: Mapping[str, object]) -> Answer:
        given = {name: value for name, value in body.items() if value is not None}
        return self.shop.answer([parse(given, surface, self.shop.newest, "local")])[0]
