"""What entries say of the lines of a statement, and the statement of an account as a report.

What is certified of a statement is its figures (interface/reports/certificates.py). Vouchers,
references and counter-accounts are in the records that a certificate proves; texts are not, for
they can be erased, and a certificate is to hold nevertheless.
"""

from collections.abc import Collection, Iterator, Sequence
from datetime import date, datetime
from typing import Any, NamedTuple
from zoneinfo import ZoneInfo

import msgspec
from msgspec import Struct
from psycopg import Connection
from psycopg.rows import tuple_row

from domain.money import minor_units
from projections.report import Column, Report, Source, TooLarge
from projections.statements import LINES_MAX, Line, Statement

COLUMNS = (
    Column("line", "Line", "number"),
    Column("effective_on", "Effective", "day"),
    Column("recorded_on", "Recorded", "day"),
    Column("voucher", "Voucher"),
    Column("reference", "Reference"),
    Column("narrative", "Narrative"),
    Column("counter_accounts", "Counter-accounts"),
    Column("position", "Position", "number"),
    Column("leg", "Leg", "number"),
    Column("debit", "Debit", "amount"),
    Column("credit", "Credit", "amount"),
    Column("balance", "Balance", "amount"),
)

ERASED = "(erased)"
"""In the place of a text that was."""
WITHHELD = "(not in this copy)"

COUNTER_ACCOUNTS_MAX = 5
"""So many are named; of more, all but the last ones."""

ENTRIES_READ = 1_000
"""At a time, so that a long statement takes no more memory than a short one."""


class Leg(Struct, gc=False):
    account: str
    side: str
    functional_amount: str | None = None
    party: str | None = None
    dimensions: dict[str, str] | None = None


class Posted(Struct, gc=False):
    """What an EntryPosted of any version says."""

    journal: str
    fiscal_year: int
    voucher_no: int
    legs: list[Leg]
    class_: str = msgspec.field(default="ordinary", name="class")
    value_on: str | None = None
    reference: str | None = None
    corrects: str | None = None
    correction: str | None = None
    private: str | None = None


class Recorded(Struct, gc=False):
    stream: str
    recorded_at: str
    payload: Posted


class Texts(Struct, gc=False):
    """What a private body says of an entry and its legs."""

    narrative: str | None = None
    legs: list[str | None] | None = None


decode_record = msgspec.json.Decoder(Recorded).decode
_decode_texts = msgspec.json.Decoder(Texts).decode


class Entry(NamedTuple):
    """What an entry says of its lines. `texts`: None where it came with none; `missing`: what
    stands for texts that are gone."""

    recorded: Recorded
    debited: Sequence[str]
    credited: Sequence[str]
    texts: Texts | None
    missing: str | None

    @property
    def voucher(self) -> str:
        """Its number in the books: `GEN/2026/17`."""
        posted = self.recorded.payload
        return f"{posted.journal}/{posted.fiscal_year}/{posted.voucher_no}"

    def recorded_on(self, timezone: ZoneInfo) -> date:
        """Returns the day there on which it was recorded."""
        return datetime.fromisoformat(self.recorded.recorded_at).astimezone(timezone).date()

    def leg(self, line: Line) -> Leg:
        """Returns the leg that a line is."""
        return self.recorded.payload.legs[line.leg - 1]

    def counter_accounts(self, line: Line) -> Sequence[str]:
        """Returns the accounts on the other side, by code."""
        return self.credited if line.is_debit else self.debited

    def worth(self, line: Line) -> int:
        """Returns what a line is worth in the functional asset, debits above zero; 0 for one that
        was never valued."""
        worth = minor_units(self.leg(line).functional_amount or "0")
        return worth if line.is_debit else -worth

    def narrative(self, line: Line) -> str | None:
        """Returns the leg's own text, or else the entry's."""
        if self.texts is None:
            return None
        own = self.texts.legs or []
        return (own[line.leg - 1] if line.leg <= len(own) else None) or self.texts.narrative


