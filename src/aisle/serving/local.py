"""The Python door: `aisle.open("my-shop/bundles")` answers in this process what HTTP answers over the network."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from time import time
from typing import Self, cast

from aisle.bundle import Store, verify
from aisle.core.answer import Answer, Completion, Json
from aisle.live import LiveShop
from aisle.opening import shop_of
from aisle.serving.parse import parse
from aisle.serving.start import state_of
from aisle.shop import Shop
from aisle.state.folder import State


class LocalShop:
    """An open bundle and the state beside it. Every call takes what the HTTP route of that name takes; what is wrong with it raises
    `RequestError`.

    The state folder is ``STORE/../state`` unless named; it is made by the first thing that is stored. A server may own it at the same time:
    each sees at once what the other acknowledged. Now is the newest event known.
    """

    def __init__(self, path: str | Path, state: str | Path | None = None) -> None:
        """Open a bundle store or one bundle. Raises `BundleError` when there is none or it is damaged, `StateError` for a damaged state."""
        self._bundle = verify(Store.at(Path(path))[1])
        self._folder = state_of(Path(path)) if state is None else Path(state)
        self._state: State | None = None
        self.shop: Shop | LiveShop = self._live() if (self._folder / "log.sqlite").exists() else shop_of(self._bundle)

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

    def record(
        self, type: str, item: str | None = None, user: str | None = None, session: str | None = None, **more: object
    ) -> Mapping[str, Json]:
        """Store one event; what became of it, when it is on disk."""
        given = {"type": type, "item_id": item, "user_id": user, "session_id": session, **more}
        return self.record_all([{name: value for name, value in given.items() if value is not None}])

    def record_all(self, events: Iterable[Mapping[str, object]]) -> Mapping[str, Json]:
        """Store events: ``received, stored, duplicate, quarantined, rejected, sequence``."""
        return self._live().record(cast("list[Json]", list(events)), time())

    def put_items(self, items: Iterable[Mapping[str, object]], replace: bool = False) -> Mapping[str, Json]:
        """Add or change items; with ``replace`` they are the whole catalogue."""
        return self._live().put_items(cast("list[Json]", list(items)), replace, time())

    def delete_item(self, item_id: str) -> bool:
        """Take an item out of the shop; False where it has no such item."""
        return self._live().delete_item(item_id, time())

    def profile(self, user_id: str) -> Mapping[str, Json] | None:
        """What is known of a user, None of a stranger."""
        return self.shop.profile(user_id)

    def export(self, user_id: str) -> Mapping[str, Json] | None:
        """All that is kept of a user, None of a stranger."""
        return self._live().export(user_id)

    def forget(self, user_id: str) -> bool:
        """Drop all that is kept of a user; False where nothing was."""
        return self._live().forget(user_id, time())

    def close(self) -> None:
        """Write what waits and let go of the state folder."""
        if self._state is not None:
            self._state.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _live(self) -> LiveShop:
        """The shop with its state, which is made where there is none yet."""
        if self._state is None:
            self._state = State.open(self._folder)
            self.shop = LiveShop.of(self._bundle, self._state)
        return cast(LiveShop, self.shop)

    def _ask(self, surface: str, body: Mapping[str, object]) -> Answer:
        given = {name: value for name, value in body.items() if value is not None}
        return self.shop.answer([parse(given, surface, self.shop.newest, "local")])[0]
