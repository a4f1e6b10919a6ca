"""Keys: what they may do, until when; kept as hashes, made and revoked beside a running server."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from hashlib import sha256
from hmac import compare_digest
from pathlib import Path
from secrets import token_hex, token_urlsafe
from typing import cast

from aisle.core.errors import StateError
from aisle.state.database import Database, Layout

SCOPES = ("read", "events", "items", "admin")
"""What a key may do; ``admin`` may do everything."""

KEYS = Layout(
    version=1,
    create="""
        CREATE TABLE keys (
            key_id TEXT PRIMARY KEY, name TEXT NOT NULL, scopes TEXT NOT NULL, hash TEXT NOT NULL, created REAL NOT NULL, expires REAL,
            revoked REAL
        )
    """,
)
COLUMNS = "json_array(key_id, name, scopes, created, expires, revoked, hash) AS row FROM keys"


@dataclass(frozen=True, slots=True)
class Key:
    """What is known of a key; never its secret. Times are UTC seconds; ``expires`` and ``revoked`` may be None."""

    key_id: str
    name: str
    scopes: frozenset[str]
    created: float
    expires: float | None = None
    revoked: float | None = None

    def valid(self, now: float) -> bool:
        """Whether it opens anything at ``now``."""
        return self.revoked is None and (self.expires is None or now < self.expires)


class Keys:
    """The keys of a state folder. A secret is 256 random bits, so that its plain SHA-256 tells nobody anything."""

    def __init__(self, path: Path) -> None:
        self.database = Database(path, KEYS)
        self._closed = False
        self._seen: tuple[tuple[int, int], ...] = ()

    def add(self, scopes: Collection[str], now: float, days: float | None = None, name: str = "") -> tuple[Key, str]:
        """Make a key; its secret is given here and never again. Raises `StateError` for an unknown scope or none."""
        unknown = [scope for scope in scopes if scope not in SCOPES]
        if unknown or not scopes:
            what = f"There is no scope `{unknown[0]}`." if unknown else "A key needs a scope."
            raise StateError(what, f"The scopes are: {', '.join(SCOPES)}.")
        key = Key(token_hex(4), name, frozenset(scopes), now, None if days is None else now + days * 86_400)
        secret = f"aisle_{key.key_id}_{token_urlsafe(32)}"
        with self.database.writing() as connection:
            connection.execute(
                "INSERT INTO keys VALUES (?, ?, ?, ?, ?, ?, NULL)",
                (key.key_id, name, " ".join(sorted(scopes)), _hash(secret), now, key.expires),
            )
        self._closed = True
        return key, secret

    def list(self) -> list[Key]:
        """Every key, oldest first, revoked and expired ones too."""
        return [_key(row)[0] for row in self.database.rows(f"SELECT {COLUMNS} ORDER BY created, key_id")]

    def revoke(self, key_id: str, now: float) -> bool:
        """Close a key from the next request on; False where there is none of that id that is still open."""
        with self.database.writing() as connection:
            closed = connection.execute("UPDATE keys SET revoked = ? WHERE key_id = ? AND revoked IS NULL", (now, key_id)).rowcount
        return closed > 0

    def closed(self) -> bool:
        """Whether any key was ever made: from then on a request needs one. Revoking the last one opens nothing. Every request asks
        this, so the file is read again only when it was written."""
        if not self._closed and (written := self._written()) != self._seen:
            self._closed = self.database.value("SELECT 1 FROM keys LIMIT 1") is not None
            self._seen = written
        return self._closed

    def _written(self) -> tuple[tuple[int, int], ...]:
        """What changes whenever any process commits."""
        path = self.database.path
        found = (one.stat() for one in (path, path.with_name(path.name + "-wal")) if one.exists())
        return tuple((one.st_mtime_ns, one.st_size) for one in found)

    def find(self, secret: str, now: float) -> Key | None:
        """The key of this secret; None for one that is wrong, expired or revoked."""
        parts = secret.split("_", 2)
        rows = self.database.rows(f"SELECT {COLUMNS} WHERE key_id = ?", parts[1] if len(parts) == 3 else "")
        key, kept = _key(rows[0]) if rows else (None, _hash(""))
        same = compare_digest(kept, _hash(secret))  # also where there is no such key, so that both take as long
        return key if key is not None and same and key.valid(now) else None

    def close(self) -> None:
        """Let go of the file."""
        self.database.close()


def _hash(secret: str) -> str:
    return sha256(secret.encode("utf-8", "surrogatepass")).hexdigest()


def _key(row: object) -> tuple[Key, str]:
    key_id, name, scopes, created, expires, revoked, kept = cast("tuple[str, str, str, float, float | None, float | None, str]", row)
    return Key(key_id, name, frozenset(scopes.split()), created, expires, revoked), kept
