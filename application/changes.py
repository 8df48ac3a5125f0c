"""What a commit writes beside its events: each row that it changes, once.

Long arrays are sent as text literals: in Python a joined string is many times cheaper than adapting
thousands of values one by one.
"""

from collections.abc import Sequence
from operator import attrgetter
from typing import Any

import msgspec
from psycopg.sql import SQL, Identifier

from application.changes_of_worth import (
    write_items,
    write_rates,
    write_revaluations,
    write_reversals,
)
from application.private import PrivateRow
from application.rows import Rows, array, numbers
from application.statements import Statements
from domain.accounts import EXCHANGE
from domain.books import Books
from domain.limits import Usage
from domain.mandatory_settlements import NetworkReference
from domain.money import minor_units
from domain.pages import Balance, Page
from domain.shelves import Shelf

_encode = msgspec.json.Encoder().encode
_row = attrgetter("row")


def write_changes(
    rows: Rows, statements: Statements, books: Books, private: Sequence[PrivateRow]
) -> None:
    """Writes each row that the commit changes, once."""
    _write_balances(rows, statements, books)
    _write_vouchers(rows, statements, books)
    if books.versions.changed:
        _write_accounts(rows, statements, books)
    if books.authorizations.changed:
        _write_holds(rows, statements, books)
    if books.network_references.changed:
        _write_network_references(rows, statements, books.network_references.changed)
    if books.usages.changed:
        _write_usages(rows, statements, books.usages.changed)
    if books.items.changed:
        write_items(rows, statements, books.items.changed)
    if books.rates.changed:
        write_rates(rows, statements, books.rates.changed)
    if books.revaluations.changed:
        write_revaluations(rows, statements, books.revaluations.changed)
    if books.reversals.changed:
        write_reversals(rows, statements, books.reversals.changed)
    if private:
        statements.execute(
            rows.sql(
                "INSERT INTO {}.private (position, salt, body)"
                " SELECT * FROM unnest(%s::bigint[], %s::bytea[], %s::bytea[])"
            ),
            [
                [row.position for row in private],
                [row.salt for row in private],
                [row.body for row in private],
            ],
        )
    if books.erased.changed:
        statements.execute(
            rows.sql(
                "DELETE FROM {}.private WHERE position IN (SELECT notification_id FROM {}.events"
                " WHERE originator_id = ANY(%s::uuid[]))"
            ),
            [array(books.erased.changed)],
        )
    for ledger in books.ledgers.changed.values():
        statements.execute(
            rows.sql(
                "INSERT INTO {}.ledger (document) VALUES (%s)"
                " ON CONFLICT (one) DO UPDATE SET document = excluded.document"
            ),
            [_encode(ledger)],
        )
    _write_documents(rows, statements, "assets", "code", books.assets)
    _write_documents(rows, statements, "journals", "code", books.journals)
    _write_documents(rows, statements, "baselines", "id", books.baselines)
    _write_documents(rows, statements, "periods", "name", books.periods)
    if rows.is_system:
        _write_documents(rows, statements, "listings", "id", books.listings)
        _write_documents(rows, statements, "actors", "actor", books.actors)
        _write_keys(rows, statements, books)


def _write_balances(rows: Rows, statements: Statements, books: Books) -> None:
    pages = books.balances.changed
    if not pages:
        return
    new = [page for page in pages if not page.row]
    if new:
        _insert_balances(rows, statements, new)
        pages = [page for page in pages if page.row < new[0].row]
        if not pages:
            return
    # In the order of the table: a fifth less for the server to do (measured with 2,300 of 10,000).
    pages = sorted(pages, key=_row)
    balances = [page.balance for page in pages]
    statements.execute(
        rows.sql(
            "UPDATE {}.balances AS b SET debits = n.debits, credits = n.credits,"
            " pending_debits = n.pending_debits, pending_credits = n.pending_credits,"
            " lines = n.lines, touches = n.touches"
            " FROM unnest(%s::bigint[], %s::numeric[], %s::numeric[], %s::numeric[],"
            " %s::numeric[], %s::bigint[], %s::bigint[])"
            " AS n (id, debits, credits, pending_debits, pending_credits, lines, touches)"
            " WHERE b.id = n.id"
        ),
        [
            numbers([page.row for page in pages]),
            *_totals(balances),
            numbers([page.touches for page in pages]),
        ],
        prepare=True,
    )


def _insert_balances(rows: Rows, statements: Statements, new: Sequence[Page]) -> None:
    for page in new:
        page.row = rows.next_balance_id
        rows.next_balance_id += 1
    statements.execute(
        rows.sql(
            "INSERT INTO {}.balances (id, account, asset, debits, credits, pending_debits,"
            " pending_credits, lines, touches) SELECT * FROM unnest(%s::bigint[], %s::text[],"
            " %s::text[], %s::numeric[], %s::numeric[], %s::numeric[], %s::numeric[],"
            " %s::bigint[], %s::bigint[])"
        ),
        [
            numbers([page.row for page in new]),
            [page.account for page in new],
            [page.asset for page in new],
            *_totals([page.balance for page in new]),
            numbers([page.touches for page in new]),
        ],
    )


def _write_vouchers(rows: Rows, statements: Statements, books: Books) -> None:
    changed = books.vouchers.changed
    if changed:
        statements.execute(
            rows.sql(
                "INSERT INTO {}.vouchers (journal, fiscal_year, last_no)"
                " SELECT * FROM unnest(%s::text[], %s::integer[], %s::bigint[])"
                " ON CONFLICT (journal, fiscal_year) DO UPDATE SET last_no = excluded.last_no"
            ),
            [
                [journal for journal, _ in changed],
                numbers([year for _, year in changed]),
                numbers(changed.values()),
            ],
            prepare=True,
        )


