"""Rebuilding: a view made anew beside the live one, and put in its place in one transaction.

The new tables grow in a schema of their own, under the same names, by the same fold. Readers use
the live ones meanwhile; at the end they wait for a moment, and whoever remembers the old tables
(a worker) sees by the build's number that they are gone.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from typing import Any

import psycopg
from psycopg import Connection
from psycopg.conninfo import make_conninfo
from psycopg.sql import SQL, Identifier

from projections.batches import Batches, Span, read_head
from projections.following import BATCH_POSITIONS, Step
from projections.views import Decode, Fold, View, make_tables

SWAP_TRIES = 100
SWAP_LOCK_MILLISECONDS = 300
"""How long readers may have to wait behind a swap that waits for one of them."""


class BeingRebuilt(Exception):
    """Another process rebuilds this view of this ledger now."""


class CannotRebuild(Exception):
    """An event stopped the rebuilding as it stops the view; the message says which and why."""


def rebuild(
    connection: Connection[Any],
    *,
    schema: str,
    view: View,
    decode: Decode,
    service_role: str,
    on_step: Callable[[Step], object],
) -> int:
    """Makes a view anew and returns the position that it shows then.

    Requires an autocommit connection of the schema's owner. Whatever ends it leaves the live view
    as it was. Raises BeingRebuilt, CannotRebuild, psycopg.OperationalError.
    """
    with (
        _scratch(connection, schema, view) as scratch,
        Batches(view.topics, session=partial(_sibling, connection)) as batches,
    ):
        # Alone: what is made must never be looked for among the live tables.
        connection.execute(SQL("SET search_path TO {}").format(Identifier(scratch)))
        make_tables(connection, view, service_role=service_role)
        path = SQL("SET search_path TO {}, {}, pg_temp")
        connection.execute(path.format(Identifier(scratch), Identifier(schema)))
        growing = _Growing(view, decode, schema=schema, batches=batches)
        while (step := growing.step(connection)).is_behind:
            on_step(step)
        on_step(step)
        # Readers shall not wait for autovacuum: without statistics and the map of what all can see,
        # what took them a millisecond may take a second.
        tables = SQL(", ").join(Identifier(scratch, table) for table in view.tables)
        connection.execute("SET statement_timeout = 0")
        connection.execute(SQL("VACUUM (ANALYZE) {}").format(tables))
        connection.execute("RESET statement_timeout")
        for _ in range(SWAP_TRIES):
            try:
                with connection.transaction():
                    _swap(connection, growing, schema=schema, scratch=scratch)
                return growing.position
            except psycopg.errors.LockNotAvailable:
                # A reader is at it, or the worker. What comes in meanwhile is folded first.
                growing.forget()
                growing.step(connection)
        raise CannotRebuild(f"{view.name} is in use without a pause; try again")


class _Growing:
    """The new tables, and up to where they show."""

    def __init__(self, view: View, decode: Decode, *, schema: str, batches: Batches) -> None:
        self.view = view
        self.position = 0
        self._decode = decode
        self._schema = schema
        self._batches = batches
        self._fold: Fold | None = None

    def forget(self) -> None:
        """Drops what the fold remembers of a transaction that was rolled back."""
        self._fold = None

    def step(self, connection: Connection[Any]) -> Step:
        """Folds the next batch."""
        with connection.transaction():
            step = self.fold(connection)
        self.position = step.position
        return step

    def fold(self, connection: Connection[Any], *, to: int | None = None) -> Step:
        """Folds a batch, up to `to` at most, within the caller's transaction."""
        head = read_head(connection) if to is None else to
        end = min(head, self.position + BATCH_POSITIONS)
        span = Span(self._schema, self.position, end)
        events = self._batches.read(connection, span, head=head) if end > self.position else []
        fold = self._fold or self.view.new_fold(self._decode)
        self._fold = fold
        try:
            if events:
                fold.fold(connection, events)
        except psycopg.OperationalError:
            raise
        except Exception as error:
            raise CannotRebuild(
                f"{self.view.name}: between positions {self.position + 1} and {end}:"
                f" {type(error).__name__}: {error}"
            ) from error
        return Step(end, head)


def _sibling(connection: Connection[Any]) -> Connection[Any]:
    """Opens another session as this one was opened."""
    info = connection.info
    parameters: dict[str, Any] = {**info.get_parameters(), "password": info.password or None}
    return psycopg.connect(make_conninfo("", **parameters), autocommit=True)


def _swap(connection: Connection[Any], growing: _Growing, *, schema: str, scratch: str) -> None:
    view = growing.view
    connection.execute(f"SET LOCAL lock_timeout = {SWAP_LOCK_MILLISECONDS}")
    row = connection.execute(
        "SELECT notification_id FROM tracking WHERE application_name = %s FOR UPDATE", [view.name]
    ).fetchone()
    assert row is not None, "a view that is installed is tracked"
    # The worker may be ahead by what came in since the last batch; its view never goes back.
    position = growing.position
    while growing.position < row[0]:
        growing.position = growing.fold(connection, to=row[0]).position
    try:
        _put_in_place(connection, growing, schema=schema, scratch=scratch)
    except psycopg.errors.LockNotAvailable:
        growing.position = position
        raise


def _put_in_place(
    connection: Connection[Any], growing: _Growing, *, schema: str, scratch: str
) -> None:
    view = growing.view
    for table in view.tables:
        connection.execute(SQL("DROP TABLE {}.{}").format(Identifier(schema), Identifier(table)))
    for table in view.tables:
        connection.execute(
            SQL("ALTER TABLE {}.{} SET SCHEMA {}").format(
                Identifier(scratch), Identifier(table), Identifier(schema)
            )
        )
    connection.execute(
        "UPDATE tracking SET notification_id = %s, shape = %s, build = build + 1, error = NULL,"
        " stopped_at = NULL WHERE application_name = %s",
        [growing.position, view.shape, view.name],
    )


@contextmanager
def _scratch(connection: Connection[Any], schema: str, view: View) -> Iterator[str]:
    """Gives an empty schema for this one rebuilding; nothing of it stays."""
    lock = [f"{schema}.{view.name}"]
    taken = connection.execute(
        "SELECT pg_try_advisory_lock(hashtextextended(%s, 4219))", lock
    ).fetchone()
    if taken != (True,):
        raise BeingRebuilt(f"{view.name} of {schema} is being rebuilt by another process")
    name = Identifier(scratch := f"rebuilt_{view.name}_of_{schema}"[:63])
    try:
        connection.execute(SQL("DROP SCHEMA IF EXISTS {} CASCADE").format(name))
        connection.execute(SQL("CREATE SCHEMA {}").format(name))
        try:
            yield scratch
        finally:
            connection.execute(SQL("DROP SCHEMA IF EXISTS {} CASCADE").format(name))
    finally:
        connection.execute("SELECT pg_advisory_unlock(hashtextextended(%s, 4219))", lock)
