"""Reports: what was asked, as rows and columns, before it becomes JSON, CSV, a sheet or a page."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from functools import lru_cache
from typing import Any, Literal, NamedTuple
from zoneinfo import ZoneInfo

import msgspec
from psycopg import Connection
from psycopg.rows import tuple_row

from domain.accounts import Account
from domain.assets import Asset
from domain.ledgers import Ledger
from domain.money import format_amount
from projections.moments import recorded_at

Kind = Literal["text", "amount", "day", "number"]
RowKind = Literal["line", "heading", "total"]


class Column(NamedTuple):
    """`name`: of the member of each row."""

    name: str
    title: str
    kind: Kind = "text"


@dataclass(kw_only=True, slots=True)
class Row:
    """`values` by column; amounts are decimal strings. `sums`: the rows that a total adds up, with
    the sign of each, by their numbers in the report."""

    values: dict[str, Any]
    kind: RowKind = "line"
    sums: tuple[tuple[int, int], ...] = ()


@dataclass(kw_only=True, slots=True)
class Report:
    """`asked`: the parameters that it answers, as a client gave them or by default."""

    name: str
    title: str
    asked: Mapping[str, Any]
    columns: Sequence[Column]
    rows: list[Row] = field(default_factory=list)
    totals: dict[str, Any] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)

    def add(self, kind: RowKind = "line", /, **values: Any) -> int:
        """Appends a row and returns its number."""
        self.rows.append(Row(values=values, kind=kind))
        return len(self.rows) - 1

    def total(self, sums: Sequence[tuple[int, int]], /, **values: Any) -> int:
        """Appends a total of other rows and returns its number."""
        self.rows.append(Row(values=values, kind="total", sums=tuple(sums)))
        return len(self.rows) - 1


class NeedsMore(Exception):
    """The report can't be made without a parameter that was not given; `name` says which."""

    def __init__(self, name: str, why: str) -> None:
        super().__init__(why)
        self.name = name


class TooLarge(Exception):
    """The report has more rows than a report may have: ask for less."""


class Source(NamedTuple):
    """What reports are made from: one snapshot of a ledger's views, as known at a position."""

    connection: Connection[Any]
    ledger: Ledger
    accounts: Mapping[str, Account]
    assets: Mapping[str, Asset]
    known: int
    known_on: date
    """The ledger's day on which that was recorded."""

    def through(self, day: date | None) -> date | None:
        """Returns the day, or None where it holds nothing back: nothing is effective later than
        the day on which it is recorded. Then a balance takes one look-up instead of dozens."""
        return None if day is None or day >= self.known_on else day

    def shown(self, minor: int, asset: str | None = None) -> str:
        """Returns an amount in units of an asset, the functional one without one."""
        return format_amount(minor, self.assets[asset or self.ledger.functional_asset].scale)

    def group(self, account: str, depth: int | None) -> str:
        """Returns the account, or the branch of so many segments that it is in."""
        return account if depth is None else ":".join(account.split(":")[:depth])

    def has_place(self, account: str) -> bool:
        """True for an account, and for a branch that has some."""
        return account in self.accounts or any(
            code.startswith(f"{account}:") for code in self.accounts
        )

    def name_of(self, account: str) -> str:
        """Returns the account's name, "" for a branch that has none."""
        found = self.accounts.get(account)
        return "" if found is None else found.name


ACCOUNTS_REMEMBERED = 50_000
"""By their documents, which every report reads anew: the chart of most is the same as before."""

_account = lru_cache(ACCOUNTS_REMEMBERED)(msgspec.json.Decoder(Account).decode)
_asset = msgspec.json.Decoder(Asset).decode


def source_of(connection: Connection[Any], *, ledger: Ledger, known: int) -> Source:
    """Reads the chart and the assets beside the views."""
    # Binary: documents as they are, not in hex.
    cursor = connection.cursor(binary=True, row_factory=tuple_row)
    accounts = cursor.execute("SELECT code, document FROM accounts").fetchall()
    assets = cursor.execute("SELECT code, document FROM assets").fetchall()
    return Source(
        connection,
        ledger,
        {code: _account(document) for code, document in accounts},
        {code: _asset(document) for code, document in assets},
        known,
        recorded_at(connection, known).astimezone(ZoneInfo(ledger.timezone)).date(),
    )


class Span(NamedTuple):
    """Effective days, both included."""

    from_: date
    to: date
