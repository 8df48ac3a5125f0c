"""The write-side rows of one ledger, read into the books (written: application/changes.py).

Amounts stay integers on the way (numeric(38) columns).
"""

from collections.abc import Iterable
from typing import Any, LiteralString

import msgspec
from psycopg import Connection, Cursor
from psycopg.sql import SQL, Identifier

from application.histories import MAX_EVENTS, Histories
from application.records import EventShapes
from domain.access import Actor, ApiKey, LedgerListing
from domain.accounts import Account
from domain.assets import Asset
from domain.baselines import Baseline
from domain.books import Books
from domain.entries import Entry, EntryAdjusted, EntryPosted, EntryReversed
from domain.items import Item
from domain.journals import Journal
from domain.ledgers import SYSTEM, Ledger
from domain.limits import Usage
from domain.mandatory_settlements import NetworkReference
from domain.pages import Balance
from domain.periods import Period
from domain.rates import Pair, Rate
from domain.refusals import CorruptLog
from domain.revaluations import Revaluation

_encode = msgspec.json.Encoder().encode

MAX_WHOLE_STREAMS = 100
"""Of so many authorizations at once the whole stream is read: more come from a batch, whose answer
does not show them."""


def array(values: Iterable[str]) -> str:
    """Returns an array literal of uuids."""
    return "{" + ",".join(values) + "}"


def numbers(values: Iterable[int | None]) -> str:
    """Returns an array literal of integers."""
    # The text of a list is made in C, several times faster than joining the text of each item.
    return "{" + str(list(values))[1:-1] + "}"


