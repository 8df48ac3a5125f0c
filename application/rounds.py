"""A round: which of all ledgers have something to do, asked in one statement.

Duties look at every ledger again and again. A ledger in which nothing happens must cost next to
nothing, or a thousand of them would keep a machine busy.
"""

from collections.abc import Sequence
from typing import Any, LiteralString

from psycopg import Connection
from psycopg.rows import tuple_row
from psycopg.sql import SQL, Identifier, Literal

from application.store import schema_of

LEDGERS_A_STATEMENT = 200


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
