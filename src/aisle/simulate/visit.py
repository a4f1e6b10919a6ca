"""Sessions played out, page by page, into events: impressions, clicks, baskets, purchases and what else people do."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from aisle.simulate.choice import BUY, Context, Taste, attraction, cart_chance, click_chance
from aisle.simulate.draws import Groups
from aisle.simulate.journal import DAY_MS, Block
from aisle.simulate.memory import Memory
from aisle.simulate.pages import BASKET, HOME, ITEM, SEARCH, Ask, Pages, Shop
from aisle.simulate.queries import Pool
from aisle.simulate.sessions import Sessions
from aisle.simulate.shoppers import Shoppers

Ints = NDArray[np.int32]
Column = NDArray[Any]

_MINUTE = 60_000


@dataclass(frozen=True)
class Clicked:
    """``m`` clicks: the row of the session, the item, the time and how well the item suits."""

    row: NDArray[np.int64]
    item: Ints
    time: NDArray[np.int64]
    utility: NDArray[np.float32]
    request: NDArray[np.int64]
    surface: NDArray[np.int8]
    query: Ints
    rank: NDArray[np.int8]

    def where(self, mask: NDArray[np.bool_]) -> Clicked:
        """Only the clicks that ``mask`` keeps."""
        return Clicked(**{name: column[mask] for name, column in vars(self).items()})


class Visits:
    """Plays the sessions of a block of days."""

    def __init__(self, shop: Shop, taste: Taste, memory: Memory, pool: Pool, rng: np.random.Generator) -> None:
        self.shop, self.taste, self.memory, self.pool, self.rng = shop, taste, memory, pool, rng
        self.shoppers: Shoppers = taste.shoppers
        kinds = shop.kinds
        self.queries = Groups(pool.kind * 2 + pool.chinese, 2 * kinds)
        self.queries.weigh(pool.weight)
        self.requests = 0

    def play(self, sessions: Sessions, block: Block) -> None:
        """First page or a direct visit, for some a second page, then the page of an item, then the basket."""
        rng = self.rng
        context = self._context(sessions)
        direct = rng.random(len(sessions)) < 0.3
        reorder = (sessions.again >= 0) & (rng.random(len(sessions)) < 0.5)
        self._reorder(sessions.where(reorder), context.where(reorder), block)
        first = self._page(sessions, context, ~direct & ~reorder, None, 0, block)
        straight = self._direct(sessions, context, direct & ~reorder, block)
        second = self._page(sessions, context, ~reorder & (rng.random(len(sessions)) < 0.4), None, 2, block)
        seen = _one_each([first, straight, second], len(sessions))
        third = self._page(sessions, context, (seen >= 0) & (rng.random(len(sessions)) < 0.5), (ITEM, seen), 5, block)
        carts = self._baskets(sessions, _joined([first, straight, second, third]), block)
        more = (carts >= 0) & (rng.random(len(sessions)) < 0.6)
        self._baskets(sessions, self._page(sessions, context, more, (BASKET, carts), 9, block), block)

    def _context(self, sessions: Sessions) -> Context:
        day = float(sessions.time.min()) / DAY_MS if len(sessions) else 0.0
        main, brand = self.memory.wanting(sessions.user, day)
        extra = np.where((main >= 0)[:, None], self.shop.accessories[np.maximum(main, 0)], -2)
        searching = np.zeros(len(sessions), bool)
        return Context(
            sessions.user,
            sessions.kind,
            self.shoppers.wishes(sessions.user, day),
            searching,
            extra,
            brand,
            self.memory.owned[sessions.user],
        )

    def _reorder(self, sessions: Sessions, context: Context, block: Block) -> None:
        """Straight to the item that ran out, mostly the same one again, where it is still sold."""
        sold = self.shop.sold[sessions.again]
        sessions, item = sessions.where(sold), sessions.again[sold]
        utility = self.taste.utility(context.where(sold), item[:, None], np.zeros((len(item), 1), np.uint8))[:, 0]
        self._buy(sessions, np.arange(len(item)), item, sessions.time + _MINUTE, utility, block)

    def _page(
        self, sessions: Sessions, context: Context, rows: NDArray[np.bool_], fixed: tuple[int, Ints] | None, minute: int, block: Block
    ) -> Clicked:
        """Show one page to the sessions in ``rows`` and let them click. ``fixed`` is the surface and its item; without it, search or
        home."""
        row = np.flatnonzero(rows)
        visit, context = sessions.where(rows), context.where(rows)
        searches = self.rng.random(len(row)) < np.where(visit.again >= 0, 0.8, 0.6)
        surface = np.where(searches, SEARCH, HOME).astype(np.int8) if fixed is None else np.full(len(row), fixed[0], np.int8)
        query = np.where(surface == SEARCH, self._query(context), -1).astype(np.int32)
        seed = np.full(len(row), -1, np.int32) if fixed is None else fixed[1][rows]
        context = Context(**{**vars(context), "searching": query >= 0})
        pages = self.shop.serve(Ask(surface, query, seed, context), self.rng)
        time = visit.time + minute * _MINUTE + self.rng.integers(0, _MINUTE, len(row))
        request = self.requests + np.arange(len(row))
        self.requests += len(row)
        typed = query >= 0
        block.add(
            "query",
            time[typed],
            user=visit.user[typed],
            session=visit.number[typed],
            query=query[typed],
            surface=surface[typed],
            request=request[typed],
        )
        return self._clicks(visit, row, context, pages, (surface, query, request, time), block)

    def _query(self, context: Context) -> Ints:
        """Two queries of the type in the shopper's language (now and then in the other), and the one that asks for a favourite wins."""
        other = self.rng.random(len(context.user)) < 0.12
        group = context.kind * 2 + (self.shoppers.chinese[context.user] != other)
        drawn = self.queries.draw(np.stack([group, group], 1).astype(np.int32), self.rng)
        wish = self.pool.wish[drawn]
        fond = (wish[:, :, 0] == self.shoppers.brand_taste[context.user][:, None]) + 0.5 * (
            wish[:, :, 1] == self.shoppers.colour_taste[context.user][:, None]
        )
        chosen: Ints = np.take_along_axis(drawn, np.argmax(fond, 1)[:, None], 1)[:, 0]
        return chosen

    def _clicks(
        self, visit: Sessions, row: NDArray[np.int64], context: Context, pages: Pages,
        about: tuple[NDArray[np.int8], Ints, NDArray[np.int64], NDArray[np.int64]], block: Block,
    ) -> Clicked:  # fmt: skip
        rng, (surface, query, request, time) = self.rng, about
        utility = self.taste.utility(context, pages.item, pages.grade)
        attractive = attraction(utility)
        at, rank = np.nonzero(pages.item >= 0)
        item = pages.item[at, rank]
        same: dict[str, Column] = {
            "user": visit.user[at],
            "session": visit.number[at],
            "item": item,
            "query": query[at],
            "rank": rank,
            "surface": surface[at],
            "request": request[at],
        }
        truth = {"relevance": attractive[at, rank], "explored": pages.explored[at]}
        block.add("impression", time[at], **same, **truth)
        hit = rng.random(len(at)) < click_chance(attractive[at, rank], rank)
        moment = time[at] + 2_000 + 3_000 * rank + rng.integers(0, 1_500, len(at))
        dwell = np.exp(rng.normal(8.6, 0.7, len(at)) + 0.9 * attractive[at, rank]).astype(np.int32)
        block.add("click", moment[hit], dwell=dwell[hit], **{name: column[hit] for name, column in same.items()})
        tired = ~hit & (surface[at] == HOME) & (rng.random(len(at)) < 0.03 * (1 - attractive[at, rank]))
        block.add("dismiss", moment[tired], **{name: column[tired] for name, column in same.items()})
        clicked = Clicked(row[at], item, moment, utility[at, rank], request[at], surface[at], query[at], rank.astype(np.int8))
        return clicked.where(hit)

    def _direct(self, sessions: Sessions, context: Context, rows: NDArray[np.bool_], block: Block) -> Clicked:
        """From a link, a mail or a friend straight to items: two clicks that no page of ours caused."""
        row = np.flatnonzero(rows)
        visit, context = sessions.where(rows), context.where(rows)
        item = self.shop.by_kind.draw(np.broadcast_to(visit.kind[:, None], (len(row), 14)), self.rng)
        utility = self.taste.utility(context, item, np.zeros(item.shape, np.uint8))
        liking = np.where(item >= 0, utility + self.rng.gumbel(0, 0.7, item.shape), -np.inf)
        best = np.argsort(-liking, 1)[:, :2]
        at = np.repeat(np.arange(len(row)), 2)
        place = best.reshape(-1)
        chosen, suits = item[at, place], utility[at, place]
        time = visit.time[at] + np.tile([4_000, 49_000], len(row)) + self.rng.integers(0, 30_000, len(at))
        fresh = (chosen >= 0) & ~((np.arange(len(at)) % 2 == 1) & (chosen == np.roll(chosen, 1)))
        dwell = np.exp(self.rng.normal(9.0, 0.7, len(at))).astype(np.int32)
        block.add("click", time[fresh], user=visit.user[at[fresh]], session=visit.number[at[fresh]], item=chosen[fresh], dwell=dwell[fresh])
        nothing = np.full(len(at), -1)
        found = Clicked(
            row[at],
            chosen,
            time,
            suits.astype(np.float32),
            nothing,
            nothing.astype(np.int8),
            nothing.astype(np.int32),
            nothing.astype(np.int8),
        )
        return found.where(fresh)

    def _baskets(self, sessions: Sessions, clicked: Clicked, block: Block) -> Ints:
        """From clicks to favourites, baskets and purchases; gives one item that went into each session's basket, -1 for none."""
        rng = self.rng
        liked = rng.random(len(clicked.item)) < 0.06 + 0.05 * (clicked.utility > 0.5)
        self._note("favourite", sessions, clicked.where(liked), 9_000, block)
        carts = clicked.where(rng.random(len(clicked.item)) < cart_chance(clicked.utility))
        carts = carts.where(_first_of(carts.row * self.shop.kinds + self.shop.goods.kind[carts.item]))
        self._note("cart", sessions, carts, 20_000, block)
        kept = np.full(len(sessions), -1, np.int32)
        kept[carts.row] = carts.item
        bought = carts.where(rng.random(len(carts.item)) < BUY)
        self._buy(sessions, bought.row, bought.item, bought.time + 90_000, bought.utility, block, bought)
        return kept

    def _note(self, kind: str, sessions: Sessions, what: Clicked, delay: int, block: Block) -> None:
        block.add(
            kind, what.time + delay, user=sessions.user[what.row], session=sessions.number[what.row], item=what.item,
            query=what.query, surface=what.surface, request=what.request, price=self.shop.goods.price[what.item],
        )  # fmt: skip

    def _buy(
        self, sessions: Sessions, row: NDArray[np.int64], item: Ints, time: NDArray[np.int64], utility: NDArray[np.float32], block: Block,
        cause: Clicked | None = None,
    ) -> None:  # fmt: skip
        user = sessions.user[row]
        period = self.memory.period[self.shop.goods.kind[item]]
        quantity = 1 + (self.rng.random(len(item)) < np.where(period > 0, 0.3, 0.05)) + (self.rng.random(len(item)) < 0.03)
        origin: dict[str, Column] = {} if cause is None else {"query": cause.query, "surface": cause.surface, "request": cause.request}
        block.add(
            "purchase",
            time,
            user=user,
            session=sessions.number[row],
            item=item,
            quantity=quantity,
            price=self.shop.goods.price[item],
            **origin,
        )
        self.memory.bought(user, item, time / DAY_MS, self.rng)
        known = ~self.shoppers.anonymous[user]
        self.memory.review(user[known], item[known], time[known], utility[known], self.rng)


def _joined(parts: list[Clicked]) -> Clicked:
    return Clicked(**{name: np.concatenate([getattr(part, name) for part in parts]) for name in vars(parts[0])})


def _one_each(parts: list[Clicked], sessions: int) -> Ints:
    """``(sessions,)``: the item clicked last in each session, -1 for none."""
    last = np.full(sessions, -1, np.int32)
    for part in parts:
        last[part.row] = part.item
    return last


def _first_of(key: NDArray[np.int64]) -> NDArray[np.bool_]:
    """``(n,) bool``: the first entry with its key."""
    first = np.zeros(len(key), bool)
    first[np.unique(key, return_index=True)[1]] = True
    return first
