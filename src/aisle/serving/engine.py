"""The seam between the HTTP edge and what answers: two small protocols. The fake in the tests implements them with canned answers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from aisle.core.answer import Answer, Completion, Json, Value
from aisle.core.request import Request


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


@dataclass(frozen=True, slots=True)
class BundleInfo:
    """A bundle in a store. ``problem`` says why it cannot be activated, empty where it can."""

    bundle_id: str
    active: bool
    created_at: str = ""
    problem: str = ""


class BundleStore(Protocol):
    """The bundles side by side. `activate` and `rollback` give the engine of the bundle that is active afterwards.

    A bundle that is missing, damaged or from an incompatible version raises `BundleError`, and the running one goes on.
    """

    def list(self) -> list[BundleInfo]: ...
    def activate(self, bundle_id: str) -> Engine: ...
    def rollback(self) -> Engine: ...
