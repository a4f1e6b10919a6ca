"""What a shopper is looking at, read from a page's address and written back into links. Nothing in an address can break a page."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from urllib.parse import quote, urlencode

from aisle.core.request import MOST_ITEMS, SORTS

PAGE = 24
FACETS = ("category", "brand")
LAST_PAGE = MOST_ITEMS // PAGE
LONGEST_QUERY, LONGEST_VALUE, MOST_CHOSEN = 120, 100, 4
"""Bounds that keep a page small, since each of its links repeats the address."""


@dataclass(frozen=True, slots=True)
class View:
    """One page's address. ``chosen`` are the pairs of attribute and value that filter; ``page`` counts from 1; ``lang`` may be empty.

    ``product`` is the item whose page this is, empty on the other pages.
    """

    q: str = ""
    user: str = ""
    lang: str = ""
    sort: str = "relevance"
    page: int = 1
    chosen: tuple[tuple[str, str], ...] = ()
    product: str = ""

    @classmethod
    def of(cls, params: Sequence[tuple[str, str]]) -> View:
        """Read an address's parameters; what they say wrongly or too long is left out or cut."""
        pairs = [(name, value) for name, value in params if name in FACETS and value.strip() and len(value) <= LONGEST_VALUE]
        said = dict(reversed(params))
        sort, page, lang = said.get("sort", ""), said.get("page", ""), said.get("lang", "")
        return cls(
            q=" ".join(said.get("q", "").split())[:LONGEST_QUERY],
            user=said.get("user", "").strip()[:LONGEST_VALUE],
            lang=lang if lang in ("en", "zh") else "",
            sort=sort if sort in SORTS else "relevance",
            page=min(max(int(page), 1), LAST_PAGE) if page.isdecimal() and len(page) < 6 else 1,
            chosen=tuple(dict.fromkeys(pairs))[:MOST_CHOSEN],
        )

    @property
    def searching(self) -> bool:
        """Whether this is a list of matches rather than the front page."""
        return bool(self.q or self.chosen or self.sort != "relevance")

    def body(self) -> dict[str, object]:
        """The JSON of the search request that this page shows."""
        filters = {name: [value for key, value in self.chosen if key == name] for name in FACETS}
        return {
            "query": self.q,
            "filters": {name: values for name, values in filters.items() if values},
            "limit": PAGE,
            "offset": (self.page - 1) * PAGE,
            "sort": self.sort,
            "facets": list(FACETS),
        }

    def url(self, user: str | None = None, lang: str | None = None, sort: str | None = None) -> str:
        """The address with another user, language or order, at its first page."""
        changed = replace(self, user=self.user if user is None else user, lang=self.lang if lang is None else lang)
        return _address(replace(changed, page=1, sort=self.sort if sort is None else sort))

    def turned(self, page: int) -> str:
        """The address of another page of the same list."""
        return _address(replace(self, page=page))

    def toggled(self, name: str, value: str) -> str:
        """The address with one filter added, or removed where it is there."""
        pair = (name, value)
        chosen = tuple(one for one in self.chosen if one != pair) if pair in self.chosen else (*self.chosen, pair)
        return _address(replace(self, page=1, chosen=chosen))

    def cleared(self) -> str:
        """The address without filters."""
        return _address(replace(self, page=1, chosen=()))

    def home(self) -> str:
        """The front page, for the same user in the same language."""
        return _address(View(user=self.user, lang=self.lang))

    def item(self, item_id: str) -> str:
        """The address of a product page."""
        return _address(View(user=self.user, lang=self.lang, product=item_id))


def _address(view: View) -> str:
    plain = {"q": view.q, "user": view.user, "lang": view.lang}
    sort = {"sort": view.sort} if view.sort != "relevance" else {}
    page = {"page": str(view.page)} if view.page > 1 else {}
    path = f"/item/{quote(view.product, safe='')}" if view.product else "/"
    return path + _query({**plain, **sort, **page}, view.chosen)


def _query(plain: Mapping[str, str], pairs: tuple[tuple[str, str], ...] = ()) -> str:
    written = urlencode([pair for pair in (*plain.items(), *pairs) if pair[1]])
    return f"?{written}" if written else ""
