"""The service's rows held against the second fold: every column of every row, none missing, none
too many."""

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any

import msgspec
from psycopg import Connection
from psycopg.rows import DictRow

from application.restoring import COPIED
from interface.evidence.divergence import UNREADABLE, Divergence
from interface.evidence.fold import FORMAT, Fold
from interface.evidence.passbook import Totals, minor_of

EXCHANGE = ("fx_difference", "fx_unrealised", "conversion")
"""Purposes of accounts that take differences of exchange rates."""

Row = Mapping[str, Any]


def check_rows(connection: Connection[DictRow], fold: Fold) -> None:
    """Compares all write-side rows of a ledger. Requires the snapshot in which the records were
    read, the ledger first in search_path, and a fold of all records. Raises Divergence."""
    _check_head(connection, fold)
    _check_documents(connection, fold)
    _check_accounts(connection, fold)
    _check_balances(connection, fold)
    _check_holds(connection, fold)
    _check_usages(connection, fold)
    _check_periods(connection, fold)
    _check_worth(connection, fold)
    rows = connection.execute("SELECT journal, fiscal_year, last_no FROM vouchers")
    _compare(
        "voucher counter",
        (((row["journal"], row["fiscal_year"]), row["last_no"]) for row in rows),
        fold.passbook.vouchers,
    )
    if fold.ledger == "system":
        _check_access(connection, fold)


def _check_head(connection: Connection[DictRow], fold: Fold) -> None:
    heads = connection.execute("SELECT * FROM head").fetchall()
    if len(heads) != 1:
        raise Divergence(f"the head has {len(heads)} rows")
    head = heads[0]
    found = (head["position"], head["incarnation"], head["format"], head["recorded_at"])
    follows = (fold.position, fold.incarnation, FORMAT, _moment(fold.recorded_at))
    if found != follows:
        raise Divergence(f"the head says {_said(found)}; it follows {_said(follows)}")
    halted = head["halted"] or ""
    if halted and not halted.startswith(COPIED):
        raise Divergence(f"the ledger was stopped: {halted}")
    rows = connection.execute("SELECT verifier_key FROM signing_keys").fetchall()
    signing = {*fold.chart.ledger.get("verifier_keys", ())}
    stored = signing & {row["verifier_key"] for row in rows}
    if halted and stored:
        raise Divergence("it is said to be a copy, and has a key of the ledger that it is of")
    if not halted and stored != signing:
        raise Divergence(f"the key {min(signing - stored)} signs this log and is not stored")


def _check_documents(connection: Connection[DictRow], fold: Fold) -> None:
    chart = fold.chart
    rows = connection.execute("SELECT document FROM ledger").fetchall()
    _compare(
        "ledger", ((number, _document(row)) for number, row in enumerate(rows)), {0: chart.ledger}
    )
    for table, key, expected in (
        ("assets", "code", chart.assets),
        ("journals", "code", chart.journals),
        ("baselines", "id", chart.baselines),
    ):
        rows = connection.execute(f"SELECT {key}, document FROM {table}").fetchall()  # noqa: S608 -- literals
        _compare(table, [(row[key], _document(row)) for row in rows], expected)


def _check_accounts(connection: Connection[DictRow], fold: Fold) -> None:
    expected = {
        account.code: (
            account.opened.type,
            account.status,
            account.version,
            account.opened.purpose == "suspense",
            account.opened.purpose in EXCHANGE,
            account.document(),
        )
        for account in fold.chart.accounts.values()
    }
    rows = connection.execute(
        "SELECT code, type, status, version, suspense, exchange, document FROM accounts"
    )
    _compare(
        "account",
        ((row["code"], (*list(row.values())[1:-1], _document(row))) for row in rows),
        expected,
    )


def _check_balances(connection: Connection[DictRow], fold: Fold) -> None:
    touched: dict[str, int] = {}
    found = []
    rows = connection.execute(
        "SELECT account, asset, debits::text, credits::text, pending_debits::text,"
        " pending_credits::text, lines, touches FROM balances"
    )
    for row in rows:
        account, asset, *totals, lines, touches = row.values()
        found.append(((account, asset), (*totals, lines)))
        touched[account] = touched.get(account, 0) + touches
    expected = {key: _columns(totals) for key, totals in fold.passbook.totals.items()}
    _compare("balance", found, expected)
    accounts = fold.chart.accounts
    _compare(
        "account's touches",
        ((code, count) for code, count in touched.items() if count),
        {code: each.touched for code, each in accounts.items() if each.touched},
    )


def _columns(totals: Totals) -> tuple[str, str, str, str, int]:
    return (
        str(totals.debits),
        str(totals.credits),
        str(totals.pending_debits),
        str(totals.pending_credits),
        totals.lines,
    )


