"""Items' images: those that lie in the shop's folder or inside the catalogue itself. Nothing is fetched from elsewhere."""

from __future__ import annotations

import re
from base64 import b64decode
from collections.abc import Mapping
from pathlib import Path
from urllib.parse import quote, unquote, unquote_to_bytes

from aisle.core.answer import Value

TYPES = {
    ".svg": "image/svg+xml", ".png": "image/png", ".jpg": "image/jpeg", ".jpeg": "image/jpeg", ".webp": "image/webp",
    ".gif": "image/gif", ".avif": "image/avif",
}  # fmt: skip
LARGEST_FILE = 4 << 20
LARGEST_INLINE = 64_000
"""Characters of a ``data:`` image; it has an address as a file has, so that pages stay small and browsers keep it."""
HEADERS = {"Content-Security-Policy": "default-src 'none'; style-src 'unsafe-inline'; sandbox", "Cache-Control": "private, max-age=3600"}
"""A drawing opened on its own must not run as a page of ours: SVG may carry scripts."""
_INLINE = re.compile(r"data:(image/(?:svg\+xml|png|jpeg|webp|gif))((?:;[\w=.+-]+)*),(.*)", re.DOTALL)


class Images:
    """Finds images below ``folder``, the shop's own; without a folder only inline ones exist."""

    def __init__(self, folder: Path | None = None) -> None:
        self.folder = folder.resolve() if folder else None

    def source(self, item_id: str, attributes: Mapping[str, Value]) -> str:
        """What a page writes as the image's source, empty where a picture must be drawn."""
        written = attributes.get("image")
        if not isinstance(written, str):
            return ""
        found = _inline(written) if written.startswith("data:") else self._file(written)
        return f"/image/{quote(item_id, safe='')}" if found else ""

    def read(self, attributes: Mapping[str, Value] | None) -> tuple[bytes, str] | None:
        """An image's bytes and type; None where there is none, it lies outside the folder, or it is larger than 4 MB."""
        written = (attributes or {}).get("image")
        if isinstance(written, str) and written.startswith("data:"):
            return _inline(written)
        file = self._file(written) if isinstance(written, str) else None
        return (file.read_bytes(), TYPES[file.suffix.lower()]) if file else None

    def _file(self, written: str) -> Path | None:
        if self.folder is None or "\0" in written or len(written) > 500:
            return None
        try:
            file = (self.folder / written).resolve()
            fine = file.is_relative_to(self.folder) and file.suffix.lower() in TYPES and file.is_file()
            return file if fine and file.stat().st_size <= LARGEST_FILE else None
        except (OSError, RuntimeError):  # a name too long for the disk, a circle of links
            return None


def _inline(written: str) -> tuple[bytes, str] | None:
    """The bytes and type of a ``data:`` image, None for any other kind of data."""
    found = _INLINE.fullmatch(written) if len(written) <= LARGEST_INLINE else None
    if found is None:
        return None
    kind, how, body = found.groups()
    try:
        return (b64decode(unquote(body), validate=True) if how.endswith(";base64") else unquote_to_bytes(body)), kind
    except ValueError:
        return None
