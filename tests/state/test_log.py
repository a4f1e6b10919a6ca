"""What the event log promises: once, in one sequence, an actor's events in order of time, nothing left of the forgotten."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from aisle.core.errors import StateError
from aisle.state.folder import State
from tests.state.support import NOW, event


def ids(found: object) -> list[str]:
    return [stored.event.event_id for stored in found]  # type: ignore[attr-defined]


def test_what_was_acknowledged_is_there_after_closing(folder: Path) -> None:
    sent = event("a", "u", "s", "7", 1.123456, price=2.5, extra={"deep": [1, None]}, 文="灯")
    with State.open(folder) as state:
        receipt = state.log.append([sent, event("b", time=2.0)])
        assert (receipt.stored, receipt.duplicate, receipt.sequence) == (2, 0, 2)
    with State.open(folder) as state:
        assert [stored.sequence for stored in state.log.since(0)] == [1, 2]
        assert state.log.since(0)[0].event == sent
        assert state.newest() == 2


def test_an_event_id_counts_once_in_one_batch_and_over_all_of_them(state: State) -> None:
    first = state.log.append([event("a", "u"), event("a", "other"), event("b", "u")])
    again = state.log.append([event("b", "u"), event("c", "u"), event("a", "u")])
    assert (first.stored, first.duplicate, again.stored, again.duplicate, again.sequence) == (2, 1, 1, 2, 3)
    assert ids(state.log.since(0)) == ["a", "b", "c"]
    assert state.log.since(0)[0].event.user_id == "u"


def test_the_sequence_is_contiguous_over_events_and_item_changes(state: State) -> None:
    state.log.append([event("a"), event("a"), event("b")])
    assert state.items.put([{"item_id": "1", "title": "Lamp"}, {"item_id": "2", "title": "灯"}]) == 4
    assert state.items.delete("2") == 5
    assert state.log.append([event("c")]).sequence == 6
    assert [stored.sequence for stored in state.log.since(0)] == [1, 2, 6]
    assert [change.sequence for change in state.items.changes()] == [3, 4, 5]
    assert state.problems() == []


def test_nothing_sent_stores_nothing(state: State) -> None:
    assert state.log.append([]) == state.log.append([]) and state.newest() == 0


def test_a_part_of_the_log_is_read_at_a_time(state: State) -> None:
    state.log.append([event(str(place)) for place in range(10)])
    assert ids(state.log.since(3, most=4)) == ["3", "4", "5", "6"]
    assert (state.log.count(10), state.log.count(4), ids(state.log.since(10))) == (10, 4, [])


def test_a_users_events_come_by_time_with_those_of_the_sessions_that_the_user_claimed(state: State) -> None:
    state.log.append([event("before", None, "s", time=5.0), event("else", None, "t", time=1.0), event("old", "u", time=2.0)])
    assert ids(state.log.of("u", None)) == ["old"]
    state.log.append([event("login", "u", "s", time=9.0)])
    state.log.append([event("after", None, "s", time=7.0)])
    assert ids(state.log.of("u", "s")) == ["old", "before", "after", "login"]
    assert ids(state.log.of("u", None, after=3)) == ["after", "login"]
    assert ids(state.log.of(None, "t")) == ["else"]
    assert state.log.of(None, None) == []


def test_the_first_user_of_a_session_claims_it(state: State) -> None:
    state.log.append([event("a", None, "s"), event("b", "u", "s"), event("c", "v", "s")])
    assert ids(state.log.of("u", None)) == ["a", "b"]
    assert ids(state.log.of("v", None)) == ["c"]


def test_without_consent_a_session_is_not_joined(state: State) -> None:
    state.log.append([event("a", None, "s"), event("b", "u", "s", consent=False)])
    assert ids(state.log.of("u", None)) == ["b"]
    state.log.append([event("c", "u", "s", consent=True)])
    assert ids(state.log.of("u", None)) == ["a", "b", "c"]


def test_a_known_event_claims_nothing(state: State) -> None:
    state.log.append([event("b", None, "s")])
    state.log.append([event("b", "u", "s")])
    assert state.log.of("u", None) == []


def test_forgetting_leaves_the_sequence_and_nothing_else(state: State) -> None:
    state.log.append([event("a", None, "s"), event("b", "u", "s"), event("c", "v")])
    assert state.log.forget("u", NOW)
    assert (state.log.of("u", "s"), state.log.of(None, "s"), ids(state.log.since(0))) == ([], [], ["c"])
    assert (state.log.forgotten("u"), state.log.forgotten("session:s"), state.log.forgotten("v"), state.newest()) == (4, 4, 0, 4)
    assert state.problems() == []


def test_what_was_forgotten_does_not_come_back_with_a_resent_batch(state: State) -> None:
    batch = [event("a", None, "s"), event("b", "u", "s")]
    state.log.append(batch)
    state.log.forget("u", NOW)
    again = state.log.append(batch)
    assert (again.stored, again.duplicate) == (0, 2)
    state.log.append([event("c", None, "s")])
    assert state.log.of("u", None) == [], "the session is nobody's any more"


def test_a_forgotten_user_may_come_back(state: State) -> None:
    state.log.append([event("a", "u")])
    state.log.forget("u", NOW)
    state.log.append([event("b", "u")])
    assert ids(state.log.of("u", None)) == ["b"]
    assert state.log.of("u", None)[0].sequence > state.log.forgotten("u")


def test_a_session_that_nobody_claimed_can_be_forgotten_and_what_users_did_in_it_stays(state: State) -> None:
    state.log.append([event("a", None, "s"), event("b", None, "t"), event("c", "u", "s", consent=False)])
    assert state.log.forget("session:s", NOW)
    assert (ids(state.log.of(None, "s")), ids(state.log.of(None, "t")), state.log.forgotten("session:s")) == (["c"], ["b"], 4)


def test_forgetting_a_stranger_is_remembered_though_nothing_was_known(state: State) -> None:
    assert not state.log.forget("only-in-the-files", NOW)
    assert state.log.forgotten("only-in-the-files") == 1


def test_no_byte_of_a_forgotten_user_stays_in_the_folder(folder: Path) -> None:
    with State.open(folder) as state:
        rows = [event(f"{place}", "canary-user", "canary-session", item=f"i{place}", note="canary-word") for place in range(50)]
        state.log.append([event("first", "other"), *rows, event("last", "other")])
        state.served.note({"request_id": "r", "user_id": "canary-user", "session_id": "canary-session"})
        assert any(b"canary" in path.read_bytes() for path in folder.iterdir())
        state.log.forget("canary-user", NOW)
        assert not [path.name for path in folder.iterdir() if b"canary" in path.read_bytes()]


def test_clicked_requests_are_those_with_more_than_a_look(state: State) -> None:
    seen = [event("a", request_id="r1"), event("b", request_id="r2")]
    state.log.append([seen[0], type(seen[1])("b", "impression", NOW, "u", None, "1", {"request_id": "r2"})])
    assert state.log.clicked(["r1", "r2", "r3"]) == {"r1"}


def test_many_threads_and_a_second_opener_lose_nothing(folder: Path) -> None:
    with State.open(folder) as one, State.open(folder) as two, ThreadPoolExecutor(8) as pool:
        receipts = list(pool.map(lambda place: (one, two)[place % 2].log.append([event(f"{place // 2}")]), range(200)))
        assert sum(receipt.stored for receipt in receipts) == 100 == one.newest() == two.newest()
        assert sorted(ids(one.log.since(0))) == sorted(str(place) for place in range(100))
        assert one.problems() == []


def test_an_acknowledged_event_is_seen_by_every_opener_at_once(folder: Path) -> None:
    with State.open(folder) as one, State.open(folder) as two:
        for place in range(20):
            one.log.append([event(str(place), "u")])
            assert two.newest() == place + 1
            assert len(two.log.of("u", None)) == place + 1


def test_a_closed_folder_takes_nothing(folder: Path) -> None:
    state = State.open(folder)
    state.close()
    with pytest.raises(StateError, match="closed"):
        state.log.append([event("a")])
