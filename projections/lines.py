"""Journal lines: every leg that was posted, with the running totals that answer any past balance.

Append-only. Each line stores two pairs of running totals of its account and asset, both in the
order of the log: of everything, and of its effective day. The lines of an account and asset form
runs of RUN_LINES; when one is full, `line_periods` gets a row for each month and year that it
touched, with the totals of that period up to there. So the balance as of day D as known at
position P is the last total of each earlier year and of each earlier month of D's year, before the
run that is not full at P; and of each day of D's month up to D, at P; and the lines of that run.

(Totals of year and month on each line, with an index for each, would save the run's lines and cost
twice the time to write: half of it went into these indexes.)

Functional totals are kept for assets other than the functional one only (null: the same as the
asset's own). Amounts are minor units of the asset, functional ones of the functional asset.
"""

from collections.abc import Sequence
from contextlib import suppress
from operator import itemgetter
from typing import Any

import msgspec
from msgspec import Struct
from psycopg import Connection
from psycopg.copy import QueuedLibpqWriter

from domain.catalogue import EVENTS
from domain.entries import EntryPosted
from domain.ledgers import Ledger
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

MAX_REMEMBERED = 300_000
"""Keys and days that a worker keeps in memory; beyond, it forgets all and reads what it needs."""

SENT_EVENTS = 2_500
"""So many events are worked out while PostgreSQL stores the lines of those before them."""

DDL = """
-- What lines are about; small numbers keep the lines and their indexes small.
CREATE TABLE line_keys (
    id integer PRIMARY KEY,
    account text COLLATE "C" NOT NULL,
    asset text COLLATE "C" NOT NULL,
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
    amount numeric NOT NULL,
    functional numeric,
    all_debits numeric NOT NULL,
    all_credits numeric NOT NULL,
    all_functional numeric,
    day_debits numeric NOT NULL,
    day_credits numeric NOT NULL,
    day_functional numeric,
    PRIMARY KEY (key, place)
) WITH (autovacuum_vacuum_insert_scale_factor = 0.1, autovacuum_analyze_scale_factor = 0.1);
CREATE INDEX lines_of_day ON lines (key, effective_on, place);
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


class LinesFold:
    """Writes lines, remembering the last totals of what it has met."""

    def __init__(self, decode: Decode) -> None:
        self._decode = decode
        self._functional_asset: str | None = None
        self._keys: dict[tuple[str, str], Key] = {}
        self._remembered = 0

    def fold(self, connection: Connection[Any], events: Sequence[Stored]) -> None:
        """Appends the lines of posted entries. Raises Gap."""
        if self._functional_asset is None:
            self._functional_asset = _functional_asset(connection)
        if self._remembered > MAX_REMEMBERED:
            self._keys.clear()
            self._remembered = 0
        entries = [(position, self._posted(state)) for position, state in events]
        self._load(connection, entries)
        full: list[FullRun] = []
        with connection.cursor() as cursor:
            writer = QueuedLibpqWriter(cursor)
            with cursor.copy(_COPY_LINES, writer=writer) as copy:
                for start in range(0, len(entries), SENT_EVENTS):
                    lines: list[tuple[int, str]] = []
                    for position, posted in entries[start : start + SENT_EVENTS]:
                        self._write(lines, full, position, posted)
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

    def _write(
        self, lines: list[tuple[int, str]], full: list[FullRun], position: int, posted: Posted
    ) -> None:
        effective_on = posted.effective_on
        month_number = month_of(effective_on)
        place = position * PLACES
        for leg in posted.legs:
            place += 1
            key = self._keys[leg.account, leg.asset]
            day, whole = key.days[effective_on], key.all
            month = key.months.get(month_number)
            if month is None:
                month = key.months[month_number] = Totals()
            amount = int(leg.amount.replace(".", ""))
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
                raise _gap(leg, key, position)
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
            if key.is_run_full:
                full.append(FullRun(key, place, key.months))
                key.close_run()

    # -- what was there before

    def _load(self, connection: Connection[Any], entries: Sequence[tuple[int, Posted]]) -> None:
        """Finds every key and every total of a day that the entries go on from."""
        keys = self._keys
        # In the order of the log, so that keys have the same numbers however it is followed.
        unknown: dict[tuple[str, str, str], None] = {}
        for _, posted in entries:
            day = posted.effective_on
            for leg in posted.legs:
                key = keys.get((leg.account, leg.asset))
                if key is None or day not in key.days:
                    unknown[leg.account, leg.asset, day] = None
        if not unknown:
            return
        pairs = dict.fromkeys((account, asset) for account, asset, _ in unknown)
        missing = [pair for pair in pairs if pair not in keys]
        new = self._load_keys(connection, missing) if missing else set()
        wanted: list[tuple[Key, str]] = []
        for account, asset, effective_on in unknown:
            key = keys[account, asset]
            key.days[effective_on] = Totals()
            self._remembered += 1
            if key.id not in new:
                wanted.append((key, effective_on))
        if wanted:
            load_days(connection, wanted)

    def _load_keys(
        self, connection: Connection[Any], missing: Sequence[tuple[str, str]]
    ) -> set[int]:
        """Remembers the keys and returns the ids of those that were made for them."""
        names = [[account for account, _ in missing], [asset for _, asset in missing]]
        made = connection.execute(
            "INSERT INTO line_keys SELECT (SELECT coalesce(max(id), 0) FROM line_keys)"
            " + row_number() OVER (ORDER BY w.n), w.account, w.asset"
            " FROM unnest(%s::text[], %s::text[]) WITH ORDINALITY AS w (account, asset, n)"
            " WHERE NOT EXISTS (SELECT FROM line_keys AS k WHERE k.account = w.account"
            " AND k.asset = w.asset) RETURNING id",
            names,
        ).fetchall()
        rows = connection.execute(
            "SELECT k.id, k.account, k.asset, coalesce(l.number, 0), coalesce(l.all_debits, 0),"
            " coalesce(l.all_credits, 0), coalesce(l.all_functional, 0), coalesce(l.run, 0)"
            " FROM unnest(%s::text[], %s::text[]) AS w (account, asset)"
            " JOIN line_keys AS k ON k.account = w.account AND k.asset = w.asset"
            " LEFT JOIN LATERAL (SELECT * FROM lines WHERE key = k.id"
            " ORDER BY place DESC LIMIT 1) AS l ON true",
            names,
        ).fetchall()
        loaded = {}
        for id, account, asset, number, debits, credits, functional, run in rows:
            all = Totals(int(debits), int(credits), int(functional))
            key = Key(id, asset != self._functional_asset, number, all, {}, run, 0, {})
            self._keys[account, asset] = loaded[id] = key
        load_runs(connection, loaded)
        return {row[0] for row in made}


_first = itemgetter(0)


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
    shape=1,
    topics=(EntryPosted.__name__,),
    tables=("lines", "line_keys", "line_periods"),
    ddl=DDL,
    new_fold=LinesFold,
)
