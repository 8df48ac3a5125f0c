"""Views: what a read model is made of, and how its tables come to be.

A view is a file of this folder: its tables, how a batch of events changes them, its queries. It is
made from the log and from nothing else, so it can be dropped and made again at any time.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from psycopg import Connection
from psycopg.sql import SQL, Identifier

from projections import tracking

Decode = Callable[[bytes], Any]
"""Turns a record's bytes into a record whose payload is an event of its current version."""


Stored = tuple[int, bytes, str]
"""One event of the log: its position, its record's bytes, its type. (There are very many: a plain
tuple is what reading them gives.)"""


class Fold(Protocol):
    """How events change a view. It may remember what it wrote; nobody else writes meanwhile."""

    def fold(self, connection: Connection[Any], events: Sequence[Stored]) -> None:
        """Changes the view's tables by events in the order of their positions.

        Runs in the transaction that moves the view's tracked position, with the view's tables and
        the ledger's in the search path. Raises whatever it likes for what it can't process.
        """


@dataclass(frozen=True, kw_only=True, slots=True)
class View:
    """`topics`: the types of events that it is about. `shape`: raised with each change of its
    tables or of what they mean; the view is then made anew. `ddl` makes `tables`."""

    name: str
    shape: int
    topics: tuple[str, ...]
    tables: tuple[str, ...]
    ddl: str
    new_fold: Callable[[Decode], Fold]


def install(
    connection: Connection[Any], *, schema: str, views: Sequence[View], service_role: str
) -> None:
    """Makes the tables of views that are missing or of another shape, empty.

    Requires an autocommit connection of the schema's owner. Several processes may do it at once.
    """
    # Every command comes by here, for each ledger: mostly all is there, and nothing is written.
    shapes = _read_shapes(connection, schema)
    if all(shapes.get(view.name) == view.shape for view in views):
        return
    with connection.transaction():
        connection.execute("SELECT pg_advisory_xact_lock(hashtextextended(%s, 4218))", [schema])
        connection.execute(SQL("SET LOCAL search_path TO {}, pg_temp").format(Identifier(schema)))
        connection.execute(tracking.TABLE)
        role = Identifier(service_role)
        connection.execute(SQL("GRANT SELECT, INSERT, UPDATE ON tracking TO {}").format(role))
        shapes = _read_shapes(connection, schema)
        for view in views:
            if shapes.get(view.name) != view.shape:
                for table in view.tables:
                    connection.execute(SQL("DROP TABLE IF EXISTS {}").format(Identifier(table)))
                make_tables(connection, view, service_role=service_role)
                connection.execute(
                    "INSERT INTO tracking (application_name, notification_id, shape)"
                    " VALUES (%s, 0, %s) ON CONFLICT (application_name) DO UPDATE SET"
                    " notification_id = 0, shape = excluded.shape, build = tracking.build + 1,"
                    " stopped_at = NULL, error = NULL",
                    [view.name, view.shape],
                )


def _read_shapes(connection: Connection[Any], schema: str) -> dict[str, int]:
    """Returns the shape of each view that is installed."""
    table = SQL("{}.tracking").format(Identifier(schema))
    if connection.execute("SELECT to_regclass(%s)", [table.as_string()]).fetchone() == (None,):
        return {}
    query = SQL("SELECT application_name, shape FROM {}").format(table)
    return dict(connection.execute(query).fetchall())


def make_tables(connection: Connection[Any], view: View, *, service_role: str) -> None:
    """Makes the view's tables, empty, in the first schema of the search path. Requires that there
    are none."""
    connection.execute(view.ddl.encode())
    for table in view.tables:
        connection.execute(
            SQL("GRANT SELECT, INSERT, UPDATE, DELETE ON {} TO {}").format(
                Identifier(table), Identifier(service_role)
            )
        )
