"""Refusals: what was turned down, by code, and what was put right, by reason and actor."""

from collections.abc import Sequence
from datetime import date
from typing import Any

import msgspec
from msgspec import Struct
from psycopg import Connection
from psycopg.rows import tuple_row

from domain.catalogue import CommandRefused
from projections.report import Column, Report, Source, Span
from projections.views import Decode, Stored, View

DDL = """
CREATE TABLE refusals (
    position bigint PRIMARY KEY,
    recorded_at timestamptz NOT NULL,
    command text COLLATE "C" NOT NULL,
    code text COLLATE "C" NOT NULL,
    actor text COLLATE "C" NOT NULL,
    account text COLLATE "C"
) WITH (autovacuum_vacuum_insert_scale_factor = 0.1, autovacuum_analyze_scale_factor = 0.1);
"""

COLUMNS = (
    Column("code", "Code"),
    Column("command", "Command"),
    Column("actor", "Actor"),
    Column("account", "Account"),
    Column("refusals", "Refusals", "number"),
    Column("first", "First position", "number"),
    Column("last", "Last position", "number"),
)
CORRECTION_COLUMNS = (
    Column("reason", "Reason"),
    Column("actor", "Actor"),
    Column("correction", "Kind"),
    Column("entries", "Entries", "number"),
    Column("first", "First position", "number"),
    Column("last", "Last position", "number"),
)


class Envelope(Struct, gc=False):
    recorded_at: str
    actor: str


_envelope = msgspec.json.Decoder(Envelope).decode


class RefusalsFold:
    """Appends a row for each refusal."""

    def __init__(self, decode: Decode) -> None:
        self._decode = decode

    def fold(self, connection: Connection[Any], events: Sequence[Stored]) -> None:
        copying = "COPY refusals (position, recorded_at, command, code, actor, account) FROM STDIN"
        with connection.cursor() as cursor, cursor.copy(copying) as copy:
            for position, state, _ in events:
                envelope = _envelope(state)
                refused: CommandRefused = self._decode(state).payload
                account = refused.facts.get("account")
                copy.write_row(
                    (
                        position,
                        envelope.recorded_at,
                        refused.do,
                        refused.code,
                        envelope.actor,
                        account if isinstance(account, str) else None,
                    )
                )


def refusals(
    source: Source, *, first: int, last: int, from_: date | None, to: date | None
) -> Report:
    """Returns how often what was refused, to whom and on which account, at positions from `first`
    to `last`: those that were recorded on the days `from_` to `to`."""
    report = Report(
        name="refusals",
        title="Refusals by code",
        asked={"from": from_, "to": to},
        columns=COLUMNS,
    )
    rows = (
        source.connection.cursor(row_factory=tuple_row)
        .execute(
            "SELECT code, command, actor, account, count(*), min(position), max(position)"
            " FROM refusals WHERE position BETWEEN %s AND %s GROUP BY 1, 2, 3, 4"
            " ORDER BY 1, 5 DESC, 2, 3, 4",
            [first, min(last, source.known)],
        )
        .fetchall()
    )
    for row in rows:
        report.add(**{column.name: cell for column, cell in zip(COLUMNS, row, strict=True)})
    report.totals = {"refusals": sum(row[4] for row in rows)}
    return report


def corrections(source: Source, *, span: Span) -> Report:
    """Returns how many entries effective on some days took others back or stand in their place, by
    reason and actor. Requires that the view `entries` shows the position."""
    report = Report(
        name="corrections",
        title="Corrections by reason and actor",
        asked={"from": span.from_, "to": span.to},
        columns=CORRECTION_COLUMNS,
    )
    rows = (
        source.connection.cursor(row_factory=tuple_row)
        .execute(
            "SELECT reason, actor, correction, count(*), min(position), max(position)"
            " FROM posted_entries WHERE correction IS NOT NULL AND position <= %s"
            " AND effective_on BETWEEN %s AND %s GROUP BY 1, 2, 3 ORDER BY 1, 2, 3",
            [source.known, span.from_, span.to],
        )
        .fetchall()
    )
    for row in rows:
        named = zip(CORRECTION_COLUMNS, row, strict=True)
        report.add(**{column.name: cell for column, cell in named})
    report.totals = {"entries": sum(row[3] for row in rows)}
    return report


REFUSALS = View(
    name="refusals",
    shape=1,
    topics=(CommandRefused.__name__,),
    tables=("refusals",),
    ddl=DDL,
    new_fold=RefusalsFold,
)
