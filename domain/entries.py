"""Entries: what is posted, once, in a journal, and never changed afterwards."""

from collections.abc import Sequence
from datetime import date, datetime
from typing import Literal

from msgspec import Struct, field

from domain.accounts import Account, check_not_frozen
from domain.assets import Asset
from domain.books import Books
from domain.calendar import check_open, fiscal_year
from domain.commands import At, Command, Decided, Event, NewStream
from domain.items import OpenItems, fold_items
from domain.journals import GENERAL, find_journal
from domain.legs import (
    Leg,
    LegAsked,
    Line,
    Passbook,
    check_funds,
    check_open_accounts,
    fold_legs,
    resolve,
    shape,
)
from domain.limits import LimitUse, charged, check_limits, fold_uses
from domain.refusals import Refusal
from domain.valuation import value

Class = Literal[
    "ordinary",
    "adjusting",
    "reversing",
    "reclassification",
    "audit_adjustment",
    "revaluation",
    "fx_difference",
    "closing",
    "opening",
]
Correction = Literal["reversal", "replacement"]
MovementKind = Literal["settlement", "refund", "chargeback", "representment"]
Day = date


class Document(Struct, frozen=True, kw_only=True, omit_defaults=True, forbid_unknown_fields=True):
    """The paper behind an entry: an invoice, a contract, a notice."""

    type: str | None = None
    number: str | None = None
    date: Day | None = None


class Source(Struct, frozen=True, kw_only=True, omit_defaults=True, forbid_unknown_fields=True):
    """Where an imported entry came from."""

    system: str | None = None
    file: str | None = None
    sha256: str | None = None
    line: int | None = None


class Original(Struct, frozen=True, kw_only=True, omit_defaults=True, forbid_unknown_fields=True):
    """Who entered and approved an imported entry in the system that it came from."""

    entered_by: str | None = None
    entered_at: datetime | None = None
    approved_by: str | None = None
    approved_at: datetime | None = None


