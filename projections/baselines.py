"""Baseline against actual: what approved baselines expected of months that are over, beside what
was posted in them; in the functional currency.

A version counts from the position at which another person approved it. The difference is
`avoided`, favourable positive. A month that has units and no posting (or none that was not taken
back) is not posted yet: nothing was saved in it. Corrections count, in the month of their effective
day; closing entries do not.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator
from datetime import date, timedelta
from typing import Any, NamedTuple

import msgspec
from psycopg.rows import tuple_row

from domain.baselines import Baseline, first_of_next_month
from projections.lines import PLACES
from projections.report import Column, Report, Source, Span, TooLarge

LINES_MAX = 50_000

COLUMNS = (
    Column("account", "Account"),
    Column("dimension", "Dimension"),
    Column("month", "Month"),
    Column("version", "Version", "number"),
    Column("units", "Units"),
    Column("unit_amount", "Unit amount", "amount"),
    Column("baseline", "Baseline", "amount"),
    Column("actual", "Actual", "amount"),
    Column("avoided", "Avoided", "amount"),
    Column("not_posted", "Baseline not posted", "amount"),
)
NOTES = (
    (
        "Avoided: baseline less actual, in months that are over; favourable amounts are positive."
        " It is posted nowhere."
    ),
    (
        "Baseline not posted: months with units in which nothing stands posted. They count as"
        " neither spent nor saved."
    ),
)

_BASELINES = """
SELECT b.document, e.notification_id, convert_from(e.state, 'UTF8')::json ->> 'actor',
    a.notification_id
FROM baselines AS b JOIN events AS e ON e.originator_id = b.id::uuid AND e.originator_version = 1
LEFT JOIN events AS a ON a.originator_id = b.id::uuid AND a.originator_version = 2
    AND a.notification_id <= %(known)s
WHERE e.notification_id <= %(known)s ORDER BY e.notification_id
"""

_ACTUAL = """
SELECT date_trunc('month', l.effective_on)::date, sum(CASE WHEN l.functional IS NOT NULL
    THEN l.functional WHEN l.is_debit THEN l.amount ELSE -l.amount END)
FROM line_keys AS k JOIN lines AS l ON l.key = k.id
WHERE (k.account = %(account)s
        OR (k.account > %(account)s || ':' AND k.account < %(account)s || ';'))
    AND l.effective_on BETWEEN %(from_)s AND %(to)s AND l.place < (%(known)s + 1) * %(places)s
    AND (l.functional IS NOT NULL OR k.asset = %(functional)s)
    AND NOT EXISTS (SELECT FROM posted_entries AS p
        WHERE p.position = l.place / %(places)s AND p.class = 'closing')
GROUP BY 1
"""

_ACTUAL_OF_DIMENSION = """
SELECT date_trunc('month', d.effective_on)::date,
    sum(CASE WHEN d.is_debit THEN 1 ELSE -1 END * coalesce(d.functional, d.amount))
FROM entry_dimensions AS d JOIN posted_entries AS p ON p.position = d.position
WHERE d.name = (%(names)s::text[])[1] AND d.effective_on BETWEEN %(from_)s AND %(to)s
    AND d.position <= %(known)s AND p.class <> 'closing'
    AND (d.account = %(account)s
        OR (d.account > %(account)s || ':' AND d.account < %(account)s || ';'))
    AND (d.functional IS NOT NULL OR d.asset = %(functional)s)
    AND NOT EXISTS (
        SELECT FROM unnest(%(names)s::text[], %(values)s::text[]) AS w (name, value)
        WHERE NOT EXISTS (SELECT FROM entry_dimensions AS o WHERE o.name = w.name
            AND o.effective_on = d.effective_on AND o.position = d.position AND o.leg = d.leg
            AND o.value = w.value))
