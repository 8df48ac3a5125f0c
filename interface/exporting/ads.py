"""A ledger in the tables of the AICPA Audit Data Standards (General Ledger, July 2015), as CSV.

`Amount` is the amount in the functional currency and `Local_Amount` that of the transaction, as
the standard has it. Text that people wrote and that a spreadsheet would take for a formula gets
an apostrophe in front, as in reports; codes and amounts stay as they are.
"""

import csv
from collections.abc import Iterable, Iterator, Mapping
from contextlib import ExitStack
from datetime import datetime
from pathlib import Path
from typing import Any, NamedTuple

import msgspec
from psycopg.rows import tuple_row
from psycopg.sql import SQL, Identifier

from application.store import schema_of
from domain.access import Actor, ApiKey
from domain.accounts import Account
from domain.entries import Document, Original
from domain.ledgers import SYSTEM
from domain.legs import Leg
from interface.exporting.extract import Entry, Extract, period_of
from interface.exporting.files import staged
from interface.reports.document import guarded

SEGMENTS_MAX = 8
"""So many dimensions become columns: the first by name."""

REVERSED, REVERSING = "1", "2"

_GL_DETAIL = (
    "Journal_ID",
    "Journal_ID_Line_Number",
    "JE_Header_Description",
    "JE_Line_Description",
    "Source",
    "Effective_Date",
    "Fiscal_Year",
    "Period",
    "GL_Account_Number",
    "Amount",
    "Amount_Credit_Debit_Indicator",
    "Amount_Currency",
    "Local_Amount",
    "Local_Amount_Currency",
    "Entered_By",
    "Entered_Date",
    "Entered_Time",
    "Approved_By",
    "Approved_Date",
    "Approved_Time",
    "Reversal_Indicator",
    "Reversal_Journal_ID",
    "Document_Number",
    "Document_Date",
    # Not the standard's.
    "Voucher",
    "Class",
    "Correction",
    "Corrected_Journal_ID",
    "Reason",
    "Reference",
    "Party",
)
_TRIAL_BALANCE = (
    "GL_Account_Number",
    "Fiscal_Year",
    "Period",
    "Amount_Beginning",
    "Amount_Ending",
    "Amount_Currency",
    "Local_Amount_Beginning",
    "Local_Amount_Ending",
    "Local_Amount_Currency",
)
_CHART = (
    "GL_Account_Number",
    "GL_Account_Name",
    "Account_Type",
    "Account_Subtype",
    "FS_Caption",
    "Account_Code",
)
_USERS = ("User_ID", "User_Active_Status", "User_Role", "User_Kind", "User_Owner")
_SEGMENTS = ("Segment", "Dimension")

_decode_actor = msgspec.json.Decoder(Actor).decode
_decode_key = msgspec.json.Decoder(ApiKey).decode
Row = Iterable[str]


def account_numbers(accounts: Mapping[str, Account]) -> dict[str, str]:
    """Returns the number by which each account's code goes: its own one where nothing else goes
    by it, else the code."""
    named: dict[str, int] = {}
    for account in accounts.values():
        for name in {account.code, account.number or account.code}:
            named[name] = named.get(name, 0) + 1
    return {
        code: account.number if account.number and named[account.number] == 1 else code
        for code, account in accounts.items()
    }


class Tables:
    """The tables of one extract. `users` is known when the detail was read to its end."""

    def __init__(self, extract: Extract) -> None:
        self._extract = extract
        self._numbers = account_numbers(extract.source.accounts)
        self._currency = extract.ledger.functional_asset
        self._zero = extract.functional(0)
        self._dimensions = _dimensions(extract)
        self._entered: set[str] = set()

    def gl_detail(self) -> Iterator[Row]:
        """Yields a row for each leg, below the headings."""
        yield (*_GL_DETAIL, *(segment for segment, _ in self._segments()))
        for entry in self._extract.entries():
            header = _Header(entry, self._extract)
            self._entered.add(header.entered_by)
            for number, leg, narrative in entry.legs:
                yield self._row(header, number, leg, narrative)

    def trial_balance(self) -> Iterator[Row]:
        """Yields the balances at the beginning and the end, debits less credits."""
        yield _TRIAL_BALANCE
        extract = self._extract
        source = extract.source
        start = extract.ledger.fiscal_year_start
        period = [str(one) for one in period_of(extract.last_day, start=start)]
        opening = {(one.account, one.asset): one for one in extract.opening()}
        for one in extract.closing():
            before = opening.get((one.account, one.asset))
            yield (
                self._numbers[one.account],
                *period,
                source.shown(before.functional if before else 0),
                source.shown(one.functional),
                self._currency,
                source.shown(before.net if before else 0, one.asset),
                source.shown(one.net, one.asset),
                one.asset,
            )

    def chart(self) -> Iterator[Row]:
        """Yields all accounts."""
        yield _CHART
        for code, account in sorted(self._extract.source.accounts.items()):
            subtype = {True: "Current", False: "Noncurrent", None: ""}[account.current]
            yield (
                self._numbers[code],
                guarded(account.name),
                f"{'Contra ' if account.contra else ''}{account.type.capitalize()}",
                subtype,
                guarded(account.statement_line or ""),
                code,
            )

    def users(self) -> Iterator[Row]:
        """Yields who entered something, and who holds a key to this ledger."""
        yield _USERS
        actors, keys = _actors(self._extract)
        for user in sorted(self._entered | keys.keys()):
            actor = actors.get(user)
            roles = sorted({role for key in keys.get(user, ()) for role in key.roles})
            yield (
                guarded(user),
                "Active" if user in keys else "Inactive",
                " ".join(roles),
                actor.kind if actor else "",
                (actor and actor.owner) or "",
            )

    def segments(self) -> Iterator[Row]:
        """Yields which dimension each segment is."""
        yield _SEGMENTS
        for segment, dimension in self._segments():
            yield segment, guarded(dimension)

    def _segments(self) -> Iterator[tuple[str, str]]:
        for number, dimension in enumerate(self._dimensions, start=1):
            yield f"Segment{number:02}", dimension

    def _row(self, header: "_Header", number: int, leg: Leg, narrative: str | None) -> Row:
        worth = leg.amount if leg.asset == self._currency else leg.functional_amount
        dimensions = leg.dimensions or {}
        return (
            header.id,
            str(number),
            header.description,
            guarded(narrative or ""),
            *header.dated,
            self._numbers[leg.account],
            worth or self._zero,
            "D" if leg.side == "debit" else "C",
            self._currency,
            leg.amount,
            leg.asset,
            *header.origin,
            guarded(leg.party or ""),
            *(guarded(dimensions.get(name, "")) for name in self._dimensions),
        )


