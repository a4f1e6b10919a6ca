"""A bundle swap under a running state: what is not in the new bundle's data is laid over it anew, by id."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from threading import Event

import numpy as np

from aisle.core.catalogue import Catalogue
from aisle.core.events import Dataset
from aisle.shop import Shop
from aisle.testing import toys
from aisle.testing.state import MemoryState
from tests.live.toy import LANTERN, NOW, ask, bundle, ids, live, put, recent, search, shop, tell


def shuffled(*further: tuple[str, dict[str, str | float | None]], price: float = 29.0) -> Shop:
    """A bundle of the same shop with other row numbers, further items, and another price of the red lamp."""
    data = toys.bilingual()
    items: dict[str, dict[str, str | float | None]] = {
        str(one["item_id"]): {k: v for k, v in one.items() if k != "item_id"} for one in map(data.catalogue.item, range(11, -1, -1))
    }
    items |= dict(further)
    items["lamp_red"]["price"] = price
    catalogue: Catalogue = toys.catalogue(items)
    owners = [catalogue.row_of[item] for item in data.catalogue.ids]
    events = data.events.where(np.ones(len(data.events), bool))
    events.item[:] = np.array(owners, np.int32)[data.events.item]
    return bundle(Dataset(catalogue, events), "next")


def test_on_a_swap_everything_is_laid_over_the_new_bundle_by_id() -> None:
    state = MemoryState()
    before = live(state)
    put(before, LANTERN, {"item_id": "lamp_red", "price": 3})
    before.delete_item("cup_tea", NOW)
    tell(before, "click", "lantern", user_id="new")
    after = live(state, shuffled())
    assert after.bundle_id == "next"
    for item in (*toys.DOZEN, "lantern"):
        assert after.item(item) == before.item(item)
    assert recent(after, "new") == ["lantern"] and search(after, "green lantern")[0] == "lantern"
    assert before.present.at().catalogue.row_of["lamp_red"] != after.present.at().catalogue.row_of["lamp_red"]


def test_what_the_new_bundle_was_trained_with_is_not_applied_again() -> None:
    state = MemoryState()
    before = live(state)
    put(before, {**LANTERN}, {"item_id": "lamp_red", "price": 3})
    tell(before, "click", "lantern", user_id="new")
    then = state.newest()
    put(before, {"item_id": "lamp_blue", "price": 4})
    trained = shuffled(("lantern", {"title": "Green paper lantern"}), price=5.0)
    after = live(state, trained, after=then)
    assert after.item("lamp_red") == trained.item("lamp_red"), "the file was younger"
    assert after.item("lamp_blue") == before.item("lamp_blue")
    assert after.item("lantern") == trained.item("lantern") and len(after.present.at().catalogue) == 13
    assert recent(after, "new") == []


def test_the_old_bundle_answers_on_while_the_new_one_is_opened() -> None:
    state = MemoryState()
    old = live(state)
    new = live(state, shuffled())
    put(old, LANTERN)
    assert search(old, "green lantern")[0] == search(new, "green lantern")[0] == "lantern"
    assert {ask(one, user_id="u0").bundle for one in (old, new)} == {"toy", "next"}


def test_no_answer_sees_half_of_a_change() -> None:
    """Each step changes title and price together; whoever asks sees both of one step."""
    state = MemoryState()
    writer, reader = live(state), live(state)
    done = Event()

    def look() -> int:
        seen = 0
        while not done.is_set():
            for engine in (writer, reader):
                item = ask(engine, "rank", items=("lamp_red",), query="lamp").items[0]
                told = str(item.attributes["title"]).split()
                assert told[:2] == ["Lamp", f"{item.attributes['price']:g}"] or told[0] == "Red", item
                seen += 1
        return seen

    with ThreadPoolExecutor(3) as pool:
        looking = [pool.submit(look) for _ in range(3)]
        for number in range(1, 60):
            put(
                writer,
                {"item_id": "lamp_red", "title": f"Lamp {number}", "price": number},
                {"item_id": f"n{number}", "title": f"New {number}"},
            )
            if number % 7 == 0:
                writer.delete_item(f"n{number - 3}", NOW)
        done.set()
        assert sum(one.result() for one in looking) > 0
    assert len(reader.present.at().catalogue) == 12 + 59


def test_without_a_state_an_answer_is_what_it_always_was() -> None:
    beside = live()
    for query in toys.QUERIES:
        a, b = ask(beside, "search", query=query), ask_plain(query)
        assert [(one.item_id, one.score, one.scores) for one in a.items] == [(one.item_id, one.score, one.scores) for one in b.items]
    assert ids(ask(beside, user_id="u0")) == ids(shop().answer([home("u0")])[0])


def ask_plain(query: str) -> object:
    from aisle.core.request import Request

    return shop().answer([Request("r1", "search", query=query, limit=20, as_of=NOW)])[0]


def home(user: str) -> object:
    from aisle.core.request import Request

    return Request("r1", "home", user_id=user, limit=20, as_of=NOW)
