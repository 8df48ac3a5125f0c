"""The keys that clients show: read from the system ledger, then believed for a moment."""

from collections.abc import Callable
from contextlib import AbstractContextManager
from hashlib import sha256
from time import monotonic

import msgspec
from psycopg import Connection
from psycopg.rows import DictRow

from domain.access import ApiKey

KEY_TRUSTED_SECONDS = 1.0
"""A revoked key is refused within this time."""

MAX_KNOWN_KEYS = 10_000


class KnownKeys:
    """`reader` gives a connection whose search_path is the system ledger's schema."""

    def __init__(self, reader: Callable[[], AbstractContextManager[Connection[DictRow]]]) -> None:
        self._reader = reader
        self._keys: dict[str, tuple[ApiKey, float]] = {}
        """By the token's digest: the key, and until when it is believed."""

    def find(self, token: str) -> ApiKey | None:
        """Returns the valid key with this token; believed for KEY_TRUSTED_SECONDS."""
        digest = sha256(token.encode()).hexdigest()
        known = self._keys.get(digest)
        now = monotonic()
        if known is not None and now < known[1]:
            return known[0]
        with self._reader() as connection:
            row = connection.execute(
                "SELECT document FROM keys WHERE key_sha256 = %s", [digest]
            ).fetchone()
        if row is None:
            return None
        key = msgspec.json.decode(row["document"], type=ApiKey)
        if key.revoked:
            self._keys.pop(digest, None)
            return None
        if len(self._keys) >= MAX_KNOWN_KEYS:
            self._keys.clear()
        self._keys[digest] = (key, now + KEY_TRUSTED_SECONDS)
        return key
