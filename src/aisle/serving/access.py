"""Who may ask what: keys and their scopes, the public storefront, host names, and which other sites' pages may ask."""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import dataclass, field
from threading import Lock
from time import monotonic
from urllib.parse import quote, urlsplit

from starlette.datastructures import Headers
from starlette.requests import cookie_parser

from aisle.serving.engine import KeyRing
from aisle.serving.listen import LOOPBACK
from aisle.serving.options import Options
from aisle.serving.problems import RefusedError
from aisle.state.keys import SCOPES, Key

ALL = frozenset(SCOPES)
COOKIE = "aisle_key"
ASKING = frozenset({"/v1/search", "/v1/recommend", "/v1/similar", "/v1/rank", "/v1/complete"})
WATCHING = frozenset({"/v1/bundles", "/readyz", "/metrics", "/openapi.json"})
PAGES = ("/search", "/item/", "/image/", "/static/", "/basket", "/you", "/do/")
EMBEDDED = "/aisle.js"
SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})


@dataclass(frozen=True, slots=True)
class Access:
    """What the asker of one request may do. ``key`` is None for a shopper without one, and where no keys exist.

    ``trusted``: may speak for any user. A shopper without a key may not: whoever could name a user would see what is known of them.
    """

    scopes: frozenset[str] = ALL
    key: Key | None = None
    trusted: bool = True


SHOPPER = Access(frozenset({"read", "events"}), None, False)


class Gate:
    """Lets requests in or raises `RefusedError`. ``loopback``: the server is bound to loopback, so that without keys it may answer."""

    def __init__(
        self, keys: KeyRing | None = None, options: Options | None = None, loopback: bool = True, clock: Callable[[], float] = monotonic
    ) -> None:
        self.keys, self.options, self.loopback, self._clock = keys, options or Options(), loopback, clock
        self._rates: dict[str, Rate] = {}

    def admit(self, method: str, path: str, headers: Headers, now: float) -> Access:
        """The asker's rights, if they reach for this route. ``now`` is wall time, UTC seconds; ``path`` is decoded."""
        closed = self.keys is not None and self.keys.closed()
        self._host(headers.get("host", ""), closed)
        self._site(method, headers)
        if open_to_all(method, path):
            return SHOPPER
        if not closed:
            if not self.loopback:
                raise RefusedError(403, "no_keys", "This server has no keys, so it answers on loopback only.", "Make one: aisle keys add.")
            return Access()
        return self._keyed(method, path, headers, now)

    def _keyed(self, method: str, path: str, headers: Headers, now: float) -> Access:
        need = scope_of(method, path)
        secret, said = _secret(headers)
        key = self.keys.find(secret, now) if secret and self.keys is not None else None
        if key is None:
            if not said and self._for_shoppers(method, path):
                return SHOPPER
            if not secret:
                raise RefusedError(401, "key_missing", "This needs a key.", "Send the header Authorization: Bearer KEY.")
            raise RefusedError(401, "key_invalid", "This key is wrong, expired or revoked.", "Ask the operator for another one.")
        if not key.scopes & {need, "admin"}:
            raise RefusedError(403, "key_scope", f"This key has no scope `{need}`.", "Ask the operator for a key that has it.")
        self._slow_down(key)
        return Access(ALL if "admin" in key.scopes else key.scopes, key)

    def _for_shoppers(self, method: str, path: str) -> bool:
        if path == EMBEDDED and self.options.origins:
            return True
        read_by_pages = path in ASKING or (method, path) == ("POST", "/v1/events")
        return self.options.storefront == "public" and (is_page(path) or path == EMBEDDED or read_by_pages)

    def _host(self, host: str, closed: bool) -> None:
        """Refuse names that are not ours: without keys a foreign name that points to loopback would open the shop to any web page."""
        if closed and not self.options.hosts:
            return
        if hostname(host) not in {*LOOPBACK, *self.options.hosts}:
            mend = "Use http://127.0.0.1 or http://localhost, or list the name under `hosts` in serving.toml."
            raise RefusedError(421, "wrong_host", "The server does not answer to this host name.", mend)

    def _site(self, method: str, headers: Headers) -> None:
        """Refuse what another site's page writes (cross-site forgery), unless that site is listed."""
        origin = headers.get("origin")
        if method in SAFE_METHODS or (origin is not None and origin in self.options.origins):
            return
        if headers.get("sec-fetch-site") == "cross-site" or (origin is not None and origin.partition("//")[2] != headers.get("host", "")):
            mend = "Send it from the shop's own server, or list the page's address under `origins` in serving.toml."
            raise RefusedError(403, "cross_site", "Another site's page sent this request.", mend)

    def _slow_down(self, key: Key) -> None:
        if self.options.requests_per_second:
            rate = self._rates.setdefault(key.key_id, Rate(self.options.requests_per_second))
            if not rate.take(self._clock()):
                raise RefusedError(429, "too_many_requests", "This key asks more often than it may.", "Come again in a second.")


@dataclass
class Rate:
    """A bucket of ``per_second`` requests that fills as fast as it may be emptied."""

    per_second: float
    left: float = 0.0
    seen: float = float("-inf")
    lock: Lock = field(default_factory=Lock)

    def take(self, now: float) -> bool:
        """One request, if there is one left."""
        with self.lock:
            self.left = min(max(self.per_second, 1.0), self.left + (now - self.seen) * self.per_second)
            self.seen = now
            if self.left < 1:
                return False
            self.left -= 1
            return True


def open_to_all(method: str, path: str) -> bool:
    """Whether a route needs no key ever: the life sign, log-in, and the question before a cross-site request."""
    return path in ("/healthz", "/login") or path.startswith("/login/") or method == "OPTIONS"


def scope_of(method: str, path: str) -> str:
    """The scope that a route asks for. What is not known here asks for the highest."""
    if path == "/v1/events":
        return "events"
    if path == "/v1/items" or path.startswith("/v1/items/"):
        return "items"
    if path in ASKING or is_page(path) or path == EMBEDDED or (method in SAFE_METHODS and path in WATCHING):
        return "read"
    return "admin"


def is_page(path: str) -> bool:
    """Whether an address belongs to the storefront."""
    return path == "/" or path.startswith(PAGES)


def cors(headers: Headers, origins: Collection[str], preflight: bool) -> dict[str, str]:
    """The headers by which a listed site's page may read an answer; none for any other."""
    origin = headers.get("origin", "")
    if origin not in origins:
        return {}
    allowed = {"Access-Control-Allow-Origin": origin, "Vary": "Origin"}
    if not preflight:
        return {**allowed, "Access-Control-Expose-Headers": "X-Request-Id"}
    methods = {"Access-Control-Allow-Methods": "GET, POST", "Access-Control-Allow-Headers": "Authorization, Content-Type, X-Request-Id"}
    return {**allowed, **methods, "Access-Control-Max-Age": "600"}


def log_in_at(path: str, query: str) -> str:
    """The address of the log-in page that leads back to a page."""
    return f"/login?next={quote(path + ('?' + query if query else ''), safe='')}"


def hostname(host: str) -> str:
    """The name in a Host header, without port; empty for nonsense."""
    try:
        return urlsplit(f"//{host}").hostname or ""
    except ValueError:
        return ""


def _secret(headers: Headers) -> tuple[str, bool]:
    """The key that a request shows, and whether a program said it in a header; a log-in cookie may have outlived its key unnoticed."""
    scheme, _, secret = headers.get("authorization", "").partition(" ")
    if scheme.lower() == "bearer":
        return secret.strip()[:200], True
    return cookie_parser(headers.get("cookie", "")[:8_000]).get(COOKIE, ""), False
