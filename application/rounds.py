"""Rounds: a duty looks at all ledgers every half second, and after those that need it.

Which do is asked in one statement: a ledger in which nothing happens must cost next to nothing, or
a thousand of them would keep a machine busy.
"""

import threading
from collections.abc import Callable, Mapping, Sequence
from typing import Any, LiteralString

import structlog
from psycopg import Connection
from psycopg.rows import tuple_row
from psycopg.sql import SQL, Identifier, Literal

from application.ledgers import Ledgers
from application.outcomes import Unanswered
from application.store import schema_of
from domain.ledgers import SYSTEM

EVERY_SECONDS = 0.5
LEDGERS_A_STATEMENT = 200

log = structlog.get_logger(__name__)


def make_rounds(
    ledgers: Ledgers,
    stop: threading.Event,
    *,
    duty: str,
    condition: LiteralString,
    values: Callable[[], Mapping[str, Any]] = dict,
    look_after: Callable[[str], object],
) -> None:
    """Has each ledger for which the condition holds looked after, again and again until `stop`.

    `condition` and `values`: as `ledgers_where` takes them, asked anew for every round. A ledger
    that can't be written to now keeps no other one waiting for its turn. Requires that the ledgers
    are open. Raises psycopg.Error where the database can't be read.
    """
    while not stop.wait(EVERY_SECONDS):
        names = ledgers.names()
        with ledgers.reader(SYSTEM) as connection:
            due = ledgers_where(connection, condition, names, **values())
        for ledger in due:
            if stop.is_set():
                return
            try:
                look_after(ledger)
            except Unanswered as unanswered:
                log.warning("duty_unanswered", duty=duty, ledger=ledger, code=unanswered.code)


def ledgers_where(
    connection: Connection[Any], condition: LiteralString, ledgers: Sequence[str], **values: Any
) -> list[str]:
    """Returns those of the ledgers, in their order, for which the condition holds.

    `condition`: an SQL expression that names tables as `{schema}.holds` and values as
    `%(name)s`. Raises psycopg.Error.
    """
    found: list[str] = []
    for first in range(0, len(ledgers), LEDGERS_A_STATEMENT):
        asked = SQL(" UNION ALL ").join(
            SQL("SELECT {ledger} WHERE " + condition).format(
                ledger=Literal(ledger), schema=Identifier(schema_of(ledger))
            )
            for ledger in ledgers[first : first + LEDGERS_A_STATEMENT]
        )
        with connection.cursor(row_factory=tuple_row) as cursor:
            found += [ledger for (ledger,) in cursor.execute(asked, values)]
    return found
