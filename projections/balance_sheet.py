"""Balance sheet and income statement, in the functional currency.

Assets = liabilities + equity + results that no closing entry has moved into equity yet: the
result of the year, and unappropriated results of earlier years. Each answer is checked for it.
"""

from collections import defaultdict
from collections.abc import Iterable
from datetime import date, timedelta

from domain.calendar import fiscal_year
from projections.balances import Past, read_past, read_without
from projections.report import Column, Report, Source, Span

SECTIONS = (("asset", "Assets"), ("liability", "Liabilities"), ("equity", "Equity"))
RESULT_OF_YEAR = "Result for the year"
EARLIER_RESULTS = "Unappropriated results of earlier years"

COLUMNS = (
    Column("account", "Account"),
    Column("name", "Name"),
    Column("amount", "Amount", "amount"),
)
COMPARED = (*COLUMNS, Column("comparative", "Comparative", "amount"))


class Uneven(Exception):
    """Assets are not what they must be: the view is damaged, or an entry has no value."""


def first_of_year(day: date, *, start: str) -> date:
    """Returns the first day of the fiscal year that a day is in; `start`: MM-DD."""
    month, day_of_month = (int(part) for part in start.split("-"))
    year = day.year if start == "01-01" else fiscal_year(day, start=start) - 1
    return date(year, month, day_of_month)


def balance_sheet(source: Source, *, effective_on: date, depth: int | None) -> Report:
    """Returns the balance sheet at the end of a day. Raises Uneven."""
    first = first_of_year(effective_on, start=source.ledger.fiscal_year_start)
    report = Report(
        name="balance-sheet",
        title="Balance sheet",
        asked={"effective_on": effective_on, "depth": depth},
        columns=COLUMNS,
    )
    now = _functional(source, effective_on)
    before = _functional(source, first - timedelta(days=1)) if first > date.min else {}
    totals: dict[str, tuple[int, int]] = {}
    for kind, title in SECTIONS:
        lines = _lines(source, now, kind, depth)
        if kind == "equity":
            results = {
                RESULT_OF_YEAR: _result(source, now) - _result(source, before),
                EARLIER_RESULTS: _result(source, before),
            }
            lines += [(name, minor) for name, minor in results.items() if minor]
        totals[kind] = _section(report, source, title, lines)
    liabilities, equity = totals["liability"], totals["equity"]
    report.total(
        [(liabilities[0], 1), (equity[0], 1)],
        account="Total liabilities and equity",
        name="",
        amount=source.shown(liabilities[1] + equity[1]),
    )
    if totals["asset"][1] != liabilities[1] + equity[1]:
        raise Uneven(f"assets {totals['asset'][1]}, the rest {liabilities[1] + equity[1]}")
    report.totals = {
        "assets": source.shown(totals["asset"][1]),
        "liabilities": source.shown(liabilities[1]),
        "equity": source.shown(equity[1]),
    }
    return report


def income_statement(source: Source, *, span: Span, compared: Span, depth: int | None) -> Report:
    """Returns revenue, expenses and the result of some days beside those of others, without
    closing entries."""
    report = Report(
        name="income-statement",
        title="Income statement",
        asked={
            "from": span.from_,
            "to": span.to,
            "compared_from": compared.from_,
            "compared_to": compared.to,
            "depth": depth,
        },
        columns=COMPARED,
    )
    now, then = _moved(source, span), _moved(source, compared)
    totals = {}
    for kind, title in (("revenue", "Revenue"), ("expense", "Expenses")):
        these = dict(_lines(source, now, kind, depth))
        those = dict(_lines(source, then, kind, depth))
        report.add("heading", account=title, name="")
        numbers = [
            (
                report.add(
                    account=account,
                    name=source.name_of(account),
                    amount=source.shown(these.get(account, 0)),
                    comparative=source.shown(those.get(account, 0)),
                ),
                1,
            )
            for account in sorted(these.keys() | those.keys())
        ]
        sums = sum(these.values()), sum(those.values())
        number = report.total(
            numbers,
            account=f"Total {title.lower()}",
            name="",
            amount=source.shown(sums[0]),
            comparative=source.shown(sums[1]),
        )
        totals[kind] = (number, *sums)
    revenue, expense = totals["revenue"], totals["expense"]
    result = revenue[1] - expense[1], revenue[2] - expense[2]
    report.total(
        [(revenue[0], 1), (expense[0], -1)],
        account="Result",
        name="",
        amount=source.shown(result[0]),
        comparative=source.shown(result[1]),
    )
    report.totals = {
        "revenue": source.shown(revenue[1]),
        "expenses": source.shown(expense[1]),
        "result": source.shown(result[0]),
    }
    return report


# -- balances in the functional currency: debits less credits by account


def _functional(source: Source, effective_on: date) -> dict[str, int]:
    return _by_account(
        read_past(
            source.connection, position=source.known, effective_on=source.through(effective_on)
        )
    )


def _moved(source: Source, span: Span) -> dict[str, int]:
    def through(day: date) -> dict[str, int]:
        return _by_account(
            read_without(
                source.connection,
                {"closing"},
                position=source.known,
                effective_on=source.through(day),
            )
        )

    moved = through(span.to)
    if span.from_ > date.min:
        for account, minor in through(span.from_ - timedelta(days=1)).items():
            moved[account] = moved.get(account, 0) - minor
    return moved


def _by_account(lines: Iterable[Past]) -> dict[str, int]:
    found: dict[str, int] = defaultdict(int)
    for line in lines:
        found[line.account] += line.functional
    return dict(found)


def _result(source: Source, balances: dict[str, int]) -> int:
    """What revenue exceeds expenses by."""
    kinds = ("revenue", "expense")
    return -sum(
        minor for account, minor in balances.items() if source.accounts[account].type in kinds
    )


def _lines(
    source: Source, balances: dict[str, int], kind: str, depth: int | None
) -> list[tuple[str, int]]:
    """Accounts of a type with their amounts on the side that is normal for the type."""
    sign = 1 if kind in ("asset", "expense") else -1
    found: dict[str, int] = defaultdict(int)
    for account, minor in balances.items():
        if source.accounts[account].type == kind:
            found[source.group(account, depth)] += sign * minor
    return sorted((account, minor) for account, minor in found.items() if minor)


def _section(
    report: Report, source: Source, title: str, lines: list[tuple[str, int]]
) -> tuple[int, int]:
    """Appends a section and returns the number of its total's row, and the total."""
    report.add("heading", account=title, name="")
    numbers = [
        (
            report.add(account=account, name=source.name_of(account), amount=source.shown(minor)),
            1,
        )
        for account, minor in lines
    ]
    total = sum(minor for _, minor in lines)
    number = report.total(
        numbers, account=f"Total {title.lower()}", name="", amount=source.shown(total)
    )
    return number, total
