"""Open items: what accounts that are settled item by item still have open, and since when.

`item_legs` has every leg that names a party, a due day or what it matches; of any other leg what
its entry says is looked up where it is asked for. A leg relieves items of
the other side of its account and asset: of the entry that it corrects, then those that `matches`
names (an entry's id, a document's number, a reference, or the same `matches`), then its party's,
the oldest first. What is left of it is an item of its own. So the items of an account always come
to its balance, as of any effective day and as known at any position.
"""

from collections import defaultdict, deque
from collections.abc import Iterator, Sequence
from datetime import date
from typing import Any, NamedTuple

import msgspec
from msgspec import Struct
from psycopg import Connection
from psycopg.rows import tuple_row

from domain.catalogue import EVENTS
from domain.entries import EntryPosted
from projections.lines import PLACES
from projections.report import Source, TooLarge
from projections.views import Decode, Stored, View

LEGS_MAX = 2_000_000
"""Of the accounts of one question."""

DDL = """
CREATE TABLE item_legs (
    account text COLLATE "C" NOT NULL,
    asset text COLLATE "C" NOT NULL,
    place bigint NOT NULL,
    entry text COLLATE "C" NOT NULL,
    party text,
    due_on date,
    matches text,
    corrects text COLLATE "C",
    document text,
    reference text,
    PRIMARY KEY (account, asset, place)
) WITH (autovacuum_vacuum_insert_scale_factor = 0.1, autovacuum_analyze_scale_factor = 0.1);
"""
_COPY = (
    "COPY item_legs (account, asset, place, entry, party, due_on, matches, corrects, document,"
    " reference) FROM STDIN"
)
_MARKS = (b'"party":', b'"due_on":', b'"matches":')


class Leg(Struct, gc=False):
    account: str
    asset: str
    party: str | None = None
    due_on: str | None = None
    matches: str | None = None


class Document(Struct, gc=False):
    number: str | None = None


class Posted(Struct, gc=False):
    legs: list[Leg]
    reference: str | None = None
    document: Document | None = None
    corrects: str | None = None


class Envelope(Struct, gc=False):
    schema_version: int
    stream: str
    payload: msgspec.Raw


_envelope = msgspec.json.Decoder(Envelope).decode
_posted = msgspec.json.Decoder(Posted).decode


class ItemsFold:
    """Appends the legs that say whose item they are."""

    def __init__(self, decode: Decode) -> None:
        self._decode = decode

    def fold(self, connection: Connection[Any], events: Sequence[Stored]) -> None:
        # Most entries have none of it: their bytes are not read further.
        found = [one for one in events if any(mark in one[1] for mark in _MARKS)]
        if not found:
            return
        with connection.cursor() as cursor, cursor.copy(_COPY) as copy:
            for position, state, _ in found:
                for row in self._rows(position, state):
                    copy.write_row(row)

    def _rows(self, position: int, state: bytes) -> Iterator[tuple[Any, ...]]:
        envelope = _envelope(state)
        if envelope.schema_version == EVENTS[EntryPosted]:
            posted = _posted(envelope.payload)
        else:
            posted = msgspec.convert(msgspec.to_builtins(self._decode(state).payload), Posted)
        for number, leg in enumerate(posted.legs, start=1):
            if leg.party is None and leg.due_on is None and leg.matches is None:
                continue
            yield (
                leg.account,
                leg.asset,
                position * PLACES + number,
                envelope.stream,
                leg.party,
                leg.due_on,
                leg.matches,
                posted.corrects,
                posted.document and posted.document.number,
                posted.reference,
            )


class Item:
    """What a leg opened and what is left of it, in minor units."""

    __slots__ = ("amount", "effective_on", "is_debit", "open", "source")

    def __init__(self, leg: "ItemLeg", minor: int) -> None:
        self.source = leg
        self.effective_on = leg.effective_on
        self.is_debit = leg.is_debit
        self.amount = self.open = minor

    @property
    def due_on(self) -> date:
        """Returns its due day; without one it is due on its own day."""
        return self.source.due_on or self.effective_on

    @property
    def party(self) -> str:
        return self.source.party or ""

    @property
    def name(self) -> str | None:
        """Returns what a person calls it."""
        return self.source.document or self.source.reference


class ItemLeg(NamedTuple):
    """A leg on an account that has items."""

    account: str
    asset: str
    place: int
    effective_on: date
    is_debit: bool
    amount: int
    entry: str
    party: str | None
    due_on: date | None
    matches: str | None
    corrects: str | None
    document: str | None
    reference: str | None
    functional: int
    """Its worth in the functional asset, debits above zero."""


