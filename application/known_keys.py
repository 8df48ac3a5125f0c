"""The keys that clients show: read from the system ledger, then believed for a moment."""

from collections.abc import Callable
from contextlib import AbstractContextManager
from hashlib import sha256
from time import monotonic

import msgspec
from msgspec import Struct
from msgspec.structs import replace
from psycopg import Connection
from psycopg.rows import DictRow

from domain.access import Actor, ApiKey

KEY_TRUSTED_SECONDS = 1.0
"""A revoked key is refused within this time."""

MAX_KNOWN_KEYS = 10_000

_FIND = """
SELECT k.document, a.document AS actor FROM keys AS k
JOIN actors AS a ON a.actor = convert_from(k.document, 'UTF8')::json ->> 'actor'
WHERE k.key_sha256 = %s
"""


class _Known(Struct):
    """A key, until when it is believed, and from when on it should be read again."""

    key: ApiKey
    until: float
    renewed_from: float
    is_due: bool = False


class KnownKeys:
    """`reader` gives a connection whose search_path is the system ledger's schema."""

    def __init__(self, reader: Callable[[], AbstractContextManager[Connection[DictRow]]]) -> None:
        self._reader = reader
        self._known: dict[str, _Known] = {}
        """By the token's digest."""

    def at_hand(self, token: str) -> ApiKey | None:
        """Returns the key with this token where it is believed now: never waits.

        In the second half of its time one asker is told None, so that `find` reads it again before
        everybody has to.
        """
        known = self._known.get(_digest(token))
        now = monotonic()
        if known is None or now >= known.until:
            return None
        if now >= known.renewed_from and not known.is_due:
            known.is_due = True
            return None
        return known.key

    def find(self, token: str) -> ApiKey | None:
        """Returns the valid key with this token; believed for KEY_TRUSTED_SECONDS."""
        digest = _digest(token)
        known = self._known.get(digest)
        now = monotonic()
        if known is not None and now < known.until and not known.is_due:
            return known.key
        with self._reader() as connection:
            row = connection.execute(_FIND, [digest]).fetchone()
        if row is None:
            return None
        key = replace(
            msgspec.json.decode(row["document"], type=ApiKey),
            owner=msgspec.json.decode(row["actor"], type=Actor).owner,
        )
        if key.revoked:
            self._known.pop(digest, None)
            return None
        if len(self._known) >= MAX_KNOWN_KEYS:
            self._known.clear()
        until = now + KEY_TRUSTED_SECONDS
        self._known[digest] = _Known(key, until, until - KEY_TRUSTED_SECONDS / 2)
        return key


def _digest(token: str) -> str:
    return sha256(token.encode()).hexdigest()
