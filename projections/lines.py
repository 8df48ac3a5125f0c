"""Journal lines: every leg that was posted, with the running totals that answer any past balance.

Append-only. Each line stores the running totals of its account and asset, in the order of the log.
The lines of an account and asset form runs of RUN_LINES; when one is full, `line_periods` gets a
row for each day, month and year that it touched, with the totals of that period up to there. So
the balance as of day D as known at position P is the last total of each earlier year, of each
earlier month of D's year and of each day of D's month up to D, before the run that is not full at
P; and the lines of that run.

For questions about all accounts at once there are totals of the whole chart (chart_totals.py).

(Totals of day, month and year on each line, with an index for each, would save the run's lines and
cost several times the time to write: most of it goes into indexes. So there is one, by account.)

Functional totals are kept for assets other than the functional one only (null: the same as the
asset's own). Amounts are minor units of the asset, functional ones of the functional asset.
"""

from bisect import bisect_left
from collections.abc import Mapping, Sequence
from functools import partial
from operator import itemgetter
from typing import Any

import msgspec
from msgspec import Struct
from psycopg import Connection

from domain.catalogue import EVENTS
from domain.entries import EntryPosted
from domain.ledgers import Ledger
from projections import chart_totals, totals
from projections.chart_totals import Stretch, begin_stretch, end_stretch, read_stretch
from projections.sending import Sending
from projections.totals import Added, FullRun, Key, day_of, load_runs, write_periods
from projections.views import Decode, Stored, View

PLACES = 128
"""place = position * PLACES + number of the leg: one column orders the lines of a ledger."""

LINES_OF_ENTRY = """
CROSS JOIN unnest(p.accounts) AS touched (account)
JOIN line_keys AS k ON k.account = touched.account
CROSS JOIN LATERAL (
    SELECT * FROM lines WHERE key = k.id
    AND place > p.position * %(places)s AND place < (p.position + 1) * %(places)s
    -- Apart from the rest: else all lines of an account may be looked at for each of its entries.
    OFFSET 0
) AS l
"""
"""The lines of `posted_entries AS p`, as `l`, with the account and asset of each, as `k`."""

MAX_DAYS, MAX_PERIODS = 300_000, 200_000
"""Days of open runs, and totals of periods, that a worker keeps in memory; beyond, it forgets all
of them and reads what it needs."""

SENT_ENTRIES = 2_500
"""So many are worked out while PostgreSQL stores those before them."""

DDL = f"""{chart_totals.DDL}
-- What lines are about; small numbers keep the lines and their indexes small.
CREATE TABLE line_keys (
    id integer PRIMARY KEY,
    account text COLLATE "C" NOT NULL,
    asset text COLLATE "C" NOT NULL,
    -- The place of the first line.
    since bigint NOT NULL,
    UNIQUE (account, asset)
);
CREATE TABLE lines (
    place bigint NOT NULL,
    -- The place of the first line of its run.
    run bigint NOT NULL,
    number bigint NOT NULL,
    key integer NOT NULL,
    effective_on date NOT NULL,
    is_debit boolean NOT NULL,
    amount bigint NOT NULL,
    functional numeric,
    all_debits numeric NOT NULL,
    all_credits numeric NOT NULL,
    all_functional numeric,
    PRIMARY KEY (key, place)
) WITH (autovacuum_vacuum_insert_scale_factor = 0.1, autovacuum_analyze_scale_factor = 0.1);
-- What was recorded between two positions. Lines stand in the table nearly in the order of the log,
-- so to know of each stretch of pages from where to where it goes is enough, and costs next to
-- nothing to write. (By position, not by place: there the planner, which knows little of what was
-- written last, would rather look into each account.)
CREATE INDEX lines_in_order ON lines USING brin ((place / {PLACES})) WITH (autosummarize = on);
-- place: of the last line of a full run. places: of a day, those of its lines in that run.
CREATE TABLE line_periods (
    place bigint NOT NULL,
    key integer NOT NULL,
    period integer NOT NULL,
    debits numeric NOT NULL,
    credits numeric NOT NULL,
    functional numeric,
    places bigint[],
    PRIMARY KEY (key, period, place)
) WITH (autovacuum_vacuum_insert_scale_factor = 0.1, autovacuum_analyze_scale_factor = 0.1);
"""

_COPY_LINES = (
    "COPY lines (place, number, all_debits, all_credits, functional, all_functional, run, key,"
    " effective_on, is_debit, amount) FROM STDIN"
)


