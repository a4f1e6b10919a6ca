"""Items' images: those that lie in the shop's folder or inside the catalogue itself. Nothing is fetched from elsewhere."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from urllib.parse import quote

from aisle.core.answer import Value

TYPES = {
    ".svg": "image/svg+xml", ".png": "image/png", ".jpg": "image/jpeg", ".jpeg": "image/jpeg", ".webp": "image/webp",
    ".gif": "image/gif", ".avif": "image/avif",
}  # fmt: skip
LARGEST_FILE = 4 << 20
LARGEST_INLINE = 2_000
"""Characters of a ``data:`` image that may stand in a page, where it is repeated with every visit."""
HEADERS = {"Content-Security-Policy": "default-src 'none'; style-src 'unsafe-inline'; sandbox", "Cache-Control": "private, max-age=3600"}
"""A drawing opened on its own must not run as a page of ours: SVG may carry scripts."""
_INLINE = re.compile(r"data:image/(svg\+xml|png|jpeg|webp|gif)[;,]")


class Images:
    """Finds images below ``folder``, the shop's own; without a folder only inline ones exist."""

    def __init__(self, folder: Path | None = None) -> None:
        self.folder = folder.resolve() if folder else None

    def source(self, item_id: str, attributes: Mapping[str, Value]) -> str:
        """What a page writes as the image's source, empty where a picture must be drawn."""
        written = attributes.get("image")
        if not isinstance(written, str):
            return ""
        if _INLINE.match(written):
            return written if len(written) <= LARGEST_INLINE else ""
        return f"/image/{quote(item_id, safe='')}" if self._file(written) else ""

    def read(self, attributes: Mapping[str, Value] | None) -> tuple[bytes, str] | None:
        """An image's bytes and type; None where there is none, it lies outside the folder, or it is larger than 4 MB."""
        written = (attributes or {}).get("image")
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
