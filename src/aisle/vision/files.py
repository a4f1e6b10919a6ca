"""Pictures out of the shop's own folder as pixels. Nothing is fetched, nothing outside the folder is read."""

from __future__ import annotations

import re
import struct
import warnings
import zlib
from io import BytesIO
from pathlib import Path
from typing import Literal

import numpy as np
from numpy.typing import NDArray

Unread = Literal["elsewhere", "missing", "broken"]
"""Why a picture was not read: it is an address and no path, there is no such file in the folder, it cannot be decoded."""
LARGEST = 20 << 20
"""Bytes of a file; more is no picture of a product."""
_ADDRESS = re.compile(r"[a-zA-Z][a-zA-Z0-9+.-]*:|//")
_REFERS = re.compile(r"""href\s*=\s*["'](?!\s*(?:#|data:))|<!ENTITY|@import|url\(\s*["']?(?!#)""")
DAMAGED = (OSError, ValueError, SyntaxError, EOFError, struct.error, zlib.error, MemoryError, Warning)
"""What decoders raise on damaged files; a picture of too many pixels is a warning that is made an error."""


def read(folder: Path | None, written: str) -> bytes | Unread:
    """The bytes of the picture that an item's ``image`` names, or why there are none."""
    if _ADDRESS.match(written):
        return "elsewhere"
    if folder is None or "\0" in written or len(written) > 500:
        return "missing"
    try:
        root = folder.resolve()
        file = (root / written).resolve()
        if not file.is_relative_to(root) or not file.is_file():
            return "missing"
        return file.read_bytes() if 0 < file.stat().st_size <= LARGEST else "broken"
    except (OSError, RuntimeError):  # a name too long for the disk, a circle of links
        return "missing"


def pixels(data: bytes, size: int) -> NDArray[np.uint8] | None:
    """``(size, size, 3) uint8``: the whole picture on white, its longer side filling the square; None for what cannot be decoded.

    A drawing (SVG) that refers to other files is not decoded.
    """
    from PIL import Image, ImageOps

    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error", Image.DecompressionBombWarning)
            with Image.open(BytesIO(_drawn(data, size) if _is_drawing(data) else data)) as picture:
                picture.draft("RGB", (2 * size, 2 * size))
                upright = ImageOps.exif_transpose(picture).convert("RGBA")
            fitted = ImageOps.contain(upright, (size, size), Image.Resampling.BILINEAR)
    except (*DAMAGED, Image.DecompressionBombError):
        return None
    ground = Image.new("RGB", (size, size), "white")
    ground.paste(fitted, ((size - fitted.width) // 2, (size - fitted.height) // 2), fitted)
    return np.asarray(ground, np.uint8)


def _is_drawing(data: bytes) -> bool:
    return b"<svg" in data[:2_000]


def _drawn(data: bytes, size: int) -> bytes:
    """A drawing as PNG. Raises `ValueError` where it cannot be drawn or refers to other files."""
    from resvg_py import svg_to_bytes

    text = data.decode("utf-8")
    if _REFERS.search(text):
        raise ValueError("it refers to other files")
    return bytes(svg_to_bytes(svg_string=text, width=2 * size, skip_system_fonts=True))
