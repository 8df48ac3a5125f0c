"""Migrations: numbered SQL files, applied to each ledger's schema, each once, in order.

Each file and its row in `migrations` commit together, under an advisory lock of the schema: a
process that dies leaves whole steps, and several processes at once do no harm. Files with
`.system.` in their name are for the system ledger's schema only.
"""

from contextlib import suppress
from importlib.resources import files
from typing import Any, NamedTuple

import psycopg
from psycopg import Connection
from psycopg.sql import SQL, Identifier

SERVICE_ROLE = "backoffice_service"
"""The database role that the service acts as: no DDL, no change of what is on record."""

SET_OPTION_VERSION = 160_000
"""The first PostgreSQL that knows members of a role that may not take it on."""


class Migration(NamedTuple):
    number: int
    name: str
    sql: str
    system_only: bool


class SchemaTooNew(Exception):
    """The database was migrated by later software."""


def migrations() -> list[Migration]:
    """Returns all migrations in order."""
    found = []
    for file in files("application").joinpath("migrations").iterdir():
        if file.name.endswith(".sql"):
            number = int(file.name.split("_", 1)[0])
            found.append(Migration(number, file.name, file.read_text(), ".system." in file.name))
    return sorted(found)


def ensure_service_role(connection: Connection[Any]) -> None:
    """Makes the service's role where it is missing.

    Raises psycopg.errors.InsufficientPrivilege where it may not be made.
    """
    known = connection.execute("SELECT 1 FROM pg_roles WHERE rolname = %s", [SERVICE_ROLE])
    if known.fetchone() is None:
        # Another process may make it between the question and this statement.
        with suppress(psycopg.errors.DuplicateObject, psycopg.errors.UniqueViolation):
            connection.execute(SQL("CREATE ROLE {} NOLOGIN").format(Identifier(SERVICE_ROLE)))


def allow_service_role(connection: Connection[Any], login: str) -> None:
    """Lets a login take on the service's role.

    Raises psycopg.errors.InsufficientPrivilege where this connection may not grant it.
    """
    # From version 16 on, who made a role is a member of it that may hand it out, no more.
    taking_on = "SET" if connection.info.server_version >= SET_OPTION_VERSION else "MEMBER"
    allowed = connection.execute(
        "SELECT pg_has_role(%s, %s, %s)", [login, SERVICE_ROLE, taking_on]
    ).fetchone()
    if allowed is None or not allowed[0]:
        connection.execute(
            SQL("GRANT {} TO {}").format(Identifier(SERVICE_ROLE), Identifier(login))
        )


def migrate(connection: Connection[Any], *, schema: str, system: bool) -> int:
    """Brings one schema up to date and returns its version.

    Requires an autocommit connection of the owner. Raises SchemaTooNew.
    """
    wanted = [m for m in migrations() if system or not m.system_only]
    # Every command comes by here, for each ledger: where nothing is missing it is one question.
    if not _applied(connection, schema) >= {migration.number for migration in wanted}:
        with connection.transaction():
            _lock(connection, schema)
            connection.execute(SQL("CREATE SCHEMA IF NOT EXISTS {}").format(Identifier(schema)))
            connection.execute(
                SQL(
                    "CREATE TABLE IF NOT EXISTS {}.migrations (number integer PRIMARY KEY, name"
                    " text NOT NULL, applied_at timestamptz NOT NULL DEFAULT clock_timestamp())"
                ).format(Identifier(schema))
            )
        for migration in wanted:
            with connection.transaction():
                _lock(connection, schema)
                if migration.number not in _applied(connection, schema):
                    _apply(connection, schema, migration)
    version = max(_applied(connection, schema), default=0)
    if version > max(m.number for m in migrations()):
        raise SchemaTooNew(
            f"{schema} has version {version}; this software knows {wanted[-1].number}. Upgrade it."
        )
    return version


def _lock(connection: Connection[Any], schema: str) -> None:
    connection.execute("SELECT pg_advisory_xact_lock(hashtextextended(%s, 4217))", [schema])


def _applied(connection: Connection[Any], schema: str) -> set[int]:
    """Returns the numbers of the migrations that the schema has had, none where it has no table."""
    table = Identifier(schema, "migrations")
    # Asked, not tried: an error would end the transaction in which a ledger is restored.
    there = connection.execute("SELECT to_regclass(%s)", [table.as_string(connection)]).fetchone()
    if there is None or there[0] is None:
        return set()
    rows = connection.execute(SQL("SELECT number FROM {}").format(table)).fetchall()
    return {row[0] for row in rows}


def _apply(connection: Connection[Any], schema: str, migration: Migration) -> None:
    # pg_temp last: without it, a temporary table could stand before ours.
    connection.execute(SQL("SET LOCAL search_path TO {}, pg_temp").format(Identifier(schema)))
    text = migration.sql.replace("{schema}", Identifier(schema).as_string(connection))
    text = text.replace("{service}", Identifier(SERVICE_ROLE).as_string(connection))
    connection.execute(text.encode())
    connection.execute(
        SQL("INSERT INTO {}.migrations (number, name) VALUES (%s, %s)").format(Identifier(schema)),
        [migration.number, migration.name],
    )
