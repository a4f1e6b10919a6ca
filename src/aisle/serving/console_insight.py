"""What the console reads beside the engine: notes of what was served, the log's counts, what was set aside, and the bundles' reports."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from aisle.bundle import NAME
from aisle.core.answer import Json
from aisle.state.folder import State
from aisle.state.protocols import ItemChange
from aisle.state.quarantine import SetAside
from aisle.state.served import QueryCount, Timed

LONGEST_REPORT = 16 << 20
MOST_CHANGES = 20_000


@dataclass(frozen=True, slots=True)
class Overlay:
    """Changes of items since the bundle: how many items of each kind, and the newest changes first. ``whole`` is false where there were
    more changes than were read."""

    counts: Mapping[str, int]
    newest: Sequence[ItemChange]
    whole: bool = True


class Insight(Protocol):
    """Everything here may be read while the shop answers; nothing in it names a person but what was set aside. ``kept`` is false where
    nothing is noted at all."""

    kept: bool

    def recent(self, limit: int) -> Sequence[Mapping[str, Json]]:
        """The newest notes of what was served, newest first."""
        ...

    def get(self, request_id: str) -> Mapping[str, Json] | None:
        """The note of one request."""
        ...

    def times(self, since: float) -> Sequence[Timed]:
        """When answers were given, on which surface, how fast, and whether whole; oldest first."""
        ...

    def no_result_queries(self, limit: int) -> Sequence[QueryCount]:
        """Queries that found nothing."""
        ...

    def no_click_queries(self, limit: int) -> Sequence[QueryCount]:
        """Queries of which nothing was opened."""
        ...

    def set_aside(self, limit: int) -> Sequence[SetAside]:
        """Events that are not believed."""
        ...

    def counts(self) -> Mapping[str, int]:
        """``events`` in the log, its newest ``sequence``."""
        ...

    def overlay(self, bundle_id: str, limit: int) -> Overlay | None:
        """What came to the catalogue after a bundle."""
        ...

    def quality(self, bundle_id: str) -> Mapping[str, Json] | None:
        """A bundle's report on its data."""
        ...

    def report(self, bundle_id: str) -> str | None:
        """A bundle's report on its models, one HTML page."""
        ...


class NoInsight:
    """`Insight` of a server that keeps nothing."""

    kept = False

    def recent(self, limit: int) -> Sequence[Mapping[str, Json]]:
        """None."""
        return ()

    def get(self, request_id: str) -> Mapping[str, Json] | None:
        """None."""
        return None

    def times(self, since: float) -> Sequence[Timed]:
        """None."""
        return ()

    def no_result_queries(self, limit: int) -> Sequence[QueryCount]:
        """None."""
        return ()

    def no_click_queries(self, limit: int) -> Sequence[QueryCount]:
        """None."""
        return ()

    def set_aside(self, limit: int) -> Sequence[SetAside]:
        """None."""
        return ()

    def counts(self) -> Mapping[str, int]:
        """None."""
        return {}

    def overlay(self, bundle_id: str, limit: int) -> Overlay | None:
        """None."""
        return None

    def quality(self, bundle_id: str) -> Mapping[str, Json] | None:
        """None."""
        return None

    def report(self, bundle_id: str) -> str | None:
        """None."""
        return None


class StateInsight:
    """`Insight` of a state folder and the folder that the bundles lie in."""

    kept = True

    def __init__(self, state: State, bundles: Path) -> None:
        self.state, self.bundles = state, bundles

    def recent(self, limit: int) -> Sequence[Mapping[str, Json]]:
        """The newest notes first."""
        return self.state.served.recent(limit)

    def get(self, request_id: str) -> Mapping[str, Json] | None:
        """The note of one request."""
        return self.state.served.get(request_id)

    def times(self, since: float) -> Sequence[Timed]:
        """Answers since a moment."""
        return self.state.served.times(since)

    def no_result_queries(self, limit: int) -> Sequence[QueryCount]:
        """Queries that found nothing."""
        return self.state.served.no_result_queries(limit)

    def no_click_queries(self, limit: int) -> Sequence[QueryCount]:
        """Queries of which nothing was opened."""
        return self.state.served.no_click_queries(self.state.log, limit)

    def set_aside(self, limit: int) -> Sequence[SetAside]:
        """Events that are not believed."""
        return self.state.quarantine.recent(limit)

    def counts(self) -> Mapping[str, int]:
        """Of the log."""
        newest = self.state.log.newest()
        return {"sequence": newest, "events": self.state.log.count(newest)}

    def overlay(self, bundle_id: str, limit: int) -> Overlay:
        """Counted by the last change of each item."""
        after = _number((self._json(bundle_id, "manifest.json") or {}).get("state_sequence"))
        changes = self.state.items.changes(after, MOST_CHANGES)
        last = {change.item_id: change for change in changes if change.keep is None}
        counts = Counter("deleted" if change.attributes is None else "changed" for change in last.values())
        counts["feeds"] = sum(change.keep is not None for change in changes)
        return Overlay(counts, list(reversed(changes[-limit:])), len(changes) < MOST_CHANGES)

    def quality(self, bundle_id: str) -> Mapping[str, Json] | None:
        """``quality.json``."""
        return self._json(bundle_id, "quality.json")

    def report(self, bundle_id: str) -> str | None:
        """``report.html``."""
        return self._text(bundle_id, "report.html")

    def _json(self, bundle_id: str, name: str) -> Mapping[str, Json] | None:
        text = self._text(bundle_id, name)
        try:
            found = json.loads(text) if text else None
        except ValueError:
            return None
        return found if isinstance(found, dict) else None

    def _text(self, bundle_id: str, name: str) -> str | None:
        path = self.bundles / bundle_id / name
        try:
            fine = NAME.fullmatch(bundle_id) and path.stat().st_size <= LONGEST_REPORT
            return path.read_text(encoding="utf-8") if fine else None
        except (OSError, UnicodeDecodeError):
            return None


def _number(value: Json) -> int:
    return value if isinstance(value, int) else 0
