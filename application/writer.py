"""The Writer: the one way in to a ledger's log, one for each ledger and process.

Callers' threads leave units of commands in a queue and wait. The writer's thread takes whatever
waits (while one commit runs, the next one gathers), decides and writes it in one transaction and
answers everybody. Small requests go ahead of what remains of a big batch, which keeps a share.

An error at any point drops the cache. Before COMMIT was sent nothing can have been written, so the
commit is tried again on a new connection. After it was sent the outcome is looked up, behind the
head lock: until the lost transaction has ended, the lock can't be had.
"""

import threading
from collections import Counter, deque
from collections.abc import Callable, Sequence
from datetime import datetime
from time import monotonic, sleep
from typing import Any

import psycopg
import structlog
from psycopg import Connection

from application.cache import Cache
from application.commit import Commit, Prepared, utc_now
from application.expiry import DueHolds
from application.identity import CommandIds
from application.metrics import COMMANDS, COMMIT_SIZE, QUEUE_DEPTH
from application.outcomes import Outcome, Unanswered, Unit
from application.plain import PlainForms
from application.queue import MAX_COMMIT_COMMANDS, Queue, Taken, Ticket
from application.sessions import connect_writer, end_stopped_writer
from application.store import LedgerStore

MAX_TRIES = 3
UNKNOWN_AFTER_SECONDS = 10.0
LOOK_UP_PAUSE_SECONDS = 0.1
CLOSE_TIMEOUT_SECONDS = 30.0

_PASSING = (psycopg.OperationalError, psycopg.InterfaceError, psycopg.InternalError)
"""Errors of the session or the server, not of the statement: worth another try."""

log = structlog.get_logger()