_ACCOUNTS = """
SELECT k.id, k.account, EXISTS (SELECT FROM item_legs AS i
    WHERE i.account = k.account AND i.asset = k.asset AND i.place < %(end)s)
FROM line_keys AS k
WHERE k.since < %(end)s AND (%(account)s::text IS NULL OR k.account = %(account)s
    OR (k.account > %(account)s || ':' AND k.account < %(account)s || ';'))
"""
_LEGS = """
SELECT k.account, k.asset, l.place, l.effective_on, l.is_debit, l.amount,
    coalesce(i.entry, e.originator_id::text), i.party, i.due_on, i.matches,
    CASE WHEN p.correction IS NULL THEN i.corrects
        ELSE convert_from(e.state, 'UTF8')::json #>> '{payload,corrects}' END,
    coalesce(i.document, p.document), coalesce(i.reference, p.reference),
    coalesce(l.functional, CASE WHEN l.is_debit THEN l.amount ELSE -l.amount END)
FROM lines AS l JOIN line_keys AS k ON k.id = l.key
LEFT JOIN item_legs AS i
    ON i.account = k.account AND i.asset = k.asset AND i.place = l.place
LEFT JOIN posted_entries AS p ON i.place IS NULL AND p.position = l.place / %(places)s
LEFT JOIN events AS e ON i.place IS NULL AND e.notification_id = l.place / %(places)s
WHERE l.key = ANY(%(keys)s) AND l.place < %(end)s AND l.effective_on <= %(day)s
ORDER BY k.account, k.asset, l.effective_on, l.place
"""


def read_open_items(source: Source, *, effective_on: date, account: str | None) -> list[Item]:
    """Returns what is open at the end of a day, by account, asset, and age.

    Of an account or branch; without one of all control accounts, and of other assets and
    liabilities without a purpose whose legs name parties, due days or what they match. Requires
    that the views `lines`, `entries` and `items` show the position. Raises TooLarge.
    """
    found: list[Item] = []
    of_account: tuple[str, str] | None = None
    openings = Openings()
    for leg in read_item_legs(source, effective_on=effective_on, account=account):
        if (leg.account, leg.asset) != of_account:
            found += openings.left()
            of_account, openings = (leg.account, leg.asset), Openings()
        openings.take(leg)
    return found + openings.left()


def read_item_legs(source: Source, *, effective_on: date, account: str | None) -> Iterator[ItemLeg]:
    """Yields the legs through a day of what `read_open_items` is about, by account and asset, in
    the order in which they relieve each other. Raises TooLarge."""
    end = (source.known + 1) * PLACES
    cursor = source.connection.cursor(row_factory=tuple_row)
    keys = [
        id
        for id, code, named in cursor.execute(
            _ACCOUNTS, {"end": end, "account": account}
        ).fetchall()
        if account is not None or _has_items(source, code, named=named)
    ]
    asked = {"keys": keys, "end": end, "day": effective_on, "places": PLACES}
    with source.connection.cursor("items", row_factory=tuple_row) as legs:
        for counted, row in enumerate(legs.execute(_LEGS, asked), start=1):
            if counted > LEGS_MAX:
                raise TooLarge(f"More than {LEGS_MAX:,} lines; ask for one account.")
            yield ItemLeg(*row)._replace(amount=int(row[5]), functional=int(row[-1]))


def _has_items(source: Source, code: str, *, named: bool) -> bool:
    account = source.accounts[code]
    if account.purpose == "control":
        return True
    return named and account.purpose is None and account.type in ("asset", "liability")


class Openings:
    """The items of one account and asset while its legs come in."""

    def __init__(self) -> None:
        self._items: list[Item] = []
        self._of_party: dict[tuple[str, bool], deque[Item]] = defaultdict(deque)
        self._named: dict[tuple[str, bool], deque[Item]] = defaultdict(deque)

    def take(self, leg: ItemLeg) -> list[Item]:
        """Relieves items by a leg; what is left of it opens one. Returns them all."""
        left = leg.amount
        touched = []
        for item in self._candidates(leg):
            part = min(left, item.open)
            if part:
                touched.append(item)
            item.open -= part
            left -= part
            if not left:
                return touched
        if left:
            touched.append(self._open(Item(leg, left)))
        return touched

    def left(self) -> list[Item]:
        """Returns what is open."""
        return [item for item in self._items if item.open]

    def _candidates(self, leg: ItemLeg) -> Iterator[Item]:
        for name in (leg.corrects, leg.matches):
            if name is not None:
                yield from _first(self._named.get((name, not leg.is_debit), deque()))
        yield from _first(self._of_party[leg.party or "", not leg.is_debit])

    def _open(self, item: Item) -> Item:
        self._items.append(item)
        self._of_party[item.party, item.is_debit].append(item)
        leg = item.source
        for name in {leg.entry, leg.matches, leg.document, leg.reference} - {None}:
            assert name is not None
            self._named[name, item.is_debit].append(item)
        return item


def _first(waiting: deque[Item]) -> Iterator[Item]:
    """Yields the first open item, and the next when that is closed. Those that are closed leave:
    many may have the same name."""
    while waiting:
        if waiting[0].open:
            yield waiting[0]
        if waiting and not waiting[0].open:
            waiting.popleft()


ITEMS = View(
    name="items",
    shape=1,
    topics=(EntryPosted.__name__,),
    tables=("item_legs",),
    ddl=DDL,
    new_fold=ItemsFold,
)
