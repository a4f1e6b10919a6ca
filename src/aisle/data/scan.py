"""The bytes of one file, looked through once before anything is read: compression, damage, encoding; what is unreadable is refused."""

from __future__ import annotations

import codecs
import gzip
import io
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import IO, cast

from aisle.core.errors import InputError, SettingsError
from aisle.data.text_encoding import by_mark, legacy, spoken

CHUNK = 1 << 20
SAMPLE = 1 << 18
FOREIGN = (
    (b"PK\x03\x04", "a zip archive or an Excel workbook", "Save the sheet as CSV (UTF-8), or unpack the archive."),
    (b"\xd0\xcf\x11\xe0", "an old Excel or Word file", "Save the sheet as CSV (UTF-8)."),
    (b"SQLite format 3\x00", "an SQLite database", 'Name it in [[sources]] as file = "sqlite:///{name}#table".'),
    (b"%PDF", "a PDF", "Export the table as CSV."),
    (b"\x89PNG", "a picture", "Put the table here."),
    (b"\xff\xd8\xff", "a picture", "Put the table here."),
    (b"\x28\xb5\x2f\xfd", "compressed with zstd", "Unpack it, or compress it with gzip."),
    (b"BZh", "compressed with bzip2", "Unpack it, or compress it with gzip."),
    (b"7z\xbc\xaf", "a 7-Zip archive", "Unpack it."),
)


@dataclass(frozen=True)
class Scan:
    """What the bytes are. ``head`` is the beginning, decoded; ``zeros`` the number of NUL characters, left out when reading; ``damaged``:
    undecodable bytes become U+FFFD; ``return_only``: lines end in a bare carriage return."""

    path: Path
    packed: bool
    encoding: str
    shown: str
    head: str
    zeros: int = 0
    damaged: bool = False
    return_only: bool = False
    parquet: bool = False

    @property
    def plain(self) -> bool:
        """Whether the bytes can go to a reader of UTF-8 as they are."""
        return self.encoding in ("utf-8", "utf-8-sig") and not self.zeros and not self.damaged


def scan(path: Path, name: str, encoding: str = "") -> Scan:
    """Look through the whole of ``path``, shown to the user as ``name``; ``encoding`` is what the user says it is, if anything.

    Raises `InputError` for a directory, a missing or unreadable file, a cut or damaged gzip, and bytes that are no text.
    """
    try:
        with path.open("rb") as file:
            start = file.read(16)
        packed = start.startswith(b"\x1f\x8b")
        if start.startswith(b"PAR1"):
            return Scan(path, False, "", "", "", parquet=True)
        return _text(path, name, packed, encoding)
    except IsADirectoryError:
        raise InputError(f"{name} is a directory.", "A file is expected there.") from None
    except FileNotFoundError:
        raise InputError(f"{name} is not there.", "Correct the name in aisle.toml, or put the file there.") from None
    except EOFError:
        what = f"{name} is cut off: its gzip data stop before their end, and how much is missing cannot be known."
        raise InputError(what, "Copy the file again, whole.") from None
    except (gzip.BadGzipFile, zlib.error) as error:
        raise InputError(f"{name} is damaged: its gzip data cannot be unpacked ({error}).", "Copy the file again.") from None
    except OSError as error:
        raise InputError(f"{name} cannot be read: {error.strerror or error}.", "Check the file's permissions.") from None


def raw(path: Path, packed: bool) -> IO[bytes]:
    """The unpacked bytes."""
    if packed:
        return cast(IO[bytes], gzip.open(path, "rb"))
    return path.open("rb")


def decoded(of: Scan) -> Iterator[str]:
    """The text in pieces, without a byte order mark and NULs."""
    decoder = codecs.getincrementaldecoder(of.encoding)("replace" if of.damaged else "strict")
    with raw(of.path, of.packed) as file:
        while chunk := file.read(CHUNK):
            yield _bare(decoder.decode(chunk), of.zeros)
        yield _bare(decoder.decode(b"", True), of.zeros)


def _bare(text: str, zeros: int) -> str:
    return text.replace("\x00", "") if zeros else text


class Utf8(io.RawIOBase):
    """`decoded` as a file of UTF-8 bytes, for readers that want one."""

    def __init__(self, of: Scan) -> None:
        self._pieces, self._left = decoded(of), b""

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: bytearray) -> int:  # type: ignore[override]
        while not self._left:
            piece = next(self._pieces, None)
            if piece is None:
                return 0
            self._left = piece.encode("utf-8", "replace")
        size = min(len(buffer), len(self._left))
        buffer[:size] = self._left[:size]
        self._left = self._left[size:]
        return size


