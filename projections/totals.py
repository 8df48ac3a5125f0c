"""Running totals: what an account's next line goes on from, read back and written for periods.

Totals of a day stand in each line; those of months and years are written when a run of lines is
full (projections/lines.py).
"""

from collections.abc import Sequence
from typing import Any, NamedTuple

import msgspec
from msgspec import Struct
from psycopg import Connection

RUN_LINES = 128
"""How many lines at most have to be added up, for one that is written for some months and years."""

MONTHS = 10_000
"""Periods are numbers: a year itself; a month MONTHS + year * 12 + month - 1."""

_COPY_PERIODS = "COPY line_periods (place, key, period, debits, credits, functional) FROM STDIN"


class Totals(Struct, gc=False):
    """Debits, credits, and debits less credits in the functional asset."""

    debits: int = 0
    credits: int = 0
    functional: int = 0


class Key(Struct, gc=False):
    """An account and an asset, with what its next line goes on from."""

    is_valued: bool
    """Its functional totals are its own: the asset is not the functional one."""
    is_whole: bool = False
    """All its days are in `days`: its first line is one of those that were worked out since."""
    id: int = 0
    number: int = 0
    all: Totals = msgspec.field(default_factory=Totals)
    days: dict[str, Totals] = msgspec.field(default_factory=dict)
    run: int = 0
    """The place of its open run's first line, 0 where the next line begins one."""
    run_lines: int = 0
    months: dict[int, Totals] = msgspec.field(default_factory=dict)
    """What the open run adds to each month."""

    @property
    def is_run_full(self) -> bool:
        return self.run_lines >= RUN_LINES

    def close_run(self) -> None:
        """Has the next line begin another run."""
        self.run, self.run_lines, self.months = 0, 0, {}


class FullRun(NamedTuple):
    key: Key
    place: int
    months: dict[int, Totals]


_months: dict[str, int] = {}


def month_of(effective_on: str) -> int:
    """Returns the period that is the month of a day such as 2026-03-31."""
    found = _months.get(effective_on)
    if found is None:
        year, month, _ = effective_on.split("-")
        found = _months[effective_on] = MONTHS + int(year) * 12 + int(month) - 1
    return found


def load_days(connection: Connection[Any], pairs: Sequence[tuple[Key, str]]) -> None:
    """Fills in the last totals of days, where the view has any."""
    rows = connection.execute(
        "SELECT w.n, l.day_debits, l.day_credits, coalesce(l.day_functional, 0)"
        " FROM unnest(%s::int[], %s::date[]) WITH ORDINALITY AS w (key, day, n)"
        " CROSS JOIN LATERAL (SELECT * FROM lines WHERE key = w.key AND effective_on = w.day"
        " ORDER BY place DESC LIMIT 1) AS l",
        [[key.id for key, _ in pairs], [day for _, day in pairs]],
    ).fetchall()
    for number, debits, credits, functional in rows:
        key, day = pairs[number - 1]
        total = key.days[day]
        total.debits, total.credits = int(debits), int(credits)
        total.functional = int(functional)


def load_runs(connection: Connection[Any], keys: dict[int, Key]) -> None:
    """Adds up the open run of each key. A full one is closed: the next line begins another."""
    runs = [(key.id, key.run) for key in keys.values() if key.run]
    rows = connection.execute(
        "SELECT l.key, l.effective_on::text, l.is_debit, l.amount, coalesce(l.functional, 0)"
        " FROM unnest(%s::int[], %s::bigint[]) AS w (key, run)"
        " JOIN lines AS l ON l.key = w.key AND l.place >= w.run",
        [[id for id, _ in runs], [run for _, run in runs]],
    ).fetchall()
    for id, effective_on, is_debit, amount, functional in rows:
        key = keys[id]
        key.run_lines += 1
        month = key.months.setdefault(month_of(effective_on), Totals())
        if is_debit:
            month.debits += int(amount)
        else:
            month.credits += int(amount)
        month.functional += int(functional)
    for key in keys.values():
        if key.is_run_full:
            key.close_run()


def write_periods(connection: Connection[Any], full: Sequence[FullRun]) -> None:
    """Writes the totals of months and years at the end of full runs, in their order."""
    before: dict[tuple[int, int], Totals] = {}
    for key, _, months in full:
        for month in months:
            before[key.id, month] = Totals()
            before[key.id, (month - MONTHS) // 12] = Totals()
    _load_periods(connection, before)
    with connection.cursor() as cursor, cursor.copy(_COPY_PERIODS) as copy:
        for key, place, months in full:
            touched = set()
            for month, added in months.items():
                for period in (month, (month - MONTHS) // 12):
                    total = before[key.id, period]
                    total.debits += added.debits
                    total.credits += added.credits
                    total.functional += added.functional
                    touched.add(period)
            for period in touched:
                total = before[key.id, period]
                functional = total.functional if key.is_valued else None
                copy.write_row((place, key.id, period, total.debits, total.credits, functional))


def _load_periods(connection: Connection[Any], before: dict[tuple[int, int], Totals]) -> None:
    rows = connection.execute(
        "SELECT w.key, w.period, p.debits, p.credits, coalesce(p.functional, 0)"
        " FROM unnest(%s::int[], %s::int[]) AS w (key, period)"
        " CROSS JOIN LATERAL (SELECT * FROM line_periods WHERE key = w.key"
        " AND period = w.period ORDER BY place DESC LIMIT 1) AS p",
        [[key for key, _ in before], [period for _, period in before]],
    ).fetchall()
    for key, period, debits, credits, functional in rows:
        total = before[key, period]
        total.debits, total.credits = int(debits), int(credits)
        total.functional = int(functional)
