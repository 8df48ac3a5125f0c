"""Asking all ledgers at once names those for which it is so, in their order."""

import psycopg

from application.rounds import LEDGERS_A_STATEMENT, ledgers_where
from tests.conftest import Database


def test_those_for_which_it_is_so_however_many_there_are(database: Database) -> None:
    names = [f"l{number}" for number in range(LEDGERS_A_STATEMENT + 2)]
    with psycopg.connect(database.owner) as connection:
        for name in names:
            connection.execute(f"CREATE SCHEMA ledger_{name}")
            connection.execute(f"CREATE TABLE ledger_{name}.t AS SELECT {name[1:]} AS n")
        odd = ledgers_where(
            connection, "EXISTS (SELECT FROM {schema}.t WHERE n %% 2 = %(rest)s)", names, rest=1
        )
    assert odd == names[1::2]
    with psycopg.connect(database.owner) as connection:
        assert ledgers_where(connection, "true", []) == []
