"""Roll-forward and cut-off: what auditors ask of a whole ledger."""

from datetime import date, timedelta

from psycopg.rows import tuple_row

from projections.balances import Past, read_past
from projections.entries import VOUCHER
from projections.general_ledger import JOURNAL_COLUMNS, line_of, sides
from projections.lines import LINES_OF_ENTRY, PLACES
from projections.report import Column, Report, Source, Span, TooLarge

LINES_MAX = 50_000

COLUMNS = (
    Column("account", "Account"),
    Column("name", "Name"),
    Column("asset", "Asset"),
    Column("opening", "Opening", "amount"),
    Column("debits", "Debits", "amount"),
    Column("credits", "Credits", "amount"),
    Column("closing", "Closing", "amount"),
)
CUT_OFF = (*JOURNAL_COLUMNS, Column("why", "Why"))


def roll_forward(source: Source, *, span: Span) -> Report:
    """Returns each account's opening balance, what moved it in some days, and its closing one;
    balances are debits less credits."""
    report = Report(
        name="roll-forward",
        title="Account roll-forward",
        asked={"from": span.from_, "to": span.to},
        columns=COLUMNS,
    )
    opening: dict[tuple[str, str], Past] = {}
    if span.from_ > date.min:
        day_before = span.from_ - timedelta(days=1)
        opening = {(one.account, one.asset): one for one in _through(source, day_before)}
    for one in _through(source, span.to):
        before = opening.get((one.account, one.asset))
        debits = one.debits - (before.debits if before else 0)
        credits = one.credits - (before.credits if before else 0)
        opened = before.net if before else 0
        if opened or debits or credits:
            _add(report, source, one, opened, debits, credits)
    return report


def _through(source: Source, day: date) -> list[Past]:
    return read_past(source.connection, position=source.known, effective_on=source.through(day))


def _add(
    report: Report, source: Source, one: Past, opening: int, debits: int, credits: int
) -> None:
    def shown(minor: int) -> str:
        return source.shown(minor, one.asset)

    report.add(
        account=one.account,
        name=source.name_of(one.account),
        asset=one.asset,
        opening=shown(opening),
        debits=shown(debits),
        credits=shown(credits),
        closing=shown(opening + debits - credits),
    )


_CUT_OFF = f"""
SELECT p.position, l.place %% %(places)s, k.account, k.asset, p.effective_on, l.is_debit, l.amount,
    p.journal, {VOUCHER}, p.class, p.reference, p.actor, l.functional
FROM posted_entries AS p {LINES_OF_ENTRY}
WHERE p.position <= %(known)s AND (p.position > %(cut)s) = (p.effective_on <= %(day)s)
ORDER BY l.place LIMIT %(limit)s
"""  # noqa: S608 -- words of these files


def cut_off(source: Source, *, effective_on: date, cut: int) -> Report:
    """Returns what is effective on or before a day and was recorded after it, and the other way.

    `cut`: the last position that was recorded on that day. Raises TooLarge.
    """
    report = Report(
        name="cut-off",
        title="Cut-off",
        asked={"effective_on": effective_on},
        columns=CUT_OFF,
    )
    parameters = {
        "places": PLACES,
        "known": source.known,
        "cut": cut,
        "day": effective_on,
        "limit": LINES_MAX + 1,
    }
    cursor = source.connection.cursor(row_factory=tuple_row)
    rows = cursor.execute(_CUT_OFF, parameters).fetchall()
    if len(rows) > LINES_MAX:
        raise TooLarge(f"More than {LINES_MAX:,} lines; ask for another day.")
    for row in rows:
        line = line_of(row)
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
            "why": "recorded after" if line.position > cut else "effective after",
        }
        report.add(**values)
    return report
