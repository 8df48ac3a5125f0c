"""The database is restored to an earlier moment under a running writer, and has another history.

The writer's connection and its cache live on, and the log even comes to the position that the cache
is of: the writer must notice that it is another commit.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import psycopg
import pytest
from psycopg import Connection
from psycopg.sql import SQL, Identifier

from application.writer import Writer
from tests.conftest import Database
from tests.faults.book import (
    CASH,
    LEDGER,
    WALLET,
    assert_done,
    authorize,
    post,
    settle,
    single,
)
from tests.faults.conftest import StartWriter
from tests.faults.evidence import check_sound

HOLD = "00000000-0000-4000-8000-000000000001"
SCHEMA, COPIES = f"ledger_{LEDGER}", "copies"


@pytest.fixture
def superuser(database: Database) -> Iterator[Connection[tuple[object, ...]]]:
    """Does what the service's role may not: no trigger keeps it from changing what is on record."""
    with psycopg.connect(database.superuser, autocommit=True) as connection:
        connection.execute("SET session_replication_role = replica")
        yield connection


def test_the_cache_is_not_believed_after_a_restore(
    database: Database,
    writer: Writer,
    start_writer: StartWriter,
    superuser: Connection[tuple[object, ...]],
) -> None:
    tables = back_up(superuser)
    first = writer.submit(
        [
            single(post(WALLET, CASH, "90.00"), "spend"),
            single(authorize("10.00", id=HOLD), "hold"),
            single(post(CASH, WALLET, "1.00"), "more"),
        ]
    )
    assert_done(first)
    with unchanged_session(superuser):
        restore(superuser, tables)
        other = start_writer()
        # As many records as were lost, and nothing of what they said.
        answers = other.submit(
            [single(post(CASH, WALLET, "5.00"), f"other-{number}") for number in range(3)]
        )
        assert [answer.positions for answer in answers] == [
            (row.position,) for outcome in first for row in outcome.stored
        ]
        # What the cache says: 1.00 is available, 10.00 is held. What is true: 115.00, and nothing.
        settled, spent, again = writer.submit(
            [
                single(settle(HOLD), "settle"),
                single(post(WALLET, CASH, "115.00"), "spend all"),
                single(authorize("0.01"), "one more"),
            ]
        )
    assert settled.code == "authorization_not_found"
    assert spent.code is None
    assert again.code == "insufficient_funds"
    found = check_sound(database.superuser, LEDGER)
    assert found.posted(WALLET) == 0

    # What was lost was never done: its keys are free.
    assert_done(writer.submit([single(post(CASH, WALLET, "1.00"), "more")]))
    check_sound(database.superuser, LEDGER)


def back_up(superuser: Connection[tuple[object, ...]]) -> Sequence[str]:
    """Copies the ledger's tables, and returns their names."""
    tables = superuser.execute(
        "SELECT tablename FROM pg_tables WHERE schemaname = %s", [SCHEMA]
    ).fetchall()
    names = [str(table) for (table,) in tables]
    superuser.execute(f"CREATE SCHEMA {COPIES}")
    for name in names:
        superuser.execute(
            SQL("CREATE TABLE {} AS TABLE {}").format(
                Identifier(COPIES, name), Identifier(SCHEMA, name)
            )
        )
    return names


def restore(superuser: Connection[tuple[object, ...]], tables: Sequence[str]) -> None:
    """Puts the copies back."""
    with superuser.transaction():
        for name in tables:
            here, copy = Identifier(SCHEMA, name), Identifier(COPIES, name)
            superuser.execute(SQL("TRUNCATE {}").format(here))
            superuser.execute(SQL("INSERT INTO {} SELECT * FROM {}").format(here, copy))


@contextmanager
def unchanged_session(superuser: Connection[tuple[object, ...]]) -> Iterator[None]:
    """Fails unless the writer's session is the same one before and after."""
    before = _sessions(superuser)
    yield
    assert before <= _sessions(superuser)


def _sessions(superuser: Connection[tuple[object, ...]]) -> set[object]:
    rows = superuser.execute(
        "SELECT pid FROM pg_stat_activity WHERE datname = current_database()"
        " AND usename = 'backoffice_service' AND query = 'COMMIT'"
    ).fetchall()
    assert rows
    return {pid for (pid,) in rows}