def _write_accounts(rows: Rows, statements: Statements, books: Books) -> None:
    accounts = [books.accounts.now[code] for code in books.versions.changed]
    statements.execute(
        rows.sql(
            "INSERT INTO {}.accounts (code, type, status, version, document, suspense, exchange)"
            " SELECT * FROM unnest(%s::text[], %s::text[], %s::text[], %s::bigint[],"
            " %s::bytea[], %s::boolean[], %s::boolean[]) ON CONFLICT (code) DO UPDATE SET"
            " type = excluded.type, status = excluded.status, version = excluded.version,"
            " document = excluded.document, suspense = excluded.suspense,"
            " exchange = excluded.exchange"
        ),
        [
            [account.code for account in accounts],
            [account.type for account in accounts],
            [account.status for account in accounts],
            numbers([books.versions.get(account.code) for account in accounts]),
            [_encode(account) for account in accounts],
            [account.purpose == "suspense" for account in accounts],
            [account.purpose in EXCHANGE for account in accounts],
        ],
    )


def _write_holds(rows: Rows, statements: Statements, books: Books) -> None:
    """A hold's row stands while the authorization is open and has something to free. One that this
    commit has opened and closed never had one."""
    changed, opened = books.authorizations.changed, books.opened.changed
    open_ids = [
        id
        for id, state in changed.items()
        if state.closed_as is None and (minor_units(state.held) or state.expires_at)
    ]
    closed_ids = changed.keys() - set(open_ids) - opened.keys()
    if closed_ids:
        statements.execute(
            rows.sql("DELETE FROM {}.holds WHERE authorization_id = ANY(%s::uuid[])"),
            [array(closed_ids)],
            prepare=True,
        )
    if not open_ids:
        return
    states = [changed[id] for id in open_ids]
    statements.execute(
        rows.sql(
            "INSERT INTO {}.holds (authorization_id, debit, credit, asset, remaining,"
            " expires_at) SELECT * FROM unnest(%s::uuid[], %s::text[], %s::text[],"
            " %s::text[], %s::numeric[], %s::timestamptz[])"
            " ON CONFLICT (authorization_id) DO UPDATE SET remaining = excluded.remaining,"
            " expires_at = excluded.expires_at"
        ),
        [
            array(open_ids),
            [state.debit for state in states],
            [state.credit for state in states],
            [state.asset for state in states],
            numbers([minor_units(state.held) for state in states]),
            [state.expires_at for state in states],
        ],
        prepare=True,
    )


def _write_network_references(
    rows: Rows, statements: Statements, changed: dict[tuple[str, str], NetworkReference]
) -> None:
    statements.execute(
        rows.sql(
            "INSERT INTO {}.network_references (scheme, reference, entry, authorization_id)"
            " SELECT * FROM unnest(%s::text[], %s::text[], %s::uuid[], %s::uuid[])"
        ),
        [
            [scheme for scheme, _ in changed],
            [reference for _, reference in changed],
            array(first.entry for first in changed.values()),
            array(first.authorization for first in changed.values()),
        ],
    )


def _write_usages(rows: Rows, statements: Statements, changed: dict[str, Usage]) -> None:
    """A limit's row stands as long as the limit does."""
    lifted = [id for id, usage in changed.items() if not usage.standing]
    if lifted:
        statements.execute(
            rows.sql("DELETE FROM {}.limit_usages WHERE limit_id = ANY(%s::uuid[])"),
            [array(lifted)],
        )
    standing = {id: usage for id, usage in changed.items() if usage.standing}
    if not standing:
        return
    usages = list(standing.values())
    statements.execute(
        rows.sql(
            "INSERT INTO {}.limit_usages (limit_id, account, starts_on, used, count)"
            " SELECT * FROM unnest(%s::uuid[], %s::text[], %s::date[], %s::numeric[],"
            " %s::bigint[]) ON CONFLICT (limit_id) DO UPDATE SET"
            " starts_on = excluded.starts_on, used = excluded.used, count = excluded.count"
        ),
        [
            array(standing),
            [usage.account for usage in usages],
            [usage.starts_on for usage in usages],
            numbers([usage.minor for usage in usages]),
            numbers([usage.count for usage in usages]),
        ],
        prepare=True,
    )


def _write_documents(
    rows: Rows, statements: Statements, table: str, key: str, shelf: Shelf[str, Any]
) -> None:
    if shelf.changed:
        statements.execute(
            SQL(
                "INSERT INTO {}.{} ({}, document) SELECT * FROM unnest(%s::text[],"
                " %s::bytea[]) ON CONFLICT ({}) DO UPDATE SET document = excluded.document"
            )
            .format(Identifier(rows.schema), Identifier(table), Identifier(key), Identifier(key))
            .as_bytes(),
            [list(shelf.changed), [_encode(value) for value in shelf.changed.values()]],
        )


def _write_keys(rows: Rows, statements: Statements, books: Books) -> None:
    for key in books.keys.changed.values():
        statements.execute(
            rows.sql(
                "INSERT INTO {}.keys (key_id, key_sha256, document) VALUES (%s, %s, %s)"
                " ON CONFLICT (key_id) DO UPDATE SET document = excluded.document"
            ),
            [key.key_id, key.key_sha256, _encode(key)],
        )


def _totals(balances: Sequence[Balance]) -> list[str]:
    """Returns the array of each total, and of the lines."""
    return [
        numbers([balance.debits for balance in balances]),
        numbers([balance.credits for balance in balances]),
        numbers([balance.pending_debits for balance in balances]),
        numbers([balance.pending_credits for balance in balances]),
        numbers([balance.lines for balance in balances]),
    ]
