"""Holds whose time has come, found by those who need their funds."""

from collections.abc import Iterator
from datetime import datetime
from typing import Any

from psycopg import Connection

from application.rows import Rows
from domain.books import Books

MAX_EXPIRED_PER_COMMAND = 1_000
PAGE = 1_000
"""Holds read at once; several commands of a commit may need more than one command may expire."""

YIELDS_TO_EXPIRY = frozenset({"insufficient_funds", "limit_exceeded", "condition_failed"})
"""Refusals that must not be told while a hold on that account only seems to stand in the way."""


class LockNeeded(Exception):
    """Rows would have to be read that another commit may be changing."""


class DueHolds:
    """Reads due holds.

    Requires the head lock: it keeps the rows as the last commit left them, and what the commit in
    the making has changed is in memory. `is_locked` says whether the commit has it.
    """

    def __init__(self, connection: Connection[Any], rows: Rows) -> None:
        self._connection = connection
        self._rows = rows
        self.is_locked = True

    def earliest(self) -> datetime | None:
        """Returns when the first of all holds expires, None where none ever does. Raises
        LockNeeded."""
        if not self.is_locked:
            raise LockNeeded
        found = self._rows.fetch(
            self._connection, "SELECT min(expires_at) FROM {}.holds WHERE expires_at IS NOT NULL"
        )
        earliest: datetime | None = found[0][0]
        return earliest

    def on(self, account: str, *, at: datetime, books: Books) -> Iterator[str]:
        """Yields the ids of holds on either side of the account that are due, in the order
        (expires_at, id), and sees to it that they are in memory."""
        found = 0
        while True:
            due = self._page(account, at, found)
            self._load(due, books)
            yield from due
            found += len(due)
            if len(due) < PAGE:
                return

    def _page(self, account: str, at: datetime, offset: int) -> list[str]:
        # By number: no row comes or goes while the lock is held.
        rows = self._rows.fetch(
            self._connection,
            "SELECT authorization_id::text FROM {}.holds WHERE expires_at <= %s"
            " AND (debit = %s OR credit = %s) ORDER BY expires_at, authorization_id"
            " LIMIT %s OFFSET %s",
            at,
            account,
            account,
            PAGE,
            offset,
        )
        return [id for (id,) in rows]

    def _load(self, due: list[str], books: Books) -> None:
        connection, rows = self._connection, self._rows
        missing = [id for id in due if id not in books.authorizations.now]
        if missing:
            rows.read_authorizations(connection, books, missing)
        states = [books.authorizations.now[id] for id in due]
        accounts = {code for state in states for code in (state.debit, state.credit)}
        unknown = accounts - books.accounts.now.keys()
        if unknown:
            rows.read_accounts(connection, books, unknown)
