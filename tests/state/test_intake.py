"""What the intake promises: every row has one fate and a reason, a bad one stops no good one, clocks are not trusted."""

from __future__ import annotations

import json
from pathlib import Path
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from aisle.core.errors import StateError
from aisle.schema import EVENT_TYPES, EVENT_WORDS
from aisle.state.folder import State
from aisle.state.intake import MADE, believed, record, take
from aisle.state.protocols import NewEvent
from aisle.testing.faults import FailingDisk
from tests.state.support import NOW

DAY = 86_400.0
GOOD = {"type": "click", "item_id": "1", "user_id": "u"}


def one(now: float = NOW, **row: object) -> NewEvent:
    """The event that a row becomes."""
    found = take([{**GOOD, **row}], now)
    assert not found.rejected and not found.quarantined, (found.rejected, found.quarantined)
    return found.accepted[0]


def reason(row: object) -> str:
    """Why a row is rejected."""
    found = take([row], NOW)
    assert not found.accepted and not found.quarantined
    return found.rejected[0][1]


def suspicion(**row: object) -> str:
    """Why a row is set aside."""
    found = take([{**GOOD, **row}], NOW)
    assert not found.accepted and not found.rejected
    return found.quarantined[0].reason


def test_one_bad_row_in_ten_thousand_is_reported_and_the_others_are_stored(state: State) -> None:
    rows: list[object] = [{**GOOD, "event_id": str(place)} for place in range(10_000)]
    rows[4_321] = {"type": "click"}
    answer = record(state, rows, NOW)
    assert answer == {
        "received": 10_000, "stored": 9_999, "duplicate": 0, "quarantined": 0,
        "rejected": [{"row": 4_321, "reason": "neither user_id nor session_id"}], "sequence": 9_999,
    }  # fmt: skip


def test_received_is_the_sum_of_all_fates(state: State) -> None:
    good = {**GOOD, "event_id": "a"}
    rows: list[object] = [good, good, {**GOOD, "timestamp": NOW + 2 * DAY}, None, {}, [GOOD], "x", 3.5]
    answer = record(state, rows, NOW)
    assert (answer["received"], answer["stored"], answer["duplicate"], answer["quarantined"]) == (8, 1, 1, 1)
    assert [bad["row"] for bad in answer["rejected"]] == [3, 4, 5, 6, 7]  # type: ignore[index,union-attr]


def test_sending_a_batch_again_stores_nothing_new(state: State) -> None:
    rows: list[object] = [{**GOOD, "timestamp": NOW - place, "price": "3.50"} for place in range(50)]
    assert record(state, rows, NOW)["stored"] == 50
    again = record(state, list(reversed(rows)), NOW + 60)
    assert (again["stored"], again["duplicate"], again["sequence"]) == (0, 50, 50)


@pytest.mark.parametrize("word", [*EVENT_TYPES, *EVENT_WORDS, "View", " CLICK "])
def test_every_word_for_a_type_is_understood(word: str) -> None:
    assert one(type=word, query="灯").type == EVENT_WORDS.get(word.strip().lower(), word.strip().lower())


def test_an_event_without_an_id_gets_the_hash_of_its_fields() -> None:
    first, same = one(timestamp="2025-06-01T10:00:00+08:00", quantity="2"), one(quantity=2, timestamp=1_748_743_200_000, type="view")
    other = one(timestamp="2025-06-01T10:00:00+08:00", quantity="3")
    assert first.event_id == same.event_id != other.event_id
    assert first.event_id.startswith(MADE)
    assert one(timestamp=NOW - 5, now=NOW + 1_000).event_id == one(timestamp=NOW - 5).event_id
    assert one().event_id != one(now=NOW + 1).event_id, "without a timestamp the moment of coming tells two events apart"


