"""Journals that are there already, from an earlier edition of their file.

Where it came from, the digest of its file and its line, is part of what a command is. So a journal
in a file that has grown since has the key of a command that was done, and another digest: to the
ledger that is a conflict. It is the same journal where all is the same but its source, which shows
by the digest that it has with the source on record. What differs in anything else is a conflict.
"""

from collections.abc import Sequence

from msgspec.structs import replace
from psycopg.rows import tuple_row

from application.ledgers import Ledgers
from application.outcomes import Asked, Caller
from application.records import SHAPES
from application.writer import Writer
from domain.entries import EntryPosted, Post, Source
from interface.http.parsing import Element


class KnownJournals:
    """Looks up what one actor imported into one ledger."""

    def __init__(self, ledgers: Ledgers, ledger: str, caller: Caller) -> None:
        self._ledgers = ledgers
        self._ledger = ledger
        self._writer: Writer = ledgers.writer(ledger)
        self._caller = caller

    def are_there(self, commands: Sequence[Element]) -> list[bool]:
        """Says of each of some commands whose keys were used whether it is the one that used it,
        but for its source."""
        prepared = self._writer.prepare([(self._asked(one),) for one in commands])
        ids = [one.command_id for (one,) in prepared]
        with self._ledgers.reader(self._ledger) as connection:
            rows = connection.cursor(row_factory=tuple_row).execute(
                "SELECT state FROM events WHERE originator_id = ANY(%s::uuid[])"
                " AND originator_version = 1",
                [ids],
            )
            records = [SHAPES.decode(state) for (state,) in rows]
        digests = {record.command_id: record.command_digest for record in records}
        sources = {
            record.command_id: record.payload.source
            for record in records
            if isinstance(record.payload, EntryPosted)
        }
        as_before = [
            self._asked(one, source=sources.get(id)) for one, id in zip(commands, ids, strict=True)
        ]
        again = self._writer.prepare([(asked,) for asked in as_before])
        return [one.digest == digests.get(one.command_id) for (one,) in again]

    def _asked(self, one: Element, *, source: Source | None = None) -> Asked:
        command = one.command
        if source is not None and isinstance(command, Post):
            command = replace(command, source=source)
        return Asked(command, one.key, self._caller)