VERSION = EVENTS[EntryPosted]


class Leg(Struct, gc=False):
    """What lines need of a leg; the rest of its bytes is passed over."""

    account: str
    side: str
    amount: str
    asset: str
    line: int
    balance: str
    functional_amount: str | None = None


class Posted(Struct, gc=False):
    effective_on: str
    legs: list[Leg]


class Envelope(Struct, gc=False):
    schema_version: int
    payload: Posted


class Gap(Exception):
    """An account's passbook does not go on where it ended: the log or the view is broken."""


_envelope = msgspec.json.Decoder(Envelope).decode
_ledger = msgspec.json.Decoder(Ledger).decode


class LinesFold:
    """Writes lines, remembering the last totals of what it has met."""

    def __init__(self, decode: Decode) -> None:
        self._decode = decode
        self._functional_asset: str | None = None
        self._keys: dict[tuple[str, str], Key] = {}
        self._days = self._periods = 0
        """How many of open runs, and of full ones, are in memory."""
        self._stretch: Stretch | None = None

    def fold(self, connection: Connection[Any], events: Sequence[Stored]) -> None:
        """Appends the lines of posted entries. Raises Gap."""
        if self._functional_asset is None:
            self._functional_asset = _functional_asset(connection)
        self._make_room()
        stretch = self._stretch or read_stretch(connection)
        with Sending(connection, _COPY_LINES) as sending:
            while events:
                place = events[0][0] * PLACES
                if stretch is None or place >= stretch.ends:
                    if stretch is not None:
                        sending.do(partial(end_stretch, stretch=stretch, before=place))
                    stretch = begin_stretch(stretch, place=place)
                count = bisect_left(events, stretch.ends // PLACES, key=_first)
                for start in range(0, count, SENT_ENTRIES):
                    self._append(sending, events[start : min(start + SENT_ENTRIES, count)])
                events = events[count:]
        self._stretch = stretch

    def _make_room(self) -> None:
        if self._days > MAX_DAYS:
            self._keys.clear()
            self._days = self._periods = 0
        elif self._periods > MAX_PERIODS:
            for key in self._keys.values():
                key.periods.clear()
                key.is_whole = False
            self._periods = 0

    def _append(self, sending: Sending, events: Sequence[Stored]) -> None:
        full: list[FullRun] = []
        lines = self._written(events, sending, full)
        # Neighbours in the index one after another: half of its time.
        lines.sort(key=_first)
        sending.send("".join([line for _, line in lines]).encode())
        if full:
            sending.do(partial(self._write_periods, full=full))

    def _write_periods(self, connection: Connection[Any], full: Sequence[FullRun]) -> None:
        self._periods += write_periods(connection, full)

    def _posted(self, state: bytes) -> Posted:
        try:
            envelope = _envelope(state)
            if envelope.schema_version == VERSION:
                return envelope.payload
        except msgspec.ValidationError:  # of an older shape
            pass
        return msgspec.convert(msgspec.to_builtins(self._decode(state).payload), Posted)

    # -- what was there before

    def _meet(self, connection: Connection[Any], events: Sequence[Stored]) -> None:
        """Takes up the accounts of entries that are not known here, in the order of the log, so
        that they have the same numbers however it is followed."""
        unknown: dict[tuple[str, str], int] = {}
        for position, state, _ in events:
            place = position * PLACES
            for leg in self._posted(state).legs:
                place += 1
                pair = leg.account, leg.asset
                if pair not in self._keys:
                    self._keys[pair] = Key(is_valued=leg.asset != self._functional_asset)
                    unknown[pair] = place
        self._load_keys(connection, unknown)

    def _load_keys(
        self, connection: Connection[Any], unknown: Mapping[tuple[str, str], int]
    ) -> None:
        """Fills in what keys go on from, and makes those that are new: their first lines are at
        the places given."""
        accounts = [account for account, _ in unknown]
        assets = [asset for _, asset in unknown]
        made = connection.execute(
            "INSERT INTO line_keys SELECT (SELECT coalesce(max(id), 0) FROM line_keys)"
            " + row_number() OVER (ORDER BY w.n), w.account, w.asset, w.place"
            " FROM unnest(%s::text[], %s::text[], %s::bigint[])"
            " WITH ORDINALITY AS w (account, asset, place, n)"
            " WHERE NOT EXISTS (SELECT FROM line_keys AS k WHERE k.account = w.account"
            " AND k.asset = w.asset) RETURNING id",
            [accounts, assets, list(unknown.values())],
        ).fetchall()
        rows = connection.execute(
            "SELECT k.id, k.account, k.asset, coalesce(l.number, 0), coalesce(l.all_debits, 0),"
            " coalesce(l.all_credits, 0), coalesce(l.all_functional, 0), coalesce(l.run, 0)"
            " FROM unnest(%s::text[], %s::text[]) AS w (account, asset)"
            " JOIN line_keys AS k ON k.account = w.account AND k.asset = w.asset"
            " LEFT JOIN LATERAL (SELECT * FROM lines WHERE key = k.id"
            " ORDER BY place DESC LIMIT 1) AS l ON true",
            [accounts, assets],
        ).fetchall()
        loaded = {}
        for id, account, asset, number, debits, credits, functional, run in rows:
            key = loaded[id] = self._keys[account, asset]
            key.id, key.number = id, number
            key.begin_run(run)
            key.debits, key.credits = int(debits), int(credits)
            key.functional = int(functional)
        for (id,) in made:
            loaded[id].is_whole = True
        self._days += load_runs(connection, loaded)

    # -- what comes to it

    def _written(
        self, events: Sequence[Stored], sending: Sending, full: list[FullRun]
    ) -> list[tuple[int, str]]:
        """Returns the entries' lines as COPY has them, each with its key's number, and adds the
        runs that they end to `full`. Raises Gap."""
        keys, run_lines = self._keys, totals.RUN_LINES
        lines: list[tuple[int, str]] = []
        text, amount = "", 0
        # All of an entry before the next one is read: its bytes are near then.
        for index, (position, state, _) in enumerate(events):
            posted = self._posted(state)
            effective_on = posted.effective_on
            day, place = day_of(effective_on), position * PLACES
            for leg in posted.legs:
                place += 1
                key = keys.get((leg.account, leg.asset))
                if key is None:
                    self._meet(sending.connection, events[index:])
                    key = keys[leg.account, leg.asset]
                if leg.amount != text:
                    # Mostly the same on both sides of an entry.
                    text = leg.amount
                    amount = int(text.replace(".", ""))
                number = key.number = key.number + 1
                if not (number - 1) % run_lines:
                    key.begin_run(place)
                added = key.days.get(day)
                if added is None:
                    added = key.days[day] = [0, 0, 0]
                    self._days += 1
                added.append(place)
                if is_debit := leg.side == "debit":
                    key.debits += amount
                    added[0] += amount
                else:
                    key.credits += amount
                    added[1] += amount
                debits, credits = key.debits, key.credits
                left, balance = debits - credits, int(leg.balance.replace(".", ""))
                if leg.line != number or (balance != left and balance != -left):
                    raise _gap(leg, key, position)
                worth = _worth(key, added, leg) if key.is_valued else "\\N\t\\N"
                numbers = f"{place}\t{number}\t{debits}\t{credits}\t{worth}\t{key.run_text}"
                side = "t" if is_debit else "f"
                lines.append((key.id, f"{numbers}{effective_on}\t{side}\t{amount}\n"))
                if not number % run_lines:
                    full.append(FullRun(key, place, key.end_run()))
                    self._days -= len(full[-1].days)
        return lines


def _worth(key: Key, added: Added, leg: Leg) -> str:
    """Adds what a leg is worth, and returns it as COPY has it: the leg's and its account's."""
    value = int((leg.functional_amount or "0").replace(".", ""))
    if leg.side != "debit":
        value = -value
    key.functional += value
    added[2] += value
    return f"{value}\t{key.functional}"


_first = itemgetter(0)


def _gap(leg: Leg, key: Key, position: int) -> Gap:
    return Gap(
        f"{leg.account} in {leg.asset}, position {position}: line {leg.line} leaves {leg.balance};"
        f" it should be line {key.number} and leave {key.debits - key.credits} minor units of debit"
    )


def _functional_asset(connection: Connection[Any]) -> str:
    row = connection.execute("SELECT document FROM ledger").fetchone()
    assert row is not None, "a ledger with entries was created"
    return _ledger(row[0]).functional_asset


LINES = View(
    name="lines",
    shape=6,
    topics=(EntryPosted.__name__,),
    tables=("lines", "line_keys", "line_periods", "chart_stretches", "chart_totals"),
    ddl=DDL,
    new_fold=LinesFold,
)
