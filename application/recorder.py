"""The log of one ledger in PostgreSQL, as the eventsourcing library's recorder.

Two doors lead in. `insert_events` is the library's: it takes the head lock itself. `append` is the
Writer's, who holds the lock and moves the head itself. Positions are explicit, no sequence: 1, 2,
3, ... without a gap, and commit order is position order: the head row is locked until COMMIT.
"""

from collections.abc import Sequence
from functools import cache
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
from application.sessions import Packed

_ARRAY = Packing("!iiiii").pack
_LENGTH = Packing("!i").pack
_BIGINT = Packing("!iq").pack
_NULL = _LENGTH(-1)
_UUID_LENGTH = _LENGTH(16)
_BIGINT_OID, _UUID_OID, _TEXT_OID, _BYTEA_OID = 20, 2950, 25, 17


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
        connection.execute(*self.appending(rows), prepare=True)

    def appending(self, rows: Sequence[Row]) -> tuple[bytes, list[object]]:
        """Returns the statement that appends rows, and its parameters.

        Measured with 1,400 rows: the server stores them from arrays as fast as from a COPY, which
        takes more turns between both sides, and more of Python.
        """
        return self._insert, [
            _packed(_BIGINT_OID, [_BIGINT(8, row.position) for row in rows]),
            _packed(_UUID_OID, [_uuid(row.stream) for row in rows]),
            _packed(_BIGINT_OID, [_BIGINT(8, row.version) for row in rows]),
            _packed(_TEXT_OID, [_text(row.topic) for row in rows]),
            _packed(_BYTEA_OID, [_LENGTH(len(row.state)) + row.state for row in rows]),
            _packed(_UUID_OID, [_uuid(row.command_id) for row in rows]),
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


def _packed(oid: int, elements: list[bytes]) -> Packed:
    """An array as PostgreSQL's binary format has it (array_send): dimensions, whether there are
    nulls, the elements' type, length and lower bound; the elements, each behind its length."""
    return Packed(_ARRAY(1, 1, oid, len(elements), 1) + b"".join(elements))


def _uuid(id: str | None) -> bytes:
    return _NULL if id is None else _UUID_LENGTH + bytes.fromhex(id.replace("-", ""))


@cache
def _text(topic: str) -> bytes:
    return _LENGTH(len(topic)) + topic.encode()
