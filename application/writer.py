"""The Writer: the one way in to a ledger's log, one for each ledger and process.

Callers' threads leave units of commands in a queue and wait. The writer's thread takes whatever
waits (while one commit runs, the next one gathers), decides and writes it in one transaction and
answers everybody. Small requests go ahead of what remains of a big batch, which keeps a share.

A big commit is written by a thread of its own: while PostgreSQL stores it, the writer's thread
decides the next one ahead (application/following.py). Whatever goes wrong there ends in the plain
way: the cache dropped, the commands decided anew, behind the lock. What ends the thread itself is
a bug outside of any commit; `on_failure` is told, since nobody else would write to the ledger then.
"""

import threading
from collections import Counter, deque
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from datetime import datetime
from typing import NamedTuple

import psycopg
import structlog
from psycopg.sql import SQL, Identifier

from application.commit import Commit, utc_now
from application.decisions import prepare
from application.following import Overtaken
from application.identity import CommandIds
from application.metrics import COMMANDS, COMMIT_SIZE, QUEUE_DEPTH
from application.outcomes import Outcome, Prepared, Unanswered, Unit
from application.queue import MAX_COMMIT_COMMANDS, Queue, Taken, Ticket
from application.store import LedgerStore
from application.transactions import Transactions

FLIGHT_COMMANDS = 500
"""From this many commands on a commit is written by another thread while the next is decided.
Smaller ones had better gather: a flush of the disk costs more than they do."""

CLOSE_TIMEOUT_SECONDS = 30.0

log = structlog.get_logger()


def go_on() -> None:
    """A ledger without its writer is `unavailable`, and the process lives: it ends soon anyhow."""


