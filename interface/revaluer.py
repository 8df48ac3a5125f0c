"""The revaluer: posts revaluations that were asked for, and takes entries back on their day.

It reads what accounts held from the views, because the writer sees none, and tells the writer, who
judges it by what is true then. Any number of revaluers may run: a revaluation ends once, and an
entry is taken back once.
"""

import threading
from collections.abc import Callable
from datetime import date, datetime
from typing import Any, LiteralString
from zoneinfo import ZoneInfo

import structlog
from psycopg import Connection
from psycopg.rows import DictRow

from application.commit import utc_now
from application.ledgers import Ledgers
from application.outcomes import Asked, Caller, Outcome
from application.permissions import standing_of
from application.rounds import make_rounds
from domain.calendar import PeriodIsClosed, first_open_day
from domain.commands import At, Command
from domain.corrections import Reverse
from domain.ledgers import SYSTEM, Ledger
from domain.money import format_amount
from domain.revaluations import AbandonRevaluation, Figure, PostRevaluation
from interface.http.accounts import decode_account
from interface.http.door import snapshot
from interface.http.viewing import read_asset_states, read_own
from projections.balances import read_past
from projections.status import read_shown

AT_ONCE = 1_000
SOMETHING_IS_DUE: LiteralString = (
    "EXISTS (SELECT FROM {schema}.revaluations WHERE waits)"
    " OR EXISTS (SELECT FROM {schema}.due_reversals WHERE reverse_on <= %(day)s)"
)

THE_SERVICE = Caller(SYSTEM, None, frozenset({"operator", "clerk"}), "worker")
"""Who does it: what it takes back is an entry, which is a clerk's to do. A month that is being
closed is left to whoever closes it."""

ENDED = ("not_found", "idempotency_conflict")
"""What another revaluer's answer looks like that was quicker."""

log = structlog.get_logger(__name__)


class Revaluer:
    """Requires that the ledgers are open."""

    def __init__(self, ledgers: Ledgers, *, clock: Callable[[], datetime] = utc_now) -> None:
        self._ledgers = ledgers
        self._clock = clock
        self._refused: set[str] = set()

    def run(self, stop: threading.Event) -> None:
        """Looks at all ledgers again and again until it is told to stop.

        Raises psycopg.Error where the database can't be read.
        """
        make_rounds(
            self._ledgers,
            stop,
            duty="revaluer",
            condition=SOMETHING_IS_DUE,
            values=lambda: {"day": _latest_day(self._clock())},
            look_after=self.look_after,
        )

    def look_after(self, ledger: str) -> None:
        """Posts what waits in a ledger and takes back what is due there.

        Raises Unanswered, LedgerNotFound, psycopg.Error.
        """
        with self._ledgers.reader(ledger) as connection:
            waiting = connection.execute(
                "SELECT id::text, effective_on FROM revaluations WHERE waits"
                " ORDER BY effective_on, id LIMIT %s",
                [AT_ONCE],
            ).fetchall()
            due = connection.execute(
                "SELECT entry::text, reverse_on FROM due_reversals WHERE reverse_on <= %s"
                " ORDER BY reverse_on, entry LIMIT %s",
                [_latest_day(self._clock()), AT_ONCE],
            ).fetchall()
            own = read_own(connection) if due else None
        for row in waiting:
            self._revalue(ledger, row["id"], row["effective_on"])
        for row in due:
            assert own is not None
            if self._take_back(ledger, own, row["entry"], row["reverse_on"]) == PeriodIsClosed.code:
                return  # A close began meanwhile: it would be the same for all the others.

    def _revalue(self, ledger: str, id: str, on: date) -> None:
        with self._ledgers.reader(ledger) as connection, snapshot(connection, views=["lines"]):
            asked = connection.execute(
                "SELECT notification_id AS position FROM events"
                " WHERE originator_id = %s AND originator_version = 1",
                [id],
            ).fetchone()
            known = read_shown(connection, "lines")
            if asked is None or known < asked["position"]:
                return  # the views have not come so far
            figures = read_figures(connection, on=on, known=known)
        command = PostRevaluation(revaluation=id, known_position=known, figures=figures)
        outcome = self._submit(ledger, command, f"revalue-{id}-{known}")
        if outcome.code is None or outcome.code in ENDED:
            return
        log.warning("revaluation_abandoned", ledger=ledger, id=id, code=outcome.code)
        abandon = AbandonRevaluation(revaluation=id, code=outcome.code, detail=outcome.detail)
        self._submit(ledger, abandon, f"abandon-{id}")

    def _take_back(self, ledger: str, own: Ledger, entry: str, reverse_on: date) -> str | None:
        """Refused, it is tried again on the next day only: by then somebody may have seen to it.
        Returns the code of the refusal."""
        if own.closing is not None:
            return None  # Whose close it is sees to what belongs to it; the rest waits for its end.
        now = self._clock()
        today = now.astimezone(ZoneInfo(own.timezone)).date()
        key = f"reverse-{entry}-{today}"
        if reverse_on > today or key in self._refused:
            return None
        day = first_open_day(own, reverse_on, At(now, today, SYSTEM, standing_of(THE_SERVICE)))
        command = Reverse(entry=entry, effective_on=day, reason="revaluation")
        outcome = self._submit(ledger, command, key)
        if outcome.code is not None:
            self._refused.add(key)
            log.warning("reversal_refused", ledger=ledger, entry=entry, code=outcome.code)
        return outcome.code

    def _submit(self, ledger: str, command: Command, key: str) -> Outcome:
        return self._ledgers.writer(ledger).submit([(Asked(command, key, THE_SERVICE),)])[0]


def read_figures(connection: Connection[DictRow], *, on: date, known: int) -> list[Figure]:
    """Returns what monetary accounts held of foreign assets at the end of a day, and its worth, as
    known at a position. Requires that the lines are shown up to there."""
    functional = read_own(connection).functional_asset
    scales = {code: asset.scale for code, asset in read_asset_states(connection).items()}
    rows: list[dict[str, Any]] = connection.execute("SELECT document FROM accounts").fetchall()
    accounts = [decode_account(row["document"]) for row in rows]
    monetary = {account.code for account in accounts if account.monetary}
    if not monetary:
        return []
    return [
        Figure(
            account=one.account,
            asset=one.asset,
            balance=format_amount(one.net, scales[one.asset]),
            functional_amount=format_amount(one.functional, scales[functional]),
        )
        for one in read_past(connection, position=known, effective_on=on)
        if one.account in monetary and one.asset != functional and (one.net or one.functional)
    ]


def _latest_day(now: datetime) -> date:
    """The day where it is latest on earth."""
    return now.astimezone(ZoneInfo("Etc/GMT-14")).date()
