"""The sweeper: records that holds have expired, where nobody who needs their funds did so before.

Every ledger is looked at each half second, so what is due is on record within two. Any number of
sweepers may run: a hold expires once, under one key.
"""

import threading
from collections.abc import Callable
from datetime import datetime
from typing import LiteralString

from application.commit import utc_now
from application.ledgers import THE_SERVICE, Ledgers
from application.outcomes import Asked
from application.rounds import make_rounds
from domain.hold_ends import ExpireHold

SWEPT_AT_ONCE = 1_000
HOLDS_ARE_DUE: LiteralString = "EXISTS (SELECT FROM {schema}.holds WHERE expires_at <= %(now)s)"


class Sweeper:
    """Requires that the ledgers are open."""

    def __init__(self, ledgers: Ledgers, *, clock: Callable[[], datetime] = utc_now) -> None:
        self._ledgers = ledgers
        self._clock = clock

    def run(self, stop: threading.Event) -> None:
        """Sweeps all ledgers again and again until it is told to stop.

        Raises psycopg.Error where the database can't be read.
        """
        make_rounds(
            self._ledgers,
            stop,
            duty="sweeper",
            condition=HOLDS_ARE_DUE,
            values=lambda: {"now": self._clock()},
            look_after=self.sweep,
        )

    def sweep(self, ledger: str) -> int:
        """Expires what is due in a ledger now, in the order (expires_at, id); returns how many.

        Raises Unanswered, LedgerNotFound, psycopg.Error.
        """
        swept = 0
        while due := self._due(ledger):
            units = [
                (Asked(ExpireHold(authorization=id), f"expire-{id}", THE_SERVICE),) for id in due
            ]
            outcomes = self._ledgers.writer(ledger).submit(units)
            expired = sum(outcome.status == "done" for outcome in outcomes)
            swept += expired
            if expired < SWEPT_AT_ONCE:
                break
        return swept

    def _due(self, ledger: str) -> list[str]:
        with self._ledgers.reader(ledger) as connection:
            rows = connection.execute(
                "SELECT authorization_id::text AS id FROM holds WHERE expires_at <= %s"
                " ORDER BY expires_at, authorization_id LIMIT %s",
                [self._clock(), SWEPT_AT_ONCE],
            ).fetchall()
        return [row["id"] for row in rows]
