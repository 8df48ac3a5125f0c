"""Making a report from a snapshot, for both doors."""

from collections.abc import Collection, Mapping
from typing import Any

from psycopg import Connection
from psycopg.rows import tuple_row

from application.ledgers import read_position
from application.records import SHAPES
from domain.accounts import Account, AccountOpened
from domain.amendments import AccountAmended
from domain.books import Books
from domain.catalogue import EVOLVE
from domain.ledgers import Ledger
from interface.reports.catalogue import REPORTS
from interface.reports.document import Document
from interface.reports.periods import WORDS
from projections.moments import recorded_at
from projections.report import NeedsMore, Source, source_of

FEW_POSITIONS = 10_000
"""So many are looked through in some milliseconds: a report of now is mostly a few behind."""


def make_document(
    connection: Connection[Any], *, ledger: Ledger, known: int, name: str, query: dict[str, Any]
) -> Document:
    """Returns a report as known at a position. Requires that its views show that position in the
    connection's snapshot, and a query that `of_period` has completed.

    Raises projections.report.TooLarge, NeedsMore.
    """
    source = known_source(connection, ledger=ledger, known=known)
    _check(source, query)
    report = REPORTS[name].make(source, query)
    named = {word: query[word] for word in WORDS if word in query}
    report.asked = {**named, **report.asked}
    return Document(report, source, recorded_at(connection, known))


def known_source(connection: Connection[Any], *, ledger: Ledger, known: int) -> Source:
    """Returns what reports are made from, with the chart of then."""
    source = source_of(connection, ledger=ledger, known=known)
    return source._replace(accounts=as_known(connection, source.accounts, known))


def as_known(
    connection: Connection[Any], accounts: Mapping[str, Account], known: int
) -> Mapping[str, Account]:
    """Sets accounts that were amended since back to what they were, and leaves out those that were
    opened since: a report of then has the names of then."""
    changed = _changed_since(connection, accounts.values(), known)
    if not changed:
        return accounts
    rows = (
        connection.cursor(row_factory=tuple_row)
        .execute(
            "SELECT state FROM events WHERE originator_id = ANY(%s::uuid[])"
            " AND notification_id <= %s ORDER BY notification_id",
            [list(changed), known],
        )
        .fetchall()
    )
    books = Books()
    for (state,) in rows:
        record = SHAPES.decode(state)
        EVOLVE[type(record.payload)](books, record.stream, record.payload)
    same = {code: one for code, one in accounts.items() if one.stream not in changed}
    return {**same, **books.accounts.now}


def _changed_since(
    connection: Connection[Any], accounts: Collection[Account], known: int
) -> set[str]:
    """Returns the streams of accounts that were opened or amended after a position: of a few
    positions by looking at each, or else at each account's last event."""
    since = read_position(connection) - known
    cursor = connection.cursor(row_factory=tuple_row)
    if since <= FEW_POSITIONS:
        rows = cursor.execute(
            "SELECT DISTINCT originator_id::text FROM events WHERE notification_id > %s"
            " AND topic = ANY(%s)",
            [known, [AccountOpened.__name__, AccountAmended.__name__]],
        )
    else:
        rows = cursor.execute(
            "SELECT a.stream::text FROM unnest(%s::uuid[], %s::bigint[]) AS a (stream, version)"
            " JOIN events AS last ON last.originator_id = a.stream"
            " AND last.originator_version = a.version AND last.notification_id > %s",
            [
                [account.stream for account in accounts],
                [account.version for account in accounts],
                known,
            ],
        )
    return {stream for (stream,) in rows} & {account.stream for account in accounts}


def _check(source: Source, query: dict[str, Any]) -> None:
    """Raises NeedsMore for an account that there is not: of that nothing was posted, which is
    not what was asked."""
    account = query.get("account")
    if account is not None and not source.has_place(account):
        raise NeedsMore("account", "Name an account that there is, or a branch that has some.")
