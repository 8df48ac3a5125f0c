"""Erasures: texts that were kept beside the log, and may hold personal data, are taken away.

The record says that they were, by whom and why; it keeps their digests, so all proofs stay valid.
What is in the record itself (references, parties, amounts) stays for ever.
"""

from domain.accounts import find_account
from domain.authorizations import find_authorization
from domain.books import Books
from domain.commands import At, Command, Decided, Event, NewStream
from domain.entries import find_entry
from domain.refusals import Refusal


class EraseEntryTexts(Command, frozen=True, kw_only=True, tag="erase_entry"):
    """Of one entry; a replacement or a reversal has its own."""

    entry: str


class EraseAuthorizationTexts(Command, frozen=True, kw_only=True, tag="erase_authorization"):
    """Of all that has happened to a hold so far; the entries that it posted have their own."""

    authorization: str


class EraseAccountTexts(Command, frozen=True, kw_only=True, tag="erase_account"):
    """Of all that has happened to an account itself so far: how it was opened and amended, its
    freezes and its limits. What was posted to it has its own."""

    account: str


class EraseEventTexts(Command, frozen=True, kw_only=True, tag="erase_event"):
    """Of all that has happened so far to what the record at the position `event` is about: a
    period, a rate, a baseline, the ledger itself, whatever it is."""

    event: str


class EventNotFound(Refusal):
    code = "not_found"
    sentence = "There is no record at position {event}."


class PrivateTextErased(Event, frozen=True, kw_only=True):
    """The texts of the records of the stream `erased`, up to here, are gone."""

    erased: str
    reference: str | None = None
    private: str | None = None


def erase_entry(books: Books, command: EraseEntryTexts, at: At, new: NewStream) -> Decided:
    """Returns the event that says so. Erasing again is on record again, and changes nothing.

    Raises EntryNotFound.
    """
    find_entry(books, command.entry)
    return [(new(0), PrivateTextErased(erased=command.entry, reference=command.reference))]


def erase_authorization(
    books: Books, command: EraseAuthorizationTexts, at: At, new: NewStream
) -> Decided:
    """Returns the event that says so, as `erase_entry` does. Raises AuthorizationNotFound."""
    find_authorization(books, command.authorization)
    event = PrivateTextErased(erased=command.authorization, reference=command.reference)
    return [(new(0), event)]


def erase_account(books: Books, command: EraseAccountTexts, at: At, new: NewStream) -> Decided:
    """Returns the event that says so, as `erase_entry` does. Raises AccountNotFound."""
    account = find_account(books, command.account)
    event = PrivateTextErased(erased=account.stream, reference=command.reference)
    return [(new(0), event)]


def erase_event(books: Books, command: EraseEventTexts, at: At, new: NewStream) -> Decided:
    """Returns the event that says so, as `erase_entry` does. Raises EventNotFound."""
    stream = books.recorded.get(command.event)
    if stream is None:
        raise EventNotFound(event=command.event)
    return [(new(0), PrivateTextErased(erased=stream, reference=command.reference))]


def evolve(books: Books, stream: str, event: PrivateTextErased) -> None:
    """Marks the texts, so that the commit takes them away."""
    books.erased.put(event.erased, True)
