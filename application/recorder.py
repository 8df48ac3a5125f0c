"""The log of one ledger in PostgreSQL, as the eventsourcing library's recorder.

Two doors lead in. `insert_events` is the library's: it takes the head lock itself. `append` is the
Writer's, who holds the lock and moves the head itself. Positions are explicit, no sequence: 1, 2,
3, ... without a gap, and commit order is position order: the head row is locked until COMMIT.
"""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from struct import Struct as Packing
from typing import Any

from eventsourcing.persistence import StoredEvent
from eventsourcing.postgres import PostgresApplicationRecorder, PostgresDatastore
from msgspec import Struct
from psycopg import Connection
from psycopg.rows import DictRow
from psycopg.sql import SQL, Identifier
from psycopg_pool import ConnectionPool

from application.records import SHAPES, Record

COPY_FROM_ROWS = 50
"""From this many rows on, a binary COPY beats an INSERT from arrays."""

COPY_CHUNK_ROWS = 256

_COPY_HEADER = b"PGCOPY\n\xff\r\n\0" + bytes(8)
_COPY_TRAILER = b"\xff\xff"

# Field count, then position, stream, version, each behind its length; then the topic's length.
_FIXED = Packing("!hiqi16siqi").pack
_LENGTH = Packing("!i").pack
_NULL = _LENGTH(-1)
_UUID_LENGTH = _LENGTH(16)


class Row(Struct, frozen=True, gc=False):
    """One event as the table holds it; `command_id` only where the column has it."""

    position: int
    stream: str
    version: int
    topic: str
    state: bytes
    command_id: str | None

    @property
    def record(self) -> Record:
        """The record, decoded anew at each call."""
        return SHAPES.decode(self.state)


class LedgerDatastore(PostgresDatastore):
    """The library's datastore on a pool that all ledgers of the process share."""

    def __init__(self, *, pool: ConnectionPool[Connection[DictRow]], schema: str) -> None:
        super().__init__(dbname="", host="", port="", user="", password="", schema=schema)
        self.pool = pool  # type: ignore[assignment]  # the library's pool only adds a password hook

    def register_type_adapters(self) -> None:
        """Our statements use no composite types."""

    def close(self) -> None:
        """The pool belongs to the process, not to one ledger."""


class LedgerRecorder(PostgresApplicationRecorder):
    """Appends records to and reads them from one ledger's log."""

    def __init__(self, datastore: LedgerDatastore) -> None:
        super().__init__(datastore, events_table_name="events")
        schema = datastore.schema
        self.channel_name = f"{schema}.events"
        self.lock_head = self._sql(
            "SELECT position, commit_id, recorded_at, incarnation, format, halted"
            " FROM {}.head FOR UPDATE",
            schema,
        )
        self.move_head = self._sql(
            "UPDATE {}.head SET position = %s, commit_id = %s, recorded_at = %s, incarnation = %s,"
            " halted = NULL",
            schema,
        )
        self._insert = self._sql(
            "INSERT INTO {}.events (notification_id, originator_id, originator_version, topic,"
            " state, command_id) SELECT * FROM unnest(%s::bigint[], %s::uuid[], %s::bigint[],"
            " %s::text[], %s::bytea[], %s::uuid[])",
            schema,
        )
        self._copy = self._sql(
            "COPY {}.events (notification_id, originator_id, originator_version, topic, state,"
            " command_id) FROM STDIN (FORMAT BINARY)",
            schema,
        )

    @staticmethod
    def _sql(statement: str, schema: str) -> bytes:
        # As bytes: psycopg would compose it anew at each execution.
        return SQL(statement).format(Identifier(schema)).as_bytes()

    def create_table(self) -> None:
        """Nothing to do: numbered migrations make the tables (application/migrate.py)."""

    def append(self, connection: Connection[Any], rows: Sequence[Row]) -> None:
        """Writes rows in the caller's transaction, who holds the head lock and moves the head.

        Requires positions that follow the head without a gap.
        """
        if len(rows) < COPY_FROM_ROWS:
            connection.execute(*self.few(rows), prepare=True)
            return
        with self.appending(connection) as send:
            for start in range(0, len(rows), COPY_CHUNK_ROWS):
                send(rows[start : start + COPY_CHUNK_ROWS])

    @contextmanager
    def appending(self, connection: Connection[Any]) -> Iterator[Callable[[Sequence[Row]], None]]:
        """Gives a function that sends rows, for a caller who goes on working while PostgreSQL
        stores them. The connection can do nothing else meanwhile."""
        with connection.cursor() as cursor, cursor.copy(self._copy) as copy:
            copy.write(_COPY_HEADER)
            yield lambda rows: copy.write(b"".join(map(_packed, rows)))
            copy.write(_COPY_TRAILER)

    def few(self, rows: Sequence[Row]) -> tuple[bytes, list[object]]:
        """Returns the statement that appends some rows, and its parameters."""
        return self._insert, [
            "{" + ",".join(str(row.position) for row in rows) + "}",
            "{" + ",".join(row.stream for row in rows) + "}",
            "{" + ",".join(str(row.version) for row in rows) + "}",
            "{" + ",".join(row.topic for row in rows) + "}",
            [row.state for row in rows],
            "{" + ",".join(row.command_id or "null" for row in rows) + "}",
        ]

    def insert_events(self, stored_events: Sequence[StoredEvent], **_: Any) -> Sequence[int] | None:
        """The library's door: appends events as they are, after the head, in one transaction.

        Overridden without the library's blind retry, which would repeat an ambiguous commit.
        Raises the library's IntegrityError where a stream's version stands already.
        """
        if not stored_events:
            return []
        with self.datastore.get_connection() as connection, connection.transaction():
            head = connection.execute(self.lock_head).fetchone()
            assert head is not None
            first = head["position"] + 1
            rows = [
                Row(
                    first + index,
                    str(event.originator_id),
                    event.originator_version,
                    event.topic,
                    event.state,
                    None,
                )
                for index, event in enumerate(stored_events)
            ]
            self.append(connection, rows)
            connection.execute("SELECT pg_notify(%s, '')", [self.channel_name])
            connection.execute(
                self._sql(
                    "UPDATE {}.head SET position = %s, commit_id = gen_random_uuid(),"
                    " recorded_at = greatest(clock_timestamp(),"
                    " recorded_at + interval '1 microsecond')",
                    self.datastore.schema,
                ),
                [rows[-1].position],
            )
        return [row.position for row in rows]


def _packed(row: Row) -> bytes:
    """The row as PostgreSQL's COPY BINARY has it (sql-copy, 'Tuples')."""
    topic, state, command_id = row.topic, row.state, row.command_id
    stream = bytes.fromhex(row.stream.replace("-", ""))
    fixed = _FIXED(6, 8, row.position, 16, stream, 8, row.version, len(topic))
    tail = _NULL if command_id is None else _UUID_LENGTH + _uuid_bytes(command_id)
    return b"%b%b%b%b%b" % (fixed, topic.encode(), _LENGTH(len(state)), state, tail)


def _uuid_bytes(id: str) -> bytes:
    return bytes.fromhex(id.replace("-", ""))
