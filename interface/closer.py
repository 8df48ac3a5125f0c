"""The closer: answers each close that was begun, from what the views show, once the period is
revalued and a year's result is moved; and takes the closing entries of reopened years back.

The writer sees no views: it has shut the period, and waits. Everything here can be cut off anywhere
and begun anew, by several workers at once: what is read is as known at positions that stand, so the
same commands have the same keys, and are done once.
"""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date
from typing import LiteralString, NamedTuple

import msgspec
import structlog
from psycopg import Connection
from psycopg.rows import DictRow
from psycopg.sql import SQL, Identifier

from application.ledgers import Ledgers
from application.outcomes import Asked, Caller, Outcome
from application.records import SHAPES
from application.rounds import make_rounds
from application.store import schema_of
from domain.calendar import ONE_DAY, shut_through
from domain.closes import AbandonClose, ConcludeClose
from domain.commands import Command
from domain.corrections import Reverse
from domain.ledgers import SYSTEM
from domain.periods import Period
from domain.revaluations import PostRevaluation, Revalue
from interface.closing_entries import Obstacle, closing_entries
from interface.http.door import snapshot
from interface.http.viewing import read_own
from interface.reports.making import known_source
from interface.revaluer import read_figures
from projections.closing import read_result, read_standing, trial_balance_digest
from projections.report import Source
from projections.status import read_shown

VIEWS_SECONDS = 5.0
"""How long the views are waited for at a time."""

READ_SECONDS = 60
READ_VIEWS = ("lines", "entries")
MAX_ENTRIES = 1_500
"""So many ids fit into the record of a close."""

THE_CLOSER = Caller(SYSTEM, None, frozenset({"operator", "controller"}), "worker")
"""Who closes, once a controller has asked for it."""

# Entries of a period's last close that nobody took back, though it is open again. By name first: of
# the periods that are shut, none but one is looked into.
_STANDING: LiteralString = """
FROM (
    SELECT greatest(own ->> 'closed_through', own ->> 'locked_through', '') AS through
    FROM {schema}.ledger AS l, CAST(convert_from(l.document, 'UTF8') AS jsonb) AS own OFFSET 0
) AS shut
JOIN {schema}.periods AS p ON p.name >= left(shut.through, 7) COLLATE "C"
CROSS JOIN LATERAL CAST(convert_from(p.document, 'UTF8') AS jsonb) AS period
CROSS JOIN LATERAL jsonb_array_elements_text(period -> 'closes' -> -1 -> 'entries')
    WITH ORDINALITY AS e (entry, number)
WHERE period ->> 'last_on' > shut.through
AND NOT EXISTS (SELECT FROM {schema}.events AS taken
    WHERE taken.originator_id = e.entry::uuid AND taken.originator_version = 2)
"""
_HAS_WORK: LiteralString = (
    "EXISTS (SELECT FROM {schema}.ledger WHERE convert_from(document, 'UTF8')::jsonb ? 'closing')"
    " OR EXISTS (SELECT " + _STANDING + ")"
)

# Entries of revaluations of earlier days that stood when a close was begun, each with the position
# at which it was taken back since.
_REVALUATIONS: LiteralString = """
SELECT e.entry, r.effective_on, taken.notification_id AS taken_at
FROM {schema}.revaluations AS r
CROSS JOIN LATERAL jsonb_array_elements_text(
    convert_from(r.document, 'UTF8')::jsonb -> 'entries'
) AS e (entry)
LEFT JOIN {schema}.events AS taken
    ON taken.originator_id = e.entry::uuid AND taken.originator_version = 2
WHERE r.effective_on < %s AND coalesce(taken.notification_id > %s, true)
ORDER BY r.effective_on, e.entry
"""

log = structlog.get_logger(__name__)


class Begun(NamedTuple):
    """A close that waits for its answer: its event's position, and version in the stream."""

    period: Period
    position: int
    version: int
    fiscal_year: int | None


class NotShown(Exception):
    """The views have not come so far: the next round sees."""