class _Header:
    """What all rows of an entry say."""

    def __init__(self, entry: Entry, extract: Extract) -> None:
        record, posted = entry.record, entry.posted
        year, period = period_of(posted.effective_on, start=extract.ledger.fiscal_year_start)
        self.id = entry.id
        self.description = guarded(entry.texts.narrative or "")
        self.dated = (posted.journal, str(posted.effective_on), str(year), str(period))
        original, document = posted.original or Original(), posted.document or Document()
        self.entered_by = original.entered_by or record.actor
        entered_at = original.entered_at or datetime.fromisoformat(record.recorded_at)
        indicator, other = "", entry.reversal
        if posted.correction == "reversal":
            indicator, other = REVERSING, posted.corrects
        elif other is not None:
            indicator = REVERSED
        self.origin = (
            guarded(self.entered_by),
            *_moment(entered_at, extract),
            guarded(original.approved_by or ""),
            *_moment(original.approved_at, extract),
            indicator,
            other or "",
            guarded(document.number or ""),
            str(document.date or ""),
            entry.voucher,
            posted.class_,
            posted.correction or "",
            posted.corrects or "",
            record.reason or "",
            guarded(posted.reference or ""),
        )


def _moment(moment: datetime | None, extract: Extract) -> tuple[str, str]:
    if moment is None:
        return "", ""
    local = moment.astimezone(extract.zone)
    return local.date().isoformat(), local.time().isoformat(timespec="seconds")


def _dimensions(extract: Extract) -> list[str]:
    rows = (
        extract.source.connection.cursor(row_factory=tuple_row)
        .execute(
            "SELECT DISTINCT name FROM entry_dimensions WHERE position <= %s"
            " AND effective_on BETWEEN %s AND %s ORDER BY name LIMIT %s",
            [extract.source.known, *extract.span, SEGMENTS_MAX],
        )
        .fetchall()
    )
    return [row[0] for row in rows]


def _actors(extract: Extract) -> tuple[dict[str, Actor], dict[str, list[ApiKey]]]:
    """Returns all actors, and the keys that are valid here, by actor."""
    cursor = extract.source.connection.cursor(row_factory=tuple_row)
    system = Identifier(schema_of(SYSTEM))
    rows = cursor.execute(SQL("SELECT document FROM {}.actors").format(system)).fetchall()
    actors = [_decode_actor(document) for (document,) in rows]
    rows = cursor.execute(SQL("SELECT document FROM {}.keys").format(system)).fetchall()
    keys: dict[str, list[ApiKey]] = {}
    for (document,) in rows:
        key = _decode_key(document)
        if not key.revoked and key.ledger in (None, extract.ledger.id):
            keys.setdefault(key.actor, []).append(key)
    return {actor.actor: actor for actor in actors}, keys


class _Table(NamedTuple):
    file: Path
    rows: Iterator[Any]


def write(extract: Extract, directory: Path) -> list[Path]:
    """Writes the tables into a directory, all or none, and returns the files."""
    tables = Tables(extract)
    days = f"{extract.first_day():%Y%m%d}_{extract.last_day:%Y%m%d}"
    directory.mkdir(parents=True, exist_ok=True)
    made = [
        _Table(directory / f"GL_Detail_{days}.csv", tables.gl_detail()),
        _Table(directory / f"Trial_Balance_{days}.csv", tables.trial_balance()),
        _Table(directory / f"Chart_Of_Accounts_{days}.csv", tables.chart()),
        _Table(directory / f"User_Listing_{days}.csv", tables.users()),
        _Table(directory / f"Segment_Listing_{days}.csv", tables.segments()),
    ]
    with ExitStack() as stack:
        for table in made:
            part = stack.enter_context(staged(table.file))
            with part.open("w", encoding="utf-8", newline="") as opened:
                csv.writer(opened, lineterminator="\r\n").writerows(table.rows)
    return [table.file for table in made]
