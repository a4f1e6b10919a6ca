"""A feed of thousands of texts costs a few steps and never holds up an answer; nothing of it outlives the server."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Sequence

import numpy as np
import pytest
from numpy.typing import NDArray

from aisle.core.answer import Json
from aisle.core.catalogue import Catalogue
from aisle.core.overlay import Overlaid
from aisle.live import present as presence
from aisle.live.present import Present
from aisle.retrieval.vectors import ItemVectors
from aisle.testing.state import MemoryState
from tests.live.toy import ask, live, put, search

Feed = list[dict[str, Json]]


def feed(size: int) -> Feed:
    """New items, each with a word of its own."""
    return [{"item_id": f"n{number}", "title": f"Thing number{number}"} for number in range(size)]


@pytest.fixture
def steps(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[str]]:
    """What is rebuilt (``taken``, ``vectors``) and encoded (``encoded``), step by step."""
    seen: list[str] = []
    take, encode, apply = presence.changed, ItemVectors.encode, Present._apply

    def counted(kind: str, work: object) -> object:
        def made(*given: object) -> object:
            seen.append(kind)
            return work(*given)  # type: ignore[operator]

        return made

    monkeypatch.setattr(presence, "changed", counted("taken", take))
    monkeypatch.setattr(ItemVectors, "encode", counted("encoded", encode))
    monkeypatch.setattr(Present, "_apply", counted("rebuilt", apply))
    yield seen


def test_a_feed_of_a_thousand_texts_is_taken_in_by_few_steps(steps: list[str]) -> None:
    engine = live()
    put(engine, *feed(1_000))
    assert search(engine, "number998")[0] == "n998", "found by its words when the feed is acknowledged"
    engine.settle()
    assert {kind: steps.count(kind) for kind in set(steps)} == {"taken": 4, "encoded": 4, "rebuilt": 8}


def test_a_feed_that_says_nothing_new_of_what_is_read_encodes_nothing(steps: list[str]) -> None:
    engine = live()
    titles = {item: engine.item(item) for item in ("lamp_red", "cup_tea")}
    put(engine, {"item_id": "lamp_red", "colour": "crimson"}, *({"item_id": item, **(held or {})} for item, held in titles.items()))
    engine.settle()
    assert "encoded" not in steps
    assert search(engine, "crimson")[0] == "lamp_red"
    (found,) = ask(engine, "rank", query="red lamp", items=("lamp_red",)).items
    assert "dense" in found.scores, "its vector still holds"
    put(engine, {"item_id": "lamp_red", "title": "Scarlet lamp"})
    assert steps.count("encoded") == 1


@pytest.mark.parametrize("visited", [False, True])
def test_a_feed_rests_for_the_sake_of_answers_and_not_without_any(monkeypatch: pytest.MonkeyPatch, visited: bool) -> None:
    rests: list[float] = []
    engine, take = live(), presence.changed

    def seen(before: Catalogue, changes: Sequence[object]) -> Overlaid:
        if visited:
            visitor = threading.Thread(target=engine.present.at)
            visitor.start()
            visitor.join(10)
        return take(before, changes)  # type: ignore[arg-type]

    monkeypatch.setattr(presence, "sleep", rests.append)
    monkeypatch.setattr(presence, "SOON", 10**6)  # nothing is left to do beside
    monkeypatch.setattr(presence, "changed", seen)
    put(engine, *feed(600))
    assert len(rests) == (2 if visited else 0)


def test_an_answer_never_waits_for_a_portion_of_a_feed(monkeypatch: pytest.MonkeyPatch) -> None:
    engine, take = live(), presence.changed
    begun, go = threading.Event(), threading.Event()

    def held(before: Catalogue, changes: Sequence[object]) -> Overlaid:
        begun.set()
        go.wait(20)
        return take(before, changes)  # type: ignore[arg-type]

    monkeypatch.setattr(presence, "changed", held)
    feeding = threading.Thread(target=put, args=(engine, *feed(600)))
    feeding.start()
    begun.wait(20)
    asking = threading.Thread(target=engine.present.at)
    asking.start()
    asking.join(10)
    answered = not asking.is_alive()
    go.set()
    feeding.join(20)
    asking.join(20)
    assert answered
    assert search(engine, "number599")[0] == "n599"


def test_a_feed_that_fails_half_way_is_tried_again_by_the_next_answer(monkeypatch: pytest.MonkeyPatch) -> None:
    engine, take = live(), presence.changed

    def broken(before: Catalogue, changes: Sequence[object]) -> Overlaid:
        raise OSError("the disk is gone for a moment")

    monkeypatch.setattr(presence, "changed", broken)
    with pytest.raises(OSError, match="disk"):
        put(engine, *feed(300))
    monkeypatch.setattr(presence, "changed", take)
    engine.present.at()
    engine.settle()
    assert search(engine, "number299")[0] == "n299"


def test_what_is_still_to_be_encoded_is_let_go_of_when_the_shop_closes(monkeypatch: pytest.MonkeyPatch) -> None:
    engine = live(MemoryState())
    encoded, encode = list[int](), ItemVectors.encode

    def closing(self: ItemVectors, catalogue: Catalogue, rows: NDArray[np.integer]) -> dict[int, NDArray[np.float16]]:
        encoded.append(len(rows))
        engine.close()
        return encode(self, catalogue, rows)

    monkeypatch.setattr(ItemVectors, "encode", closing)
    put(engine, *feed(2_000))
    engine.settle()
    assert encoded == [presence.BATCH]
