"""The Python door: `aisle.open("my-shop/bundles")` answers in this process what HTTP answers over the network."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from aisle.core.answer import Answer, Completion
from aisle.opening import open_shop
from aisle.serving.parse import parse
from aisle.shop import Shop


class LocalShop:
    """An open bundle. Every call takes what the HTTP route of that name takes; what is wrong with it raises `RequestError`."""

    def __init__(self, path: str | Path) -> None:
        """Open a bundle store or one bundle. Raises `BundleError` when there is none or it is damaged."""
        self.shop: Shop = open_shop(Path(path))

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
