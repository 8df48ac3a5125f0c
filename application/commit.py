"""One commit: what a writer decides and writes in one transaction, under the ledger's one lock.

READ COMMITTED is enough, and needed: every statement after the lock sees all that was committed
before the lock was had, because every writer holds the lock until its COMMIT is done.
"""

from collections.abc import Callable, KeysView, Sequence
from datetime import UTC, datetime, timedelta
from time import perf_counter
from typing import Any
from uuid import UUID, uuid4
from zoneinfo import ZoneInfo

from application.cache import Cache
from application.changes import write_changes
from application.decisions import Decisions
from application.expiry import DueHolds
from application.identity import CommandIds
from application.metrics import COMMIT_STEPS
from application.needs import Needs
from application.outcomes import Outcome, Prepared, Unanswered
from application.plain import PlainForms
from application.private import PrivateRow
from application.recorder import LedgerRecorder, Row
from application.records import FORMAT
from application.repeats import Head, begin, read_done
from application.sessions import WriterConnection
from application.statements import Statement, Statements, join
from domain.commands import At
from domain.signing_keys import ContinueLedger


class Commit:
    """Locks, looks up, decides and writes; the caller then tells the cache what became of it."""

    def __init__(
        self,
        *,
        connection: WriterConnection,
        recorder: LedgerRecorder,
        cache: Cache,
        ids: CommandIds,
        software_version: str,
        forms: PlainForms,
        clock: Callable[[], datetime],
    ) -> None:
        self.connection = connection
        self._recorder = recorder
        self._cache = cache
        self._ids = ids
        self._software_version = software_version
        self._forms = forms
        self._clock = clock
        self.commit_id = uuid4()
        self._statements: list[Statement] = []

    # -- steps 1 to 3: the lock, whether the cache is what it locks, what was done already

    def open(self, prepared: Sequence[Prepared]) -> None:
        """Takes the head lock and reads what the decisions need. Raises psycopg.Error."""
        started = perf_counter()
        self._continues = continues(prepared)
        connection, rows = self.connection, self._cache.rows
        command_ids = [one.command_id for one in prepared]
        needs = Needs(self._cache.books)
        for one in prepared:
            needs.of(one.asked.command)
        head, found = begin(
            connection,
            lock=self._recorder.lock_head,
            rows=rows,
            command_ids=command_ids,
            new_ids=needs.new_ids,
        )
        locked = perf_counter()
        COMMIT_STEPS["lock"].observe(locked - started)
        if self._begin_at(head):
            needs = Needs(self._books)
            for one in prepared:
                needs.of(one.asked.command)
        self._read(needs, found, command_ids)
        COMMIT_STEPS["look_up"].observe(perf_counter() - locked)

    def _begin_at(self, head: Head) -> bool:
        """Starts after the head. True where the cache was not the head's and was dropped."""
        if head.format > FORMAT:
            raise Unanswered(
                "read_only",
                f"The log has format {head.format}; this software writes {FORMAT}. Upgrade.",
            )
        if head.halted is not None and not self._continues:
            raise Unanswered("read_only", f"The ledger is read-only: {head.halted}")
        self.found_stale = self._cache.mark != (head.position, head.commit_id)
        if self.found_stale:
            self._cache.drop()
            self._cache.rows.read_small(self.connection, self._cache.books)
            self._cache.mark = (head.position, head.commit_id)
        self._begin(head.position, head.recorded_at, head.incarnation)
        return self.found_stale

    def _begin(self, position: int, last_at: datetime, incarnation: int) -> None:
        self.incarnation = incarnation + self._continues
        # Rises with positions whatever the clocks of processes do: what is counted from is the
        # commit before, whoever wrote it.
        self.recorded_at = max(self._clock(), last_at.astimezone(UTC) + timedelta(microseconds=1))
        self._books = self._cache.books
        self._due_holds = DueHolds(self.connection, self._cache.rows)
        self.decisions = Decisions(
            books=self._books,
            ids=self._ids,
            forms=self._forms,
            due_holds=self._due_holds,
            ledger=self._cache.ledger,
            software_version=self._software_version,
            position=position,
            incarnation=self.incarnation,
            at=At(self.recorded_at, self._today(self.recorded_at)),
            keep_alive=self.connection.keep_alive,
        )

    def _today(self, now: datetime) -> Any:
        ledger = self._books.ledgers.get("")
        return now.astimezone(ZoneInfo("UTC" if ledger is None else ledger.timezone)).date()

    def _read(
        self, needs: Needs, found: Sequence[tuple[int, str]], command_ids: Sequence[str]
    ) -> None:
        """Reads what was done under these ids, and what is needed and not in memory."""
        rows, connection, books = self._cache.rows, self.connection, self._books
        taken, known = read_done(
            connection,
            found,
            rows=rows,
            shapes=self._cache.shapes,
            command_ids=command_ids,
        )
        self.decisions.known |= known
        for stream in taken:
            books.opened.now[stream] = True
        # An entry that a command of this commit asks for must stand on the shelves when made.
        self.decisions.reserve(asked_for=needs.entries, wished_for=needs.new_ids | taken)
        if needs.entries:
            rows.read_entries(connection, books, needs.entries)
            for entry in needs.entries & books.entries.now.keys():
                needs.accounts_of_entry(entry)
        if needs.authorizations:
            rows.read_authorizations(connection, books, needs.authorizations)
            for id in needs.authorizations & books.authorizations.now.keys():
                needs.accounts_of(id)
        if needs.network_references:
            rows.read_network_references(connection, books, needs.network_references)
        if needs.suspense:
            needs.accounts |= rows.read_suspense(connection, books)
        if needs.pairs:
            rows.read_rates(connection, books, needs.pairs)
        if needs.exchange and not rows.knows_exchange:
            needs.accounts |= rows.read_exchange(connection, books)
        if needs.revaluations:
            rows.read_revaluations(connection, books, needs.revaluations)
        if needs.positions:
            rows.read_streams(connection, books, needs.positions)
        if needs.accounts:
            rows.read_accounts(connection, books, needs.accounts)

    # -- step 4: decisions

    def decide_all(self, units: Sequence[Sequence[Prepared]]) -> list[list[Outcome]]:
        """Decides unit after unit."""
        started = perf_counter()
        outcomes = [self.decisions.decide(unit) for unit in units]
        COMMIT_STEPS["decide"].observe(perf_counter() - started)
        return outcomes

    # -- step 5: writing

    def close_books(self) -> None:
        """Works out what is to be written beside the events. After it the books may go on to the
        next commit: `write` no longer looks at them."""
        books = self._cache.books
        self.opened = frozenset(books.opened.now)
        statements = Statements()
        write_changes(self._cache.rows, statements, books, self._private_rows())
        statements.execute(
            self._recorder.move_head,
            [self.position, self.commit_id, self.recorded_at, self.incarnation],
            prepare=True,
        )
        self._statements = statements.made
        books.confirm()

    def _private_rows(self) -> list[PrivateRow]:
        """The new texts. What this commit itself erases is not written at all: the statement that
        erases does not see what is written beside it."""
        private, erased = self.decisions.private, self._cache.books.erased.changed
        if not erased or not private:
            return private
        last: dict[str, int] = {}
        for row in self.stored:
            if row.topic == "PrivateTextErased":
                last[row.record.payload.erased] = row.position
        gone = {row.position for row in self.stored if row.position < last.get(row.stream, 0)}
        return [row for row in private if row.position not in gone]

    def write(self) -> None:
        """Appends the events, writes the rows that changed, moves the head, COMMITs.

        A statement that fails raises, and keeps COMMIT from being sent. Where the connection is
        lost on the way, the outcome is unknown.
        """
        started = perf_counter()
        connection = self.connection
        usual = [Statement(*self._recorder.appending(self.stored), prepare=True)]
        for statement in self._statements:
            if statement.prepare:
                usual.append(statement)
            else:
                connection.ask(statement.query, statement.params)
        together = join(usual)
        connection.ask(together.query, together.params)
        written = perf_counter()
        COMMIT_STEPS["write"].observe(written - started)
        connection.ask_plainly(b"COMMIT")
        COMMIT_STEPS["commit"].observe(perf_counter() - written)

    @property
    def stored(self) -> list[Row]:
        """The events, in order."""
        return self.decisions.stored

    @property
    def position(self) -> int:
        """Of the last event."""
        return self.decisions.position

    @property
    def known_ids(self) -> KeysView[str]:
        """The ids of the commands that it has decided, or found done."""
        return self.decisions.known.keys()

    @property
    def mark(self) -> tuple[int, UUID]:
        return self.position, self.commit_id


def continues(prepared: Sequence[Prepared]) -> bool:
    """True for the commit that opens a new incarnation. Raises Unanswered where others came in
    with it: its record must be the first one there."""
    if not any(type(one.asked.command) is ContinueLedger for one in prepared):
        return False
    if len(prepared) > 1:
        raise Unanswered("busy", "The ledger is being written to; stop that before it goes on.")
    return True


def utc_now() -> datetime:
    """Returns the clock of this machine, in UTC."""
    return datetime.now(UTC)
