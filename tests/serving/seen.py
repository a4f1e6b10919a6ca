"""A page as a test reads it: its tags, its text, and the rules that every page keeps."""

from __future__ import annotations

from html.parser import HTMLParser

from starlette.testclient import TestClient

HTMX = {"HX-Request": "true", "HX-Request-Type": "partial"}
"""What htmx says where it asks for a piece of a page."""
LARGEST = 150_000
"""Bytes that a page may weigh with its style sheets and scripts, without pictures."""
VOID = frozenset({"meta", "link", "input", "img", "path", "br", "rect", "line", "circle", "polyline"})


class Seen(HTMLParser):
    """The tags of a page with their attributes, its text, and whether its tags close properly."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str]]] = []
        self.text, self._open = "", list[str]()
        self.feed(page)
        assert not self._open, f"left open: {self._open}"

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, {name: value or "" for name, value in attrs}))
        if tag not in VOID:
            self._open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        if tag not in VOID:
            assert self._open.pop() == tag

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, {name: value or "" for name, value in attrs}))

    def handle_data(self, data: str) -> None:
        assert not self._open or self._open[-1] not in ("script", "style")
        self.text += data

    def links(self) -> list[str]:
        """Where its links lead."""
        return [attrs["href"] for tag, attrs in self.tags if tag == "a"]

    def all(self, tag: str, **attributes: str) -> list[dict[str, str]]:
        """The attributes of every tag of a kind that has these."""
        return [attrs for name, attrs in self.tags if name == tag and attributes.items() <= attrs.items()]

    def tokens(self, action: str) -> list[str]:
        """The items that buttons with this action speak of."""
        return [attrs["value"] for attrs in self.all("button") if attrs.get("formaction") == action]


def see(client: TestClient, address: str, status: int = 200, **headers: str) -> Seen:
    """A page as it is loaded: well formed, light, without anything that a strict policy would refuse."""
    response = client.get(address, headers={"Accept": "text/html", **headers})
    assert response.status_code == status, response.text[:500]
    assert response.headers["content-type"] == "text/html; charset=utf-8"
    assert "unsafe" not in response.headers["content-security-policy"]
    assert "Traceback" not in response.text
    seen = Seen(response.text)
    assert not {"style", "object", "base"} & {tag for tag, _ in seen.tags}
    for tag, attrs in seen.tags:
        assert not [name for name in attrs if name.startswith("on") or name == "style"]
        assert all(attrs[name].startswith(("/", "#", "data:image/")) for name in ("href", "src", "action", "formaction") if name in attrs)
        assert all(attrs[name].startswith("/") for name in ("hx-get", "hx-post") if name in attrs)
        assert not [name for name in attrs if name.startswith("hx-on")], "htmx would run it as a script"
        assert "[" not in attrs.get("hx-trigger", "") and "hx-vals" not in attrs, "htmx would run it as a script"
        assert tag != "script" or attrs["src"].startswith("/static/")
    files = [attrs["href"] for attrs in seen.all("link", rel="stylesheet")] + [attrs["src"] for attrs in seen.all("script")]
    assert len(response.content) + sum(len(client.get(file).content) for file in files) <= LARGEST
    return seen
