"""Holds whose time has come, found by those who need their funds."""

from collections import deque
from datetime import datetime
from typing import Any

from psycopg import Connection

from application.rows import Rows
from application.sessions import connect_writer
from domain.books import Books

MAX_EXPIRED_PER_COMMAND = 1_000

YIELDS_TO_EXPIRY = frozenset({"insufficient_funds", "limit_exceeded", "condition_failed"})
"""Refusals that must not be told while a hold on that account only seems to stand in the way."""


class DueHolds:
    """Reads due holds on a session of its own: the commit's may be in the middle of a COPY.

    Requires the head lock: it keeps the rows as the last commit left them, and what the commit in
    the making has changed is in memory.
    """

    def __init__(self, conninfo: str) -> None:
        self._conninfo = conninfo
        self._connection: Connection[Any] | None = None

    def close(self) -> None:
        """Ends the session; the next question opens another one."""
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    def earliest(self, rows: Rows) -> datetime | None:
        """Returns when the first of all holds expires, None where none ever does."""
        found = rows.fetch(
            self._session(), "SELECT min(expires_at) FROM {}.holds WHERE expires_at IS NOT NULL"
        )
        earliest: datetime | None = found[0][0]
        return earliest

    def on(self, account: str, *, at: datetime, rows: Rows, books: Books) -> deque[str]:
        """Returns the ids of holds on either side of the account that are due, in the order
        (expires_at, id), and sees to it that they are in memory."""
        session = self._session()
        found = rows.fetch(
            session,
            "SELECT authorization_id::text FROM {}.holds WHERE expires_at <= %s"
            " AND (debit = %s OR credit = %s) ORDER BY expires_at, authorization_id LIMIT %s",
            at,
            account,
            account,
            MAX_EXPIRED_PER_COMMAND,
        )
        due = deque(id for (id,) in found)
        missing = [id for id in due if id not in books.authorizations.now]
        if missing:
            rows.read_authorizations(session, books, missing)
        states = [books.authorizations.now[id] for id in due]
        accounts = {code for state in states for code in (state.debit, state.credit)}
        unknown = accounts - books.accounts.now.keys()
        if unknown:
            rows.read_accounts(session, books, unknown)
        return due

    def _session(self) -> Connection[Any]:
        if self._connection is None or self._connection.closed:
            self._connection = connect_writer(self._conninfo)
        return self._connection
