"""What is read: views that follow the log, past balances, statements, trial balances.

One ledger with a history: most transfers have one wallet on one side, a quarter is dated back. Then
posts at a rate that is offered, whatever is answered: without a worker and beside one that has all
of that history to catch up with, in turn, and beside one that has caught up, whose lag is taken.
Questions are asked in this process, of the queries that the HTTP routes ask, one after another.
"""

import random
import secrets
import shutil
import subprocess
import time
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from functools import partial
from typing import Any, NamedTuple

from psycopg import Connection
from psycopg.sql import SQL, Identifier

from application.ledgers import Ledgers, read_position
from application.migrate import SERVICE_ROLE
from application.records import SHAPES
from application.store import schema_of
from interface.bench.figures import Result
from interface.bench.generator import at_share
from interface.bench.imports import ROWS_A_COMMIT, imported
from interface.bench.lag import Lag
from interface.bench.load import Progress
from interface.bench.rig import Rig, RigFailed, Service
from interface.bench.scenario import Load, Terms, Told, measured, used
from interface.bench.steps import Steps
from interface.bench.workloads import (
    ASSET,
    HISTORY_DAYS,
    HOT_WALLET,
    SMALL_BATCH_COMMANDS,
    Workload,
    wallet,
)
from interface.bootstrap import Database
from interface.collector import calm_collector
from interface.http.viewing import read_own
from interface.reports.making import make_document
from projections.balances import read_past
from projections.entries import ENTRIES
from projections.lines import LINES, PLACES
from projections.rebuilding import rebuild
from projections.runner import connect, enter
from projections.showing import VIEWS
from projections.statements import by_booking, by_effective_day
from projections.views import View

OFFERED_A_SECOND = 2_000
"""Transfers, in small batches."""
OFFERING_CONNECTIONS = 16
LINES_A_TRANSFER = 2
ALONE, BESIDE = "posts_alone", "posts_beside_catch_up"
ROUNDS = 3
"""Of each of the two, in turn."""
PAGE = 50
REPORTS = 5
"""How often a trial balance is made."""
FOREIGN_SECONDS_MAX = 1_800

QUICK_LINES, FULL_LINES = 200_000, 1_000_000


class Question(NamedTuple):
    name: str
    ask: Callable[[], object]
    times: int


