"""Small events and counts that the claims on state share."""

from __future__ import annotations

import os

from aisle.core.answer import Json
from aisle.state.protocols import NewEvent

NOW = 1_750_000_000.0
LONG = bool(os.environ.get("AISLE_LONG"))
"""Whether the long forms of the reliability tests are wanted: `make test-reliability`."""


def event(
    event_id: str, user: str | None = None, session: str | None = None, item: str | None = "1", time: float = NOW, **body: Json
) -> NewEvent:
    """A click."""
    return NewEvent(event_id, "click", time, user, session, item, body)
