"""The seam between the HTTP edge and what answers: two small protocols. The fake in the tests implements them with canned answers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from aisle.core.answer import Answer, Completion, Json, Value
from aisle.core.request import Request
from aisle.state.keys import Key


class Engine(Protocol):
    """One open bundle. All methods may be called from several threads at once and block until done.

    What a client asked wrongly raises `RequestError`; anything else that is raised is the server's fault.
    """

    @property
    def bundle_id(self) -> str: ...

    def answer(self, requests: Sequence[Request]) -> list[Answer]:
        """One answer per request, in order."""
        ...

    def complete(self, prefix: str, limit: int) -> list[Completion]:
        """At most ``limit`` ways to go on typing, best first."""
        ...

    def item(self, item_id: str) -> Mapping[str, Value] | None:
        """An item's attributes as `Catalogue.item` gives them, whether or not it may be shown; None for an unknown id."""
        ...

    def profile(self, user_id: str) -> Mapping[str, Json] | None:
        """What is known of a user, None of a stranger."""
        ...

    def users(self, limit: int) -> list[str]:
        """Ids of some users with a history, for the storefront's switcher."""
        ...

    def record(self, rows: Sequence[Json], now: float) -> Mapping[str, Json]:
        """Store events; on disk when it returns. Whatever the rows hold, the contract's answer: ``received, stored, duplicate,
        quarantined, rejected`` (a list of ``row``, counted from 0, and ``reason``) and ``sequence``."""
        ...

    def put_items(self, items: Sequence[Json], replace: bool, now: float) -> Mapping[str, Json]:
        """Store changes of the catalogue, with ``replace`` a full feed: ``received, stored, rejected, sequence``, on disk."""
        ...

    def delete_item(self, item_id: str, now: float) -> bool:
        """Take an item out of the shop; False where the catalogue has no such item."""
        ...

    def export(self, user_id: str) -> Mapping[str, Json] | None:
        """All that is kept of a user: ``user_id, profile, events``; None of a stranger or a forgotten one."""
        ...

    def forget(self, user_id: str, now: float) -> bool:
        """Drop all that is kept of a user; False where nothing was."""
        ...


@dataclass(frozen=True, slots=True)
class BundleInfo:
    """A bundle in a store. ``problem`` says why it cannot be activated, empty where it can."""

    bundle_id: str
    active: bool
    created_at: str = ""
    problem: str = ""


class BundleStore(Protocol):
    """The bundles side by side. A bundle that is missing, damaged or from an incompatible version raises `BundleError`, and the running
    one goes on."""

    def list(self) -> list[BundleInfo]: ...

    def current(self) -> str | None:
        """The active bundle's id, which another process may have changed; cheap enough to ask twice a second."""
        ...

    def previous(self) -> str | None:
        """The id of the one that was active before, None where there is none."""
        ...

    def open(self, bundle_id: str) -> Engine:
        """Verify a bundle and open it, without making it the active one."""
        ...

    def activate(self, bundle_id: str) -> None:
        """Make it the active one, in one step that survives a crash."""
        ...


class KeyRing(Protocol):
    """The keys of a state folder. Safe to call from several threads; cheap enough to ask on every request."""

    def closed(self) -> bool:
        """Whether any key was ever made: from then on a request needs one."""
        ...

    def find(self, secret: str, now: float) -> Key | None:
        """The key of this secret; None for one that is wrong, expired or revoked."""
        ...


class Served(Protocol):
    """Where it is noted what was served. Losing a note costs insight only, so noting neither blocks nor fails."""

    def note(self, entry: Mapping[str, Json]) -> None: ...
