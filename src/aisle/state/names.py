"""Names of persons and of events as salted hashes: what stays when the name itself must go."""

from __future__ import annotations

from hashlib import blake2b


class Names:
    """Hashes under the salt of one state folder: of no use outside it."""

    def __init__(self, salt: str) -> None:
        self._salt = bytes.fromhex(salt)

    def of(self, name: str) -> str:
        """96 bits in hexadecimal; that two of a billion names meet has a chance of one in 10^11."""
        return blake2b(name.encode("utf-8", "surrogatepass"), digest_size=12, key=self._salt).hexdigest()
