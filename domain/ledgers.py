"""A ledger's own life: it is created once, and its days are locked one after another.

Periods are closed in domain/periods.py; what that shuts stands here, where every posting looks.
"""

from datetime import date

from msgspec import Struct
from msgspec.structs import replace

from domain.assets import AssetRegistered, default_scale
from domain.books import Books
from domain.calendar import in_future, is_closed
from domain.commands import At, Command, Decided, Event, NewStream
from domain.journals import FIRST_JOURNALS, JournalOpened
from domain.refusals import Refusal

SYSTEM = "system"
"""The reserved ledger that records ledgers, actors, roles and keys."""


class Entity(Struct, frozen=True, kw_only=True, omit_defaults=True, forbid_unknown_fields=True):
    """The legal entity whose book a ledger is."""

    legal_name: str | None = None
    country: str | None = None
    registration_number: str | None = None
    tax_id: str | None = None
    address: str | None = None


class CreateLedger(Command, frozen=True, kw_only=True, tag="create_ledger"):
    id: str
    name: str
    functional_asset: str
    timezone: str
    fiscal_year_start: str | None = None
    entity: Entity | None = None


class LockBooks(Command, frozen=True, kw_only=True, tag="lock_books"):
    through: date


class LedgerCreated(Event, frozen=True, kw_only=True):
    id: str
    name: str
    functional_asset: str
    timezone: str
    fiscal_year_start: str
    entity: Entity | None = None
    reference: str | None = None
    private: str | None = None


class BooksLocked(Event, frozen=True, kw_only=True):
    """No entry is dated on or before `through` any more."""

    through: date
    before: date | None = None
    reference: str | None = None
    private: str | None = None


class Closing(Struct, frozen=True, omit_defaults=True):
    """The close that is under way; `before`: what was closed through when it began."""

    period: str
    before: date | None = None


class Ledger(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Days through `locked_through` are shut for ever, through `closed_through` to all but the
    worker that closes, through `soft_closed_through` to all but controllers.

    `origin` is the name of its log, `verifier_keys` sign it, `retired_keys` did.
    """

    stream: str
    version: int = 1
    id: str
    name: str
    functional_asset: str
    timezone: str
    fiscal_year_start: str
    entity: Entity | None = None
    locked_through: date | None = None
    closed_through: date | None = None
    soft_closed_through: date | None = None
    closing: Closing | None = None
    incarnation: int = 1
    origin: str | None = None
    verifier_keys: tuple[str, ...] = ()
    retired_keys: tuple[str, ...] = ()
    witnesses: tuple[str, ...] = ()


class LedgerExists(Refusal):
    code = "already_exists"
    sentence = "The ledger {ledger} exists."


def create(books: Books, command: CreateLedger, at: At, new: NewStream) -> Decided:
    """Returns the first events of a ledger: itself, its functional asset, its journals.

    Raises LedgerExists.
    """
    if books.ledgers.get("") is not None:
        raise LedgerExists(ledger=command.id)
    events: list[Event] = [
        LedgerCreated(
            id=command.id,
            name=command.name,
            functional_asset=command.functional_asset,
            timezone=command.timezone,
            fiscal_year_start=command.fiscal_year_start or "01-01",
            entity=command.entity,
            reference=command.reference,
        )
    ]
    if command.id != SYSTEM:
        asset = command.functional_asset
        events.append(AssetRegistered(code=asset, scale=default_scale(asset), kind="currency"))
        events.extend(JournalOpened(code=code, name=name) for code, name in FIRST_JOURNALS)
    return [(new(index), event) for index, event in enumerate(events)]


def lock(books: Books, command: LockBooks, at: At, new: NewStream) -> Decided:
    """Returns the event that locks every day through `command.through`.

    Raises PeriodIsClosed where they are locked already, EffectiveInFuture.
    """
    ledger = books.ledger
    before = ledger.locked_through
    if before is not None and command.through <= before:
        raise is_closed(ledger, command.through)
    if command.through > at.today:
        raise in_future(command.through, at)
    event = BooksLocked(through=command.through, before=before, reference=command.reference)
    return [(ledger.stream, event)]


def evolve_created(books: Books, stream: str, event: LedgerCreated) -> None:
    """Puts the ledger itself on its books."""
    books.ledgers.put(
        "",
        Ledger(
            stream=stream,
            id=event.id,
            name=event.name,
            functional_asset=event.functional_asset,
            timezone=event.timezone,
            fiscal_year_start=event.fiscal_year_start,
            entity=event.entity,
        ),
    )


def evolve_locked(books: Books, stream: str, event: BooksLocked) -> None:
    """Moves the lock."""
    old = books.ledger
    books.ledgers.put("", replace(old, version=old.version + 1, locked_through=event.through))
