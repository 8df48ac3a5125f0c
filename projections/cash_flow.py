"""Cash flow, by the indirect method, and figures by dimension; in the functional currency.

The change in cash and bank accounts is the result, less what other accounts of the balance sheet
took up. Unrealised differences on the cash itself are shown apart from what flowed. Entries that
close a year only move its result into equity: what flowed is the same before and after them.
"""

from collections import defaultdict
from datetime import date, timedelta

from psycopg.rows import tuple_row

from domain.accounts import Account, CashFlow
from projections.balances import Past, read_past, read_without
from projections.report import Column, Report, Source, Span

CASH = ("cash", "bank", "physical_currency")
OF_RATES = frozenset({"revaluation"})
OF_CLOSING = frozenset({"closing"})
SECTIONS = (
    ("operating", "Operating activities"),
    ("investing", "Investing activities"),
    ("financing", "Financing activities"),
)
RESULT = "Result for the period"
RATES = "Effect of exchange rates on cash"
CLOSING = "Closing entries on cash"

COLUMNS = (
    Column("account", "Account"),
    Column("name", "Name"),
    Column("amount", "Amount", "amount"),
)
DIMENSION_COLUMNS = (
    Column("value", "Value"),
    Column("account", "Account"),
    Column("name", "Name"),
    Column("debit", "Debit", "amount"),
    Column("credit", "Credit", "amount"),
    Column("net", "Net", "amount"),
)


class Untied(Exception):
    """The flows do not make the change in cash: the view is damaged, or an entry has no value."""


def cash_flow(source: Source, *, span: Span, depth: int | None) -> Report:
    """Returns what changed the cash and bank accounts in some days. Raises Untied."""
    report = Report(
        name="cash-flow",
        title="Cash flow, indirect",
        asked={"from": span.from_, "to": span.to, "depth": depth},
        columns=COLUMNS,
    )
    moved = _moved(source, span, frozenset())
    flowed = _moved(source, span, OF_RATES)
    is_cash = {code: one.purpose in CASH for code, one in source.accounts.items()}
    change = sum(minor for code, minor in moved.items() if is_cash[code])
    rates = change - sum(minor for code, minor in flowed.items() if is_cash[code])
    sections: dict[str, dict[str, int]] = {kind: defaultdict(int) for kind, _ in SECTIONS}
    unclosed = _moved(source, span, OF_CLOSING)
    sections["operating"][CLOSING] = change
    for code, minor in unclosed.items():
        if is_cash[code]:
            # None, but where somebody closes the books on a cash account.
            sections["operating"][CLOSING] -= minor
            continue
        if not minor:
            continue
        account = source.accounts[code]
        if account.type in ("revenue", "expense"):
            sections["operating"][RESULT] -= minor
        else:
            sections[account.cash_flow or _usual(account)][source.group(code, depth)] -= minor
    if rates:
        sections["operating"][f"Less: {RATES.lower()}"] = -rates
    totals = []
    for kind, title in SECTIONS:
        totals.append(_section(report, source, title, sections[kind]))
    totals.append((report.add(account=RATES, name="", amount=source.shown(rates)), rates))
    if sum(minor for _, minor in totals) != change:
        raise Untied(f"flows of {sum(minor for _, minor in totals)}, a change of {change}")
    report.total(
        [(number, 1) for number, _ in totals],
        account="Change in cash and bank",
        name="",
        amount=source.shown(change),
    )
    report.totals = {"change": source.shown(change)}
    return report


def _usual(account: Account) -> CashFlow:
    """What owners put in is financing. What differences of rates leave on a conversion account is
    not: where it is of cash, the operating section has its counterpart."""
    is_owners = account.type == "equity" and account.purpose != "conversion"
    return "financing" if is_owners else "operating"


def _section(report: Report, source: Source, title: str, lines: dict[str, int]) -> tuple[int, int]:
    report.add("heading", account=title, name="")
    numbers = [
        report.add(account=code, name=source.name_of(code), amount=source.shown(minor))
        for code, minor in sorted(lines.items())
        if minor
    ]
    total = sum(lines.values())
    number = report.total(
        [(number, 1) for number in numbers],
        account=f"Total {title.lower()}",
        name="",
        amount=source.shown(total),
    )
    return number, total


def _moved(source: Source, span: Span, without: frozenset[str]) -> dict[str, int]:
    def through(day: date) -> list[Past]:
        if not without:
            return read_past(
                source.connection, position=source.known, effective_on=source.through(day)
            )
        return read_without(
            source.connection, without, position=source.known, effective_on=source.through(day)
        )

    found: dict[str, int] = defaultdict(int)
    for one in through(span.to):
        found[one.account] += one.functional
    if span.from_ > date.min:
        for one in through(span.from_ - timedelta(days=1)):
            found[one.account] -= one.functional
    return dict(found)


def by_dimension(source: Source, *, dimension: str, span: Span, depth: int | None) -> Report:
    """Returns what was posted under each value of a dimension in some days, by account, without
    closing entries."""
    report = Report(
        name="dimension",
        title=f"By {dimension}",
        asked={"dimension": dimension, "from": span.from_, "to": span.to, "depth": depth},
        columns=DIMENSION_COLUMNS,
    )
    rows = (
        source.connection.cursor(row_factory=tuple_row)
        .execute(
            "SELECT value, account, sum(coalesce(functional, amount)) FILTER (WHERE is_debit),"
            " sum(coalesce(functional, amount)) FILTER (WHERE NOT is_debit)"
            " FROM entry_dimensions WHERE name = %s AND effective_on BETWEEN %s AND %s"
            " AND position <= %s AND (functional IS NOT NULL OR asset = %s)"
            # A year that was closed shows what it cost.
            " AND position NOT IN (SELECT position FROM posted_entries WHERE class = 'closing')"
            " GROUP BY 1, 2",
            [dimension, span.from_, span.to, source.known, source.ledger.functional_asset],
        )
        .fetchall()
    )
    found: dict[tuple[str, str], list[int]] = defaultdict(lambda: [0, 0])
    for value, account, debits, credits in rows:
        sums = found[value, source.group(account, depth)]
        sums[0] += int(debits or 0)
        sums[1] += int(credits or 0)
    by_value: dict[str, list[int]] = defaultdict(list)
    totals: dict[str, list[int]] = defaultdict(lambda: [0, 0])
    last = ""
    for (value, account), (debits, credits) in sorted(found.items()):
        if last and value != last:
            _total(report, source, last, by_value[last], totals[last])
        last = value
        by_value[value].append(
            report.add(
                value=value,
                account=account,
                name=source.name_of(account),
                **_sides(source, debits, credits),
            )
        )
        totals[value][0] += debits
        totals[value][1] += credits
    if last:
        _total(report, source, last, by_value[last], totals[last])
    return report


def _total(report: Report, source: Source, value: str, numbers: list[int], sums: list[int]) -> None:
    sides = _sides(source, *sums)
    report.total([(number, 1) for number in numbers], value=value, account="Total", **sides)
    report.totals[value] = sides


def _sides(source: Source, debits: int, credits: int) -> dict[str, str]:
    return {
        "debit": source.shown(debits),
        "credit": source.shown(credits),
        "net": source.shown(debits - credits),
    }