class Flight(NamedTuple):
    """A commit on its way, and whom to answer when it has landed."""

    taken: Taken
    commit: Commit
    outcomes: list[list[Outcome]]
    written: Future[None]


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
        on_failure: Callable[[], object],
        clock: Callable[[], datetime] = utc_now,
    ) -> None:
        self._ledger = ledger
        self._on_failure = on_failure
        self._ids = CommandIds(ledger=ledger, secret=_read_secret(store, conninfo))
        self._transactions = Transactions(
            ledger=ledger,
            store=store,
            conninfo=conninfo,
            software_version=software_version,
            ids=self._ids,
            on_commit=on_commit,
            clock=clock,
        )
        self._flight: Flight | None = None
        self._hand = ThreadPoolExecutor(1, thread_name_prefix=f"commit-{ledger}")
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
        return self.submit_prepared(self.prepare(units))

    def prepare(self, units: Sequence[Unit]) -> list[list[Prepared]]:
        """Works out what can be before the lock is had. Requires units of up to
        MAX_COMMIT_COMMANDS."""
        ids = self._ids
        return [[prepare(asked, ids) for asked in unit] for unit in units]

    def submit_prepared(self, prepared: Sequence[list[Prepared]]) -> list[Outcome]:
        """Does what `submit` does with units that were prepared."""
        if not prepared:
            return []
        # A bare lock: a request waits once, and an Event is three objects and two locks.
        ended = threading.Lock()
        ended.acquire()
        ticket = self._put(prepared, ended=ended.release)
        ended.acquire()
        return ticket.result()

    def send(self, units: Sequence[Unit], *, ended: Callable[[], object]) -> Ticket:
        """Does what `submit` does for whoever can't wait: `ended`, called by the writer's thread,
        says that the ticket has its result. Requires a unit at least. Raises Unanswered."""
        return self._put(self.prepare(units), ended=ended)

    def _put(self, prepared: Sequence[list[Prepared]], *, ended: Callable[[], object]) -> Ticket:
        sizes = [len(unit) for unit in prepared]
        assert 0 < min(sizes) <= max(sizes) <= MAX_COMMIT_COMMANDS
        ticket = Ticket(deque(prepared), sum(sizes), ended=ended)
        self._queue.put(ticket)
        return ticket

    def close(self) -> None:
        """Commits what waits, answers it, and ends the writer's thread and session."""
        self._queue.close()
        self._thread.join(CLOSE_TIMEOUT_SECONDS)

    # -- the writer's thread

    def _run(self) -> None:
        taken: Taken = []
        try:
            while True:
                if self._flight is None:
                    if not (taken := self._queue.take()):
                        return
                    self._start(taken)
                elif taken := self._queue.take_many(
                    FLIGHT_COMMANDS, unless=self._flight.written.done
                ):
                    self._follow(self._flight, taken)
                else:
                    self._land(self._flight)
                QUEUE_DEPTH.labels(self._ledger).set(self._queue.depth)
        except Exception:
            log.exception("writer_failed", ledger=self._ledger)
            self._on_failure()
        finally:
            self._queue.end([*taken, *(self._flight.taken if self._flight else ())])
            self._hand.shutdown()
            self._transactions.close()

    def _start(self, taken: Taken) -> None:
        """Decides behind the lock. A small commit is answered, a big one on its way after it."""
        units = [unit for _, unit in taken]
        if sum(map(len, units)) < FLIGHT_COMMANDS or not self._transactions.may_follow:
            self._answer(taken)
            return
        try:
            commit, outcomes = self._transactions.decide(units)
        except Exception as error:  # noqa: BLE001 -- decided anew, where errors are told apart
            self._give_up(taken, error)
            return
        self._launch(taken, commit, outcomes)

    def _follow(self, flight: Flight, taken: Taken) -> None:
        """Decides ahead while the flight lands, and the rest behind the lock."""
        units = [unit for _, unit in taken]
        transactions = self._transactions
        following = None
        if transactions.may_follow:
            try:
                following = transactions.decide_ahead(flight.commit, units)
            except Exception as error:  # noqa: BLE001 -- decided anew, where errors are told apart
                self._land(flight)
                self._give_up(taken, error)
                return
        if not self._land(flight) or following is None:
            # What was decided ahead stood on books that are gone.
            self._start(taken)
            return
        try:
            outcomes = following.decide_behind(units)
        except Exception as error:  # noqa: BLE001 -- decided anew, where errors are told apart
            self._give_up(taken, error)
            return
        self._launch(taken, following, outcomes)

    def _launch(self, taken: Taken, commit: Commit, outcomes: list[list[Outcome]]) -> None:
        try:
            if not commit.stored:
                self._transactions.leave(commit)
                self._tell(taken, outcomes)
                return
            self._transactions.hand_over(commit)
        except Exception as error:  # noqa: BLE001 -- decided anew, where errors are told apart
            self._give_up(taken, error)
            return
        COMMIT_SIZE.observe(sum(map(len, outcomes)))
        written = self._hand.submit(commit.write)
        written.add_done_callback(lambda _: self._queue.wake())
        self._flight = Flight(taken, commit, outcomes, written)

    def _land(self, flight: Flight) -> bool:
        """Waits for the flight and answers it. False where the cache was dropped meanwhile."""
        landed = self._is_down(flight)
        # Only now: whatever ends this thread before answers it too.
        self._flight = None
        return landed

    def _is_down(self, flight: Flight) -> bool:
        try:
            flight.written.result()
        except psycopg.Error as error:
            try:
                stands = self._transactions.stands(flight.commit, error)
            except Unanswered as unanswered:
                self._transactions.reset()
                self._queue.fail([ticket for ticket, _ in flight.taken], unanswered)
                return False
            if stands:
                self._tell(flight.taken, flight.outcomes)
            else:
                self._give_up(flight.taken, error)
            return False
        except Exception as error:  # noqa: BLE001 -- decided anew, where errors are told apart
            self._give_up(flight.taken, error)
            return False
        self._transactions.confirm(flight.commit)
        self._tell(flight.taken, flight.outcomes)
        return True

    def _give_up(self, taken: Taken, error: Exception) -> None:
        """Believes nothing any more, and does it the plain way."""
        if not isinstance(error, Overtaken):
            log.warning("commit_decided_anew", ledger=self._ledger, error=str(error))
        self._transactions.reset()
        self._answer(taken)

    def _answer(self, taken: Taken) -> None:
        units = [unit for _, unit in taken]
        try:
            outcomes = self._transactions.commit(units)
        except Unanswered as unanswered:
            self._transactions.reset()
            self._queue.fail([ticket for ticket, _ in taken], unanswered)
            return
        except Exception:
            # A bug, or rows that contradict the log: nothing was committed, nothing is believed.
            log.exception("commit_failed", ledger=self._ledger, commands=sum(map(len, units)))
            self._transactions.reset()
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
        self._tell(taken, outcomes)

    def _tell(self, taken: Taken, outcomes: list[list[Outcome]]) -> None:
        for (ticket, _), answered in zip(taken, outcomes, strict=True):
            ticket.answer(answered)
        counts = Counter(
            "judged" if outcome.judged_at is not None else outcome.code or outcome.status
            for answered in outcomes
            for outcome in answered
        )
        for word, count in counts.items():
            COMMANDS.labels(self._ledger, word).inc(count)


def _read_secret(store: LedgerStore, conninfo: str) -> bytes:
    query = SQL("SELECT secret FROM {}.secrets WHERE name = 'command_digest'")
    with psycopg.connect(conninfo, autocommit=True, connect_timeout=15) as connection:
        schema = Identifier(store.log.datastore.schema)
        found = connection.execute(query.format(schema)).fetchone()
    assert found is not None
    return bytes(found[0])