class Closer:
    """Requires that the ledgers are open."""

    def __init__(self, ledgers: Ledgers, *, views_seconds: float = VIEWS_SECONDS) -> None:
        self._ledgers = ledgers
        self._views_seconds = views_seconds
        self._refused: set[str] = set()

    def run(self, stop: threading.Event) -> None:
        """Answers closes of all ledgers again and again until it is told to stop.

        Raises psycopg.Error where the database can't be read.
        """

        def look_after(ledger: str) -> None:
            try:
                self.look_after(ledger)
            except NotShown:
                log.info("close_waits_for_views", ledger=ledger)

        make_rounds(self._ledgers, stop, duty="closer", condition=_HAS_WORK, look_after=look_after)

    def look_after(self, ledger: str) -> None:
        """Takes back what is to be taken back in a ledger, and answers its close.

        Raises NotShown, Unanswered, LedgerNotFound, psycopg.Error.
        """
        with self._ledgers.reader(ledger) as connection:
            begun = _read_begun(connection)
            standing = [] if begun is not None else _standing_entries(connection, ledger)
        if begun is not None:
            self._close(ledger, begun)
        for entry in standing:
            key = f"reopen-{entry}"
            if key not in self._refused and self._take_back(ledger, entry, key).code is not None:
                # A person has to see to it; the next close of the period tries once more, and says.
                self._refused.add(key)
                log.warning("closing_entry_stands", ledger=ledger, entry=entry)

    def _close(self, ledger: str, begun: Begun) -> None:
        period, key = begun.period, f"{begun.period.stream}-{begun.version}"
        try:
            known = self._take_all_back(ledger, begun, key)
            known = self._take_revaluations_back(ledger, begun, key, known)
            known = self._revalue(ledger, begun, key, known)
            entries: list[str] = []
            if begun.fiscal_year is not None:
                entries, known = self._post_result(ledger, begun, key, known)
        except Obstacle as obstacle:
            abandon = AbandonClose(period=period.name, why=obstacle.why, detail=obstacle.detail)
            self._submit(ledger, f"abandon-{key}", abandon)
            log.warning("close_abandoned", ledger=ledger, period=period.name, why=obstacle.why)
            return
        with self._shown(ledger, known) as source:
            digest = trial_balance_digest(source, effective_on=period.last_on)
        conclude = ConcludeClose(period=period.name, position=known, digest=digest, entries=entries)
        self._submit(ledger, f"conclude-{key}", conclude)
        log.info("period_closed", ledger=ledger, period=period.name, position=known)

    def _take_all_back(self, ledger: str, begun: Begun, key: str) -> int:
        """Takes back what the last close of the period posted, where it stands; returns up to where
        the views have to show then. Raises Obstacle."""
        known = begun.position
        closes = begun.period.closes
        for entry in closes[-1].entries if closes else ():
            with self._ledgers.reader(ledger) as connection:
                taken = connection.execute(
                    "SELECT notification_id AS position FROM events WHERE originator_id = %s"
                    " AND originator_version = 2",
                    [entry],
                ).fetchone()
            if taken is not None:
                known = max(known, taken["position"])
                continue
            outcome = self._take_back(ledger, entry, f"reclose-{key}-{entry}")
            if outcome.code is not None:
                raise Obstacle(outcome.code, outcome.detail)
            known = max(known, outcome.stored[-1].position)
        return known

    def _take_revaluations_back(self, ledger: str, begun: Begun, key: str, known: int) -> int:
        """Takes back what stands of revaluations of earlier days, as on the day after each; returns
        up to where the views have to show then. Raises Obstacle, NotShown."""
        query = SQL(_REVALUATIONS).format(schema=Identifier(schema_of(ledger)))
        with self._ledgers.reader(ledger) as connection:
            shut = shut_through(read_own(connection), "closing") or date.min
            rows = connection.execute(query, [begun.period.last_on, begun.position]).fetchall()
        for row in rows:
            if row["taken_at"] is not None:
                known = max(known, row["taken_at"])
                continue
            day = max(row["effective_on"], shut) + ONE_DAY
            reverse = Reverse(entry=row["entry"], effective_on=day, reason="revaluation")
            outcome = self._submit(ledger, f"revalued-{key}-{row['entry']}", reverse)
            if outcome.code == "already_reversed":
                raise NotShown  # by somebody quicker: the next round sees when
            if outcome.code is not None:
                raise Obstacle(outcome.code, outcome.detail)
            known = max(known, outcome.stored[-1].position)
        return known

    def _revalue(self, ledger: str, begun: Begun, key: str, known: int) -> int:
        """Posts by what the worth of monetary accounts differs at the end of the period; returns up
        to where the views have to show then. Raises Obstacle, NotShown."""
        last_on = begun.period.last_on
        with self._shown(ledger, known) as source:
            figures = read_figures(source.connection, on=last_on, known=known)
        if not figures:
            return known
        writer, ask = self._ledgers.writer(ledger), f"revalue-{key}"
        id = writer.ids.command_id(actor=THE_CLOSER.actor, key=ask)
        post = PostRevaluation(revaluation=id, known_position=known, figures=figures)
        # As one: no revaluer ever sees it wait.
        asked, posted = writer.submit(
            [
                (
                    Asked(Revalue(effective_on=last_on), ask, THE_CLOSER),
                    Asked(post, f"{ask}-post", THE_CLOSER),
                )
            ]
        )
        for outcome in (asked, posted):
            if outcome.code not in (None, "group_refused"):
                raise Obstacle(outcome.code, outcome.detail)
        return max(known, posted.stored[-1].position)

    def _post_result(
        self, ledger: str, begun: Begun, key: str, known: int
    ) -> tuple[list[str], int]:
        """Posts the closing entries, all or none; returns their ids, and up to where the views have
        to show then. Raises Obstacle."""
        period = begun.period
        with self._shown(ledger, known) as source:
            _check_suspense(source, period.last_on)
            nets = read_result(source, effective_on=period.last_on)
            reference = f"Closing of {begun.fiscal_year}"
            entries = list(closing_entries(source, nets, on=period.last_on, reference=reference))
        if len(entries) > MAX_ENTRIES:
            raise Obstacle(
                "too_large", f"It takes {len(entries)} closing entries; {MAX_ENTRIES} is the most."
            )
        unit = tuple(
            Asked(entry, f"close-{key}-{number}", THE_CLOSER)
            for number, entry in enumerate(entries)
        )
        outcomes = self._ledgers.writer(ledger).submit([unit] if unit else [])
        for outcome in outcomes:
            if outcome.code not in (None, "group_refused"):
                raise Obstacle(outcome.code, outcome.detail)
        rows = [outcome.stored[0] for outcome in outcomes]
        return [row.stream for row in rows], max([known, *(row.position for row in rows)])

    def _take_back(self, ledger: str, entry: str, key: str) -> Outcome:
        return self._submit(ledger, key, Reverse(entry=entry, reason="regulatory"))

    def _submit(self, ledger: str, key: str, command: Command) -> Outcome:
        asked = Asked(command, key, THE_CLOSER)
        outcome = self._ledgers.writer(ledger).submit([(asked,)])[0]
        if outcome.code is not None:
            log.warning("closer_refused", ledger=ledger, key=key, code=outcome.code)
        return outcome

    @contextmanager
    def _shown(self, ledger: str, known: int) -> Iterator[Source]:
        """Gives what was known at a position, once the views show that. Raises NotShown."""

        def is_shown(connection: Connection[DictRow]) -> bool:
            return read_shown(connection, *READ_VIEWS) >= known

        if not self._ledgers.wait_until(ledger, is_shown, self._views_seconds):
            raise NotShown
        with (
            self._ledgers.reader(ledger) as connection,
            snapshot(connection, views=READ_VIEWS, seconds=READ_SECONDS),
        ):
            yield known_source(connection, ledger=read_own(connection), known=known)


