"""What the notes of what was served promise: they cost nothing, name no one, and tell which queries found or pleased no one."""

from __future__ import annotations

from pathlib import Path
from time import monotonic, sleep

import pytest

from aisle.core.answer import Json
from aisle.state import served as module
from aisle.state.folder import State
from aisle.state.served import Timed
from tests.state.support import NOW, event


def note(state: State, request: str, query: str | None = None, items: int = 1, time: float = NOW, took: float = 1.0, **more: Json) -> None:
    found: list[Json] = [{"item_id": str(place), "score": 0.5} for place in range(items)]
    entry = {"request_id": request, "time": time, "surface": "search" if query else "home", "query": query, "items": found, "took_ms": took}
    state.served.note({**entry, **more})


def test_a_note_comes_back_whole_but_for_who_asked(state: State) -> None:
    steps: list[Json] = [{"name": "lexical", "took_ms": 1.5}]
    note(state, "r1", "Red lamp", user_id="u", session_id="s", steps=steps, degraded=False, bundle="b", skipped=[])
    found = state.served.get("r1")
    assert found is not None
    assert (found["query"], found["items"], found["steps"]) == ("Red lamp", [{"item_id": "0", "score": 0.5}], steps)
    assert not {"user_id", "session_id"} & set(found) and isinstance(found["user"], str)
    assert state.served.get("r2") is None


def test_the_newest_come_first_and_of_other_workers_too(folder: Path) -> None:
    with State.open(folder) as one, State.open(folder) as two:
        for place in range(6):
            note((one, two)[place % 2], f"r{place}")
            (one, two)[place % 2].served.flush()
        assert [found["request_id"] for found in one.served.recent(4)] == ["r5", "r4", "r3", "r2"]


def test_notes_are_written_without_being_asked_for(folder: Path) -> None:
    with State.open(folder) as one, State.open(folder) as two:
        note(one, "r")
        until = monotonic() + 5
        while two.served.get("r") is None and monotonic() < until:
            sleep(0.05)
        assert two.served.get("r") is not None


def test_queries_without_a_result_are_counted_in_their_matching_form(state: State) -> None:
    for place, query in enumerate(("Lmap", "ｌｍａｐ ", "lmap", "沙發", "沙发")):
        note(state, f"r{place}", query, items=0, time=NOW + place)
    note(state, "good", "lamp")
    note(state, "home", None, items=0)
    assert [(one.query, one.times, one.last) for one in state.served.no_result_queries()] == [("lmap", 3, NOW + 2), ("沙发", 2, NOW + 4)]
    assert len(state.served.no_result_queries(limit=1)) == 1


def test_what_only_comes_near_a_query_is_no_result_for_it(state: State) -> None:
    note(state, "r", "zzz", items=5, total=0)
    assert [one.query for one in state.served.no_result_queries()] == ["zzz"]


def test_the_times_of_answers_come_oldest_first(state: State) -> None:
    note(state, "old", time=NOW - 100)
    note(state, "a", "lamp", time=NOW, took=2.5, degraded=True)
    note(state, "b", time=NOW + 1)
    assert state.served.times(NOW - 50) == [Timed(NOW, "search", 2.5, True), Timed(NOW + 1, "home", 1.0, False)]


def test_queries_that_pleased_no_one_are_those_without_any_click(state: State) -> None:
    for request, query in (("r1", "lamp"), ("r2", "LAMP"), ("r3", "sofa"), ("r4", "sofa"), ("r5", "desk")):
        note(state, request, query)
    note(state, "r6", "nothing", items=0)
    state.log.append([event("a", "u", request_id="r2"), event("b", "u", request_id="other")])
    assert [(one.query, one.times) for one in state.served.no_click_queries(state.log)] == [("sofa", 2), ("desk", 1)]


def test_speed_is_told_by_surface_over_the_last_minutes(state: State) -> None:
    for place in range(100):
        note(state, f"r{place}", "lamp", time=NOW - 50 + place / 2, took=float(place + 1))
    note(state, "old", "lamp", time=NOW - 1_000, took=9_999.0)
    note(state, "home", None, time=NOW, took=3.0)
    home, search = state.served.latency(NOW, seconds=100)
    assert (home.surface, home.p50_ms, home.p99_ms, home.rate) == ("home", 3.0, 3.0, 0.01)
    assert (search.surface, search.p50_ms, search.p99_ms, search.rate) == ("search", 50.0, 99.0, 1.0)


def test_only_the_newest_are_kept(state: State, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "KEPT", 5)
    for place in range(12):
        note(state, f"r{place}")
        state.served.flush()
    assert [found["request_id"] for found in state.served.recent()] == ["r11", "r10", "r9", "r8", "r7"]


def test_a_note_costs_microseconds_and_never_fails(state: State) -> None:
    begun = monotonic()
    for place in range(10_000):
        note(state, str(place), "lamp", items=3)
    assert (monotonic() - begun) / 10_000 < 0.000_2
    for odd in ({}, {"query": "\ud800"}, {"items": 5}, {"time": None, "took_ms": None, "surface": None}):
        state.served.note(odd)  # type: ignore[arg-type]
    assert state.served.get("9999") is not None


def test_the_hash_of_a_forgotten_user_goes_and_the_others_stay(folder: Path) -> None:
    with State.open(folder) as state:
        state.log.append([event("a", "u", "s")])
        for request, who in (("r1", {"user_id": "u"}), ("r2", {"session_id": "s"}), ("r3", {"user_id": "v"})):
            note(state, request, "secret wish", **who)  # type: ignore[arg-type]
        users = {request: (state.served.get(request) or {})["user"] for request in ("r1", "r2", "r3")}
        assert len(set(users.values())) == 3
        state.log.forget("u", NOW)
        assert [(state.served.get(request) or {})["user"] for request in ("r1", "r2", "r3")] == [None, None, users["r3"]]


def test_two_folders_give_one_user_two_hashes(tmp_path: Path) -> None:
    seen = set()
    for name in ("a", "b"):
        with State.open(tmp_path / name) as state:
            note(state, "r", user_id="u")
            seen.add((state.served.get("r") or {})["user"])
    assert len(seen) == 2


def test_pages_that_went_bad_inside_the_file_are_put_aside_too(folder: Path) -> None:
    with State.open(folder) as state:
        for place in range(200):
            note(state, f"r{place}", text="x" * 500)
    data = bytearray((folder / "served.sqlite").read_bytes())
    data[8_192:40_960] = bytes(32_768)
    (folder / "served.sqlite").write_bytes(data)
    with State.open(folder) as state:
        assert state.served.recent() == []


@pytest.mark.parametrize("content", [b"no database, but long enough to be taken for one" * 50, bytes(4_096)])
def test_a_damaged_file_is_put_aside_and_the_shop_opens(folder: Path, content: bytes) -> None:
    folder.mkdir()
    (folder / "served.sqlite").write_bytes(content)
    with State.open(folder) as state:
        note(state, "r")
        assert state.served.get("r") is not None
        assert (folder / "served.sqlite.damaged").read_bytes() == content


def test_a_full_disk_loses_notes_and_nothing_else(state: State) -> None:
    note(state, "r1")
    state.served.flush()
    with state.served.database.writing() as connection:
        connection.execute("ALTER TABLE served RENAME TO elsewhere")
    note(state, "r2")
    state.served.flush()
    with state.served.database.writing() as connection:
        connection.execute("ALTER TABLE elsewhere RENAME TO served")
    note(state, "r3")
    assert [found["request_id"] for found in state.served.recent()] == ["r3", "r1"]