class Writer:
    """Takes commands for one ledger, from any thread."""

    def __init__(
        self,
        *,
        ledger: str,
        store: LedgerStore,
        conninfo: str,
        software_version: str,
        on_commit: Callable[[str, int], None],
        clock: Callable[[], datetime] = utc_now,
    ) -> None:
        self._ledger = ledger
        self._store = store
        self._schema = store.log.datastore.schema
        self._conninfo = conninfo
        self._software_version = software_version
        self._forms = PlainForms(ledger=ledger, software_version=software_version)
        self._on_commit = on_commit
        self._clock = clock
        self._cache = Cache(ledger=ledger, schema=self._schema, shapes=store.shapes)
        self._connection: Connection[Any] | None = None
        self._due_holds = DueHolds(conninfo)
        self._ids = CommandIds(ledger=ledger, secret=self._read_secret())
        self._queue = Queue()
        self._thread = threading.Thread(target=self._run, name=f"writer-{ledger}", daemon=True)
        self._thread.start()

    @property
    def ids(self) -> CommandIds:
        return self._ids

    # -- callers' side

    def submit(self, units: Sequence[Unit]) -> list[Outcome]:
        """Returns the outcome of each command, in order, when all are committed or refused.

        Requires units of up to MAX_COMMIT_COMMANDS. Raises Unanswered: `busy`, `unavailable`,
        `outcome_unknown`, `internal`; commands that an earlier commit of the same request did
        are found again under their keys.
        """
        ids = self._ids
        prepared: deque[list[Prepared]] = deque()
        size = 0
        for unit in units:
            assert 0 < len(unit) <= MAX_COMMIT_COMMANDS
            size += len(unit)
            prepared.append(
                [
                    Prepared(
                        asked,
                        ids.command_id(actor=asked.by.actor, key=asked.key),
                        ids.digest(asked.command),
                    )
                    for asked in unit
                ]
            )
        if not size:
            return []
        ticket = Ticket(prepared, size)
        self._queue.put(ticket)
        return ticket.wait()

    def close(self) -> None:
        """Commits what waits, answers it, and ends the writer's thread and session."""
        self._queue.close()
        self._thread.join(CLOSE_TIMEOUT_SECONDS)

    # -- the writer's thread

    def _run(self) -> None:
        taken: Taken = []
        try:
            while taken := self._queue.take():
                QUEUE_DEPTH.labels(self._ledger).set(self._queue.depth)
                self._answer(taken)
        finally:
            self._queue.end(taken)
            self._disconnect()

    def _answer(self, taken: Taken) -> None:
        units = [unit for _, unit in taken]
        try:
            outcomes = self._commit(units)
        except Unanswered as unanswered:
            self._reset()
            self._queue.fail([ticket for ticket, _ in taken], unanswered)
            return
        except Exception:
            # A bug, or rows that contradict the log: nothing was committed, nothing is believed.
            log.exception("commit_failed", ledger=self._ledger, commands=sum(map(len, units)))
            self._reset()
            if len(taken) > 1:
                # One command must not take the others with it: halve until it stands alone.
                self._answer(taken[: len(taken) // 2])
                self._answer(taken[len(taken) // 2 :])
                return
            failed = Unanswered(
                "internal",
                "A command of this request could not be decided or written. What else the request"
                " holds may be on record: retry with the same keys.",
            )
            self._queue.fail([ticket for ticket, _ in taken], failed)
            return
        for (ticket, _), answered in zip(taken, outcomes, strict=True):
            ticket.answer(answered)
        counts = Counter(
            outcome.code or ("replayed" if outcome.replayed else "done")
            for answered in outcomes
            for outcome in answered
        )
        for word, count in counts.items():
            COMMANDS.labels(self._ledger, word).inc(count)

    # -- one commit, and what can go wrong with it

    def _commit(self, units: list[list[Prepared]]) -> list[list[Outcome]]:
        """Raises Unanswered."""
        COMMIT_SIZE.observe(sum(map(len, units)))
        error: psycopg.Error | None = None
        for _ in range(MAX_TRIES):
            try:
                commit, outcomes = self._decide(units)
                self._end(commit)
                return outcomes
            except psycopg.errors.LockNotAvailable as e:
                self._reset()
                self._end_stopped_writer()
                error = e
            except psycopg.errors.ReadOnlySqlTransaction as e:
                self._reset()
                raise Unanswered("unavailable", "The database is read-only.") from e
            except psycopg.Error as e:
                lost = self._connection is None or self._connection.broken
                self._reset()
                if not (lost or isinstance(e, _PASSING)):
                    raise
                log.warning("commit_interrupted", ledger=self._ledger, error=str(e))
                error = e
        if isinstance(error, psycopg.errors.LockNotAvailable):
            raise Unanswered("busy", "Another writer holds this ledger's lock.") from error
        raise Unanswered("unavailable", "The database can't be written to now.") from error

    def _decide(self, units: list[list[Prepared]]) -> tuple[Commit, list[list[Outcome]]]:
        if self._connection is None or self._connection.closed:
            self._connection = connect_writer(self._conninfo)
        commit = Commit(
            connection=self._connection,
            recorder=self._store.log,
            cache=self._cache,
            ids=self._ids,
            software_version=self._software_version,
            forms=self._forms,
            clock=self._clock,
            due_holds=self._due_holds,
        )
        commit.open([one for unit in units for one in unit])
        return commit, commit.decide_all(units)

    def _end(self, commit: Commit) -> None:
        """Writes and COMMITs. Raises psycopg.Error where nothing was committed, Unanswered where
        that can't be told."""
        connection = self._connection
        assert connection is not None
        if not commit.stored:
            connection.execute("ROLLBACK")
            self._cache.books.confirm()
            return
        try:
            commit.write()
        except psycopg.Error as error:
            if not connection.broken and error.diag.severity_nonlocalized == "ERROR":
                raise  # The server said so itself: it has rolled the transaction back.
            # COMMIT may have been executed: what is on record says what became of it.
            log.warning("commit_ambiguous", ledger=self._ledger, error=str(error))
            self._reset()
            if self._was_committed(commit):
                return
            raise
        self._cache.confirm(commit.mark)
        self._on_commit(self._ledger, commit.position)

    def _was_committed(self, commit: Commit) -> bool:
        """Looks, behind the head lock, whether a commit whose answer was lost is there.

        The lock waits until the lost transaction ended, one way or the other. Raises Unanswered
        (`outcome_unknown`) where it can't be had in time.
        """
        first = commit.stored[0]
        deadline = monotonic() + UNKNOWN_AFTER_SECONDS
        while monotonic() < deadline:
            try:
                self._connection = connect_writer(self._conninfo)
                self._connection.execute("BEGIN")
                self._connection.execute(self._store.log.lock_head)
                found = self._cache.rows.fetch(
                    self._connection,
                    "SELECT state FROM {}.events WHERE notification_id = %s",
                    first.position,
                )
                self._connection.execute("ROLLBACK")
                committed = bool(found) and bytes(found[0][0]) == first.state
                if committed:
                    self._on_commit(self._ledger, commit.position)
                return committed
            except psycopg.Error as error:
                log.warning("commit_look_up_failed", ledger=self._ledger, error=str(error))
                self._reset()
                if isinstance(error, psycopg.errors.LockNotAvailable):
                    self._end_stopped_writer()
                sleep(LOOK_UP_PAUSE_SECONDS)
        raise Unanswered(
            "outcome_unknown", "The connection was lost at COMMIT; retry with the same key."
        )

    def _end_stopped_writer(self) -> None:
        """Also a session of this writer's own: within a pipeline the server may not notice that
        its client is gone."""
        try:
            with connect_writer(self._conninfo) as connection:
                end_stopped_writer(connection, schema=self._schema)
        except psycopg.Error as error:
            log.warning("ending_stopped_writer_failed", ledger=self._ledger, error=str(error))

    # -- connection

    def _reset(self) -> None:
        """Forgets everything that the database did not confirm."""
        self._cache.drop()
        self._disconnect()

    def _disconnect(self) -> None:
        self._due_holds.close()
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    def _read_secret(self) -> bytes:
        with connect_writer(self._conninfo) as connection:
            found = self._cache.rows.fetch(
                connection, "SELECT secret FROM {}.secrets WHERE name = 'command_digest'"
            )
            return bytes(found[0][0])
