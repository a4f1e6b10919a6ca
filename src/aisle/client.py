"""A typed client of the HTTP API: the same calls and answers as `aisle.open` gives in one process, over the network.

>>> from aisle.client import Client
>>> shop = Client("http://127.0.0.1:8000", key="aisle_...")  # doctest: +SKIP
>>> page = shop.search("red lamp", user="42", filters={"price": {"lte": 30}})  # doctest: +SKIP
>>> shop.record("click", item=page.items[0].item_id, user="42", request_id=page.request_id)  # doctest: +SKIP
"""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import partial
from http.client import HTTPConnection, HTTPException, HTTPSConnection
from typing import Any, Self, cast
from urllib.parse import quote, urlsplit
from uuid import uuid4

from aisle.core.answer import Absence, Answer, AnsweredItem, Completion, Intent, Json, Reason, Understanding
from aisle.core.errors import AisleError
from aisle.core.trace import Step

OWN = frozenset({"score", "probability", "scores", "highlights", "reasons", "removed", "variants", "explanation"})
"""What an answer says of an item beside its attributes."""
BUSY = (429, 503)


class ClientError(AisleError):
    """The server refused, or could not be reached (``status`` 0). ``code`` is stable, ``field`` names what cannot be read."""

    def __init__(self, status: int, code: str, what: str, mend: str = "", field: str = "") -> None:
        super().__init__(what, mend)
        self.status, self.code, self.field = status, code, field


class Client:
    """Asks one server. Each thread keeps its own connection; ``timeout`` in seconds.

    A busy server (429, 503) and a broken connection are tried again ``retries`` times; every event gets an id first, so it counts once.
    Further fields of a call (``**more``) are those of the route's JSON: ``filters, offset, sort, facets, explain, deadline_ms`` and so on.
    """

    def __init__(
        self, url: str, key: str | None = None, timeout: float = 10.0, retries: int = 2, sleep: Callable[[float], None] = time.sleep
    ) -> None:
        parts = urlsplit(url)
        if parts.scheme not in ("http", "https") or not parts.hostname:
            raise ClientError(0, "bad_address", f"`{url}` is no address of a server.", "As http://127.0.0.1:8000.")
        kind = HTTPSConnection if parts.scheme == "https" else HTTPConnection
        self._connect: Callable[[], HTTPConnection] = partial(kind, parts.hostname, parts.port, timeout=timeout)
        self._base, self._retries, self._sleep = parts.path.rstrip("/"), retries, sleep
        self._headers = {"Content-Type": "application/json", **({"Authorization": f"Bearer {key}"} if key else {})}
        self._own = threading.local()

    def search(self, query: str, user: str | None = None, limit: int = 10, **more: object) -> Answer:
        """Items for a query, best first."""
        return self._ask("search", query=query, user_id=user, limit=limit, **more)

    def recommend(self, user: str | None = None, surface: str = "home", limit: int = 10, **more: object) -> Answer:
        """Items for a person (``home``), a product page (``item``) or a basket (``basket``; both start from ``items``)."""
        return self._ask("recommend", user_id=user, surface=surface, limit=limit, **more)

    def similar(self, items: Sequence[str], limit: int = 10, **more: object) -> Answer:
        """Substitutes for some items."""
        return self._ask("similar", items=list(items), limit=limit, **more)

    def rank(self, items: Sequence[str], user: str | None = None, query: str | None = None, **more: object) -> Answer:
        """Score what another engine found, all of it."""
        return self._ask("rank", items=list(items), user_id=user, query=query, **more)

    def complete(self, query: str, limit: int = 8, **more: object) -> list[Completion]:
        """Ways to go on typing."""
        found = self._call("POST", "/v1/complete", {"query": query, "limit": limit, **more})
        return [Completion(one["text"], one["kind"], one["score"]) for one in found["completions"]]

    def record(
        self, type: str, item: str | None = None, user: str | None = None, session: str | None = None, **more: object
    ) -> dict[str, Json]:
        """Store one event; the counts of what became of it, when it is on disk."""
        return self.record_all([_given({"type": type, "item_id": item, "user_id": user, "session_id": session, **more})])

    def record_all(self, events: Iterable[Mapping[str, object]]) -> dict[str, Json]:
        """Store events: ``received, stored, duplicate, quarantined, rejected, sequence``."""
        named = [event if event.get("event_id") else {**event, "event_id": uuid4().hex} for event in events]
        return self._said("POST", "/v1/events", named)

    def put_items(self, items: Iterable[Mapping[str, object]], replace: bool = False) -> dict[str, Json]:
        """Add or change items; with ``replace`` they are the whole catalogue. ``received, stored, rejected, sequence``."""
        return self._said("PUT", "/v1/items" + ("?mode=replace" if replace else ""), list(items))

    def delete_item(self, item_id: str) -> bool:
        """Take an item out of the shop; False where it has no such item."""
        return self._known("DELETE", f"/v1/items/{quote(item_id, safe='')}") is not None

    def profile(self, user_id: str) -> dict[str, Json] | None:
        """What is known of a user, None of a stranger."""
        return self._known("GET", _user(user_id))

    def export(self, user_id: str) -> dict[str, Json] | None:
        """All that is kept of a user, None of a stranger."""
        return self._known("GET", f"{_user(user_id)}/export")

    def forget(self, user_id: str) -> bool:
        """Drop all that is kept of a user; False where nothing was."""
        return self._known("DELETE", _user(user_id)) is not None

    def bundles(self) -> dict[str, Json]:
        """The bundles side by side, and which is active."""
        return self._said("GET", "/v1/bundles")

    def activate(self, bundle_id: str) -> dict[str, Json]:
        """Make a bundle the active one."""
        return self._said("POST", f"/v1/bundles/{quote(bundle_id, safe='')}/activate")

    def rollback(self) -> dict[str, Json]:
        """Go back to the bundle that was active before."""
        return self._said("POST", "/v1/bundles/rollback")

    def close(self) -> None:
        """Close this thread's connection."""
        if connection := getattr(self._own, "connection", None):
            connection.close()
            self._own.connection = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _ask(self, route: str, **fields: object) -> Answer:
        return answer_of(self._call("POST", f"/v1/{route}", _given(fields)))

    def _said(self, method: str, path: str, body: object = None) -> dict[str, Json]:
        return cast("dict[str, Json]", self._call(method, path, body))

    def _known(self, method: str, path: str) -> dict[str, Json] | None:
        try:
            return self._said(method, path)
        except ClientError as error:
            if error.status == 404 and error.code.startswith("unknown_"):
                return None
            raise

    def _call(self, method: str, path: str, body: object = None) -> Any:
        for left in range(self._retries, -1, -1):
            try:
                return self._once(method, path, body)
            except ClientError as error:
                if not left or error.status not in (0, *BUSY):
                    raise
                self._sleep(0.2 if not error.status else 1.0)
        raise AssertionError  # the last try returns or raises

    def _once(self, method: str, path: str, body: object) -> Any:
        connection: HTTPConnection = getattr(self._own, "connection", None) or self._connect()
        self._own.connection = connection
        try:
            connection.request(method, self._base + path, None if body is None else json.dumps(body), self._headers)
            response = connection.getresponse()
            status, raw = response.status, response.read()
        except (OSError, HTTPException) as error:
            self.close()
            what = f"{connection.host}:{connection.port} cannot be reached: {error or type(error).__name__}."
            raise ClientError(0, "unreachable", what, "Is the server running?") from error
        return _read(status, raw)