def _text(path: Path, name: str, packed: bool, stated: str) -> Scan:
    with raw(path, packed) as file:
        head = file.read(SAMPLE)
    _refuse_foreign(head, name)
    encoding = _known(stated, name) if stated else by_mark(head)
    if encoding is None or encoding == "utf-8-sig":
        return _bytes_of_text(path, name, packed, head, bool(encoding))
    whole = _validated(path, packed, [encoding], head)
    if whole is None:
        mend = "Correct `encoding`, or leave it out." if stated else "Export the table as CSV (UTF-8)."
        raise InputError(f"{name} is not valid {spoken(encoding)}.", mend)
    return whole


def _refuse_foreign(head: bytes, name: str) -> None:
    for magic, what, mend in FOREIGN:
        if head.startswith(magic):
            raise InputError(f"{name} is {what}, not a table of text.", mend.format(name=name))


def _known(encoding: str, name: str) -> str:
    try:
        return codecs.lookup(encoding).name
    except LookupError:
        raise SettingsError(f"{name}: unknown encoding `{encoding}`.", "Write utf-8, gbk, big5, utf-16 or leave the line out.") from None


@dataclass
class _Pass:
    """One look through all bytes: size, NULs, control characters, line ends, and lines that hold bytes above 127 once UTF-8 has failed."""

    size: int = 0
    zeros: int = 0
    odd: int = 0
    lines: int = 0
    returns: int = 0
    utf8: bool = True
    sample: bytes = b""

    def take(self, chunk: bytes, decoder: codecs.IncrementalDecoder, final: bool = False) -> None:
        self.size += len(chunk)
        self.zeros += chunk.count(0)
        self.odd += len(chunk) - len(chunk.translate(None, CONTROL))
        self.lines += chunk.count(b"\n")
        self.returns += chunk.count(b"\r")
        try:
            if self.utf8:
                decoder.decode(chunk, final)
        except UnicodeDecodeError:
            self.utf8 = False
        if not self.utf8 and len(self.sample) < SAMPLE:
            lines = [line for line in chunk.split(b"\n") if not line.isascii()]
            inner = [line for line in lines if not (chunk.startswith(line) or chunk.endswith(line))]
            self.sample += b"\n".join(inner or lines)[:SAMPLE]  # the outer ones may be cut inside a character


CONTROL = bytes(code for code in range(32) if code not in (0, 9, 10, 11, 12, 13, 26, 27, 28, 29, 30, 31))


def _look_through(path: Path, packed: bool) -> _Pass:
    seen, decoder = _Pass(), codecs.getincrementaldecoder("utf-8")()
    with raw(path, packed) as file:
        while chunk := file.read(CHUNK):
            seen.take(chunk, decoder)
    if seen.utf8:
        seen.take(b"", decoder, final=True)
    return seen


def _bytes_of_text(path: Path, name: str, packed: bool, head: bytes, marked: bool) -> Scan:
    seen = _look_through(path, packed)
    if seen.zeros > max(3, seen.size // 200) or seen.odd > max(8, seen.size // 100):
        raise InputError(f"{name} is not text: it looks like a binary file.", "Export the table as CSV (UTF-8).")
    if seen.utf8:
        encoding = "utf-8-sig" if marked else "utf-8"
        return Scan(path, packed, encoding, "UTF-8", _head(head, encoding), seen.zeros, return_only=seen.returns > 0 and seen.lines == 0)
    sample = seen.sample[: seen.sample.rfind(b"\n")] if len(seen.sample) >= SAMPLE else seen.sample
    likely = legacy(sample)
    damaged = Scan(path, packed, likely[0], spoken(likely[0], sample), _head(head, likely[0]), seen.zeros, damaged=True)
    return _validated(path, packed, likely, head, sample) or damaged


def _validated(path: Path, packed: bool, encodings: list[str], head: bytes, sample: bytes = b"") -> Scan | None:
    """The file in the first of ``encodings`` in which all of it is valid."""
    for encoding in encodings:
        zeros = lines = returns = 0
        try:
            for piece in decoded(Scan(path, packed, encoding, "", "")):
                zeros += piece.count("\x00")
                lines, returns = lines + piece.count("\n"), returns + piece.count("\r")
        except UnicodeDecodeError:
            continue
        return Scan(path, packed, encoding, spoken(encoding, sample), _head(head, encoding), zeros, return_only=returns > 0 and lines == 0)
    return None


def _head(head: bytes, encoding: str) -> str:
    return _bare(codecs.getincrementaldecoder(encoding)("replace").decode(head), 1)
