"""Who acted and in which session: sessions that a user claimed are his, and where the log states none they are cut by inactivity."""

from __future__ import annotations

import ibis
from ibis.expr.types import Table

from aisle.schema import SESSION_ACTOR


def with_actors(events: Table) -> Table:
    """``events`` with a column ``actor``: the user; else the user whom the same session names first (so events before the
    log-in join too); else ``session:<id>``."""
    columns = events.columns
    if "session_id" not in columns:
        return events.mutate(actor=events["user_id"])
    if "user_id" not in columns:
        return events.mutate(actor=ibis.literal(SESSION_ACTOR) + events["session_id"])
    named = events.filter(events["user_id"].notnull() & events["session_id"].notnull())
    claims = named.group_by("session_id").aggregate(_owner=named["user_id"].argmin(named["_key"]))
    joined = events.left_join(claims, "session_id", rname="{name}_claimed")
    actor = ibis.coalesce(joined["user_id"], joined["_owner"], ibis.literal(SESSION_ACTOR) + joined["session_id"])
    return joined.mutate(actor=actor).select(*columns, "actor")


def with_sessions(events: Table, minutes: float) -> Table:
    """``events`` (with ``actor`` and ``time``) with a column ``session``, a text or missing: the stated session, else the actor's
    events cut wherever he rested for more than ``minutes``."""
    stated = events["session_id"] if "session_id" in events.columns else ibis.null("string")
    window = ibis.window(group_by="actor", order_by=["time", "_key"])
    rested = events.mutate(_rest=events["time"] - events["time"].lag().over(window))
    rested = rested.mutate(_new=ibis.ifelse(rested["_rest"] > minutes * 60, 1, 0))
    number = rested["_new"].sum().over(ibis.cumulative_window(group_by="actor", order_by=["time", "_key"]))
    cut = rested["actor"] + "#" + number.cast("string")
    own = rested["session_id"] if "session_id" in events.columns else stated
    return rested.mutate(session=ibis.coalesce(own, cut)).drop("_rest", "_new")