def _read_begun(connection: Connection[DictRow]) -> Begun | None:
    """The close that is under way, if one is."""
    closing = read_own(connection).closing
    if closing is None:
        return None
    row = connection.execute(
        "SELECT document FROM periods WHERE name = %s", [closing.period]
    ).fetchone()
    assert row is not None, "a period that closes has a row"
    period = msgspec.json.decode(row["document"], type=Period)
    begun = connection.execute(
        "SELECT state FROM events WHERE originator_id = %s AND topic = 'PeriodClosing'"
        " ORDER BY originator_version DESC LIMIT 1",
        [period.stream],
    ).fetchone()
    assert begun is not None, "it was begun by an event"
    record = SHAPES.decode(begun["state"])
    return Begun(period, record.position, record.version, record.payload.fiscal_year)


def _standing_entries(connection: Connection[DictRow], ledger: str) -> list[str]:
    """The closing entries of periods that are open again, which nobody took back."""
    query = SQL("SELECT e.entry " + _STANDING + " ORDER BY p.name, e.number")
    rows = connection.execute(query.format(schema=Identifier(schema_of(ledger)))).fetchall()
    return [row["entry"] for row in rows]


def _check_suspense(source: Source, last_on: date) -> None:
    """What nobody could place is no part of a year's accounts. Raises Obstacle."""
    for one in read_standing(source, last_on):
        if source.accounts[one.account].purpose == "suspense":
            raise Obstacle(
                "suspense_not_empty",
                f"{one.account} holds {source.shown(abs(one.net), one.asset)} {one.asset} on"
                f" {last_on}: post what it is to where it belongs, on that day or before.",
            )
