"""Journal lines: every leg that was posted, with the running totals that answer any past balance.

Append-only. Each line stores two pairs of running totals of its account and asset, both in the
order of the log: of everything, and of its effective day. The lines of an account and asset form
runs of RUN_LINES; when one is full, `line_periods` gets a row for each month and year that it
touched, with the totals of that period up to there. So the balance as of day D as known at
position P is the last total of each earlier year and of each earlier month of D's year, before the
run that is not full at P; and of each day of D's month up to D, at P; and the lines of that run.

For questions about all accounts at once there are totals of the whole chart (chart_totals.py).

(Totals of year and month on each line, with an index for each, would save the run's lines and cost
twice the time to write: half of it went into these indexes.)

Functional totals are kept for assets other than the functional one only (null: the same as the
asset's own). Amounts are minor units of the asset, functional ones of the functional asset.
"""

from bisect import bisect_left
from collections.abc import Mapping, Sequence
from contextlib import suppress
from operator import attrgetter, itemgetter
from typing import Any

import msgspec
from msgspec import Struct
from psycopg import Connection
from psycopg.copy import QueuedLibpqWriter

from domain.catalogue import EVENTS
from domain.entries import EntryPosted
from domain.ledgers import Ledger
from projections import chart_totals, totals
from projections.chart_totals import Stretch, next_stretch, read_stretch
from projections.totals import (
    FullRun,
    Key,
    Totals,
    load_days,
    load_runs,
    month_of,
    write_periods,
)
from projections.views import Decode, Stored, View

PLACES = 128
"""place = position * PLACES + number of the leg: one column orders the lines of a ledger."""

LINES_OF_ENTRY = """
CROSS JOIN LATERAL (
    SELECT * FROM lines
    WHERE place > p.position * %(places)s AND place < (p.position + 1) * %(places)s
    -- Apart from the rest: else all lines of an account may be looked at for each of its entries.
    OFFSET 0
) AS l JOIN line_keys AS k ON k.id = l.key
"""
"""The lines of `posted_entries AS p`, as `l`, with the account and asset of each, as `k`."""

MAX_REMEMBERED = 300_000
"""Keys and days that a worker keeps in memory; beyond, it forgets all and reads what it needs."""

SENT_LINES = 5_000
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
    day_debits numeric NOT NULL,
    day_credits numeric NOT NULL,
    day_functional numeric,
    PRIMARY KEY (key, place)
) WITH (autovacuum_vacuum_insert_scale_factor = 0.1, autovacuum_analyze_scale_factor = 0.1);
-- The day first: what is written at a time is mostly of one day, so it goes into few pages; and all
-- lines of some days are added up from the index alone.
CREATE INDEX lines_of_day ON lines (effective_on, key, place)
    INCLUDE (is_debit, amount, functional);
