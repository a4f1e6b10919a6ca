"""Forms of the pages, read within bounds, and what is answered to them: to htmx what changes, to a browser the page it came from."""

from __future__ import annotations

from dataclasses import dataclass
from urllib.parse import parse_qsl

from starlette.requests import Request as HttpRequest
from starlette.responses import RedirectResponse, Response

from aisle.serving.pages_basket import Basket
from aisle.serving.pages_draw import Visit, piece
from aisle.serving.pages_visit import MONTHS, keep, remember
from aisle.serving.problems import RefusedError
from aisle.serving.view import local

LARGEST_FORM, MOST_FIELDS = 1 << 16, 200
SEE_OTHER = 303


@dataclass(frozen=True, slots=True)
class Form:
    """The fields of a form in their order."""

    pairs: tuple[tuple[str, str], ...]

    def get(self, name: str) -> str:
        """The last value of a field, empty where there is none."""
        return dict(self.pairs).get(name, "")

    def all(self, name: str) -> list[str]:
        """Every value of a field."""
        return [value for key, value in self.pairs if key == name]


async def form(http: HttpRequest) -> Form:
    """The form that a request carries. Raises `RefusedError` where it is another kind of body or too large."""
    kind = http.headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind not in ("", "application/x-www-form-urlencoded"):
        raise RefusedError(415, "wrong_content_type", "This address takes a form.")
    raw = b""
    async for part in http.stream():
        raw += part
        if len(raw) > LARGEST_FORM:
            raise RefusedError(413, "body_too_large", f"The form is larger than {LARGEST_FORM} bytes.")
    try:
        pairs = parse_qsl(raw.decode("ascii", "replace"), keep_blank_values=True, max_num_fields=MOST_FIELDS)
    except ValueError:
        raise RefusedError(413, "body_too_large", f"The form has more than {MOST_FIELDS} fields.") from None
    return Form(tuple(pairs))


def done(http: HttpRequest, visit: Visit, back: str, said: str = "", basket: Basket | None = None, recorded: bool = False) -> Response:
    """What a form is answered with. ``said`` names a short notice, ``basket`` is kept where there is one; after something was recorded the
    visit's number is kept."""
    if http.headers.get("hx-request-type") == "partial":
        held = visit.visitor.basket if basket is None else basket
        response = piece(visit, "done.html", count=len(held), said=said) if said else Response(status_code=204)
    else:
        response = RedirectResponse(local(back), SEE_OTHER)
        if said:
            keep(response, http, "said", said, 30)
    if basket is not None:
        seconds = (MONTHS if visit.visitor.consent else None) if basket.lines else 0
        keep(response, http, "basket", basket.written() if basket.lines else "", seconds)
    if recorded:
        remember(response, http, visit.visitor)
    return response
