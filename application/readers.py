"""Readers: a pool of connections that can only read, each lent with a ledger's tables before it."""

from collections.abc import Iterator
from contextlib import contextmanager

import psycopg
from psycopg import Connection
from psycopg.rows import DictRow, dict_row
from psycopg.sql import SQL, Identifier
from psycopg_pool import ConnectionPool

from application.sessions import with_options

READ_TIMEOUT_SECONDS = 10
READ_CONNECTIONS = 24


class Readers:
    """Requires `open` before the first is lent."""

    def __init__(self, conninfo: str) -> None:
        self.pool: ConnectionPool[Connection[DictRow]] = ConnectionPool(
            with_options(
                conninfo,
                f"-c statement_timeout={READ_TIMEOUT_SECONDS}s -c default_transaction_read_only=on"
                # What is asked goes by index whatever the values are, and to plan it anew takes
                # longer than to answer it: a past balance 0.3 ms instead of 1.3.
                " -c plan_cache_mode=force_generic_plan"
                # A report has one processor, not all: those who post need the others. (A chart of
                # ten thousand accounts is there sooner, too.)
                " -c max_parallel_workers_per_gather=0",
            ),
            min_size=1,
            max_size=READ_CONNECTIONS,
            open=False,
            kwargs={"row_factory": dict_row, "autocommit": True},
            timeout=READ_TIMEOUT_SECONDS,
            name="readers",
        )

    def open(self, *, within_seconds: float | None) -> None:
        """Opens the first connection, None: while others go on. Raises psycopg.OperationalError."""
        self.pool.open(wait=within_seconds is not None, timeout=within_seconds or 0)

    def close(self) -> None:
        """Closes all connections."""
        self.pool.close()

    @contextmanager
    def reader(self, schema: str) -> Iterator[Connection[DictRow]]:
        """Lends a connection whose search_path is the schema. Raises psycopg.OperationalError."""
        connection = self._taken(schema)
        try:
            yield connection
        finally:
            self.pool.putconn(connection)

    def _taken(self, schema: str) -> Connection[DictRow]:
        """Takes a connection that is alive: those that died with a server are thrown away."""
        for _ in range(READ_CONNECTIONS):
            connection = self.pool.getconn()
            try:
                connection.execute(SQL("SET search_path TO {}").format(Identifier(schema)))
            except psycopg.OperationalError:
                self.pool.putconn(connection)
                continue
            except BaseException:
                self.pool.putconn(connection)
                raise
            return connection
        raise psycopg.OperationalError("no connection to the database is alive")
