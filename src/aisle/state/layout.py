"""The tables of `log.sqlite`: facts in one sequence, who claimed which session, who was forgotten, rows set aside."""

from __future__ import annotations

from aisle.state.database import Layout, Migration

EVENT, ITEM, FORGOTTEN = 0, 1, 2
"""Kinds of facts. An item change holds the attributes, null for a deleted item, or without item_id the list of ids of a full feed. What is
forgotten keeps its sequence and the hash of its event id, so that it is not counted when it is sent again."""

MICRO = 1_000_000
"""Times are stored as whole microseconds: every reader gets back the very number that was written."""

MIGRATIONS: dict[int, Migration] = {}

LOG = Layout(
    version=1,
    migrations=MIGRATIONS,
    create="""
        CREATE TABLE facts (
            sequence INTEGER PRIMARY KEY, kind INTEGER NOT NULL, key TEXT, event_id TEXT, type TEXT, time INTEGER,
            user_id TEXT, session_id TEXT, item_id TEXT, request_id TEXT, body TEXT
        );
        CREATE UNIQUE INDEX facts_key ON facts (key) WHERE key IS NOT NULL;
        CREATE INDEX facts_user ON facts (user_id) WHERE user_id IS NOT NULL;
        CREATE INDEX facts_session ON facts (session_id) WHERE session_id IS NOT NULL;
        CREATE INDEX facts_request ON facts (request_id) WHERE request_id IS NOT NULL AND type <> 'impression';
        CREATE INDEX facts_items ON facts (sequence) WHERE kind = 1;
        CREATE TABLE claims (session_id TEXT PRIMARY KEY, user_id TEXT NOT NULL) WITHOUT ROWID;
        CREATE INDEX claims_user ON claims (user_id);
        CREATE TABLE forgotten (name TEXT PRIMARY KEY, sequence INTEGER NOT NULL, time REAL NOT NULL) WITHOUT ROWID;
        CREATE TABLE quarantine (number INTEGER PRIMARY KEY, time REAL NOT NULL, reason TEXT NOT NULL, user_id TEXT, row TEXT NOT NULL);
        CREATE TABLE salt (salt TEXT NOT NULL);
        INSERT INTO salt VALUES (lower(hex(randomblob(16))))
    """,
)
"""``time`` is in microseconds since 1970. Names of persons stand in ``facts`` and ``claims`` alone; elsewhere their salted hashes."""
