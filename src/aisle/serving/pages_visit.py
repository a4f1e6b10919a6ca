"""Who looks at a page: the visit's random number, consent, language, appearance and basket, from cookies that can break no page."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from hashlib import blake2b
from secrets import token_urlsafe

from starlette.requests import Request as HttpRequest
from starlette.responses import Response

from aisle.core.answer import Json
from aisle.schema import SESSION_ACTOR
from aisle.serving import words
from aisle.serving.pages_basket import Basket
from aisle.serving.view import LONGEST_VALUE

YEAR, MONTHS = 365 * 86_400, 180 * 86_400
"""How long choices of language and appearance last, and how long a visitor who agreed is remembered."""
THEMES = ("light", "dark")
_SESSION = re.compile(r"web-[A-Za-z0-9_-]{24}")
"""Our own kind of session, so that no cookie can name one that a program has chosen."""
_ORIGIN = re.compile(r"(search|home|item|basket|similar)\.(\d{1,3})\.([A-Za-z0-9._:-]{1,64})")


@dataclass(frozen=True, slots=True)
class Visitor:
    """``session`` is a random number, ``known`` whether the browser brought it; ``consent`` is None until it was answered; ``user`` is the
    shopper as whom the shop is seen, empty for nobody; ``said`` is the key of a short notice to show once."""

    session: str
    known: bool
    language: str
    consent: bool | None = None
    user: str = ""
    theme: str = ""
    basket: Basket = field(default_factory=Basket)
    said: str = ""

    @classmethod
    def of(cls, http: HttpRequest, switching: bool) -> Visitor:
        """Read the cookies; ``switching`` says whether the shop may be seen as one of its shoppers."""
        cookies, params = http.cookies, http.query_params
        session = cookies.get("aisle_session", "")
        known = bool(_SESSION.fullmatch(session))
        language = params.get("lang", "") or cookies.get("aisle_lang", "")
        user = params.get("user", words.decoded(cookies.get("aisle_user", ""))) if switching else ""
        return cls(
            session=session if known else f"web-{token_urlsafe(18)}",
            known=known,
            language=language if language in words.LANGUAGES else words.preferred(http.headers.get("accept-language", "")),
            consent={"yes": True, "no": False}.get(cookies.get("aisle_consent", "")),
            user="".join(sign for sign in user if sign.isprintable()).strip()[:LONGEST_VALUE],
            theme=theme if (theme := cookies.get("aisle_theme", "")) in THEMES else "",
            basket=Basket.read(cookies.get("aisle_basket", "")),
            said=said if (said := cookies.get("aisle_said", "")) in words.NOTICES else "",
        )

    @property
    def actor(self) -> str:
        """Whose facts count: the shopper's, else those of this visit."""
        return self.user or SESSION_ACTOR + self.session

    def who(self) -> dict[str, object]:
        """The part of a request that says who asks."""
        return {"user_id": self.user, "session_id": self.session} if self.user else {"session_id": self.session}

    def event(self, kind: str, item_id: str = "", origin: str = "", more: Mapping[str, Json] | None = None) -> dict[str, Json]:
        """An event of this visitor. What a shopper does belongs to the shopper; of a visitor nothing can be joined to a user without
        consent. ``origin`` names the answer that showed the item, and lets a page that is loaded again count once; ``more`` are further
        fields."""
        who: dict[str, Json] = {"user_id": self.user} if self.user else {"session_id": self.session, "consent": self.consent is True}
        event = {"type": kind, **who, **({"item_id": item_id} if item_id else {}), **(more or {})}
        found = _ORIGIN.fullmatch(origin)
        if found is None:
            return event
        surface, rank, request_id = found.groups()
        once = blake2b(f"{kind} {self.actor} {item_id} {origin}".encode("utf-8", "replace"), digest_size=12).hexdigest()
        return {"event_id": once, **event, "surface": surface, "rank": int(rank), "request_id": request_id}


def origin(surface: str, rank: int, request_id: str) -> str:
    """Where an item stood: the surface, its rank from 0, and the answer. `Visitor.event` reads it back."""
    return f"{surface}.{rank}.{request_id}"


def keep(response: Response, http: HttpRequest, name: str, value: str, seconds: int | None = None) -> None:
    """Set one of our cookies, out of reach of scripts and of other sites' forms; without ``seconds`` it ends with the browser."""
    response.set_cookie(f"aisle_{name}", value, max_age=seconds, path="/", httponly=True, samesite="lax", secure=http.url.scheme == "https")


def drop(response: Response, http: HttpRequest, *names: str) -> None:
    """Take cookies back."""
    for name in names:
        keep(response, http, name, "", 0)


def remember(response: Response, http: HttpRequest, visitor: Visitor) -> None:
    """Keep the visit's number: while the browser is open, or for half a year where the visitor agreed."""
    if not visitor.known:
        keep(response, http, "session", visitor.session, MONTHS if visitor.consent else None)


def settings(visitor: Visitor, params: Mapping[str, str], switching: bool) -> dict[str, tuple[str, int | None]]:
    """The choices in an address that are to be kept: cookie to value and seconds."""
    kept: dict[str, tuple[str, int | None]] = {}
    if params.get("lang") in words.LANGUAGES:
        kept["lang"] = (visitor.language, YEAR)
    if switching and "user" in params:
        kept["user"] = (words.encoded(visitor.user), None if visitor.user else 0)
    return kept
