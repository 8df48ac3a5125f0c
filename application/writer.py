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
from time import monotonic, perf_counter
from typing import Any

import psycopg
import structlog
from psycopg import Connection

from application.cache import Cache
from application.commit import Commit, Prepared, utc_now
from application.identity import CommandIds
from application.metrics import COMMANDS, COMMIT_SECONDS, COMMIT_SIZE, QUEUE_DEPTH
from application.outcomes import Outcome, Unanswered, Unit
from application.sessions import connect_writer, end_stopped_writer
from application.store import LedgerStore

MAX_COMMIT_COMMANDS = 2_000
"""Also the largest group: it must fit one commit."""

LARGE_SHARE = 500
"""Of each commit that big batches keep while small requests wait."""

SMALL_REQUEST = 50
MAX_QUEUE_COMMANDS = 50_000
MAX_TRIES = 3
UNKNOWN_AFTER_SECONDS = 10.0
CLOSE_TIMEOUT_SECONDS = 30.0

log = structlog.get_logger()


class Ticket:
    """One request's units and, as they come, their outcomes."""

    __slots__ = ("answered", "error", "outcomes", "size", "units")

    def __init__(self, units: deque[list[Prepared]], size: int) -> None:
        self.units = units
        self.size = size
        self.outcomes: list[Outcome] = []
        self.error: Unanswered | None = None
        self.answered = threading.Lock()
        self.answered.acquire()


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
        self._on_commit = on_commit
        self._clock = clock
        self._cache = Cache(ledger=ledger, schema=self._schema, shapes=store.shapes)
        self._connection: Connection[Any] | None = None
        self._ids = CommandIds(ledger=ledger, secret=self._read_secret())
        self._small: deque[Ticket] = deque()
        self._large: deque[Ticket] = deque()
        self._waiting = 0
        self._wake = threading.Condition()
        self._closing = False
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
        with self._wake:
            if self._closing:
                raise Unanswered("unavailable", "The service is stopping.")
            if self._waiting + size > MAX_QUEUE_COMMANDS:
                raise Unanswered("busy", f"{self._waiting} commands wait already.")
            self._waiting += size
            (self._small if size <= SMALL_REQUEST else self._large).append(ticket)
            self._wake.notify()
        ticket.answered.acquire()
        if ticket.error is not None:
            raise ticket.error
        return ticket.outcomes

    def close(self) -> None:
        """Commits what waits, answers it, and ends the writer's thread and session."""
        with self._wake:
            self._closing = True
            self._wake.notify()
        self._thread.join(CLOSE_TIMEOUT_SECONDS)

    # -- the writer's thread

    def _run(self) -> None:
        while True:
            with self._wake:
                while not (self._small or self._large or self._closing):
                    self._wake.wait()
                if not (self._small or self._large):
                    break
                taken = self._take()
                QUEUE_DEPTH.labels(self._ledger).set(self._waiting)
            self._answer(taken)
        self._disconnect()

    def _take(self) -> list[tuple[Ticket, list[Prepared]]]:
        """Takes up to a commit's worth of units: small requests first, large ones keep a share."""
        taken: list[tuple[Ticket, list[Prepared]]] = []
        room = MAX_COMMIT_COMMANDS
        for queue, reserve in ((self._small, LARGE_SHARE if self._large else 0), (self._large, 0)):
            while queue:
                ticket = queue[0]
                while ticket.units and (len(ticket.units[0]) <= room - reserve or not taken):
                    unit = ticket.units.popleft()
                    taken.append((ticket, unit))
                    room -= len(unit)
                if ticket.units:
                    break
                queue.popleft()
        self._waiting -= MAX_COMMIT_COMMANDS - room
        return taken

    def _answer(self, taken: list[tuple[Ticket, list[Prepared]]]) -> None:
        units = [unit for _, unit in taken]
        try:
            outcomes = self._commit(units)
        except Unanswered as unanswered:
            self._reset()
            self._fail(taken, unanswered)
            return
        except Exception:
            # A bug, or rows that contradict the log: nothing was committed, nothing is believed.
            log.exception("commit_failed", ledger=self._ledger)
            self._reset()
            self._fail(taken, Unanswered("internal", "The commit failed; nothing was written."))
            return
        for (ticket, _), answered in zip(taken, outcomes, strict=True):
            ticket.outcomes.extend(answered)
            if len(ticket.outcomes) == ticket.size:
                ticket.answered.release()
        counts = Counter(
            outcome.code or ("replayed" if outcome.replayed else "done")
            for answered in outcomes
            for outcome in answered
        )
        for word, count in counts.items():
            COMMANDS.labels(self._ledger, word).inc(count)

    def _fail(self, taken: list[tuple[Ticket, list[Prepared]]], error: Unanswered) -> None:
        failed = {id(ticket): ticket for ticket, _ in taken}
        with self._wake:
            for ticket in failed.values():
                self._waiting -= sum(map(len, ticket.units))
                ticket.units.clear()
            for queue in (self._small, self._large):
                while queue and id(queue[0]) in failed:
                    queue.popleft()
        for ticket in failed.values():
            ticket.error = error
            ticket.answered.release()

    # -- one commit, and what can go wrong with it

    def _commit(self, units: list[list[Prepared]]) -> list[list[Outcome]]:
        """Raises Unanswered."""
        COMMIT_SIZE.observe(sum(map(len, units)))
        error: psycopg.Error | None = None
        for _ in range(MAX_TRIES):
            try:
                commit, outcomes = self._decide(units)
                if self._end(commit):
                    return outcomes
            except psycopg.errors.LockNotAvailable as e:
                self._reset()
                self._end_stopped_writer()
                error = e
            except (psycopg.OperationalError, psycopg.InterfaceError) as e:
                log.warning("commit_interrupted", ledger=self._ledger, error=str(e))
                self._reset()
                error = e
            except psycopg.errors.ReadOnlySqlTransaction as e:
                self._reset()
                raise Unanswered("unavailable", "The database is read-only.") from e
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
            software_version=self._software_version,
            clock=self._clock,
        )
        commit.open([one for unit in units for one in unit])
        started = perf_counter()
        outcomes = [commit.decide(unit) for unit in units]
        COMMIT_SECONDS.labels("decide").observe(perf_counter() - started)
        return commit, outcomes

    def _end(self, commit: Commit) -> bool:
        """Writes and COMMITs. Returns False where it turns out that nothing was committed."""
        connection = self._connection
        assert connection is not None
        if not commit.stored:
            connection.execute("ROLLBACK")
            self._cache.books.confirm()
            return True
        try:
            commit.write()
        except (psycopg.OperationalError, psycopg.InterfaceError) as error:
            log.warning("commit_ambiguous", ledger=self._ledger, error=str(error))
            self._reset()
            return self._was_committed(commit)
        self._cache.confirm(commit.mark)
        self._on_commit(self._ledger, commit.position)
        return True

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
                self._pause(0.1)
        raise Unanswered(
            "outcome_unknown", "The connection was lost at COMMIT; retry with the same key."
        )

    def _pause(self, seconds: float) -> None:
        with self._wake:
            self._wake.wait_for(lambda: self._closing, seconds)

    def _end_stopped_writer(self) -> None:
        try:
            self._connection = connect_writer(self._conninfo)
            end_stopped_writer(self._connection, schema=self._schema)
        except psycopg.Error as error:
            log.warning("ending_stopped_writer_failed", ledger=self._ledger, error=str(error))
            self._reset()

    # -- connection

    def _reset(self) -> None:
        """Forgets everything that the database did not confirm."""
        self._cache.drop()
        self._disconnect()

    def _disconnect(self) -> None:
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    def _read_secret(self) -> bytes:
        with connect_writer(self._conninfo) as connection:
            found = self._cache.rows.fetch(
                connection, "SELECT secret FROM {}.secrets WHERE name = 'command_digest'"
            )
            return bytes(found[0][0])
