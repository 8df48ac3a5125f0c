"""The write-side rows of one ledger: read into the books, written from them with the events.

Amounts stay integers on the way (numeric(38) columns). Long arrays are sent as text literals: in
Python a joined string is many times cheaper than adapting thousands of values one by one.
"""

from collections.abc import Iterable, Sequence
from typing import Any, LiteralString, NamedTuple

import msgspec
from psycopg import Connection, Cursor
from psycopg.sql import SQL, Identifier

from application.private import PrivateRow
from application.records import EventShapes
from domain.access import Actor, ApiKey, LedgerListing
from domain.accounts import Account
from domain.assets import Asset
from domain.books import Books, Shelf
from domain.entries import Entry, EntryAdjusted, EntryPosted, EntryReversed
from domain.holds import Authorization
from domain.journals import Journal
from domain.ledgers import SYSTEM, Ledger
from domain.limits import Usage
from domain.mandatory_settlements import NetworkReference
from domain.money import minor_units
from domain.pages import Balance, Page
from domain.refusals import CorruptLog

_encode = msgspec.json.Encoder().encode


def array(values: Iterable[str]) -> str:
    """Returns an array literal of uuids."""
    return "{" + ",".join(values) + "}"


def numbers(values: Iterable[int | None]) -> str:
    """Returns an array literal of integers."""
    # The text of a list is made in C, several times faster than joining the text of each item.
    return "{" + str(list(values))[1:-1] + "}"


class Statement(NamedTuple):
    """One statement with its parameters, to be executed with the others of its commit."""

    query: bytes
    params: Sequence[object]
    prepare: bool


class Statements:
    """Collects what a commit writes, where a connection would execute it."""

    def __init__(self) -> None:
        self.made: list[Statement] = []

    def execute(self, query: bytes, params: Sequence[object], *, prepare: bool = False) -> None:
        """Adds a statement. Its parameters must not change any more."""
        self.made.append(Statement(query, params, prepare))