GROUP BY 1
"""


class Recorded(NamedTuple):
    """`approved_at`: the position of its approval. None: there was none yet, or it was approved
    before it was recorded."""

    baseline: Baseline
    position: int
    author: str
    approved_at: int | None

    @property
    def is_approved(self) -> bool:
        """True where it counts."""
        return self.approved_at is not None or self.baseline.author is None


class Sums:
    """Of some rows, in minor units; `rows`: their numbers in the report."""

    def __init__(self) -> None:
        self.baseline = self.actual = self.not_posted = 0
        self.rows: list[tuple[int, int]] = []

    def add(self, other: "Sums") -> None:
        """Adds what another has."""
        self.baseline += other.baseline
        self.actual += other.actual
        self.not_posted += other.not_posted
        self.rows += other.rows

    def shown(self, source: Source) -> dict[str, str]:
        """Returns the amounts by column."""
        return {
            "baseline": source.shown(self.baseline),
            "actual": source.shown(self.actual),
            "avoided": source.shown(self.baseline - self.actual),
            "not_posted": source.shown(self.not_posted),
        }


def baseline(source: Source, *, span: Span, account: str | None) -> Report:
    """Returns each baseline's whole months within some days, beside what was posted.

    `account`: only baselines on it or below it. Requires that `span.to` is over. Raises TooLarge.
    """
    report = Report(
        name="baseline",
        title="Cost avoided against baseline",
        asked={"from": span.from_, "to": span.to, "account": account},
        columns=COLUMNS,
        notes=list(NOTES),
    )
    versions: dict[Any, list[Recorded]] = defaultdict(list)
    for one in _read(source):
        code = one.baseline.account
        if account is not None and code != account and not code.startswith(f"{account}:"):
            continue
        if one.is_approved:
            versions[one.baseline.about].append(one)
        elif any(_months(one, span)):
            report.notes.append(_said(one))
    everything = Sums()
    for _, recorded in sorted(versions.items(), key=lambda item: item[0]):
        in_force = list(_in_force(recorded, span))
        if in_force:
            everything.add(_add_baseline(report, source, in_force))
    totals = everything.shown(source)
    if everything.rows:
        report.total(everything.rows, account="Total", **totals)
    report.totals = dict(totals)
    return report


def _read(source: Source) -> Iterator[Recorded]:
    cursor = source.connection.cursor(row_factory=tuple_row)
    rows = cursor.execute(_BASELINES, {"known": source.known}).fetchall()
    for document, position, author, approved_at in rows:
        baseline = msgspec.json.decode(document, type=Baseline)
        yield Recorded(baseline, position, author, approved_at)


def _months(one: Recorded, span: Span) -> Iterator[date]:
    """Yields the first day of each of its months that is whole within the days."""
    for month in one.baseline.months():
        if span.from_ <= month and last_day(month) <= span.to:
            yield month


def _in_force(recorded: Iterable[Recorded], span: Span) -> Iterator[tuple[date, Recorded]]:
    """Yields the whole months within the days, each with the last version that covers it."""
    covering: dict[date, Recorded] = {}
    for one in recorded:
        for month in _months(one, span):
            covering[month] = one
    yield from sorted(covering.items(), key=lambda item: item[0])


def _add_baseline(report: Report, source: Source, in_force: list[tuple[date, Recorded]]) -> Sums:
    first = in_force[0][1].baseline
    dimension = ", ".join(f"{name}={value}" for name, value in first.about[1])
    actual = _actual(source, first, Span(in_force[0][0], last_day(in_force[-1][0])))
    heads: dict[str, Any] = {
        "account": first.account,
        "dimension": dimension,
        "dimensions": dict(first.about[1]),
    }
    report.add("heading", **heads, month=source.name_of(first.account))
    sums = Sums()
    for month, one in in_force:
        _add_month(report, source, sums, month, one.baseline, actual.get(month, 0), heads)
    report.total(list(sums.rows), **heads, month="Total", **sums.shown(source))
    for version in dict.fromkeys(one.baseline.version for _, one in in_force):
        used = next(one for _, one in in_force if one.baseline.version == version)
        report.notes.append(_said(used))
    if len(report.rows) > LINES_MAX:
        raise TooLarge(f"More than {LINES_MAX:,} lines; ask for fewer days, or one account.")
    return sums


def _add_month(
    report: Report,
    source: Source,
    sums: Sums,
    month: date,
    one: Baseline,
    actual: int,
    heads: dict[str, Any],
) -> None:
    expected = one.expected_minor(month)
    if not expected and not actual:
        return
    of_month = Sums()
    if actual:
        of_month.baseline, of_month.actual = expected, actual
    else:
        of_month.not_posted = expected
    shown: dict[str, str | None] = {**of_month.shown(source)}
    empty = ("not_posted",) if actual else ("baseline", "actual", "avoided")
    of_month.rows = [
        (
            report.add(
                **heads,
                month=f"{month:%Y-%m}",
                version=one.version,
                baseline_id=one.id,
                units=one.units.get(f"{month:%Y-%m}", "0"),
                unit_amount=one.unit_amount,
                **{**shown, **dict.fromkeys(empty)},
            ),
            1,
        )
    ]
    sums.add(of_month)


def _actual(source: Source, one: Baseline, span: Span) -> dict[date, int]:
    """Debits less credits by month, in the functional currency."""
    pairs = one.about[1]
    rows = (
        source.connection.cursor(row_factory=tuple_row)
        .execute(
            _ACTUAL_OF_DIMENSION if pairs else _ACTUAL,
            {
                "account": one.account,
                "from_": span.from_,
                "to": span.to,
                "known": source.known,
                "places": PLACES,
                "functional": source.ledger.functional_asset,
                "names": [name for name, _ in pairs],
                "values": [value for _, value in pairs],
            },
        )
        .fetchall()
    )
    return {month: int(minor) for month, minor in rows}


def _said(one: Recorded) -> str:
    found = one.baseline
    about = ", ".join([found.account, *(f"{name}={value}" for name, value in found.about[1])])
    said = f"{about}: version {found.version}, {found.from_} to {found.to}. Source: {found.source}."
    if found.author is None:
        return (
            f"{said} Approved by {found.approver}, recorded by {one.author} at position"
            f" {one.position}."
        )
    said += f" Proposed by {one.author} at position {one.position}"
    if one.approved_at is None:
        return f"{said}; not approved, so it does not count."
    return f"{said}, approved by {found.approval} at position {one.approved_at}."


def last_day(month: date) -> date:
    """Returns the last day of the month that begins on a day."""
    if (month.year, month.month) == (date.max.year, 12):
        return date.max
    return first_of_next_month(month) - timedelta(days=1)
