"""A shop that keeps up: one bundle, and whatever clients tell it since, in any process that shares its state."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from math import isnan, nan

import numpy as np

from aisle.assemble import lexical
from aisle.bundle import Bundle
from aisle.core.answer import Answer, Completion, Json, Value
from aisle.core.errors import RequestError
from aisle.core.request import Request
from aisle.live.completion import completed
from aisle.live.export import events_of
from aisle.live.items import has, take
from aisle.live.present import Present
from aisle.opening import shop_of
from aisle.shop import Shop
from aisle.state.intake import record
from aisle.state.protocols import Kept


class LiveShop:
    """A `Shop` and the state beside it. Every call first asks the log for its newest sequence, so that what any process acknowledged
    counts: events in profiles at once and in counts from the next full hour on, changes of items at once.

    ``after`` is the sequence of the log that the bundle was trained with, ``shift`` how far the shop's now is from the wall clock. All
    methods may be called from several threads.
    """

    def __init__(self, shop: Shop, state: Kept, after: int = 0, shift: float = 0.0) -> None:
        self.bundle_id, self.name = shop.bundle_id, shop.name
        self._base, self._state, self._after, self._shift = shop, state, after, shift
        self.present = Present(shop, state, after)

    @classmethod
    def of(cls, bundle: Bundle, state: Kept, shift: float = 0.0) -> LiveShop:
        """A bundle that was verified, and what came after it."""
        after = bundle.manifest.get("state_sequence")
        return cls(shop_of(bundle), state, after if isinstance(after, int) else 0, shift)

    @property
    def newest(self) -> float:
        """UTC seconds of the newest event known, NaN for a log without a clock."""
        if not self._base.pipeline.history.clock:
            return nan
        return float(np.fmax(self._base.newest, self.present.newest_event()))

    def answer(self, requests: Sequence[Request]) -> list[Answer]:
        """One answer per request, in order."""
        times = [request.as_of for request in requests]
        latest = nan if any(isnan(time) for time in times) else max(times, default=0.0)
        return self.present.at(latest).shop.answer(requests)

    def complete(self, prefix: str, limit: int) -> list[Completion]:
        """At most ``limit`` ways to go on typing; titles that came since among them."""
        now = self.present.at()
        return completed(prefix, limit, now.shop.complete(prefix, limit), lexical(now.shop.pipeline.sources), now.catalogue)

    def item(self, item_id: str) -> Mapping[str, Value] | None:
        """An item's attributes as they are now, None for an unknown or a deleted one."""
        now = self.present.at()
        return now.shop.item(item_id) if has(now.catalogue, item_id) else None

    def profile(self, user_id: str) -> Mapping[str, Json] | None:
        """What is known of a user, None of a stranger."""
        now = self.present.at()
        known = now.shop.profile(user_id)
        if known is None and now.history.events_of(user_id):
            return {"user_id": user_id, "events": 0, "recent": [], "owned": [], "dismissed": [], "tastes": {}}
        return known

    def users(self, limit: int) -> list[str]:
        """Ids of some users of the bundle, those with the most events first, without those who were forgotten."""
        return [user for user in self._base.users(2 * limit) if self._state.log.forgotten(user) <= self._after][:limit]

    def record(self, rows: Sequence[Json], now: float) -> Mapping[str, Json]:
        """Store events; on disk when it returns."""
        return record(self._state, rows, now, self._shift)

    def put_items(self, items: Sequence[Json], replace: bool, now: float) -> Mapping[str, Json]:
        """Store changes of items, with ``replace`` a full feed; on disk and in the answers of this process when it returns.

        An empty feed raises `RequestError`: it is more likely a slip than the end of the shop.
        """
        taken = take(items, self.present.at().catalogue, now)
        if replace and not taken.items:
            raise RequestError(
                "A full feed without a readable item would empty the shop.", "Send the whole catalogue, or delete items by id."
            )
        kept: list[Mapping[str, Value]] = [{"item_id": item} for item in taken.named] if replace else []
        sequence = self._state.items.put([*taken.items, *kept], replace, now) if taken.items else self._state.newest()
        self.present.fill()
        rejected: list[Json] = [{"row": place, "reason": reason} for place, reason in taken.rejected]
        return {"received": len(items), "stored": len(taken.items), "rejected": rejected, "sequence": sequence}

    def delete_item(self, item_id: str, now: float) -> bool:
        """Take an item out of the shop; False where it has no such item."""
        there = has(self.present.at().catalogue, item_id)
        if there:
            self._state.items.delete(item_id)
        return there

    def export(self, user_id: str) -> Mapping[str, Json] | None:
        """All that is kept of a user; None of a stranger or a forgotten one."""
        events = events_of(self.present.at().history, user_id)
        return {"user_id": user_id, "profile": self.profile(user_id), "events": events} if events else None

    def forget(self, user_id: str, now: float) -> bool:
        """Drop all that is kept of a user, in the log and of the bundle's facts; False where nothing was."""
        known = any(True for _ in self.present.at().history.known_of(user_id))
        logged = self._state.log.forget(user_id, now)
        self.present.recount()
        return logged or known

    def settle(self) -> None:
        """Wait until what is done beside the answers is done."""
        self.present.settle()

    def close(self) -> None:
        """Leave undone what is done beside the answers, so that the process can end."""
        self.present.close()