def answer_of(told: Mapping[str, Any]) -> Answer:
    """An answer from its JSON. Attributes are as the JSON has them: times as text."""
    understood = told["understanding"]
    intent = Intent(**understood["intent"]) if understood["intent"] else None
    return Answer(
        told["request_id"],
        told["bundle"],
        [_item(one) for one in told["items"]],
        told["total"],
        told["facets"],
        Understanding(intent, understood["attributes"], understood["correction"]),
        told["degraded"],
        told["skipped"],
        {one["item_id"]: _absence(one) for one in told.get("why", ())},
        told["took_ms"],
        [Step(one["stage"], one["took_ms"], one["gave"]) for one in told.get("trace", ())],
    )


def _item(told: Mapping[str, Any]) -> AnsweredItem:
    return AnsweredItem(
        told["item_id"],
        {name: value for name, value in told.items() if name not in OWN},
        told["score"],
        told["probability"],
        told["scores"],
        {name: [(start, end) for start, end in spans] for name, spans in told["highlights"].items()},
        [Reason(one["code"], one["text"], tuple(one["items"])) for one in told["reasons"]],
        told.get("removed"),
        told.get("variants", ()),
        told.get("explanation"),
    )


def _absence(told: Mapping[str, Any]) -> Absence:
    details = {name: value for name, value in told.items() if name not in ("item_id", "stage", "reason")}
    return Absence(told["stage"], told["reason"], details)


def _read(status: int, raw: bytes) -> Any:
    try:
        told = json.loads(raw)
    except ValueError:
        told = {}
    if status < 400:
        return told
    what = str(told.get("detail", f"The server answered with status {status}."))
    raise ClientError(status, str(told.get("code", "failed")), what, str(told.get("mend", "")), str(told.get("field", "")))


def _given(fields: Mapping[str, object]) -> dict[str, object]:
    return {name: value for name, value in fields.items() if value is not None}


def _user(user_id: str) -> str:
    return f"/v1/users/{quote(user_id, safe='')}"
