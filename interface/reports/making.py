"""Making a report from a snapshot, for both doors."""

from typing import Any

from psycopg import Connection

from domain.ledgers import Ledger
from interface.reports.catalogue import REPORTS
from interface.reports.document import Document
from projections.moments import recorded_at
from projections.report import source_of


def make_document(
    connection: Connection[Any], *, ledger: Ledger, known: int, name: str, query: dict[str, Any]
) -> Document:
    """Returns a report as known at a position. Requires that its views show that position in the
    connection's snapshot.

    Raises projections.report.TooLarge.
    """
    source = source_of(connection, ledger=ledger, known=known)
    report = REPORTS[name].make(source, query)
    return Document(report, source, recorded_at(connection, known))