def test_fields_of_the_contract_are_read_and_others_kept_as_they_came() -> None:
    found = one(item_id=7, price="3.50", rank="0", consent="否", query=" red &amp; blue ", nested={"a": [1, None]}, nothing=None)
    assert (found.item_id, found.body["price"], found.body["rank"], found.body["consent"]) == ("7", 3.5, 0.0, False)
    assert (found.body["query"], found.body["nested"]) == ("red & blue", {"a": [1, None]})
    assert "nothing" not in found.body


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("price", "abc"), ("price", -1), ("price", 0), ("quantity", "NaN"), ("rank", -3), ("dwell_ms", [1]), ("consent", "perhaps"),
        ("rating", "inf"), ("propensity", 0), ("propensity", 1.2),
    ],
)  # fmt: skip
def test_an_optional_cell_that_says_nothing_is_missing_and_the_event_counts(name: str, value: object) -> None:
    assert name not in one(**{name: value}).body


@pytest.mark.parametrize(
    ("row", "why"),
    [
        ({"item_id": "1", "user_id": "u"}, "no type"),
        ({**GOOD, "type": " "}, "no type"),
        ({**GOOD, "type": 5}, "no type"),
        ({**GOOD, "type": "teleport"}, "unknown event type: teleport"),
        ({"type": "click", "user_id": "u"}, "no item_id"),
        ({**GOOD, "item_id": "undefined"}, "no item_id"),
        ({"type": "click", "item_id": "1"}, "neither user_id nor session_id"),
        ({**GOOD, "user_id": "null"}, "neither user_id nor session_id"),
        ({**GOOD, "user_id": "x" * 1_001}, "user_id has 1001 characters, at most 1000 are taken"),
        ({**GOOD, "user_id": ["u"]}, "user_id must be text"),
        ({**GOOD, "user_id": True}, "user_id must be text"),
        ({**GOOD, "item_id": "a\x00b"}, "item_id holds a control character"),
        ({**GOOD, "timestamp": "yesterday"}, "timestamp cannot be read as a time"),
        ({**GOOD, "timestamp": [1]}, "timestamp must be ISO 8601 or Unix time"),
        ({**GOOD, "timestamp": float("inf")}, "timestamp cannot be read as a time"),
        ({**GOOD, "query": "x" * 1_000_000}, "the row has 1000055 bytes, at most 64000 are taken"),
        ({**GOOD, "note": "\ud800"}, "cannot be written as JSON"),
        ({**GOOD, "note": 2**70}, "cannot be written as JSON"),
        (7, "an event is one JSON object"),
    ],
)
def test_what_cannot_be_read_is_rejected_with_its_reason(row: object, why: str) -> None:
    assert reason(row).startswith(why)


def test_a_query_and_a_message_need_no_item(state: State) -> None:
    rows: list[object] = [{"type": "query", "query": "灯", "session_id": "s"}, {"type": "message", "text": "hello", "user_id": "u"}]
    assert record(state, rows, NOW)["stored"] == 2


def test_a_purchase_of_less_than_nothing_is_a_return_or_no_event() -> None:
    back = one(type="purchase", quantity=-2, price=5)
    assert (back.type, back.body["quantity"], back.body["type"]) == ("return", 2.0, "return")
    assert one(type="return", quantity=-1).body["quantity"] == 1.0
    assert suspicion(type="purchase", quantity=-2).startswith("stock correction")


@pytest.mark.parametrize(
    ("written", "seconds"),
    [
        ("2025-06-01T10:00:00Z", 1_748_772_000.0),
        ("2025-06-01T10:00:00.25", 1_748_772_000.25),
        ("2025-06-01 18:00:00+08:00", 1_748_772_000.0),
        ("2025/06/01", 1_748_736_000.0),
        ("20250601", 1_748_736_000.0),
        (20250601100000, 1_748_772_000.0),
        (1_748_772_000, 1_748_772_000.0),
        ("1748772000", 1_748_772_000.0),
        (1_748_772_000_250, 1_748_772_000.25),
        (1_748_772_000_000_000, 1_748_772_000.0),
        (None, NOW),
        ("", NOW),
    ],
)
def test_times_are_read_in_every_form_of_the_contract(written: object, seconds: float) -> None:
    assert one(timestamp=written).time == seconds