def account_statement(
    source: Source, found: Statement, *, account: str, asset: str, asked: dict[str, Any]
) -> Report:
    """Returns a whole statement as a report; balances are on the account's normal side.

    Raises TooLarge where the statement goes on.
    """
    if found.more:
        raise TooLarge(f"More than {LINES_MAX:,} lines; ask for fewer days.")
    sign = 1 if source.accounts[account].debit_normal else -1
    report = Report(
        name="statement",
        title=f"Statement of {account} in {asset}",
        asked=asked,
        columns=(*COLUMNS, *_worth(source, asset)),
    )
    opening = source.shown(sign * found.opening, asset)
    report.add("heading", narrative="Opening balance", balance=opening)
    numbers = []
    worth = 0
    erased: set[int] = set()
    for line, entry in _with_entries(source, found.lines):
        numbers.append((report.add(**_line(source, line, entry, asset=asset, sign=sign)), 1))
        worth += sign * entry.worth(line)
        if entry.missing == ERASED:
            erased.add(line.position)
    debits = sum(line.amount for line in found.lines if line.is_debit)
    credits = sum(line.amount for line in found.lines if not line.is_debit)
    report.total(
        numbers,
        narrative="Closing balance",
        debit=source.shown(debits, asset),
        credit=source.shown(credits, asset),
        balance=source.shown(sign * found.closing, asset),
        functional=source.shown(worth) if _worth(source, asset) else None,
    )
    if erased:
        report.notes.append(
            f"The texts of {len(erased)} {'entry' if len(erased) == 1 else 'entries'} were erased"
            " on record; figures and proofs are as they were."
        )
    return report


def _worth(source: Source, asset: str) -> tuple[Column, ...]:
    """Without it a revaluation, which moves nothing of the asset, would be a line of zeros."""
    functional = source.ledger.functional_asset
    return (
        () if asset == functional else (Column("functional", f"Worth in {functional}", "amount"),)
    )


def _line(source: Source, line: Line, entry: Entry, *, asset: str, sign: int) -> dict[str, Any]:
    amount = source.shown(line.amount, asset)
    timezone = ZoneInfo(source.ledger.timezone)
    return {
        "line": line.number,
        "effective_on": line.effective_on,
        "recorded_on": entry.recorded_on(timezone),
        "voucher": entry.voucher,
        "reference": entry.recorded.payload.reference,
        "narrative": entry.missing or entry.narrative(line),
        "counter_accounts": _named(entry.counter_accounts(line)),
        "position": line.position,
        "leg": line.leg,
        "debit": amount if line.is_debit else None,
        "credit": None if line.is_debit else amount,
        "balance": source.shown(sign * line.balance, asset),
        "functional": (source.shown(sign * entry.worth(line)) if _worth(source, asset) else None),
    }


def _named(accounts: Sequence[str]) -> str:
    if len(accounts) <= COUNTER_ACCOUNTS_MAX:
        return ", ".join(accounts)
    first = accounts[: COUNTER_ACCOUNTS_MAX - 1]
    return f"{', '.join(first)} and {len(accounts) - len(first)} more"


def _with_entries(source: Source, lines: Sequence[Line]) -> Iterator[tuple[Line, Entry]]:
    for first in range(0, len(lines), ENTRIES_READ):
        some = lines[first : first + ENTRIES_READ]
        entries = read_entries(source.connection, {line.position for line in some})
        for line in some:
            yield line, entries[line.position]


def read_entries(connection: Connection[Any], positions: Collection[int]) -> dict[int, Entry]:
    """Returns what the entries at some positions say of their lines, by position."""
    rows = connection.cursor(binary=True, row_factory=tuple_row).execute(
        "SELECT e.notification_id, e.state, t.body, head.texts_withheld_through"
        " FROM head, events AS e LEFT JOIN private AS t ON t.position = e.notification_id"
        " WHERE e.notification_id = ANY(%s)",
        [list(positions)],
    )
    return {
        position: _entry(
            decode_record(state),
            None if body is None else _decode_texts(body),
            WITHHELD if position <= withheld_through else ERASED,
        )
        for position, state, body, withheld_through in rows
    }


def _entry(recorded: Recorded, texts: Texts | None, missing: str) -> Entry:
    accounts: dict[str, set[str]] = {"debit": set(), "credit": set()}
    for leg in recorded.payload.legs:
        accounts[leg.side].add(leg.account)
    is_missing = texts is None and recorded.payload.private is not None
    return Entry(
        recorded,
        sorted(accounts["debit"]),
        sorted(accounts["credit"]),
        texts,
        missing if is_missing else None,
    )