class Rows:
    """Reads and writes the rows of one ledger's schema on the Writer's connection.

    Requires the head lock. Dropped together with the books.
    """

    def __init__(self, *, ledger: str, schema: str, shapes: EventShapes) -> None:
        self._system = ledger == SYSTEM
        self._schema = schema
        self._shapes = shapes
        self._next_balance_id = 1
        self._statements: dict[str, bytes] = {}

    def _sql(self, text: LiteralString) -> bytes:
        """The statement with `{}` as the schema, composed once."""
        statement = self._statements.get(text)
        if statement is None:
            schema = [Identifier(self._schema)] * text.count("{}")
            statement = self._statements[text] = SQL(text).format(*schema).as_bytes()
        return statement

    def ask(self, connection: Connection[Any], text: LiteralString, *params: object) -> Cursor[Any]:
        """Sends a query on the schema (`{}`); its rows are tuples."""
        return connection.execute(self._sql(text), params, prepare=True)

    def fetch(self, connection: Connection[Any], text: LiteralString, *params: object) -> list[Any]:
        """Returns all rows of a query on the schema, as tuples."""
        return self.ask(connection, text, *params).fetchall()

    # -- reading

    def read_small(self, connection: Connection[Any], books: Books) -> None:
        """Reads what is small and always needed, after the books were dropped."""
        last = self.fetch(connection, "SELECT coalesce(max(id), 0) FROM {}.balances")
        self._next_balance_id = last[0][0] + 1
        for (document,) in self.fetch(connection, "SELECT document FROM {}.ledger"):
            ledger = msgspec.json.decode(document, type=Ledger)
            books.ledgers.now[""] = ledger
            books.streams.now[ledger.stream] = ledger.version
        for (document,) in self.fetch(connection, "SELECT document FROM {}.assets"):
            asset = msgspec.json.decode(document, type=Asset)
            books.assets.now[asset.code] = asset
        for (document,) in self.fetch(connection, "SELECT document FROM {}.journals"):
            journal = msgspec.json.decode(document, type=Journal)
            books.journals.now[journal.code] = journal
        for name, year, last_no in self.fetch(
            connection, "SELECT journal, fiscal_year, last_no FROM {}.vouchers"
        ):
            books.vouchers.now[name, year] = last_no
        if self._system:
            self._read_access(connection, books)

    def _read_access(self, connection: Connection[Any], books: Books) -> None:
        for (document,) in self.fetch(connection, "SELECT document FROM {}.listings"):
            listing = msgspec.json.decode(document, type=LedgerListing)
            books.listings.now[listing.id] = listing
        for (document,) in self.fetch(connection, "SELECT document FROM {}.actors"):
            actor = msgspec.json.decode(document, type=Actor)
            books.actors.now[actor.actor] = actor
        for (document,) in self.fetch(connection, "SELECT document FROM {}.keys"):
            key = msgspec.json.decode(document, type=ApiKey)
            books.keys.now[key.key_id] = key
            books.streams.now[key.stream] = 2 if key.revoked else 1

    def read_accounts(
        self, connection: Connection[Any], books: Books, codes: Iterable[str]
    ) -> None:
        """Reads accounts with all their balances, and what was taken of their limits."""
        wanted = list(codes)
        limited = []
        for version, document in self.fetch(
            connection,
            "SELECT version, document FROM {}.accounts WHERE code = ANY(%s)",
            wanted,
        ):
            account = _decode_account(document)
            books.accounts.now[account.code] = account
            books.streams.now[account.stream] = account.version
            books.versions.now[account.code] = version
            if account.limits:
                limited.append(account.code)
        if limited:
            self._read_usages(connection, books, limited)
        for row in self.fetch(
            connection,
            "SELECT id, account, asset, debits::text, credits::text, pending_debits::text,"
            " pending_credits::text, lines, touches FROM {}.balances WHERE account = ANY(%s)",
            wanted,
        ):
            id, account, asset, *totals, lines, touches = row
            debits, credits, pending_debits, pending_credits = map(int, totals)
            balance = Balance(debits, credits, pending_debits, pending_credits, lines)
            books.balances.load((account, asset), balance, touches=touches, row=id)

    def _read_usages(self, connection: Connection[Any], books: Books, limited: list[str]) -> None:
        for limit_id, account, starts_on, used, count in self.fetch(
            connection,
            "SELECT limit_id::text, account, starts_on, used::text, count FROM {}.limit_usages"
            " WHERE account = ANY(%s)",
            limited,
        ):
            books.usages.now[limit_id] = Usage(account, starts_on, int(used), count)

    def read_authorizations(
        self, connection: Connection[Any], books: Books, ids: Iterable[str]
    ) -> None:
        """Reads the last event of each authorization: it carries the whole state."""
        for (state,) in self.fetch(
            connection,
            "SELECT last.state FROM unnest(%s::uuid[]) AS wanted (id) CROSS JOIN LATERAL ("
            " SELECT topic, state FROM {}.events WHERE originator_id = wanted.id"
            " ORDER BY originator_version DESC LIMIT 1) AS last"
            " WHERE last.topic LIKE 'Authorization%%'",
            array(ids),
        ):
            record = self._shapes.decode(state)
            books.authorizations.now[record.stream] = record.payload.authorization
            books.streams.now[record.stream] = record.version

    def read_entries(self, connection: Connection[Any], books: Books, ids: Iterable[str]) -> None:
        """Reads entries from their streams: posted, and perhaps taken back."""
        for (state,) in self.fetch(
            connection,
            "SELECT state FROM {}.events WHERE originator_id = ANY(%s::uuid[])"
            " AND originator_version <= 2"
            " AND topic IN ('EntryPosted', 'EntryReversed', 'EntryAdjusted')"
            " ORDER BY originator_id, originator_version",
            array(ids),
        ):
            record = self._shapes.decode(state)
            event = record.payload
            if isinstance(event, EntryPosted):
                books.entries.now[record.stream] = Entry(event)
                continue
            old = books.entries.now[record.stream]
            if isinstance(event, EntryReversed):
                books.entries.now[record.stream] = Entry(old.posted, event.reversal)
            elif isinstance(event, EntryAdjusted):
                books.entries.now[record.stream] = Entry(
                    old.posted, event.reversal, event.replacement
                )

    def read_suspense(self, connection: Connection[Any], books: Books) -> set[str]:
        """Reads which accounts have the purpose; returns those that are not in memory."""
        codes = [
            code
            for (code,) in self.fetch(connection, "SELECT code FROM {}.accounts WHERE suspense")
        ]
        books.suspense.now.update(dict.fromkeys(codes, True))
        return {code for code in codes if code not in books.accounts.now}

    def read_network_references(
        self, connection: Connection[Any], books: Books, keys: Iterable[tuple[str, str]]
    ) -> None:
        """Reads which of a network's references were settled, and by what."""
        wanted = list(keys)
        for scheme, reference, entry, authorization in self.fetch(
            connection,
            "SELECT r.scheme, r.reference, r.entry::text, r.authorization_id::text"
            " FROM unnest(%s::text[], %s::text[]) AS wanted (scheme, reference)"
            " JOIN {}.network_references AS r USING (scheme, reference)",
            [scheme for scheme, _ in wanted],
            [reference for _, reference in wanted],
        ):
            found = NetworkReference(entry, authorization)
            books.network_references.now[scheme, reference] = found

    # -- writing

    def write(self, statements: Statements, books: Books, private: Sequence[PrivateRow]) -> None:
        """Writes each row that the commit changes, once."""
        self._write_balances(statements, books)
        self._write_vouchers(statements, books)
        if books.versions.changed:
            self._write_accounts(statements, books)
        if books.authorizations.changed:
            self._write_holds(statements, books.authorizations.changed)
        if books.network_references.changed:
            self._write_network_references(statements, books.network_references.changed)
        if books.usages.changed:
            self._write_usages(statements, books.usages.changed)
        if private:
            statements.execute(
                self._sql(
                    "INSERT INTO {}.private (position, salt, body)"
                    " SELECT * FROM unnest(%s::bigint[], %s::bytea[], %s::bytea[])"
                ),
                [
                    [row.position for row in private],
                    [row.salt for row in private],
                    [row.body for row in private],
                ],
            )
        for ledger in books.ledgers.changed.values():
            statements.execute(
                self._sql(
                    "INSERT INTO {}.ledger (document) VALUES (%s)"
                    " ON CONFLICT (one) DO UPDATE SET document = excluded.document"
                ),
                [_encode(ledger)],
            )
        self._write_documents(statements, "assets", "code", books.assets)
        self._write_documents(statements, "journals", "code", books.journals)
        if self._system:
            self._write_documents(statements, "listings", "id", books.listings)
            self._write_documents(statements, "actors", "actor", books.actors)
            self._write_keys(statements, books)

    def _write_balances(self, statements: Statements, books: Books) -> None:
        pages = books.balances.changed
        if not pages:
            return
        new = [page for page in pages if not page.row]
        if new:
            self._insert_balances(statements, new)
            pages = [page for page in pages if page.row < new[0].row]
            if not pages:
                return
        balances = [page.balance for page in pages]
        statements.execute(
            self._sql(
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

    def _insert_balances(self, statements: Statements, new: Sequence[Page]) -> None:
        for page in new:
            page.row = self._next_balance_id
            self._next_balance_id += 1
        statements.execute(
            self._sql(
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

    def _write_vouchers(self, statements: Statements, books: Books) -> None:
        changed = books.vouchers.changed
        if changed:
            statements.execute(
                self._sql(
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

    def _write_accounts(self, statements: Statements, books: Books) -> None:
        accounts = [books.accounts.now[code] for code in books.versions.changed]
        statements.execute(
            self._sql(
                "INSERT INTO {}.accounts (code, type, status, version, document, suspense)"
                " SELECT * FROM unnest(%s::text[], %s::text[], %s::text[], %s::bigint[],"
                " %s::bytea[], %s::boolean[]) ON CONFLICT (code) DO UPDATE SET"
                " type = excluded.type, status = excluded.status, version = excluded.version,"
                " document = excluded.document, suspense = excluded.suspense"
            ),
            [
                [account.code for account in accounts],
                [account.type for account in accounts],
                [account.status for account in accounts],
                numbers([books.versions.get(account.code) for account in accounts]),
                [_encode(account) for account in accounts],
                [account.purpose == "suspense" for account in accounts],
            ],
        )

    def _write_holds(self, statements: Statements, changed: dict[str, Authorization]) -> None:
        """A hold's row stands while the authorization is open and has something to free."""
        open_ids = [
            id
            for id, state in changed.items()
            if state.closed_as is None and (minor_units(state.held) or state.expires_at)
        ]
        closed_ids = changed.keys() - set(open_ids)
        if closed_ids:
            statements.execute(
                self._sql("DELETE FROM {}.holds WHERE authorization_id = ANY(%s::uuid[])"),
                [array(closed_ids)],
                prepare=True,
            )
        if not open_ids:
            return
        states = [changed[id] for id in open_ids]
        statements.execute(
            self._sql(
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
        self, statements: Statements, changed: dict[tuple[str, str], NetworkReference]
    ) -> None:
        statements.execute(
            self._sql(
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

    def _write_usages(self, statements: Statements, changed: dict[str, Usage]) -> None:
        """A limit's row stands as long as the limit does."""
        lifted = [id for id, usage in changed.items() if not usage.standing]
        if lifted:
            statements.execute(
                self._sql("DELETE FROM {}.limit_usages WHERE limit_id = ANY(%s::uuid[])"),
                [array(lifted)],
            )
        standing = {id: usage for id, usage in changed.items() if usage.standing}
        if not standing:
            return
        usages = list(standing.values())
        statements.execute(
            self._sql(
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
        self, statements: Statements, table: str, key: str, shelf: Shelf[str, Any]
    ) -> None:
        if shelf.changed:
            statements.execute(
                SQL(
                    "INSERT INTO {}.{} ({}, document) SELECT * FROM unnest(%s::text[],"
                    " %s::bytea[]) ON CONFLICT ({}) DO UPDATE SET document = excluded.document"
                )
                .format(
                    Identifier(self._schema), Identifier(table), Identifier(key), Identifier(key)
                )
                .as_bytes(),
                [list(shelf.changed), [_encode(value) for value in shelf.changed.values()]],
            )

    def _write_keys(self, statements: Statements, books: Books) -> None:
        for key in books.keys.changed.values():
            statements.execute(
                self._sql(
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


_account_decoder = msgspec.json.Decoder(Account)


def _decode_account(document: bytes) -> Account:
    try:
        return _account_decoder.decode(document)
    except msgspec.MsgspecError as error:
        raise CorruptLog(f"an account's row is not what the service wrote: {error}") from error
