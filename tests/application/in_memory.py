"""Commits without a database: what the books hold is all that there is."""

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime

from application.decisions import Decisions
from application.expiry import DueHolds
from application.identity import CommandIds
from application.needs import Needs
from application.outcomes import Outcome, Prepared
from application.plain import PlainForms
from application.repeats import Done
from domain.books import Books
from domain.commands import At

IDS = CommandIds(ledger="l", secret=bytes(32))
NOTHING_DONE: Mapping[str, Done] = {}


class DueInMemory(DueHolds):
    """Finds in the books what the rows hold: here there are no rows."""

    def __init__(self, books: Books) -> None:
        self._books = books

    def earliest(self) -> datetime | None:
        return min((at for at, _, _ in self._open()), default=None)

    def on(self, account: str, *, at: datetime, books: Books) -> Iterator[str]:
        return iter([id for due, id, codes in self._open() if due <= at and account in codes])

    def _open(self) -> list[tuple[datetime, str, tuple[str, str]]]:
        return sorted(
            (state.expires_at, id, (state.debit, state.credit))
            for id, state in self._books.authorizations.now.items()
            if state.closed_as is None and state.expires_at is not None
        )


def decide(
    books: Books,
    units: Sequence[Sequence[Prepared]],
    at: At,
    position: int,
    forms: PlainForms,
    known: Mapping[str, Done] = NOTHING_DONE,
) -> tuple[Decisions, list[Outcome]]:
    """One commit, as application/commit.py has it, but for what it would read and write.

    Requires that what the commands act on is on the shelves; `known` are those done before.
    """
    needs = Needs(books)
    for unit in units:
        for one in unit:
            needs.of(one.asked.command)
    taken = {id for id in needs.new_ids if id in books.streams.now}
    for id in taken:
        books.opened.now[id] = True
    decisions = Decisions(
        books=books,
        ids=IDS,
        forms=forms,
        due_holds=DueInMemory(books),
        ledger="l",
        software_version="1",
        position=position,
        incarnation=1,
        at=at,
        keep_alive=lambda: None,
    )
    decisions.known |= known
    decisions.reserve(asked_for=needs.entries, wished_for=needs.new_ids | taken)
    return decisions, [outcome for unit in units for outcome in decisions.decide(unit)]
