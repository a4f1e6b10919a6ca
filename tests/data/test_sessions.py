"""Actors and sessions: a session belongs to the user it names; without stated sessions half an hour of rest begins a new one."""

from __future__ import annotations

import duckdb
import ibis
import pyarrow as pa

from aisle.data.sessions import with_actors, with_sessions


def table(**columns: list[object]) -> ibis.expr.types.Table:
    count = len(next(iter(columns.values())))
    stage = pa.table({**columns, "_key": list(range(count))})
    connection = duckdb.connect()
    connection.register("stage", stage)
    connection.execute("CREATE TABLE events AS SELECT * FROM stage")
    return ibis.duckdb.from_connection(connection).table("events")


def told(events: ibis.expr.types.Table, name: str) -> list[object]:
    return [row[name] for row in events.order_by("_key").to_pyarrow().to_pylist()]


def test_a_session_joins_its_user_also_for_events_before_the_log_in() -> None:
    events = table(user_id=[None, "u", None, None], session_id=["s", "s", "s", "t"])
    assert told(with_actors(events), "actor") == ["u", "u", "u", "session:t"]


def test_of_two_users_in_one_session_each_keeps_his_own_events_and_the_first_gets_the_rest() -> None:
    events = table(user_id=[None, "u", "v", None], session_id=["s", "s", "s", "s"])
    assert told(with_actors(events), "actor") == ["u", "u", "v", "u"]


def test_a_log_with_users_only_or_sessions_only_has_actors_too() -> None:
    assert told(with_actors(table(user_id=["u"])), "actor") == ["u"]
    assert told(with_actors(table(session_id=["s"])), "actor") == ["session:s"]


def test_rest_beyond_the_limit_begins_a_new_session() -> None:
    events = table(actor=["u", "u", "u", "v", "u"], time=[0.0, 1800.0, 3601.0, 100.0, 3700.0])
    sessions = told(with_sessions(events, 30), "session")
    assert sessions[0] == sessions[1] != sessions[2] == sessions[4]
    assert sessions[3] not in (sessions[0], sessions[2])


def test_stated_sessions_go_before_cut_ones() -> None:
    events = table(actor=["u", "u"], time=[0.0, 1.0], session_id=["s", None])
    sessions = told(with_sessions(events, 30), "session")
    assert sessions[0] == "s" != sessions[1]
