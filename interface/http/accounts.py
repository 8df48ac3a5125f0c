"""Accounts and their balances as answers show them."""

from collections.abc import Iterable, Sequence
from typing import Any

import msgspec
from psycopg import Connection
from psycopg.rows import DictRow

from application.records import SHAPES
from domain.accounts import Account, AccountNotFound
from domain.assets import Asset
from domain.balances import available, posted
from domain.books import Books
from domain.catalogue import EVOLVE
from domain.money import format_amount
from domain.pages import EMPTY, Balance
from interface.http.errors import Problem
from interface.http.streams import Stored

_decode_account = msgspec.json.Decoder(Account).decode
_decode_asset = msgspec.json.Decoder(Asset).decode


def account_shown(account: Account) -> dict[str, Any]:
    """Returns an account without its balances."""
    return {
        "code": account.code,
        "type": account.type,
        "name": account.name,
        "asset": account.asset,
        "floor": account.floor,
        "contra": account.contra,
        "normal_side": "debit" if account.debit_normal else "credit",
        "postable": account.postable,
        "number": account.number,
        "purpose": account.purpose,
        "monetary": account.monetary,
        "cash_flow": account.cash_flow,
        "current": account.current,
        "statement_line": account.statement_line,
        "statutory_codes": account.statutory_codes,
        "owner": account.owner,
        "status": account.status,
        "freezes": [msgspec.structs.asdict(freeze) for freeze in account.freezes],
        "limits": [msgspec.structs.asdict(limit) for limit in account.limits],
        "version": account.version,
    }


def decode_account(document: bytes) -> Account:
    """Returns the account of a write-side row."""
    return _decode_account(document)


def etag(version: int) -> tuple[str, str]:
    """Returns the header with the version of the account's own stream."""
    return "ETag", f'"{version}"'


def read_account(connection: Connection[DictRow], code: str) -> Account:
    """Returns an account. Raises Problem (account_not_found)."""
    row = connection.execute("SELECT document FROM accounts WHERE code = %s", [code]).fetchone()
    if row is None:
        raise Problem.of(AccountNotFound(account=code))
    return _decode_account(row["document"])


def fold_account(stored: Sequence[Stored], code: str) -> Account:
    """Returns the account that the first records of its stream make."""
    books = Books()
    for record, _ in stored:
        EVOLVE[type(record.payload)](books, record.stream, record.payload)
    account = books.accounts.get(code)
    assert account is not None, "its first record opens the account"
    return account


def read_liens(
    connection: Connection[DictRow], accounts: Iterable[Account], *, position: int
) -> dict[tuple[str, str], int]:
    """Returns what liens kept of each account as known at a position, by code and asset, in minor
    units; accounts without one are left out."""
    streams = [account.stream for account in accounts if account.version > 1]
    rows = connection.execute(
        "SELECT state FROM events WHERE originator_id = ANY(%s::uuid[])"
        " AND notification_id <= %s ORDER BY notification_id",
        [streams, position],
    )
    books = Books()
    for row in rows:
        record = SHAPES.decode(row["state"])
        EVOLVE[type(record.payload)](books, record.stream, record.payload)
    return {
        (account.code, account.asset): account.lien_minor
        for account in books.accounts.now.values()
        if account.lien_minor and account.asset is not None
    }


def read_balances(
    connection: Connection[DictRow], code: str, *, asset: str | None
) -> dict[str, Any]:
    """Returns what an account holds, an item for each asset, from one snapshot.

    Raises Problem (account_not_found).
    """
    rows = connection.execute(
        "SELECT h.position, a.version, a.document, b.asset, b.debits, b.credits,"
        " b.pending_debits, b.pending_credits, b.lines, coalesce(b.touches, 0) AS touches,"
        " s.document AS asset_document"
        " FROM head AS h CROSS JOIN accounts AS a LEFT JOIN balances AS b ON b.account = a.code"
        " LEFT JOIN assets AS s ON s.code = b.asset WHERE a.code = %s ORDER BY b.asset",
        [code],
    ).fetchall()
    if not rows:
        raise Problem.of(AccountNotFound(account=code))
    account = _decode_account(rows[0]["document"])
    items = [
        _item(account, _decode_asset(row["asset_document"]), _balance(row))
        for row in rows
        if row["asset"] is not None
    ]
    if account.asset is not None and not items:
        items = [_item(account, _read_asset(connection, account.asset), EMPTY)]
    return {
        "items": [item for item in items if asset in (None, item["asset"])],
        "version": rows[0]["version"] + sum(row["touches"] for row in rows),
        "position": rows[0]["position"],
    }


def _balance(row: DictRow) -> Balance:
    return Balance(
        int(row["debits"]),
        int(row["credits"]),
        int(row["pending_debits"]),
        int(row["pending_credits"]),
        row["lines"],
    )


def _item(account: Account, asset: Asset, balance: Balance) -> dict[str, Any]:
    def shown(minor: int) -> str:
        return format_amount(minor, asset.scale)

    return {
        "asset": asset.code,
        "posted": {
            "debits": shown(balance.debits),
            "credits": shown(balance.credits),
            "balance": shown(posted(account, balance)),
        },
        "pending": {
            "debits": shown(balance.pending_debits),
            "credits": shown(balance.pending_credits),
        },
        "liens": shown(account.lien_minor),
        "available": shown(available(account, balance)),
        "lines": balance.lines,
    }


def _read_asset(connection: Connection[DictRow], code: str) -> Asset:
    row = connection.execute("SELECT document FROM assets WHERE code = %s", [code]).fetchone()
    assert row is not None, "an account's asset exists"
    return _decode_asset(row["document"])