class Link(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    kind: str
    entry: str


class Attachment(Struct, frozen=True, kw_only=True, omit_defaults=True, forbid_unknown_fields=True):
    sha256: str
    media_type: str | None = None
    name: str | None = None


class Movement(Struct, frozen=True):
    """What an entry counts as in its authorization, and by how much."""

    kind: MovementKind
    amount: str


class Post(Command, frozen=True, kw_only=True, tag="post"):
    legs: list[LegAsked]
    id: str | None = None
    journal: str | None = None
    class_: Class | None = field(default=None, name="class")
    effective_on: date | None = None
    value_on: date | None = None
    document: Document | None = None
    source: Source | None = None
    original: Original | None = None
    links: list[Link] | None = None
    attachments: list[Attachment] | None = None


class EntryPosted(Event, frozen=True, kw_only=True):
    """`corrects` names the entry that this one reverses or replaces, `relates_to` its day; `limits`
    is what a direct debit took of them; `reverse_on` the day on which it is to be taken back."""

    journal: str
    voucher_no: int
    fiscal_year: int
    class_: Class = field(default="ordinary", name="class")
    effective_on: date
    legs: list[Leg]
    value_on: date | None = None
    reference: str | None = None
    document: Document | None = None
    source: Source | None = None
    original: Original | None = None
    links: list[Link] | None = None
    attachments: list[Attachment] | None = None
    authorization: str | None = None
    movement: Movement | None = None
    corrects: str | None = None
    correction: Correction | None = None
    relates_to: date | None = None
    prior_period: bool = False
    limits: list[LimitUse] | None = None
    reverse_on: date | None = None
    private: str | None = None


class EntryReversed(Event, frozen=True, kw_only=True):
    """In the reversed entry's own stream: which entry took it back."""

    reversal: str


class EntryAdjusted(Event, frozen=True, kw_only=True):
    """In the corrected entry's own stream: what took it back and what stands in its place."""

    reversal: str
    replacement: str


class DueReversal(Struct, frozen=True):
    """On which day an entry is to be taken back; `is_due` False: it was."""

    reverse_on: date
    is_due: bool = True


class Entry(Struct, frozen=True):
    posted: EntryPosted
    reversal: str | None = None
    replacement: str | None = None

    @property
    def version(self) -> int:
        """Of its stream: one event when posted, one more when taken back."""
        return 1 if self.reversal is None else 2


class EntryExists(Refusal):
    code = "already_exists"
    sentence = "Something with the id {id} exists."


class EntryNotFound(Refusal):
    code = "entry_not_found"
    sentence = "There is no entry {entry}."


def find_entry(books: Books, entry: str) -> Entry:
    """Raises EntryNotFound."""
    found = books.entries.get(entry)
    if found is None:
        raise EntryNotFound(entry=entry)
    return found


def check_new_id(books: Books, id: str | None) -> None:
    """Raises EntryExists where a client's id is taken. Requires that it was looked up."""
    if id is not None and books.opened.get(id):
        raise EntryExists(id=id)


def post(books: Books, command: Post, at: At, new: NewStream) -> Decided:
    """Returns the event that posts an entry.

    Raises JournalNotFound, AccountNotFound, AssetNotFound, EntryNotFound (links), EntryExists,
    AccountIsFrozen, AccountIsClosed (not where the worker closes a year), AccountNotPostable,
    PeriodIsClosed, EffectiveInFuture, what `shape` and `value` raise, LimitExceeded,
    InsufficientFunds.
    """
    journal = command.journal or GENERAL
    find_journal(books, journal)
    resolved = resolve(books, command.legs)
    for link in command.links or ():
        find_entry(books, link.entry)
    check_new_id(books, command.id)
    _check_accounts(command, resolved, at)
    ledger = books.ledger
    effective_on = command.effective_on or at.today
    check_open(ledger, effective_on, at)
    lines = shape(books, command.legs, resolved, class_=command.class_)
    valued = value(books, lines, on=effective_on, class_=command.class_, items=OpenItems(books))
    lines = valued.lines
    limits = _consumed(books, lines, at)
    check_funds(books, lines)
    passbook = Passbook(books)
    year = fiscal_year(effective_on, start=ledger.fiscal_year_start)
    event = EntryPosted(
        journal=journal,
        voucher_no=passbook.voucher_no(journal, year),
        fiscal_year=year,
        class_="fx_difference" if valued.has_difference else command.class_ or "ordinary",
        effective_on=effective_on,
        legs=passbook.write(lines),
        value_on=command.value_on,
        reference=command.reference,
        document=command.document,
        source=command.source,
        original=command.original,
        links=command.links,
        attachments=command.attachments,
        limits=limits,
    )
    return [(command.id or new(0), event)]


def _check_accounts(command: Post, resolved: Sequence[tuple[Account, Asset]], at: At) -> None:
    """What closes a year takes from accounts that were closed since, as they may still have held
    something then. Raises AccountIsFrozen, AccountIsClosed, AccountNotPostable."""
    sides = [leg.side for leg in command.legs]
    if at.standing != "closing" or command.class_ != "closing":
        check_open_accounts(resolved, sides)
        return
    for (account, _), side in zip(resolved, sides, strict=False):
        check_not_frozen(account, side)


def _consumed(books: Books, lines: Sequence[Line], at: At) -> list[LimitUse] | None:
    """What the entry takes of limits: of each account by the net effect of all its lines."""
    given: dict[tuple[str, str], tuple[Account, Asset, int]] = {}
    for line in lines:
        if line.account.limits:
            key = (line.account.code, line.asset.code)
            minor = given[key][2] if key in given else 0
            minor += -line.minor if line.debit == line.account.debit_normal else line.minor
            given[key] = (line.account, line.asset, minor)
    taken: list[LimitUse] | None = None
    for account, asset, minor in given.values():
        if minor > 0:
            check_limits(books, [account], asset, minor, at)
            taken = charged([account], asset, minor, at, taken=taken)
    return taken


def posted_entry(
    books: Books,
    *,
    passbook: Passbook,
    lines: Sequence[Line],
    journal: str,
    class_: Class,
    effective_on: date,
    reference: str | None,
    value_on: date | None = None,
    authorization: str | None = None,
    movement: Movement | None = None,
    corrects: str | None = None,
    correction: Correction | None = None,
    relates_to: date | None = None,
    prior_period: bool = False,
    reverse_on: date | None = None,
) -> EntryPosted:
    """Returns the event of an entry that another verb posts, numbered and written on top of
    what the passbook holds. Requires that the lines were checked."""
    year = fiscal_year(effective_on, start=books.ledger.fiscal_year_start)
    return EntryPosted(
        journal=journal,
        voucher_no=passbook.voucher_no(journal, year),
        fiscal_year=year,
        class_=class_,
        effective_on=effective_on,
        legs=passbook.write(lines),
        value_on=value_on,
        reference=reference,
        authorization=authorization,
        movement=movement,
        corrects=corrects,
        correction=correction,
        relates_to=relates_to,
        prior_period=prior_period,
        reverse_on=reverse_on,
    )


def evolve_posted(books: Books, stream: str, event: EntryPosted) -> None:
    """Folds the legs, takes the voucher number, keeps the entry for this commit."""
    fold_legs(books, event.legs)
    fold_uses(books, None, event.limits)
    fold_items(books, stream, event)
    if event.reverse_on is not None:
        books.reversals.put(stream, DueReversal(event.reverse_on))
    books.vouchers.put((event.journal, event.fiscal_year), event.voucher_no)
    books.entries.put(stream, Entry(event))


def evolve_reversed(books: Books, stream: str, event: EntryReversed) -> None:
    """Marks the entry taken back."""
    posted = find_entry(books, stream).posted
    books.entries.put(stream, Entry(posted, event.reversal))
    _forget_reversal(books, stream, posted)


def evolve_adjusted(books: Books, stream: str, event: EntryAdjusted) -> None:
    """Marks the entry taken back and replaced."""
    old = find_entry(books, stream)
    books.entries.put(stream, Entry(old.posted, event.reversal, event.replacement))
    _forget_reversal(books, stream, old.posted)


def _forget_reversal(books: Books, stream: str, posted: EntryPosted) -> None:
    if posted.reverse_on is not None:
        books.reversals.put(stream, DueReversal(posted.reverse_on, is_due=False))
