"""Restoring: a ledger's records, as they are, into an empty schema, and all rows folded from them.

Everything happens in the caller's one transaction: it stands whole, or not at all. What was
restored is read-only until it goes on under a name of its own (domain/signing_keys.py,
LedgerContinued): elsewhere the same log may still be growing.
"""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple
from uuid import uuid4

from psycopg import Connection
from psycopg.sql import SQL, Identifier

from application.changes import write_changes
from application.private import PrivateRow
from application.recorder import LedgerRecorder, Row
from application.records import SHAPES, Record
from application.rows import Rows
from application.statements import Statements
from application.store import schema_of
from application.transparency.tiles import TileAt
from domain.books import Books
from domain.catalogue import EVOLVE
from domain.entries import EntryAdjusted, EntryReversed

COPIED = "imported"
"""What stops a ledger that is a copy begins with this."""

MAX_REMEMBERED = 20_000
"""Authorizations; of more, the closed ones are read again when something happens to them."""


class LedgerExists(Exception):
    """There is a ledger of that name already."""


class Sealed(NamedTuple):
    """What was signed last: an incarnation's checkpoint."""

    incarnation: int
    size: int
    root: bytes
    note: str


class Restoration:
    """Takes records in order. Requires an empty, migrated schema and a connection of its owner."""

    def __init__(
        self, connection: Connection[Any], *, ledger: str, recorder: LedgerRecorder
    ) -> None:
        self.connection = connection
        self._recorder = recorder
        self._schema = schema_of(ledger)
        self._books = Books()
        self._rows = Rows(ledger=ledger, schema=self._schema, shapes=SHAPES)
        self._last: Record | None = None
        connection.execute(
            SQL("SET LOCAL search_path TO {}, pg_temp").format(Identifier(self._schema))
        )

    def take(self, states: Sequence[bytes], texts: Mapping[int, tuple[bytes, bytes]]) -> None:
        """Writes records, their texts (salt and body by position) and what follows from them."""
        records = [SHAPES.decode(state) for state in states]
        self._load(records)
        rows = [self._row(*each) for each in zip(records, states, strict=True)]
        self._recorder.append(self.connection, rows)
        books = self._books
        for record in records:
            EVOLVE[type(record.payload)](books, record.stream, record.payload)
        statements = Statements()
        private = [PrivateRow(position, *text) for position, text in texts.items()]
        write_changes(self._rows, statements, books, private)
        for statement in statements.made:
            self.connection.execute(statement.query, statement.params)
        books.confirm()
        held = books.authorizations.now
        if len(held) > MAX_REMEMBERED:
            for id in [id for id, state in held.items() if state.closed_as is not None]:
                del held[id]

    def keep_tiles(self, tiles: Mapping[TileAt, bytes], *, incarnation: int) -> None:
        """Writes tiles of the signed tree."""
        self.connection.cursor().executemany(
            "INSERT INTO tiles (incarnation, level, number, hashes) VALUES (%s, %s, %s, %s)",
            [(incarnation, *at, hashes) for at, hashes in tiles.items()],
        )

    def end(self, sealed: Sealed) -> None:
        """Writes the last checkpoint and the head, and stops the ledger: it is a copy."""
        last = self._last
        assert last is not None, "a log that was signed has records"
        self.connection.execute(
            "INSERT INTO checkpoints (incarnation, size, root, note) VALUES (%s, %s, %s, %s)",
            sealed,
        )
        self.connection.execute(
            "UPDATE head SET position = %s, commit_id = %s, recorded_at = %s, incarnation = %s,"
            " halted = %s",
            [
                last.position,
                uuid4(),
                last.recorded_at,
                last.incarnation,
                f"{COPIED}: it goes on under a name of its own, with `backoffice log continue`",
            ],
        )

    def withhold_texts(self, through: int) -> None:
        """Notes up to which position the texts of records were not handed over; 0: none."""
        self.connection.execute("UPDATE head SET texts_withheld_through = %s", [through])

    def keep_digest_secret(self, secret: bytes) -> None:
        """Takes over the secret under which the records' command digests were made."""
        self.connection.execute(
            "UPDATE secrets SET secret = %s WHERE name = 'command_digest'", [secret]
        )

    def _load(self, records: Sequence[Record]) -> None:
        """Reads what the events act on and is not in memory."""
        books = self._books
        holds, entries = set(), set()
        for record in records:
            if record.version > 1 and record.type.startswith("Authorization"):
                if record.stream not in books.authorizations.now:
                    holds.add(record.stream)
            elif isinstance(record.payload, EntryReversed | EntryAdjusted):
                entries.add(record.stream)
        if holds:
            self._rows.read_authorizations(self.connection, books, holds)
        if entries:
            self._rows.read_entries(self.connection, books, entries)

    def _row(self, record: Record, state: bytes) -> Row:
        command = record.command_id
        begins = self._last is None or command != self._last.command_id
        opens = command == record.stream and record.version == 1
        self._last = record
        return Row(
            record.position,
            record.stream,
            record.version,
            record.type,
            state,
            command if begins and not opens else None,
        )
