"""General ledger and journal: every line of some days, by account or in the order of the log."""

from collections import defaultdict
from collections.abc import Collection, Sequence
from datetime import date, timedelta
from typing import Any, NamedTuple

from psycopg.rows import tuple_row

from projections.balances import read_without
from projections.entries import LEFT_OUT, VOUCHER
from projections.lines import LINES_OF_ENTRY, PLACES
from projections.report import Column, Report, Source, Span, TooLarge
from projections.trial_balance import WITHOUT, Basis, left_out_since

LINES_MAX = 50_000

LEDGER_COLUMNS = (
    Column("account", "Account"),
    Column("asset", "Asset"),
    Column("effective_on", "Date", "day"),
    Column("journal", "Journal"),
    Column("voucher", "Voucher"),
    Column("position", "Position", "number"),
    Column("leg", "Leg", "number"),
    Column("reference", "Reference"),
    Column("debit", "Debit", "amount"),
    Column("credit", "Credit", "amount"),
    Column("balance", "Balance", "amount"),
)
JOURNAL_COLUMNS = (
    Column("effective_on", "Date", "day"),
    Column("journal", "Journal"),
    Column("voucher", "Voucher"),
    Column("position", "Position", "number"),
    Column("class", "Class"),
    Column("reference", "Reference"),
    Column("actor", "Actor"),
    Column("account", "Account"),
    Column("name", "Name"),
    Column("asset", "Asset"),
    Column("debit", "Debit", "amount"),
    Column("credit", "Credit", "amount"),
)


class Line(NamedTuple):
    """A leg in minor units, with what its entry says of it. `functional`: debits above zero; None
    of the functional asset, and where it was never valued."""

    position: int
    leg: int
    account: str
    asset: str
    effective_on: date
    is_debit: bool
    amount: int
    journal: str
    voucher: str
    class_: str
    reference: str | None
    actor: str
    functional: int | None


_LINES = f"""
SELECT p.position, l.place %% %(places)s, k.account, k.asset, p.effective_on, l.is_debit, l.amount,
    p.journal, {VOUCHER}, p.class, p.reference, p.actor, l.functional
FROM posted_entries AS p {LINES_OF_ENTRY}
WHERE p.position <= %(known)s AND p.effective_on BETWEEN %(from_)s AND %(to)s
    AND NOT ({LEFT_OUT})
    AND (%(account)s::text IS NULL OR k.account = %(account)s
        OR (k.account > %(account)s || ':' AND k.account < %(account)s || ';'))
    AND (%(account)s::text IS NULL OR EXISTS (SELECT FROM unnest(p.accounts) AS a (code)
        WHERE a.code = %(account)s
            OR (a.code > %(account)s || ':' AND a.code < %(account)s || ';')))
ORDER BY l.place LIMIT %(limit)s
"""  # noqa: S608 -- words of these files


def read_lines(
    source: Source, *, span: Span, account: str | None, without: Collection[str] = ()
) -> list[Line]:
    """Returns the lines of some days in the order of the log, of an account or branch or of all;
    `without`: classes of entries that are left out, from the fiscal year of the first day on.

    Raises TooLarge.
    """
    parameters: dict[str, Any] = {
        "places": PLACES,
        "known": source.known,
        "from_": span.from_,
        "to": span.to,
        "account": account,
        "without": list(without),
        "since": left_out_since(source, span.from_),
        "limit": LINES_MAX + 1,
    }
    cursor = source.connection.cursor(row_factory=tuple_row)
    rows = cursor.execute(_LINES, parameters).fetchall()
    if len(rows) > LINES_MAX:
        raise TooLarge(f"More than {LINES_MAX:,} lines; ask for fewer days, or one account.")
    return [line_of(row) for row in rows]


def line_of(row: Sequence[Any]) -> Line:
    """Returns a line as it was read; numbers come as decimals."""
    line = Line._make(row)
    worth = None if line.functional is None else int(line.functional)
    return line._replace(amount=int(line.amount), functional=worth)


def worth_column(source: Source, lines: Sequence[Line]) -> tuple[Column, ...]:
    """Returns the column with what lines are worth, where some are of a foreign asset: without it
    a revaluation, which moves nothing of the asset, would be lines of zeros."""
    functional = source.ledger.functional_asset
    is_mixed = any(line.asset != functional for line in lines)
    return (Column("functional", f"Worth in {functional}", "amount"),) if is_mixed else ()


