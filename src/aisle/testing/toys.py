"""Toy shops whose right answers can be worked out by hand: likes by parity, a bilingual dozen, what follows what, what is bought again."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from aisle.core.catalogue import Catalogue
from aisle.core.events import Dataset, Events
from aisle.core.strings import Strings
from aisle.schema import EVENT_CODE

DAY = 86_400.0
START = 1_704_067_200.0
"""The first of January 2024, the first day of every toy shop."""

Happening = tuple[str, str, float, str]
"""User, item, days since `START` (the order, in a log without a clock), event type."""

DOZEN = {
    "lamp_red": ("Red desk lamp", "红色台灯", "Home > Lamps", "Lumo", 29.0),
    "lamp_blue": ("Blue desk lamp", "蓝色台灯", "Home > Lamps", "Lumo", 27.0),
    "lamp_floor": ("Wooden floor lamp", "木质落地灯", "Home > Lamps", "Nord", 89.0),
    "cup_tea": ("Porcelain tea cup", "陶瓷茶杯", "Kitchen > Cups", "Hua", 9.0),
    "cup_steel": ("Steel travel mug", "不锈钢保温杯", "Kitchen > Cups", "Trek", 19.0),
    "pot_tea": ("Cast iron tea pot", "铸铁茶壶", "Kitchen > Pots", "Hua", 45.0),
    "phone_case": ("Leather case for iphone15pro", "真皮手机壳", "Phones > Cases", "Skin", 25.0),
    "phone_cable": ("USB-C charging cable 2m", "充电数据线", "Phones > Cables", "Volt", 12.0),
    "cream_face": ("Moisturising face cream 50ml", "保湿面霜", "Beauty > Face", "Rose", 35.0),
    "cream_hand": ("Lavender hand cream", "薰衣草护手霜", "Beauty > Hands", "Rose", 8.0),
    "shoe_run": ("Lightweight running shoes", "轻便跑步鞋", "Sports > Shoes", "Trek", 75.0),
    "shoe_hike": ("Waterproof hiking boots", "防水登山靴", "Sports > Shoes", "Nord", 120.0),
}

QUERIES = {
    "red lamp": "lamp_red",
    "floor lamp": "lamp_floor",
    "tea cup": "cup_tea",
    "hiking boots": "shoe_hike",
    "iphone15pro": "phone_case",
    "红色台灯": "lamp_red",
    "茶壶": "pot_tea",
    "护手": "cream_hand",
    "登山": "shoe_hike",
}
"""What is asked of the `bilingual` shop, and the item that must come first."""


def catalogue(items: Mapping[str, Mapping[str, str | float | None]]) -> Catalogue:
    """Item id to attributes; numbers become number columns, all else text; what an item lacks is missing."""
    names = dict.fromkeys(name for item in items.values() for name in item)
    columns = {name: [item.get(name) for item in items.values()] for name in names}
    numbers = {name: _numbers(held) for name, held in columns.items() if all(isinstance(value, float | int | None) for value in held)}
    worded = {name: [None if value is None else str(value) for value in held] for name, held in columns.items() if name not in numbers}
    return Catalogue(Strings.of(items), {name: Strings.of(held) for name, held in worded.items()}, numbers)


def _numbers(values: Sequence[str | float | None]) -> NDArray[np.float64]:
    return np.array([np.nan if value is None else float(value) for value in values])


def log(items: Catalogue, happened: Sequence[Happening], clock: bool = True) -> Events:
    """The events in order of time; an item that the catalogue lacks is -1."""
    ordered = sorted(happened, key=lambda one: one[2])
    users = dict.fromkeys(one[0] for one in ordered)
    number = {user: place for place, user in enumerate(users)}
    n = len(ordered)
    missing, none = np.full(n, np.nan, np.float32), np.full(n, -1, np.int32)
    return Events(
        users=Strings.of(users),
        queries=Strings.of([]),
        user=np.array([number[one[0]] for one in ordered], np.int32),
        item=items.rows(one[1] for one in ordered),
        time=np.array([START + one[2] * DAY if clock else one[2] for one in ordered], np.float64),
        type=np.array([EVENT_CODE[one[3]] for one in ordered], np.uint8),
        query=none,
        session=none.copy(),
        rank=missing,
        quantity=missing.copy(),
        price=missing.copy(),
        rating=missing.copy(),
        clock=clock,
    )


def shop(items: Catalogue, happened: Sequence[Happening], clock: bool = True) -> Dataset:
    """A data set of these items and events."""
    return Dataset(items, log(items, happened, clock))


def dozen() -> Catalogue:
    """Twelve items with English and Chinese titles, category paths, brands and prices."""
    names = ("title", "title_zh", "category", "brand", "price")
    return catalogue({item: dict(zip(names, facts, strict=True)) for item, facts in DOZEN.items()})


def bilingual() -> Dataset:
    """The dozen with a log: user ``u<i>`` of 24 buys what stands at his own parity in the list, the even ones even places.

    Each leaves out one item of his half, so that something is left to propose, and buys one of them twice.
    """
    items = list(DOZEN)
    happened: list[Happening] = []
    for user in range(24):
        mine = items[user % 2 :: 2]
        left_out = user // 2 % len(mine)
        kept = [item for place, item in enumerate(mine) if place != left_out]
        happened += [(f"u{user}", item, 1 + 2.0 * step + user / 50, "purchase") for step, item in enumerate(kept)]
        happened.append((f"u{user}", kept[user % len(kept)], 20 + user / 50, "purchase"))
        happened.append((f"u{user}", kept[0], 21 + user / 50, "click"))
    return shop(dozen(), happened)


def checkerboard(size: int = 20, clock: bool = True) -> Dataset:
    """Even users like even items, odd users odd ones; user ``u<i>`` has bought all of his but ``i<i>``: that is his right answer."""
    board = catalogue({f"i{item}": {"title": f"item {item}"} for item in range(size)})
    happened = [
        (f"u{user}", f"i{item}", float((item - user) % size), "purchase")
        for user in range(size)
        for item in range(user % 2, size, 2)
        if item != user
    ]
    return shop(board, happened, clock)


def sequential(users: int = 30) -> Dataset:
    """Whoever buys ``a`` buys ``b`` next, and ``c`` after ``b``; before and after stand things of no consequence, another for each user."""
    names = ["a", "b", "c", *(f"x{user}" for user in range(users)), *(f"y{user}" for user in range(users))]
    items = catalogue({name: {"title": name} for name in names})
    steps = [(user, [f"x{user}", "a", "b", "c", f"y{user}"]) for user in range(users)]
    return shop(items, [(f"u{user}", item, float(step + user), "purchase") for user, bought in steps for step, item in enumerate(bought)])


def refills(users: int = 12) -> Dataset:
    """User ``u<i>`` buys ``own<i>`` every week, five times, and one thing ``once<i>`` once, last: the right answer is his own refill."""
    items = catalogue({f"{kind}{user}": {"title": f"{kind} {user}"} for kind in ("own", "once") for user in range(users)})
    weekly = [(f"u{user}", f"own{user}", 7.0 * week + user / 50, "purchase") for user in range(users) for week in range(5)]
    return shop(items, [*weekly, *((f"u{user}", f"once{user}", 30 + user / 50, "purchase") for user in range(users))])
