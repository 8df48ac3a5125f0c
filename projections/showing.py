"""Showing: the read models that every ledger has, and how whoever reads them keeps them in place.

A transaction that sees one snapshot goes by the tables' names as they are now, and by their rows as
they were then. Where a view is made anew and put in its place after the snapshot was taken, its
tables would lack what was written into them since, up to all of it.
"""

from functools import lru_cache
from typing import Any

from psycopg import Connection
from psycopg.sql import SQL, Identifier

from projections.entries import ENTRIES
from projections.holds import HOLDS
from projections.items import ITEMS
from projections.lines import LINES
from projections.refusals import REFUSALS

VIEWS = (LINES, ENTRIES, ITEMS, HOLDS, REFUSALS)

_FIRST_TABLES = {view.name: view.tables[0] for view in VIEWS}
"""By the name of the view: what replaces a view takes this one away before any other."""


def hold(connection: Connection[Any], *views: str) -> None:
    """Lets none of these views be replaced until the transaction ends.

    Requires a transaction that has asked nothing yet: LOCK is the one statement that waits without
    taking the snapshot first (PostgreSQL's documentation of LOCK TABLE, on REPEATABLE READ).
    """
    if views:
        connection.execute(_lock(views))


@lru_cache
def _lock(views: tuple[str, ...]) -> bytes:
    tables = SQL(", ").join(Identifier(_FIRST_TABLES[view]) for view in views)
    return SQL("LOCK TABLE {} IN ACCESS SHARE MODE").format(tables).as_string().encode()
