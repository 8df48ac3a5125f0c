"""Journals: entries are numbered in each, 1, 2, 3, ... for each fiscal year, without a gap."""

from msgspec import Struct

from domain.books import Books
from domain.commands import At, Command, Decided, Event, NewStream
from domain.refusals import Refusal

GENERAL = "GEN"
AUTHORIZATIONS = "AUTH"
FIRST_JOURNALS = ((GENERAL, "General journal"), (AUTHORIZATIONS, "Settled authorizations"))
"""The journals that every ledger has from its first day."""


class OpenJournal(Command, frozen=True, kw_only=True, tag="open_journal"):
    code: str
    name: str


class JournalOpened(Event, frozen=True, kw_only=True):
    code: str
    name: str
    reference: str | None = None
    private: str | None = None


class Journal(Struct, frozen=True):
    code: str
    name: str


class JournalExists(Refusal):
    code = "already_exists"
    sentence = "The journal {journal} exists."


class JournalNotFound(Refusal):
    code = "journal_not_found"
    sentence = "There is no journal {journal}; a controller opens it with POST .../journals."


def find_journal(books: Books, code: str) -> Journal:
    """Raises JournalNotFound."""
    journal = books.journals.get(code)
    if journal is None:
        raise JournalNotFound(journal=code)
    return journal


def open_journal(books: Books, command: OpenJournal, at: At, new: NewStream) -> Decided:
    """Returns the event that opens a journal. Raises JournalExists."""
    if books.journals.get(command.code) is not None:
        raise JournalExists(journal=command.code)
    event = JournalOpened(code=command.code, name=command.name, reference=command.reference)
    return [(new(0), event)]


def evolve(books: Books, stream: str, event: JournalOpened) -> None:
    """Puts the journal on the books."""
    books.journals.put(event.code, Journal(event.code, event.name))