class Reads:
    """One run of all scenarios on one server."""

    def __init__(self, *, rig: Rig, terms: Terms, lines: int, questions: int, steps: Steps) -> None:
        self._rig = rig
        self._terms = terms
        self._transfers = lines // LINES_A_TRANSFER
        self._questions = questions
        self._steps = steps
        # Not for secrets: for the same questions each time.
        self._random = random.Random(20_260_331)  # noqa: S311

    def run(self) -> None:
        """Runs everything. A scenario that fails is said in `skipped`, and the rest goes on.

        Raises one of FAILURES if what all of them need can't be had.
        """
        run = secrets.token_hex(4)
        with self._rig.service() as service:
            key = self._rig.create_key("bench", "controller", "operator")
            main = Workload(ledger=f"read_{run}", wallets=self._terms.wallets, key=key, run=run)
            self._steps.ledger(main, service)
            self._steps.measure("history", partial(self._history, main))
            self._posts_alone_and_beside(main, service)
            with self._rig.worker():
                self._lag(main, service)
        database = Database(owner=self._rig.owner, service=self._rig.service_login)
        ledgers = database.ledgers()
        ledgers.open()
        # As the service and the worker have it, whose work is done in this process now.
        calm_collector()
        try:
            for view in (LINES, ENTRIES):
                self._steps.measure(f"catch_up_{view.name}", partial(self._rebuilt, main, view))
            self._ask(ledgers, main)
        finally:
            ledgers.close()
        self._foreign(main)

    def _history(self, main: Workload, told: Told) -> Result:
        return imported(
            main,
            name="history",
            lines=self._transfers,
            rig=self._rig,
            told=told,
            write=main.write_history,
        )

    # -- posts at a rate that is offered

    def _posts_alone_and_beside(self, main: Workload, service: Service) -> None:
        """Posts without a worker and beside one that has all to catch up with, in turn: on a busy
        machine one round says next to nothing."""
        rounds: dict[str, list[Result]] = {ALONE: [], BESIDE: []}
        for number in range(1, ROUNDS + 1):
            if result := self._posts(f"{ALONE}_{number}", main, service):
                rounds[ALONE].append(result)
            self._forget_views(main)
            with self._rig.worker():
                if result := self._posts(f"{BESIDE}_{number}", main, service):
                    rounds[BESIDE].append(result)
        if rounds[ALONE] and rounds[BESIDE]:
            alone, beside = (self._steps.sum_up(name, rounds[name]) for name in rounds)
            compare(alone, beside)

    def _forget_views(self, main: Workload) -> None:
        """Leaves views as they are made: empty, with all to catch up with."""
        with connect(self._rig.owner) as connection, connection.transaction():
            enter(connection, schema_of(main.ledger))
            for table in (table for view in VIEWS for table in view.tables):
                connection.execute(SQL("TRUNCATE {}").format(Identifier(table)))
            connection.execute("UPDATE tracking SET notification_id = 0, build = build + 1")

    def _posts(self, name: str, main: Workload, service: Service) -> Result | None:
        load = Load(
            name=name,
            services=[service],
            pools=[main.small_batches(name)],
            connections=[(0, 0)] * OFFERING_CONNECTIONS,
            ledgers=[main.ledger],
            units_a_second=OFFERED_A_SECOND / SMALL_BATCH_COMMANDS,
        )
        return self._steps.measure(
            name, lambda told: measured(load, rig=self._rig, terms=self._terms, told=told)
        )

    def _lag(self, main: Workload, service: Service) -> None:
        """How far the views are behind while posts come in: `p50_ms` and `p99_ms` of that."""
        with Lag(self._rig.owner, schema_of(main.ledger)) as lag:
            lag.wait_until_none()
            lag.begin()
            posts = self._posts("lag", main, service)
            seconds = sorted(lag.end())
        if posts is not None:
            posts.p50_ms = round(1000 * at_share(seconds, 0.5), 1)
            posts.p99_ms = round(1000 * at_share(seconds, 0.99), 1)
            posts.notes.append("p50 and p99 are the age of the oldest event that no view shows yet")

    # -- views made anew, which is the same work as catching up

    def _rebuilt(self, main: Workload, view: View, told: Told) -> Result:
        with connect(self._rig.owner) as connection:
            schema = schema_of(main.ledger)
            postgres_before = self._rig.postgres.cpu_seconds() if self._rig.postgres else None
            used_before, began = time.process_time(), time.perf_counter()
            position = rebuild(
                connection,
                schema=schema,
                view=view,
                decode=SHAPES.decode,
                service_role=SERVICE_ROLE,
                on_step=lambda step: told(Progress(step.position / step.head, step.position)),
            )
            seconds = time.perf_counter() - began
            postgres_after = self._rig.postgres.cpu_seconds() if self._rig.postgres else None
        return Result(
            name=f"catch_up_{view.name}",
            rate=round(position / seconds, 1),
            seconds=round(seconds, 2),
            transfers=position,
            service_cpu_share=round((time.process_time() - used_before) / seconds, 3),
            postgres_cpu_share=used(postgres_before, postgres_after, wall_seconds=seconds),
        )

    # -- questions

    def _ask(self, ledgers: Ledgers, main: Workload) -> None:
        with ledgers.reader(main.ledger) as connection:
            head = read_position(connection)
            for question in self._asked(connection, head):
                self._steps.measure(question.name, partial(_timed, question))

    def _asked(self, connection: Connection[Any], head: int) -> list[Question]:
        hot = wallet(HOT_WALLET)
        past = partial(read_past, connection, asset=ASSET)
        own = read_own(connection)
        deep = partial(by_booking, connection, account=hot, asset=ASSET, limit=PAGE)
        by_day = partial(by_effective_day, connection, account=hot, asset=ASSET, limit=PAGE)
        trial = partial(make_document, connection, ledger=own, name="trial-balance")

        def position() -> int:
            return self._random.randrange(head // 2, head)

        def some_wallet() -> str:
            return wallet(self._random.randrange(self._terms.wallets))

        return [
            Question(
                "past_balance",
                lambda: past(position=position(), effective_on=self._day(), account=some_wallet()),
                self._questions,
            ),
            Question(
                "past_balance_hot",
                lambda: past(position=position(), effective_on=self._day(), account=hot),
                self._questions,
            ),
            Question(
                "statement_booking",
                lambda: deep(first=1, last=head, after=position() * PLACES),
                self._questions,
            ),
            Question(
                "statement_effective",
                lambda: by_day(from_=None, to=None, known=head, after=(self._day(), 0)),
                self._questions,
            ),
            Question(
                "trial_balance_past_day",
                lambda: trial(known=head, query={"effective_on": self._day()}),
                REPORTS,
            ),
            Question(
                "trial_balance_past_position",
                lambda: trial(known=position(), query={"effective_on": self._day()}),
                REPORTS,
            ),
        ]

    def _day(self) -> date:
        today = datetime.now(UTC).date()
        return today - timedelta(days=self._random.randrange(1, HISTORY_DAYS))

    # -- a program that has no views

    def _foreign(self, main: Workload) -> None:
        """The same trial balance by `ledger -f` on what we export for it."""
        program, name = shutil.which("ledger"), "ledger_balance"
        if program is None:
            self._steps.skipped[name] = "the program ledger is not installed"
            return

        def asked(_told: Told) -> Result:
            journal = self._rig.directory / "books.journal"
            self._rig.command(
                "export", "--ledger", main.ledger, "--format", "hledger", "--output", str(journal)
            )
            began = time.perf_counter()
            done = subprocess.run(
                [program, "-f", str(journal), "balance", "--flat"],
                capture_output=True,
                check=False,
                timeout=FOREIGN_SECONDS_MAX,
            )
            seconds = time.perf_counter() - began
            if done.returncode != 0:
                raise RigFailed(f"ledger: {done.stderr[-200:].decode(errors='replace')}")
            result = _result(name, [seconds])
            for ours in self._steps.results:
                if ours.name == "trial_balance_past_day" and ours.p50_ms:
                    times = 1000 * seconds / ours.p50_ms
                    result.notes.append(f"{times:.0f} times as long as our trial balance, p50")
            return result

        self._steps.measure(name, asked)


def compare(alone: Result, beside: Result) -> None:
    """Says in the figures of posts beside a worker what became of those without one."""
    if alone.p99_ms and beside.p99_ms:
        beside.ratio_to_alone = round(beside.p99_ms / alone.p99_ms, 3)
    if alone.rate:
        beside.notes.append(f"{beside.rate / alone.rate:.0%} of the rate without a worker")


def _timed(question: Question, told: Told) -> Result:
    """Asks a question so many times, the first time not counted."""
    question.ask()
    seconds = []
    for number in range(question.times):
        began = time.perf_counter()
        question.ask()
        seconds.append(time.perf_counter() - began)
        told(Progress((number + 1) / question.times, number + 1))
    return _result(question.name, seconds)


def _result(name: str, seconds: list[float]) -> Result:
    seconds = sorted(seconds)
    return Result(
        name=name,
        rate=round(len(seconds) / sum(seconds), 1),
        p50_ms=round(1000 * at_share(seconds, 0.5), 3),
        p99_ms=round(1000 * at_share(seconds, 0.99), 3),
        seconds=round(sum(seconds), 2),
        transfers=len(seconds),
        rows_a_commit=ROWS_A_COMMIT,
    )