def test_a_clock_that_runs_fast_means_now_and_one_that_runs_wild_is_not_believed() -> None:
    assert one(timestamp=NOW + DAY - 1).time == NOW
    assert one(timestamp=NOW - 9 * 365 * DAY).time == NOW - 9 * 365 * DAY
    assert suspicion(timestamp=NOW + DAY + 1) == "the time is more than a day ahead"
    assert suspicion(timestamp=5) == "the time is before 1990"


def test_with_an_old_log_stamps_of_todays_clock_move_along_and_old_ones_stay() -> None:
    now, wall = NOW - 5_000 * DAY, NOW
    shift = now - wall
    assert believed(wall - 10, now, shift) == now - 10
    assert believed(wall + 3_600, now, shift) == now
    assert believed(now - 10, now, shift) == now - 10
    assert take([{**GOOD, "timestamp": wall - 1}, GOOD], now, shift).accepted[0].time == now - 1
    assert len(take([{**GOOD, "timestamp": wall + 2 * DAY}], now, shift).quarantined) == 1


def test_rows_set_aside_are_kept_with_their_reason_and_go_with_their_user(state: State) -> None:
    record(state, [{**GOOD, "timestamp": NOW + 9 * DAY}, {**GOOD, "timestamp": 1, "user_id": "v"}], NOW)
    assert [(one.reason, one.row["user_id"], one.time) for one in state.quarantine.recent()] == [
        ("the time is before 1990", "v", NOW),
        ("the time is more than a day ahead", "u", NOW),
    ]
    state.log.forget("u", NOW)
    assert [one.row["user_id"] for one in state.quarantine.recent()] == ["v"]


def test_a_failing_disk_gives_no_answer_and_all_may_be_sent_again(folder: Path) -> None:
    disk = FailingDisk()
    rows: list[object] = [{**GOOD, "event_id": "a"}, {**GOOD, "timestamp": 5}]
    with State.open(folder, disk) as state:
        for place in (1, 2):
            disk.commits = place
            with pytest.raises(StateError):
                record(state, rows, NOW)
            disk.commits = 0
        assert record(state, rows, NOW)["stored"] == 1


SCALARS = st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.sampled_from([*EVENT_TYPES, "1", "u", "2025-06-01", NOW])
VALUES = SCALARS | st.lists(SCALARS, max_size=3) | st.dictionaries(st.text(), SCALARS, max_size=3)
NAMES = st.sampled_from(["type", "item_id", "user_id", "session_id", "event_id", "timestamp", "price", "consent", "query", "rank", "x"])


@settings(max_examples=150, deadline=None)
@given(st.lists(st.dictionaries(NAMES, VALUES, max_size=8) | VALUES, max_size=6))
def test_whatever_is_sent_has_one_fate_and_can_be_stored(rows: list[object]) -> None:
    found = take(rows, NOW)
    places = [place for place, _ in found.rejected] + [suspect.place for suspect in found.quarantined]
    assert len(found.accepted) + len(places) == len(rows) and len(set(places)) == len(places)
    for event in found.accepted:
        assert event.type in EVENT_TYPES and event.time <= NOW and (event.user_id or event.session_id)
        json.dumps(event.body)


def test_mutated_rows_are_never_the_servers_fault(state: State) -> None:
    random = Random(7)
    text = json.dumps([{**GOOD, "timestamp": "2025-06-01T10:00:00Z", "query": "red 灯", "price": 3.5, "tags": ["a", {"b": 1}]}] * 3)
    for _ in range(300):
        place, cut = random.randrange(len(text)), random.choice(["", "0", '"', "null", "\\u0000", "-", "1e999", "[]", "\\ud800"])
        try:
            rows = json.loads(text[:place] + cut + text[place + random.randrange(3) :])
        except ValueError:
            continue
        answer = record(state, rows if isinstance(rows, list) else [rows], NOW)
        fates = [answer["stored"], answer["duplicate"], answer["quarantined"], len(answer["rejected"])]  # type: ignore[arg-type]
        assert answer["received"] == sum(fates)  # type: ignore[arg-type]
    assert state.problems() == []