def worth(source: Source, line: Line) -> dict[str, str | None]:
    """Returns what a line is worth, debits above zero, null where it was never valued."""
    if line.asset != source.ledger.functional_asset:
        minor = line.functional
    else:
        minor = line.amount if line.is_debit else -line.amount
    return {"functional": None if minor is None else source.shown(minor)}


def general_ledger(source: Source, *, span: Span, account: str | None, basis: Basis) -> Report:
    """Returns each account with its opening balance, its lines by day, and its closing balance,
    debits less credits; `basis` as of a trial balance. Raises TooLarge."""
    read = read_lines(source, span=span, account=account, without=WITHOUT[basis])
    report = Report(
        name="general-ledger",
        title="General ledger",
        asked={"from": span.from_, "to": span.to, "account": account, "basis": basis},
        columns=(*LEDGER_COLUMNS, *worth_column(source, read)),
    )
    lines: dict[tuple[str, str], list[Line]] = defaultdict(list)
    for line in read:
        lines[line.account, line.asset].append(line)
    opening: dict[tuple[str, str], int] = {}
    if span.from_ > date.min:
        opening = {
            (one.account, one.asset): one.net
            for one in read_without(
                source.connection,
                WITHOUT[basis],
                position=source.known,
                effective_on=source.through(span.from_ - timedelta(days=1)),
                since=left_out_since(source, span.from_),
                branch=account,
            )
        }
    for key in sorted(lines.keys() | {key for key, net in opening.items() if net}):
        _add_account(report, source, key, opening.get(key, 0), lines.get(key, []))
    return report


def _add_account(
    report: Report, source: Source, key: tuple[str, str], opening: int, lines: Sequence[Line]
) -> None:
    account, asset = key
    report.add(
        "heading",
        account=account,
        asset=asset,
        reference=f"{source.name_of(account)}: opening balance".removeprefix(": "),
        balance=source.shown(opening, asset),
    )
    balance, debits, credits = opening, 0, 0
    numbers = []
    for line in sorted(lines, key=lambda one: (one.effective_on, one.position, one.leg)):
        balance += line.amount if line.is_debit else -line.amount
        debits += line.amount if line.is_debit else 0
        credits += 0 if line.is_debit else line.amount
        numbers.append(
            report.add(
                account=account,
                asset=asset,
                effective_on=line.effective_on,
                journal=line.journal,
                voucher=line.voucher,
                position=line.position,
                leg=line.leg,
                reference=line.reference,
                **sides(source, line),
                balance=source.shown(balance, asset),
                **worth(source, line),
            )
        )
    report.total(
        [(number, 1) for number in numbers],
        account=account,
        asset=asset,
        reference="Closing balance",
        debit=source.shown(debits, asset),
        credit=source.shown(credits, asset),
        balance=source.shown(balance, asset),
    )


def journal(source: Source, *, span: Span, account: str | None) -> Report:
    """Returns every line of some days, entry after entry in the order of the log.

    Raises TooLarge.
    """
    lines = read_lines(source, span=span, account=account)
    report = Report(
        name="journal",
        title="Journal",
        asked={"from": span.from_, "to": span.to, "account": account},
        columns=(*JOURNAL_COLUMNS, *worth_column(source, lines)),
    )
    totals: dict[str, list[int]] = defaultdict(lambda: [0, 0])
    numbers: dict[str, list[tuple[int, int]]] = defaultdict(list)
    for line in lines:
        totals[line.asset][0 if line.is_debit else 1] += line.amount
        values = {
            "effective_on": line.effective_on,
            "journal": line.journal,
            "voucher": line.voucher,
            "position": line.position,
            "class": line.class_,
            "reference": line.reference,
            "actor": line.actor,
            "account": line.account,
            "name": source.name_of(line.account),
            "asset": line.asset,
            **sides(source, line),
            **worth(source, line),
        }
        numbers[line.asset].append((report.add(**values), 1))
    for asset, (debits, credits) in sorted(totals.items()):
        both = {"debit": source.shown(debits, asset), "credit": source.shown(credits, asset)}
        report.total(numbers[asset], account="Total", asset=asset, **both)
        report.totals[asset] = both
    return report


def sides(source: Source, line: Line) -> dict[str, str | None]:
    """Returns the line's amount in the column of its side."""
    amount = source.shown(line.amount, line.asset)
    return {
        "debit": amount if line.is_debit else None,
        "credit": None if line.is_debit else amount,
    }
