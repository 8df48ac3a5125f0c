"""A ledger's lines and events as Parquet, for DuckDB, pandas and Spark. Needs the extra `parquet`.

Amounts are decimals of twelve places, as many as the finest asset has: never floats. Events are
the records themselves, all up to the position; private texts are in none of them.
"""

from collections.abc import Iterable, Iterator
from contextlib import ExitStack
from datetime import datetime
from decimal import Decimal
from itertools import islice
from pathlib import Path
from typing import Any

import msgspec
from msgspec import Struct
from psycopg.rows import tuple_row

from interface.exporting.extract import Extract
from interface.exporting.files import MissingLibrary, staged

DIGITS, SCALE = 38, 12
ROWS_A_GROUP = 50_000
EVENTS_A_READ = 5_000

Row = tuple[Any, ...]

LINES = {
    "position": "int64",
    "leg": "int32",
    "entry": "string",
    "journal": "string",
    "fiscal_year": "int32",
    "voucher_no": "int64",
    "class": "string",
    "effective_on": "date32",
    "value_on": "date32",
    "recorded_at": "moment",
    "actor": "string",
    "reason": "string",
    "reference": "string",
    "document": "string",
    "corrects": "string",
    "correction": "string",
    "reversed_by": "string",
    "authorization": "string",
    "account": "string",
    "account_type": "string",
    "line": "int64",
    "side": "string",
    "amount": "amount",
    "asset": "string",
    "functional_amount": "amount",
    "party": "string",
    "dimensions": "pairs",
    "due_on": "date32",
    "narrative": "string",
    "leg_narrative": "string",
}
EVENTS = {
    "position": "int64",
    "stream": "string",
    "version": "int64",
    "type": "string",
    "schema_version": "int32",
    "recorded_at": "moment",
    "actor": "string",
    "on_behalf_of": "string",
    "key_id": "string",
    "channel": "string",
    "software_version": "string",
    "command_id": "string",
    "correlation_id": "string",
    "causation_id": "string",
    "reason": "string",
    "record": "string",
}


class _Envelope(Struct):
    """What stands around a payload; it is not decoded."""

    position: int
    stream: str
    version: int
    type: str
    schema_version: int
    recorded_at: datetime
    actor: str
    on_behalf_of: str | None
    key_id: str | None
    channel: str
    software_version: str
    command_id: str | None
    correlation_id: str | None
    causation_id: str | None
    reason: str | None


_decode_envelope = msgspec.json.Decoder(_Envelope).decode


def write(extract: Extract, directory: Path) -> list[Path]:
    """Writes `lines.parquet` and `events.parquet`, both or none. Raises MissingLibrary."""
    try:
        import pyarrow as pa
        from pyarrow import parquet as pq
    except ImportError as error:
        raise MissingLibrary(format="parquet", library="pyarrow", extra="parquet") from error

    kinds = {
        "int64": pa.int64(),
        "int32": pa.int32(),
        "string": pa.string(),
        "date32": pa.date32(),
        "moment": pa.timestamp("us", tz="UTC"),
        "amount": pa.decimal128(DIGITS, SCALE),
        "pairs": pa.map_(pa.string(), pa.string()),
    }
    said = {"ledger": extract.ledger.id, "position": str(extract.source.known)}
    made = [
        (directory / "lines.parquet", LINES, line_rows(extract)),
        (directory / "events.parquet", EVENTS, event_rows(extract)),
    ]
    directory.mkdir(parents=True, exist_ok=True)
    with ExitStack() as stack:
        for file, columns, rows in made:
            schema = pa.schema([(name, kinds[kind]) for name, kind in columns.items()], said)
            part = stack.enter_context(staged(file))
            with pq.ParquetWriter(part, schema) as writer:
                for batch in _batched(rows):
                    cells = zip(*batch, strict=True)
                    arrays = [
                        pa.array(cell, one.type) for cell, one in zip(cells, schema, strict=True)
                    ]
                    writer.write_table(pa.Table.from_arrays(arrays, schema=schema))
    return [file for file, _, _ in made]


def line_rows(extract: Extract) -> Iterator[Row]:
    """Yields a row for each leg, with the columns LINES."""
    functional = extract.ledger.functional_asset
    for entry in extract.entries():
        record, posted = entry.record, entry.posted
        head = (
            entry.id,
            posted.journal,
            posted.fiscal_year,
            posted.voucher_no,
            posted.class_,
            posted.effective_on,
            posted.value_on,
            datetime.fromisoformat(record.recorded_at),
            record.actor,
            record.reason,
            posted.reference,
            posted.document and posted.document.number,
            posted.corrects,
            posted.correction,
            entry.reversal,
            posted.authorization,
        )
        for number, leg, narrative in entry.legs:
            worth = leg.amount if leg.asset == functional else leg.functional_amount
            yield (
                record.position,
                number,
                *head,
                leg.account,
                extract.source.accounts[leg.account].type,
                leg.line,
                leg.side,
                Decimal(leg.amount),
                leg.asset,
                None if worth is None else Decimal(worth),
                leg.party,
                None if leg.dimensions is None else list(leg.dimensions.items()),
                leg.due_on,
                entry.texts.narrative,
                narrative,
            )


def event_rows(extract: Extract) -> Iterator[Row]:
    """Yields a row for each record up to the position, with the columns EVENTS."""
    with extract.source.connection.cursor(row_factory=tuple_row) as cursor:
        for start in range(0, extract.source.known, EVENTS_A_READ):
            end = min(start + EVENTS_A_READ, extract.source.known)
            cursor.execute(
                "SELECT state FROM events WHERE notification_id > %s AND notification_id <= %s"
                " ORDER BY notification_id",
                [start, end],
            )
            for (state,) in cursor:
                yield (*msgspec.structs.astuple(_decode_envelope(state)), bytes(state).decode())
            extract.advance(end)


def _batched(rows: Iterable[Row]) -> Iterator[list[Row]]:
    iterator = iter(rows)
    while batch := list(islice(iterator, ROWS_A_GROUP)):
        yield batch
