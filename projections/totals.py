"""Running totals: what an account's next line goes on from, and what full runs leave for periods.

A period is a day, a month or a year. Their totals are written when a run of lines is full
(projections/lines.py).
"""

from collections.abc import Iterator, Sequence
from datetime import date
from functools import lru_cache
from typing import Any, NamedTuple

import msgspec
from msgspec import Struct
from psycopg import Connection

RUN_LINES = 128
"""How many lines at most have to be added up, for what is written for some days at once."""

MONTHS, DAYS = 10_000, 1_000_000
"""Periods are numbers: a year itself; a month MONTHS + year * 12 + month - 1; a day DAYS and its
number, that of the first day of the year 1 being 1."""

MAX_REMEMBERED = 10_000
"""Days whose numbers are at hand."""

_COPY_PERIODS = (
    "COPY line_periods (place, key, period, debits, credits, functional, places) FROM STDIN"
)


class Totals(Struct, gc=False):
    """Debits, credits, and debits less credits in the functional asset."""

    debits: int = 0
    credits: int = 0
    functional: int = 0


Added = list[int]
"""What a run adds to a day: debits, credits, functional as in Totals; then the places of the
lines. (One list: there are many of them.)"""


class Key(Struct, gc=False):
    """An account and an asset, with what its next line goes on from."""

    is_valued: bool
    """Its functional totals are its own: the asset is not the functional one."""
    id: int = 0
    number: int = 0
    """Of lines; each RUN_LINES of them are a run."""
    debits: int = 0
    credits: int = 0
    functional: int = 0
    run: int = 0
    """The place of the first line of the last run."""
    run_text: str = ""
    """It and the id, as COPY has them."""
    days: dict[int, Added] = msgspec.field(default_factory=dict)
    """What the run that is not full adds to each day."""
    periods: dict[int, Totals] = msgspec.field(default_factory=dict)
    """What is known of what full runs came to."""
    is_whole: bool = False
    """All of them are in `periods`: its first line is one of those that were worked out since."""

    def begin_run(self, place: int) -> None:
        """Notes which run the next lines are of."""
        self.run = place
        self.run_text = f"{place}\t{self.id}\t"

    def end_run(self) -> dict[int, Added]:
        """Returns what the run that is full now has added to each day, and forgets it."""
        days, self.days = self.days, {}
        return days


class FullRun(NamedTuple):
    key: Key
    place: int
    days: dict[int, Added]


@lru_cache(MAX_REMEMBERED)
def day_of(effective_on: str) -> int:
    """Returns the period that is a day such as 2026-03-31."""
    return period_of(date.fromisoformat(effective_on))


def period_of(day: date) -> int:
    """Returns the period that is a day."""
    return DAYS + day.toordinal()


@lru_cache(MAX_REMEMBERED)
def wider(day: int) -> tuple[int, int]:
    """Returns the periods that are the month and the year of a day."""
    found = date.fromordinal(day - DAYS)
    return month_of(found), found.year


def month_of(day: date) -> int:
    """Returns the period that is the month of a day."""
    return MONTHS + day.year * 12 + day.month - 1


def load_runs(connection: Connection[Any], keys: dict[int, Key]) -> int:
    """Adds up the run of each key that is not full; returns how many days that are."""
    open = [(id, key.run) for id, key in keys.items() if key.number % RUN_LINES]
    rows = connection.execute(
        "SELECT l.key, l.place, l.effective_on::text, l.is_debit, l.amount,"
        " coalesce(l.functional, 0) FROM unnest(%s::int[], %s::bigint[]) AS w (key, run)"
        " CROSS JOIN LATERAL (SELECT * FROM lines WHERE key = w.key AND place >= w.run"
        " ORDER BY place OFFSET 0) AS l",
        [[id for id, _ in open], [run for _, run in open]],
    ).fetchall()
    for id, place, effective_on, is_debit, amount, functional in rows:
        added = keys[id].days.setdefault(day_of(effective_on), [0, 0, 0])
        added[0 if is_debit else 1] += int(amount)
        added[2] += int(functional)
        added.append(place)
    return sum(len(key.days) for key in keys.values())


def write_periods(connection: Connection[Any], full: Sequence[FullRun]) -> int:
    """Writes the totals of periods at the end of full runs, in their order. Returns how many were
    not known before."""
    wanted: dict[tuple[int, int], Totals] = {}
    found = 0
    runs = [(key, place, _added(days)) for key, place, days in full]
    for key, _, added in runs:
        for period in added:
            if period not in key.periods:
                key.periods[period] = total = Totals()
                found += 1
                if not key.is_whole:
                    wanted[key.id, period] = total
    _load_periods(connection, wanted)
    with connection.cursor() as cursor, cursor.copy(_COPY_PERIODS) as copy:
        for key, place, added in runs:
            copy.write("".join(_rows(key, place, added)).encode())
    return found


def _added(days: dict[int, Added]) -> dict[int, Added]:
    """Returns what is added to days, months and years."""
    months: dict[int, Added] = {}
    years: dict[int, Added] = {}
    for day, added in days.items():
        month, year = wider(day)
        of_month = months.get(month)
        if of_month is None:
            of_month = months[month] = [0, 0, 0]
            if year not in years:
                years[year] = [0, 0, 0]
        of_month[0] += added[0]
        of_month[1] += added[1]
        of_month[2] += added[2]
    for month, added in months.items():
        of_year = years[(month - MONTHS) // 12]
        of_year[0] += added[0]
        of_year[1] += added[1]
        of_year[2] += added[2]
    return {**days, **months, **years}


def _rows(key: Key, place: int, added: dict[int, Added]) -> Iterator[str]:
    """What is written for a run, as COPY has it; adds it to the key's periods."""
    for period, (debits, credits, functional, *places) in added.items():
        total = key.periods[period]
        total.debits += debits
        total.credits += credits
        worth = "\\N"
        if key.is_valued:
            total.functional += functional
            worth = f"{total.functional}"
        of = f"{{{','.join(map(str, places))}}}" if places else "\\N"
        yield f"{place}\t{key.id}\t{period}\t{total.debits}\t{total.credits}\t{worth}\t{of}\n"


def _load_periods(connection: Connection[Any], wanted: dict[tuple[int, int], Totals]) -> None:
    if not wanted:
        return
    rows = connection.execute(
        "SELECT w.key, w.period, p.debits, p.credits, coalesce(p.functional, 0)"
        " FROM unnest(%s::int[], %s::int[]) AS w (key, period)"
        " CROSS JOIN LATERAL (SELECT * FROM line_periods WHERE key = w.key"
        " AND period = w.period ORDER BY place DESC LIMIT 1) AS p",
        [[key for key, _ in wanted], [period for _, period in wanted]],
    ).fetchall()
    for key, period, debits, credits, functional in rows:
        total = wanted[key, period]
        total.debits, total.credits = int(debits), int(credits)
        total.functional = int(functional)