-- What was recorded between two positions. Lines stand in the table nearly in the order of the log,
-- so to know of each stretch of pages from where to where it goes is enough, and costs next to
-- nothing to write.
CREATE INDEX lines_in_order ON lines USING brin (place) WITH (autosummarize = on);
-- place: of the last line of a full run.
CREATE TABLE line_periods (
    place bigint NOT NULL,
    key integer NOT NULL,
    period integer NOT NULL,
    debits numeric NOT NULL,
    credits numeric NOT NULL,
    functional numeric,
    PRIMARY KEY (key, period, place)
) WITH (autovacuum_vacuum_insert_scale_factor = 0.1, autovacuum_analyze_scale_factor = 0.1);
"""

_COPY_LINES = (
    "COPY lines (place, run, number, key, effective_on, is_debit, amount, functional, all_debits,"
    " all_credits, all_functional, day_debits, day_credits, day_functional) FROM STDIN"
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


Due = tuple[int, str, int, Leg, Key, Totals]
"""A line to be written: its place, effective day and month; its leg; the key and the day's totals
that it goes on from."""


class LinesFold:
    """Writes lines, remembering the last totals of what it has met."""

    def __init__(self, decode: Decode) -> None:
        self._decode = decode
        self._functional_asset: str | None = None
        self._keys: dict[tuple[str, str], Key] = {}
        self._remembered = 0
        self._stretch: Stretch | None = None

    def fold(self, connection: Connection[Any], events: Sequence[Stored]) -> None:
        """Appends the lines of posted entries. Raises Gap."""
        if self._functional_asset is None:
            self._functional_asset = _functional_asset(connection)
        if self._remembered > MAX_REMEMBERED:
            self._keys.clear()
            self._remembered = 0
        stretch = self._stretch or read_stretch(connection)
        while events:
            place = events[0].position * PLACES
            if stretch is None or place >= stretch.ends:
                stretch = next_stretch(connection, stretch, place=place)
            count = bisect_left(events, stretch.ends // PLACES, key=_position)
            self._append(connection, events[:count])
            events = events[count:]
        self._stretch = stretch

    def _append(self, connection: Connection[Any], events: Sequence[Stored]) -> None:
        due = self._due(connection, [(at, self._posted(state)) for at, state, _ in events])
        full: list[FullRun] = []
        with connection.cursor() as cursor:
            writer = QueuedLibpqWriter(cursor)
            with cursor.copy(_COPY_LINES, writer=writer) as copy:
                for start in range(0, len(due), SENT_LINES):
                    lines = _written(due[start : start + SENT_LINES], full)
                    # Neighbours in the index one after another: half of its time.
                    lines.sort(key=_first)
                    copy.write("".join([line for _, line in lines]).encode())
        if full:
            write_periods(connection, full)

    def _posted(self, state: bytes) -> Posted:
        with suppress(msgspec.ValidationError):  # of an older shape
            envelope = _envelope(state)
            if envelope.schema_version == VERSION:
                return envelope.payload
        return msgspec.convert(msgspec.to_builtins(self._decode(state).payload), Posted)

    # -- what was there before

    def _due(self, connection: Connection[Any], entries: Sequence[tuple[int, Posted]]) -> list[Due]:
        """Returns the entries' lines in the order of the log, with every key and every total of a
        day that they go on from found or made."""
        keys = self._keys
        due: list[Due] = []
        # In the order of the log, so that keys have the same numbers however it is followed.
        unknown: dict[tuple[str, str], int] = {}
        wanted: list[tuple[Key, str]] = []
        for position, posted in entries:
            effective_on = posted.effective_on
            month = month_of(effective_on)
            place = position * PLACES
            for leg in posted.legs:
                place += 1
                pair = leg.account, leg.asset
                key = keys.get(pair)
                if key is None:
                    key = keys[pair] = Key(is_valued=leg.asset != self._functional_asset)
                    unknown[pair] = place
                day = key.days.get(effective_on)
                if day is None:
                    day = key.days[effective_on] = Totals()
                    wanted.append((key, effective_on))
                due.append((place, effective_on, month, leg, key, day))
        if unknown:
            self._load_keys(connection, unknown)
        if earlier := [(key, day) for key, day in wanted if not key.is_whole]:
            load_days(connection, earlier)
        self._remembered += len(wanted)
        return due

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
            key.id, key.number, key.run = id, number, run
            key.all = Totals(int(debits), int(credits), int(functional))
        for (id,) in made:
            loaded[id].is_whole = True
        load_runs(connection, loaded)


def _written(due: Sequence[Due], full: list[FullRun]) -> list[tuple[int, str]]:
    """Returns lines as COPY has them, each with its key's number, and adds the runs that they end
    to `full`. Raises Gap."""
    lines: list[tuple[int, str]] = []
    text, amount = "", 0
    for place, effective_on, month_number, leg, key, day in due:
        whole = key.all
        month = key.months.get(month_number)
        if month is None:
            month = key.months[month_number] = Totals()
        if leg.amount != text:
            # Mostly the same on both sides of an entry.
            text = leg.amount
            amount = int(text.replace(".", ""))
        if leg.side == "debit":
            side = "t"
            whole.debits += amount
            day.debits += amount
            month.debits += amount
        else:
            side = "f"
            whole.credits += amount
            day.credits += amount
            month.credits += amount
        key.number += 1
        left = whole.debits - whole.credits
        balance = int(leg.balance.replace(".", ""))
        if leg.line != key.number or (balance != left and balance != -left):
            raise _gap(leg, key, place // PLACES)
        if not key.run:
            key.run = place
        if key.is_valued:
            value = int((leg.functional_amount or "0").replace(".", ""))
            if side == "f":
                value = -value
            whole.functional += value
            day.functional += value
            month.functional += value
            line = (
                f"{place}\t{key.run}\t{key.number}\t{key.id}\t{effective_on}\t{side}\t{amount}\t"
                f"{value}\t{whole.debits}\t{whole.credits}\t{whole.functional}\t"
                f"{day.debits}\t{day.credits}\t{day.functional}\n"
            )
        else:
            line = (
                f"{place}\t{key.run}\t{key.number}\t{key.id}\t{effective_on}\t{side}\t{amount}\t"
                f"\\N\t{whole.debits}\t{whole.credits}\t\\N\t"
                f"{day.debits}\t{day.credits}\t\\N\n"
            )
        lines.append((key.id, line))
        key.run_lines += 1
        if key.run_lines >= totals.RUN_LINES:
            full.append(FullRun(key, place, key.months))
            key.close_run()
    return lines


_first = itemgetter(0)
_position = attrgetter("position")


def _gap(leg: Leg, key: Key, position: int) -> Gap:
    return Gap(
        f"{leg.account} in {leg.asset}, position {position}: line {leg.line} leaves {leg.balance};"
        f" it should be line {key.number} and leave {key.all.debits - key.all.credits} minor units"
        " of debit"
    )


def _functional_asset(connection: Connection[Any]) -> str:
    row = connection.execute("SELECT document FROM ledger").fetchone()
    assert row is not None, "a ledger with entries was created"
    return _ledger(row[0]).functional_asset


LINES = View(
    name="lines",
    shape=3,
    topics=(EntryPosted.__name__,),
    tables=("lines", "line_keys", "line_periods", "chart_stretches", "chart_totals"),
    ddl=DDL,
    new_fold=LinesFold,
)
