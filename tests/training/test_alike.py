"""What says alike in a shop: clicks of window 1 alone, descriptions of their own, nothing where there is nothing."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from aisle.core.events import Dataset
from aisle.data.windows import cut
from aisle.testing.toys import catalogue, shop
from aisle.text.alike import Alike
from aisle.training import alike as made
from aisle.training.alike import alike, together
from aisle.training.pretrain import shop_texts

ITEMS = {
    "lamp": {"title": "Red lamp", "brand": "Lumo", "description": "Lights a desk. See our terms."},
    "cup": {"title": "Tea cup", "brand": None, "description": None},
    "pot": {"title": "Tea pot", "brand": None, "description": "Pours."},
}


def said(found: Alike, sort: str) -> set[tuple[str, str]]:
    return {(found.texts[one], found.texts[other]) for one, other in found.pairs[sort]}  # type: ignore[index]


def of(data: Dataset) -> Alike:
    return alike(data, shop_texts(data))


def test_what_later_windows_hold_makes_no_pair() -> None:
    early = [("ann", "lamp", 0.0, "click"), ("ann", "pot", 0.01, "cart")]
    early += [
        ("bob", name, 0.02 + n / 100, kind)
        for n, (name, kind) in enumerate((("cup", "impression"), ("pot", "click"), ("cup", "impression")))
    ]
    data = shop(catalogue(ITEMS), [*early, *[("eve", name, 1.0 + n, "click") for n, name in enumerate(("lamp", "cup", "pot"))]])
    windows = cut(data.events)
    late = ~windows.of(1)
    assert late.sum() == 3 and windows.by == "time"
    lamp, pot = "red lamp. lumo. lights a desk. see our terms.", "tea pot. pours."
    assert said(of(data), "clicked") == {(lamp, pot)}, "what was only shown is no click"
    others = replace(data, events=replace(data.events, item=np.where(late, 0, data.events.item).astype(np.int32)))
    assert said(of(others), "clicked") == {(lamp, pot)}
    assert len(together(data.events, 3)) == 3, "all three pairs, were the later clicks read"


def test_a_title_has_its_own_description_and_no_text_says_nothing() -> None:
    found = of(shop(catalogue(ITEMS), []))
    assert said(found, "described") == {("red lamp. lumo", "lights a desk. see our terms."), ("tea pot", "pours.")}
    assert len(found.pairs["clicked"]) == 0
    number = {text: row for row, text in enumerate(found.texts)}
    topic = found.topic[[number["red lamp. lumo"], number["lights a desk. see our terms."], number["tea pot"]]]
    assert topic[0] == topic[1] != topic[2]
    assert len(said(found, "dropout")) == len(set(shop_texts(shop(catalogue(ITEMS), [])))) == 5


def test_a_long_text_has_two_halves_of_its_own() -> None:
    long = {"1": {"title": "Red lamp that lights a desk, made of oak and brass"}, "2": {"title": "Short lamp"}}
    found = of(shop(catalogue(long), []))
    assert said(found, "halved") == {("red lamp that lights a desk,", "made of oak and brass")}
    topic = dict(zip(found.texts, found.topic.tolist(), strict=True))
    assert topic["made of oak and brass"] == topic["red lamp that lights a desk, made of oak and brass"] != topic["short lamp"]
    shared = long | {"3": {"title": "Blue lamp without a switch, made of oak and brass"}}
    assert not said(of(shop(catalogue(shared), [])), "halved"), "a half that two texts have would make them one topic"


def test_a_description_that_many_titles_share_is_none() -> None:
    items = {str(n): {"title": f"Lamp {n}", "description": "See our terms."} for n in range(made.SHARED + 1)}
    assert not said(of(shop(catalogue(items), [])), "described")
    del items["0"]
    found = of(shop(catalogue(items), []))
    assert len(said(found, "described")) == made.SHARED and len(np.unique(found.topic)) == 1


def test_clicks_of_different_sessions_or_far_apart_are_no_pair() -> None:
    data = shop(catalogue(ITEMS), [("ann", name, float(n), "click") for n, name in enumerate(("lamp", "cup", "pot"))])
    apart = replace(data.events, session=np.array([0, 0, 1], np.int32))
    assert together(apart, 3).tolist() == [[0, 1]]
    many = {str(n): {"title": f"Lamp {n}"} for n in range(made.NEAR + 2)}
    long = shop(catalogue(many), [("ann", name, float(n), "click") for n, name in enumerate(many)])
    assert [0, made.NEAR + 1] not in together(long.events, len(many)).tolist()
    assert [0, made.NEAR] in together(long.events, len(many)).tolist()
