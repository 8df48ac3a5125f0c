"""One commit at a time on the Writer's connections, and what can go wrong with it.

An error at any point drops the cache. Before COMMIT was sent nothing can have been written, so the
commit is tried again on a new connection. After it was sent the outcome is looked up, behind the
head lock: until the lost transaction has ended, the lock can't be had.
"""

from collections.abc import Callable
from datetime import datetime
from itertools import chain
from time import monotonic, sleep
from typing import TypeVar

import psycopg
import structlog

from application.cache import Cache
from application.commit import Commit
from application.following import Following
from application.identity import CommandIds
from application.metrics import COMMIT_SIZE
from application.outcomes import Outcome, Prepared, Unanswered
from application.plain import PlainForms
from application.sessions import WriterConnection, connect_writer, end_stopped_writer
from application.store import LedgerStore

MAX_TRIES = 3
UNKNOWN_AFTER_SECONDS = 10.0
LOOK_UP_PAUSE_SECONDS = 0.1

_PASSING = (psycopg.OperationalError, psycopg.InterfaceError, psycopg.InternalError)
"""Errors of the session or the server, not of the statement: worth another try."""

UNDISTURBED_COMMITS = 3
"""Before a commit is decided ahead: where writers take turns it would be for nothing."""

Units = list[list[Prepared]]

C = TypeVar("C", bound=Commit)

log = structlog.get_logger()


class Transactions:
    """Decides and commits units of commands for one ledger, from one thread."""

    def __init__(
        self,
        *,
        ledger: str,
        store: LedgerStore,
        conninfo: str,
        software_version: str,
        ids: CommandIds,
        on_commit: Callable[[str, int], None],
        clock: Callable[[], datetime],
    ) -> None:
        self._ledger = ledger
        self._store = store
        self._schema = store.log.datastore.schema
        self._conninfo = conninfo
        self._software_version = software_version
        self._forms = PlainForms(ledger=ledger, software_version=software_version)
        self._ids = ids
        self._on_commit = on_commit
        self._clock = clock
        self._cache = Cache(ledger=ledger, schema=self._schema, shapes=store.shapes)
        self._connection: WriterConnection | None = None
        self._spare: WriterConnection | None = None
        self.undisturbed = 0
        """How many commits in a row found the head as this writer had left it."""

    def commit(self, units: Units) -> list[list[Outcome]]:
        """Decides and commits. Raises Unanswered."""
        COMMIT_SIZE.observe(sum(map(len, units)))
        error: psycopg.Error | None = None
        for _ in range(MAX_TRIES):
            try:
                commit, outcomes = self.decide(units)
                self.end(commit)
                self._cache.rows.histories.follow(commit.stored, chain.from_iterable(outcomes))
                return outcomes
            except psycopg.errors.LockNotAvailable as e:
                self.reset()
                self._end_stopped_writer()
                error = e
            except psycopg.errors.ReadOnlySqlTransaction as e:
                self.reset()
                raise Unanswered("unavailable", "The database is read-only.") from e
            except psycopg.Error as e:
                lost = self._connection is None or self._connection.broken
                self.reset()
                if not (lost or isinstance(e, _PASSING)):
                    raise
                log.warning("commit_interrupted", ledger=self._ledger, error=str(e))
                error = e
        if isinstance(error, psycopg.errors.LockNotAvailable):
            raise Unanswered("busy", "Another writer holds this ledger's lock.") from error
        raise Unanswered("unavailable", "The database can't be written to now.") from error

    def decide(self, units: Units) -> tuple[Commit, list[list[Outcome]]]:
        """Takes the lock and decides. Requires that no commit is on its way. Raises
        psycopg.Error."""
        self._cache.make_room()
        commit = self._new(Commit)
        commit.open([one for unit in units for one in unit])
        self.undisturbed = 0 if commit.found_stale else self.undisturbed + 1
        return commit, commit.decide_all(units)

    def decide_ahead(self, previous: Commit, units: Units) -> Following:
        """Decides what can be decided while `previous` is being written. Raises psycopg.Error."""
        following = self._new(Following)
        following.decide_ahead(previous, units)
        return following

    def end(self, commit: Commit) -> None:
        """Writes and COMMITs. Raises psycopg.Error where nothing was committed, Unanswered where
        that can't be told."""
        if not commit.stored:
            self.leave(commit)
            return
        commit.close_books()
        try:
            commit.write()
        except psycopg.Error as error:
            if _was_rolled_back(commit, error) or not self.stands(commit, error):
                raise
            return
        self.confirm(commit)

    def leave(self, commit: Commit) -> None:
        """Ends a commit that has nothing to write. Raises psycopg.Error."""
        commit.connection.ask_plainly(b"ROLLBACK")
        self._cache.books.confirm()

    def hand_over(self, commit: Commit) -> None:
        """Closes the commit's books and leaves it its connection, for another thread to write."""
        commit.close_books()
        self._connection, self._spare = self._spare, self._connection

    def confirm(self, commit: Commit) -> None:
        """Believes what the commit left. Requires that its COMMIT was confirmed."""
        self._cache.confirm(commit.mark)
        self._on_commit(self._ledger, commit.position)

    @property
    def may_follow(self) -> bool:
        """True where a commit may be decided ahead: this writer has the ledger for itself."""
        return self.undisturbed >= UNDISTURBED_COMMITS and not self._cache.is_full

    def stands(self, commit: Commit, error: psycopg.Error) -> bool:
        """True where a commit whose writing ended in this error is on record nevertheless.

        Drops the cache. Raises Unanswered where it can't be told.
        """
        rolled_back = _was_rolled_back(commit, error)
        self.reset()
        if rolled_back:
            return False
        # COMMIT may have been executed: what is on record says what became of it.
        log.warning("commit_ambiguous", ledger=self._ledger, error=str(error))
        return self._was_committed(commit)

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
                self._connection.ask_plainly(b"BEGIN; " + self._store.log.lock_head)
                found = self._cache.rows.fetch(
                    self._connection,
                    "SELECT state FROM {}.events WHERE notification_id = %s",
                    first.position,
                )
                self._connection.ask_plainly(b"ROLLBACK")
                committed = bool(found) and bytes(found[0][0]) == first.state
                if committed:
                    self._on_commit(self._ledger, commit.position)
                return committed
            except psycopg.Error as error:
                log.warning("commit_look_up_failed", ledger=self._ledger, error=str(error))
                self.reset()
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

    # -- connections

    def reset(self) -> None:
        """Forgets everything that the database did not confirm."""
        self.undisturbed = 0
        self._cache.drop()
        self.close()

    def close(self) -> None:
        """Closes the sessions."""
        for connection in (self._connection, self._spare):
            if connection is not None:
                connection.close()
        self._connection = self._spare = None

    def _new(self, kind: type[C]) -> C:
        if self._connection is None or self._connection.closed:
            self._connection = connect_writer(self._conninfo)
        return kind(
            connection=self._connection,
            recorder=self._store.log,
            cache=self._cache,
            ids=self._ids,
            software_version=self._software_version,
            forms=self._forms,
            clock=self._clock,
        )


def _was_rolled_back(commit: Commit, error: psycopg.Error) -> bool:
    """True where the server said so itself."""
    return not commit.connection.broken and error.diag.severity_nonlocalized == "ERROR"
