"""What a shop is like, told by a sample of its items: the attributes to filter by and the departments, looked at now and then."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from time import monotonic

from aisle.serving import pages_rows
from aisle.serving.pages_draw import Pages, Visit
from aisle.serving.pages_rows import Department

ITEMS = 120
SECONDS = 300.0
"""How long a look is good for; a new bundle is looked at anew."""


@dataclass(frozen=True, slots=True)
class Look:
    """The attributes that items can be filtered by, and the departments, those with the most popular items first."""

    attributes: Sequence[str]
    departments: Sequence[Department]


class Sample:
    """Looks at the shop, at most once in a while."""

    def __init__(self, pages: Pages, clock: Callable[[], float] = monotonic) -> None:
        self.pages, self._clock = pages, clock
        self._kept: tuple[str, float, Look] | None = None

    async def look(self, visit: Visit) -> Look:
        """The shop as it was a few minutes ago at most."""
        bundle, now = self.pages.live.engine.bundle_id, self._clock()
        if self._kept is None or self._kept[0] != bundle or now - self._kept[1] > SECONDS:
            asked = self.pages.request(visit, "search", {"query": "", "sort": "popular", "limit": ITEMS}, None)
            (answer,) = await self.pages.ask(visit, lambda engine: engine.answer([asked]))
            look = Look(pages_rows.attributes(answer.items), pages_rows.departments(answer, visit.images))
            self._kept = bundle, now, look
        return self._kept[2]
