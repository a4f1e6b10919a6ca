"""What this user shall not be shown again: bought items (unless bought again and again), dismissed ones, the seeds of the page."""

from __future__ import annotations

import numpy as np

from aisle.core.catalogue import Catalogue
from aisle.core.stage import Allowed, Block

SEEDED = frozenset(("item", "basket", "similar"))


class Seen:
    """``exclude_seen`` true leaves out everything bought, false nothing; absent, ``home`` leaves out what was bought on one day only.

    Dismissed items are left out of every surface but ``rank`` and a ``search`` with words, where the user asks for them by name.
    """

    name = "seen"

    def __init__(self, catalogue: Catalogue) -> None:
        self.items = len(catalogue)

    def allowed(self, block: Block) -> Allowed:
        everything = Allowed.everything(self.items, len(block))
        excluded = [self._excluded(block, request) for request in range(len(block))]
        return Allowed(everything.shared, everything.own, excluded)

    def _excluded(self, block: Block, number: int) -> np.ndarray:
        request, owned, dismissed = block.requests[number], block.profiles.owned, block.profiles.dismissed
        mine = owned.of(number)
        out = [np.zeros(0, np.int32)]
        if request.exclude_seen:
            out.append(owned.item[mine])
        elif request.exclude_seen is None and request.surface == "home":
            out.append(owned.item[mine][owned.values["days"][mine] < 2])
        if request.surface != "rank" and not (request.surface == "search" and request.query):
            out.append(dismissed.item[dismissed.of(number)])
        if request.surface in SEEDED:
            out.append(block.seeds.item[block.seeds.of(number)])
        return np.concatenate(out)
