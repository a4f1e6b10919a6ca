"""The toy engine with a memory: what is like the things opened comes first, what was hidden is gone."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import replace

from aisle.core.answer import Answer, Json, Reason
from aisle.core.request import Request
from aisle.schema import SESSION_ACTOR
from tests.serving.fakes import FakeEngine


def actor(row: Mapping[str, Json]) -> str:
    """Whose event or request it is."""
    return str(row.get("user_id") or SESSION_ACTOR + str(row.get("session_id")))


class Remembering(FakeEngine):
    """`FakeEngine` with profiles, so that the next page changes."""

    def answer(self, requests: Sequence[Request]) -> list[Answer]:
        wide = [replace(request, limit=500, offset=0) if request.surface == "home" else request for request in requests]
        answers = super().answer(wide)
        return [self._personal(request, answer) for request, answer in zip(requests, answers, strict=True)]

    def _personal(self, request: Request, answer: Answer) -> Answer:
        known = self.profile(actor({"user_id": request.user_id, "session_id": request.session_id})) or {}
        recent, hidden = _ids(known, "recent"), _ids(known, "dismissed")
        items = [item for item in answer.items if item.item_id not in hidden]
        if request.surface == "home":
            taste = {str(self.items[name].get("category")) for name in recent if name in self.items}
            items.sort(key=lambda item: (item.attributes.get("category") not in taste, item.item_id in recent))
            because = [Reason("looked_at", f"Because you looked at {self.items[recent[0]]['title']}", (recent[0],))] if recent else []
            items = [replace(item, reasons=because) if item.attributes.get("category") in taste else item for item in items]
            items = items[request.offset : request.offset + request.limit]
        return replace(answer, items=items)

    def profile(self, user_id: str) -> Mapping[str, Json] | None:
        mine = [event for event in self.events.values() if actor(event) == user_id and event.get("type") not in ("impression", "query")]
        if not mine or user_id in self.users(9):
            return super().profile(user_id) if user_id in self.users(9) else None
        hidden = [str(event["item_id"]) for event in mine if event["type"] == "dismiss"]
        told = [str(event["item_id"]) for event in mine if event["type"] != "dismiss"]
        recent = [name for name in dict.fromkeys(reversed(told)) if name not in hidden]
        tastes = Counter(str(self.items[name].get("category")) for name in recent if name in self.items)
        bought = [str(event["item_id"]) for event in mine if event["type"] == "purchase"]
        return {
            "user_id": user_id, "events": len(mine), "recent": recent, "owned": bought, "dismissed": hidden,
            "tastes": {"category": {name: float(count) for name, count in tastes.items()}},
        }  # fmt: skip

    def export(self, user_id: str) -> Mapping[str, Json] | None:
        profile = self.profile(user_id)
        mine = [event for event in self.events.values() if actor(event) == user_id]
        return None if profile is None else {"user_id": user_id, "profile": profile, "events": mine}

    def forget(self, user_id: str, now: float) -> bool:
        known = len(self.events)
        self.events = {name: event for name, event in self.events.items() if actor(event) != user_id}
        return len(self.events) < known


def _ids(profile: Mapping[str, Json], name: str) -> list[str]:
    held = profile.get(name)
    return [str(one) for one in held] if isinstance(held, list) else []
