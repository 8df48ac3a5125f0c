"""Lead schedules: the accounts behind each line of the statements, in the functional currency.

Each account as it was booked, the year's adjusting entries, the adjusted balance, and the one at
the end of the fiscal year before; debits less credits. Of revenue and expenses what the year made
of them, beside the year before. The year's closing entries are left out.
"""

from collections import defaultdict
from datetime import date, timedelta

from projections.balance_sheet import first_of_year
from projections.balances import read_without
from projections.report import Column, Report, Source
from projections.trial_balance import WITHOUT

COLUMNS = (
    Column("statement_line", "Statement line"),
    Column("account", "Account"),
    Column("name", "Name"),
    Column("unadjusted", "Unadjusted", "amount"),
    Column("adjustments", "Adjustments", "amount"),
    Column("adjusted", "Adjusted", "amount"),
    Column("prior_year", "Prior year", "amount"),
    Column("change", "Change", "amount"),
)
NO_LINE = "(no statement line)"

OF_TYPE = ("asset", "liability", "equity", "revenue", "expense")
"""In this order."""

Sums = dict[str, int]


def lead_schedules(source: Source, *, effective_on: date) -> Report:
    """Returns the schedules at the end of a day, in the order of the statements."""
    report = Report(
        name="lead-schedules",
        title="Lead schedules",
        asked={"effective_on": effective_on},
        columns=COLUMNS,
        notes=["Debits less credits; of revenue and expenses those of the fiscal year."],
    )
    figures = _figures(source, effective_on)
    by_line: dict[tuple[int, str], list[str]] = defaultdict(list)
    for code, sums in sorted(figures.items()):
        if any(sums.values()):
            account = source.accounts[code]
            line = account.statement_line or NO_LINE
            by_line[OF_TYPE.index(account.type), line].append(code)
    for (_, line), codes in sorted(by_line.items()):
        report.add("heading", statement_line=line)
        numbers = []
        total: Sums = defaultdict(int)
        for code in codes:
            names = {"statement_line": line, "account": code, "name": source.name_of(code)}
            numbers.append((report.add(**names, **_shown(source, figures[code])), 1))
            for name, minor in figures[code].items():
                total[name] += minor
        shown = _shown(source, total)
        report.total(numbers, statement_line=f"Total {line}", **shown)
        report.totals[line] = shown
    return report


def _figures(source: Source, day: date) -> dict[str, Sums]:
    """Each account's amounts by column."""
    start = source.ledger.fiscal_year_start
    first = first_of_year(day, start=start)
    before = _day_before(first)
    first_before = None if before is None else first_of_year(before, start=start)
    opening = _through(source, before)
    booked = _moved(source, WITHOUT["unadjusted"], first, day)
    adjusted = _moved(source, WITHOUT["adjusted"], first, day)
    year_before = _moved(source, WITHOUT["adjusted"], first_before, before)
    found: dict[str, Sums] = {}
    for code in opening.keys() | adjusted.keys():
        is_result = source.accounts[code].type in ("revenue", "expense")
        carried = 0 if is_result else opening.get(code, 0)
        prior = year_before.get(code, 0) if is_result else carried
        sums = {
            "unadjusted": carried + booked.get(code, 0),
            "adjusted": carried + adjusted.get(code, 0),
            "prior_year": prior,
        }
        sums["adjustments"] = sums["adjusted"] - sums["unadjusted"]
        sums["change"] = sums["adjusted"] - prior
        found[code] = sums
    return found


def _moved(
    source: Source, without: frozenset[str], first: date | None, through: date | None
) -> Sums:
    """What a fiscal year, from its first day through another, added to what it began with."""
    if first is None or through is None:
        return {}
    moved = _through(source, through, without, since=first)
    for code, minor in _through(source, _day_before(first)).items():
        moved[code] = moved.get(code, 0) - minor
    return moved


def _through(
    source: Source,
    day: date | None,
    without: frozenset[str] = frozenset(),
    since: date | None = None,
) -> Sums:
    """Debits less credits by account at the end of a day; nothing before the first of all."""
    if day is None:
        return {}
    found: Sums = defaultdict(int)
    for one in read_without(
        source.connection,
        without,
        position=source.known,
        effective_on=source.through(day),
        since=since,
    ):
        found[one.account] += one.functional
    return dict(found)


def _day_before(day: date) -> date | None:
    return None if day == date.min else day - timedelta(days=1)


def _shown(source: Source, sums: Sums) -> dict[str, str]:
    names = ("unadjusted", "adjustments", "adjusted", "prior_year", "change")
    return {name: source.shown(sums.get(name, 0)) for name in names}
