"""What a shopper is looking at, read from a page's address and written back into links. Nothing in an address can break a page."""

from __future__ import annotations

import math
from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from urllib.parse import quote, urlencode

from aisle.core.request import MOST_ITEMS, SORTS

PAGE = 24
LAST_PAGE = MOST_ITEMS // PAGE
LONGEST_QUERY, LONGEST_KEPT, LONGEST_VALUE, MOST_CHOSEN = 120, 60, 100, 6
"""Bounds that keep a page small, since its links repeat the address; a query longer than ``LONGEST_KEPT`` is left out of items' links."""
OWN = frozenset({"q", "sort", "page", "low", "high", "lang", "user", "from"})
"""Parameters with a meaning of their own: an attribute of such a name cannot be a facet."""


@dataclass(frozen=True, slots=True)
class View:
    """One page's address. ``chosen`` are the pairs of attribute and value that filter, ``low`` and ``high`` the price's bounds as typed;
    ``page`` counts from 1."""

    path: str = "/"
    q: str = ""
    sort: str = "relevance"
    page: int = 1
    chosen: tuple[tuple[str, str], ...] = ()
    low: str = ""
    high: str = ""

    @classmethod
    def of(cls, path: str, params: Sequence[tuple[str, str]], facets: Collection[str] = ()) -> View:
        """Read an address's parameters; what is wrong or too long in them is left out or cut. ``facets`` may be filtered by."""
        pairs = [(name, value) for name, value in params if name in facets and value.strip() and len(value) <= LONGEST_VALUE]
        said = dict(reversed(params))
        sort, page = said.get("sort", ""), said.get("page", "")
        return cls(
            path=path,
            q=" ".join(said.get("q", "").split())[:LONGEST_QUERY],
            sort=sort if sort in SORTS else "relevance",
            page=min(max(int(page), 1), LAST_PAGE) if page.isdecimal() and len(page) < 6 else 1,
            chosen=tuple(dict.fromkeys(pairs))[:MOST_CHOSEN],
            low=_amount(said.get("low", "")),
            high=_amount(said.get("high", "")),
        )

    @property
    def filtered(self) -> bool:
        """Whether anything is filtered out."""
        return bool(self.chosen or self.low or self.high)

    def values(self, name: str) -> list[str]:
        """What is chosen of one attribute."""
        return [value for key, value in self.chosen if key == name]

    def body(self, facets: Sequence[str], limit: int = PAGE, free: str = "") -> dict[str, object]:
        """The JSON of the search request that this page shows; the filter on the attribute ``free`` is left out."""
        filters: dict[str, object] = {name: values for name in facets if name != free and (values := self.values(name))}
        bounds = {bound: float(text) for bound, text in (("gte", self.low), ("lte", self.high)) if text}
        filters |= {"price": bounds} if bounds else {}
        offset = (self.page - 1) * PAGE if limit else 0
        return {"query": self.q, "filters": filters, "limit": limit, "offset": offset, "sort": self.sort, "facets": list(facets)}

    @property
    def here(self) -> str:
        """The address of this page itself."""
        return _address(self)

    def url(self, sort: str) -> str:
        """The list in another order, at its first page."""
        return _address(replace(self, page=1, sort=sort))

    def turned(self, page: int) -> str:
        """Another page of the same list."""
        return _address(replace(self, page=page))

    def toggled(self, name: str, value: str) -> str:
        """The list with one filter added, or removed where it is there."""
        pair = (name, value)
        chosen = tuple(one for one in self.chosen if one != pair) if pair in self.chosen else (*self.chosen, pair)
        return _address(replace(self, path="/search", page=1, chosen=chosen))

    def only(self, name: str, value: str) -> str:
        """The list with this as the one filter on its attribute; without it where ``value`` is empty."""
        kept = tuple(one for one in self.chosen if one[0] != name)
        return _address(replace(self, path="/search", page=1, chosen=(*kept, (name, value)) if value else kept))

    def cleared(self) -> str:
        """The list without filters."""
        return _address(replace(self, page=1, chosen=(), low="", high=""))

    def priced(self) -> str:
        """The list at any price."""
        return _address(replace(self, page=1, low="", high=""))

    def spoken(self, language: str) -> str:
        """This page in a language."""
        return self.here + ("&" if "?" in self.here else "?") + urlencode({"lang": language})

    def item(self, item_id: str, origin: str = "") -> str:
        """The page of an item; ``origin`` says where on which answer it stood."""
        return f"/item/{quote(item_id, safe='')}" + _query([("q", self.q if len(self.q) <= LONGEST_KEPT else ""), ("from", origin)])


def listed(q: str = "", sort: str = "relevance", chosen: tuple[tuple[str, str], ...] = ()) -> str:
    """The address of a list of items."""
    return _address(View("/search", q=q, sort=sort, chosen=chosen))


def local(address: str) -> str:
    """An address of this server as it stands, the front page where it could lead to another one."""
    plain = address.startswith("/") and not address.startswith("//") and len(address) <= 2_000
    return address if plain and "\\" not in address and address.isprintable() and address.isascii() else "/"


def _amount(typed: str) -> str:
    try:
        amount = float(typed[:20].strip().replace(",", "."))
    except ValueError:
        return ""
    return f"{amount:.10g}" if math.isfinite(amount) and 0 <= amount < 1e9 else ""


def _address(view: View) -> str:
    pairs = [("q", view.q), ("sort", view.sort if view.sort != "relevance" else ""), ("page", str(view.page) if view.page > 1 else "")]
    return view.path + _query([*pairs, *view.chosen, ("low", view.low), ("high", view.high)])


def _query(pairs: Sequence[tuple[str, str]]) -> str:
    written = urlencode([pair for pair in pairs if pair[1]])
    return f"?{written}" if written else ""