def _check_holds(connection: Connection[DictRow], fold: Fold) -> None:
    expected = {}
    for id, hold in fold.holds.open.items():
        remaining = minor_of(hold.held, fold.chart.scales[hold.asset])
        expires_at = None if hold.expires_at is None else _moment(hold.expires_at)
        if remaining or expires_at is not None:
            expected[id] = (hold.debit, hold.credit, hold.asset, str(remaining), expires_at)
    rows = connection.execute(
        "SELECT authorization_id::text AS id, debit, credit, asset, remaining::text, expires_at"
        " FROM holds"
    )
    _compare("hold", ((row["id"], tuple(row.values())[1:]) for row in rows), expected)


def _check_usages(connection: Connection[DictRow], fold: Fold) -> None:
    rows = connection.execute(
        "SELECT limit_id::text AS id, account, starts_on::text, used::text, count FROM limit_usages"
    )
    _compare(
        "limit's usage",
        ((row["id"], tuple(row.values())[1:]) for row in rows),
        {
            id: (each.account, each.starts_on, str(each.minor), each.count)
            for id, each in fold.limits.usages.items()
        },
    )


def _check_periods(connection: Connection[DictRow], fold: Fold) -> None:
    rows = connection.execute("SELECT name, document FROM periods").fetchall()
    _compare("period", ((row["name"], _document(row)) for row in rows), fold.periods.rows)


def _check_worth(connection: Connection[DictRow], fold: Fold) -> None:
    worth = fold.worth
    rows = connection.execute(
        "SELECT base, quote, kind, effective_on::text, document FROM rates"
    ).fetchall()
    _compare("rate", ((tuple(row.values())[:4], _document(row)) for row in rows), worth.rates)
    rows = connection.execute(
        "SELECT account, asset, line, side, effective_on::text, remaining::text,"
        " functional::text, entry::text, name, is_shared FROM open_items"
    ).fetchall()
    _compare(
        "open item",
        ((tuple(row.values())[:3], tuple(row.values())[3:]) for row in rows),
        {key: item.columns() for key, item in worth.items.items()},
    )
    rows = connection.execute(
        "SELECT id::text, effective_on::text, waits, document FROM revaluations"
    ).fetchall()
    _compare(
        "revaluation",
        ((row["id"], (row["effective_on"], row["waits"], _document(row))) for row in rows),
        {
            id: (document["effective_on"], "status" not in document, document)
            for id, document in worth.revaluations.items()
        },
    )
    rows = connection.execute("SELECT entry::text, reverse_on::text FROM due_reversals").fetchall()
    found = ((row["entry"], row["reverse_on"]) for row in rows)
    _compare("due reversal", found, worth.reversals)


def _check_access(connection: Connection[DictRow], fold: Fold) -> None:
    for table, key in (("listings", "id"), ("actors", "actor"), ("keys", "key_id")):
        rows = connection.execute(f"SELECT * FROM {table}").fetchall()  # noqa: S608 -- literals
        _compare(table, ((row[key], _document(row)) for row in rows), fold.access[table])
        for row in rows:
            digest = row.get("key_sha256")
            if digest is not None and digest != fold.access[table][row[key]]["key_sha256"]:
                raise Divergence(f"the key {row[key]} opens with another token than was issued")


def _compare(what: str, rows: Iterable[tuple[Any, Any]], expected: Mapping[Any, Any]) -> None:
    """Raises Divergence for the first row, by key, that is not what follows from the records, and
    for one that stands twice: what keeps tables from that can be taken away."""
    found: dict[Any, Any] = {}
    for key, row in rows:
        if key in found:
            raise Divergence(f"{what} {_said(key)} has several rows")
        found[key] = row
    if found == expected:
        return
    for key in sorted({*found, *expected}, key=str):
        if key not in expected:
            raise Divergence(f"{what} {_said(key)} has a row; it follows none")
        if key not in found:
            raise Divergence(f"{what} {_said(key)} has no row")
        if found[key] != expected[key]:
            raise Divergence(
                f"{what} {_said(key)} says {_said(found[key])}; it follows {_said(expected[key])}"
            )


def _moment(text: str) -> datetime:
    try:
        return datetime.fromisoformat(text)
    except ValueError as error:
        raise Divergence(f"{text} is no moment") from error


def _document(row: Row) -> Any:
    try:
        return msgspec.json.decode(row["document"])
    except UNREADABLE as error:
        raise Divergence(f"a row's document can't be read: {error}") from error


def _said(value: Any) -> str:
    if isinstance(value, tuple):
        return ", ".join(map(_said, value))
    if isinstance(value, Iterable) and not isinstance(value, str):
        return msgspec.json.encode(value, enc_hook=str).decode()
    return str(value)