class Rows:
    """Reads and writes the rows of one ledger's schema on the Writer's connection.

    Requires the head lock. Dropped together with the books.
    """

    def __init__(self, *, ledger: str, schema: str, shapes: EventShapes) -> None:
        self.is_system = ledger == SYSTEM
        self.schema = schema
        self._shapes = shapes
        self.next_balance_id = 1
        self.knows_exchange = False
        self.histories = Histories()
        self._statements: dict[str, bytes] = {}

    def sql(self, text: LiteralString) -> bytes:
        """The statement with `{}` as the schema, composed once."""
        statement = self._statements.get(text)
        if statement is None:
            schema = [Identifier(self.schema)] * text.count("{}")
            statement = self._statements[text] = SQL(text).format(*schema).as_bytes()
        return statement

    def ask(self, connection: Connection[Any], text: LiteralString, *params: object) -> Cursor[Any]:
        """Sends a query on the schema (`{}`); its rows are tuples."""
        return connection.execute(self.sql(text), params, prepare=True)

    def fetch(self, connection: Connection[Any], text: LiteralString, *params: object) -> list[Any]:
        """Returns all rows of a query on the schema, as tuples."""
        return self.ask(connection, text, *params).fetchall()

    # -- reading

    def read_small(self, connection: Connection[Any], books: Books) -> None:
        """Reads what is small and always needed, after the books were dropped."""
        last = self.fetch(connection, "SELECT coalesce(max(id), 0) FROM {}.balances")
        self.next_balance_id = last[0][0] + 1
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
        for (document,) in self.fetch(connection, "SELECT document FROM {}.baselines"):
            baseline = msgspec.json.decode(document, type=Baseline)
            books.baselines.now[baseline.id] = baseline
            books.streams.now[baseline.id] = baseline.events
        for name, year, last_no in self.fetch(
            connection, "SELECT journal, fiscal_year, last_no FROM {}.vouchers"
        ):
            books.vouchers.now[name, year] = last_no
        for (document,) in self.fetch(connection, "SELECT document FROM {}.periods"):
            period = msgspec.json.decode(document, type=Period)
            books.periods.now[period.name] = period
            books.streams.now[period.stream] = period.version
        if self.is_system:
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
        """Reads accounts with all their balances and open items, and what was taken of their
        limits."""
        wanted = list(codes)
        limited = []
        functional = books.ledger.functional_asset
        foreign = []
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
            if account.asset != functional:
                foreign.append(account.code)
        if limited:
            self._read_usages(connection, books, limited)
        if foreign:
            self._read_items(connection, books, foreign)
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

    def _read_items(self, connection: Connection[Any], books: Books, foreign: list[str]) -> None:
        """Reads the open items of accounts, as they came in."""
        for account, asset, line, remaining, functional, *rest in self.fetch(
            connection,
            "SELECT account, asset, line, remaining::text, functional::text, side, effective_on,"
            " entry::text, name, is_shared FROM {}.open_items WHERE account = ANY(%s)"
            " ORDER BY account, asset, line",
            foreign,
        ):
            side, effective_on, entry, name, is_shared = rest
            item = Item(side, effective_on, int(remaining), int(functional), entry, name, is_shared)
            books.items.load((account, asset, line), item)

    def read_rates(self, connection: Connection[Any], books: Books, pairs: Iterable[Pair]) -> None:
        """Reads all rates of pairs, and remembers of which there are none."""
        wanted = list(pairs)
        books.pairs.now.update(dict.fromkeys(wanted, False))
        for base, quote, kind, effective_on, document in self.fetch(
            connection,
            "SELECT r.base, r.quote, r.kind, r.effective_on, r.document"
            " FROM unnest(%s::text[], %s::text[]) AS wanted (base, quote)"
            " JOIN {}.rates AS r USING (base, quote)",
            [base for base, _ in wanted],
            [quote for _, quote in wanted],
        ):
            rate = _rate_decoder.decode(document)
            books.pairs.now[base, quote] = True
            books.rates.now[base, quote, kind, effective_on] = rate
            books.streams.now[rate.stream] = len(rate.facts)

    def read_revaluations(
        self, connection: Connection[Any], books: Books, ids: Iterable[str]
    ) -> None:
        """Reads revaluations."""
        for id, document in self.fetch(
            connection,
            "SELECT id::text, document FROM {}.revaluations WHERE id = ANY(%s::uuid[])",
            array(ids),
        ):
            found = msgspec.json.decode(document, type=Revaluation)
            books.revaluations.now[id] = found
            books.streams.now[id] = found.version

    def read_streams(
        self, connection: Connection[Any], books: Books, positions: Iterable[str]
    ) -> None:
        """Reads in which streams the records at some positions are."""
        for position, stream in self.fetch(
            connection,
            "SELECT notification_id::text, originator_id::text FROM {}.events"
            " WHERE notification_id = ANY(%s::bigint[])",
            list(positions),
        ):
            books.recorded.now[position] = stream

    def read_exchange(self, connection: Connection[Any], books: Books) -> set[str]:
        """Reads which accounts take differences of exchange rates; returns those that are not in
        memory."""
        codes = [
            code
            for (code,) in self.fetch(connection, "SELECT code FROM {}.accounts WHERE exchange")
        ]
        books.exchange.now.update(dict.fromkeys(codes, True))
        self.knows_exchange = True
        return {code for code in codes if code not in books.accounts.now}

    def read_authorizations(
        self, connection: Connection[Any], books: Books, ids: Iterable[str]
    ) -> None:
        """Reads the last event of each authorization: it carries the whole state. Of few
        authorizations also what came before it, for the answers."""
        wanted = list(ids)
        states: dict[str, list[bytes]] = {}
        for id, state in self.fetch(
            connection,
            "SELECT wanted.id::text, last.state"
            " FROM unnest(%s::uuid[]) AS wanted (id) CROSS JOIN LATERAL ("
            " SELECT originator_version, topic, state FROM {}.events"
            " WHERE originator_id = wanted.id ORDER BY originator_version DESC LIMIT %s) AS last"
            " WHERE last.topic LIKE 'Authorization%%' ORDER BY wanted.id, originator_version",
            array(wanted),
            MAX_EVENTS if len(wanted) <= MAX_WHOLE_STREAMS else 1,
        ):
            states.setdefault(id, []).append(state)
        for id, found in states.items():
            record = self._shapes.decode(found[-1])
            books.authorizations.now[id] = record.payload.authorization
            books.streams.now[id] = record.version
            if len(found) == record.version:
                self.histories.load(id, found)

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


_rate_decoder = msgspec.json.Decoder(Rate)
_account_decoder = msgspec.json.Decoder(Account)


def _decode_account(document: bytes) -> Account:
    try:
        return _account_decoder.decode(document)
    except msgspec.MsgspecError as error:
        raise CorruptLog(f"an account's row is not what the service wrote: {error}") from error
