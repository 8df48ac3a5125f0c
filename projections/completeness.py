"""Completeness: every line and every voucher counted, beside what the books say there must be.

Of each account and asset: opening + what its lines add up to, one by one, = closing by the running
totals. Of each journal and fiscal year: the entries, the last voucher number, and which numbers are
missing. A log without a hole shows none.
"""

from datetime import date, timedelta
from typing import NamedTuple

from psycopg.rows import tuple_row

from domain.calendar import fiscal_year
from projections.balances import Past, count_lines, read_past
from projections.lines import PLACES
from projections.report import Column, Report, Source
from projections.roll_forward import COLUMNS as MOVED

COLUMNS = (
    *MOVED,
    Column("lines", "Counted", "number"),
    Column("last_no", "Last number", "number"),
    Column("even", "Even"),
    Column("missing", "Missing numbers"),
)
VOUCHERS = "Vouchers by journal and fiscal year"
LISTED_MAX = 20
"""So many gaps of a series are listed."""


class Counted(NamedTuple):
    """What the lines of an account in an asset add up to, in minor units."""

    lines: int = 0
    debits: int = 0
    credits: int = 0


def completeness(source: Source, *, from_: date | None, to: date | None) -> Report:
    """Returns a row for each account and asset, and one for each series of vouchers; `even` is `no`
    where something is missing. Of some days, or (None) from the first or to the last one.

    `lines` are those of the days; the last number of an account is its last line's, whatever day
    that is of, and is held against the lines where all are counted.
    """
    report = Report(
        name="completeness",
        title="Completeness",
        asked={"from": from_, "to": to},
        columns=COLUMNS,
        notes=["Opening + lines = closing; balances are debits less credits."],
    )
    accounts = _add_accounts(report, source, from_, to)
    report.totals = {"accounts": accounts, **_add_vouchers(report, source, from_, to)}
    report.totals["uneven"] = sum(row.values.get("even") == "no" for row in report.rows)
    return report


_ADDED_UP = """
SELECT k.account, k.asset, count(*), coalesce(sum(l.amount) FILTER (WHERE l.is_debit), 0),
    coalesce(sum(l.amount) FILTER (WHERE NOT l.is_debit), 0)
FROM lines AS l JOIN line_keys AS k ON k.id = l.key
WHERE l.place < %(end)s
    AND l.effective_on BETWEEN coalesce(%(from_)s, '-infinity'::date)
        AND coalesce(%(to)s, 'infinity'::date)
GROUP BY 1, 2
"""


def _add_accounts(report: Report, source: Source, from_: date | None, to: date | None) -> int:
    parameters = {"end": (source.known + 1) * PLACES, "from_": from_, "to": to}
    cursor = source.connection.cursor(row_factory=tuple_row)
    counted = {
        (account, asset): Counted(count, int(debits), int(credits))
        for account, asset, count, debits, credits in cursor.execute(_ADDED_UP, parameters)
    }
    opening: dict[tuple[str, str], Past] = {}
    if from_ is not None and from_ > date.min:
        opening = _standing(source, from_ - timedelta(days=1))
    closing = _standing(source, to)
    last_numbers = count_lines(source.connection, position=source.known)
    for key in sorted(closing.keys() | counted.keys()):
        one, sums = closing.get(key), counted.get(key, Counted())
        opened = opening[key].net if key in opening else 0
        net = one.net if one else 0
        even = one is not None and opened + sums.debits - sums.credits == net
        last_no = last_numbers.get(key, 0)
        if one is not None and from_ is None and to is None:
            even = even and sums == (last_no, one.debits, one.credits)
        account, asset = key
        report.add(
            account=account,
            name=source.name_of(account),
            asset=asset,
            opening=source.shown(opened, asset),
            debits=source.shown(sums.debits, asset),
            credits=source.shown(sums.credits, asset),
            closing=source.shown(net, asset),
            lines=sums.lines,
            last_no=last_no,
            even="yes" if even else "no",
        )
    return len(report.rows)


def _standing(source: Source, day: date | None) -> dict[tuple[str, str], Past]:
    found = read_past(source.connection, position=source.known, effective_on=source.through(day))
    return {(one.account, one.asset): one for one in found}


# Numbers begin with 1: what stands before a number is 0, or the one below it.
_SERIES = """
WITH numbered AS (
    SELECT journal, fiscal_year, voucher_no, lag(voucher_no, 1, 0::bigint) OVER (
        PARTITION BY journal, fiscal_year ORDER BY voucher_no
    ) AS before
    FROM posted_entries WHERE position <= %(known)s
        AND fiscal_year BETWEEN coalesce(%(first)s, 0) AND coalesce(%(last)s, 10000)
)
SELECT journal, fiscal_year, count(*), max(voucher_no), count(*) FILTER (WHERE voucher_no = before),
    coalesce(sum(voucher_no - before - 1) FILTER (WHERE voucher_no > before), 0),
    (array_agg(ARRAY[before + 1, voucher_no - 1] ORDER BY voucher_no)
        FILTER (WHERE voucher_no > before + 1))[:%(listed)s]
FROM numbered GROUP BY 1, 2 ORDER BY 1, 2
"""


def _add_vouchers(
    report: Report, source: Source, from_: date | None, to: date | None
) -> dict[str, int]:
    start = source.ledger.fiscal_year_start
    parameters = {
        "known": source.known,
        "first": None if from_ is None else fiscal_year(from_, start=start),
        "last": None if to is None else fiscal_year(to, start=start),
        "listed": LISTED_MAX,
    }
    cursor = source.connection.cursor(row_factory=tuple_row)
    rows = cursor.execute(_SERIES, parameters).fetchall()
    if rows:
        report.add("heading", account=VOUCHERS)
    for journal, year, entries, last_no, twice, missing, gaps in rows:
        report.add(
            name=f"{journal}, {year}",
            journal=journal,
            fiscal_year=year,
            lines=entries,
            last_no=last_no,
            even="no" if twice or missing else "yes",
            missing=_listed(gaps or [], int(missing)),
        )
    return {
        "entries": sum(row[2] for row in rows),
        "missing_vouchers": sum(int(row[5]) for row in rows),
    }


def _listed(gaps: list[list[int]], missing: int) -> str:
    """Which numbers are missing: `4-6, 9`; of more than LISTED_MAX gaps the first, and how many
    numbers there are in all."""
    shown = ", ".join(f"{first}-{last}" if last > first else f"{first}" for first, last in gaps)
    listed = sum(last - first + 1 for first, last in gaps)
    return shown if listed == missing else f"{shown}, ... ({missing} in all)"
