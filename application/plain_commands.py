"""The straight line for what most commands are: entries and holds in which nothing is unusual.

What is decided here (domain/plain.py, domain/plain_holds.py) comes to the same records and the same
books as the general way; whatever is unusual goes that way.
"""

from collections.abc import Callable, Collection
from typing import Any

from application.outcomes import Prepared
from application.permissions import MAY
from application.plain import PlainForms, fill
from application.recorder import Row
from application.recording import Recording
from domain.accounts import Side
from domain.authorizations import Authorize, Settle
from domain.books import Books
from domain.commands import At, Command
from domain.entries import EntryPosted, Post
from domain.hold_ends import Release, Void
from domain.journals import GENERAL
from domain.legs import Leg, LegAsked
from domain.plain import PlainEntry, PlainPosting
from domain.plain_holds import PlainHolds


class PlainCommands:
    """Decides plain commands and puts them on record.

    `asked_for` are ids that another command of the commit needs to find on its shelf: what would
    take one goes the general way.
    """

    def __init__(self, *, books: Books, at: At, recording: Recording, forms: PlainForms) -> None:
        self._books = books
        self._recording = recording
        self._forms = forms
        self._posting = PlainPosting(books, at)
        self._holds = PlainHolds(books, at)
        self.asked_for: Collection[str] = ()

    def decide(self, one: Prepared) -> list[Row] | None:
        """Returns the command's records; None, and nothing has changed, where the straight line
        does not lead there. Requires that it was not done before, and that no group is being
        decided."""
        asked = one.asked
        found = _WAYS.get(type(asked.command))
        if found is None or one.command_id in self.asked_for or one.card_number_in is not None:
            return None
        may, way = found
        return None if asked.by.roles.isdisjoint(may) else way(self, one, asked.command)

    def _post(self, one: Prepared, command: Post) -> list[Row] | None:
        entry = self._posting.post(command)
        if entry is None:
            return None
        if is_described(command):
            return [self._described(one, command, entry)]
        recording, command_id = self._recording, one.command_id
        position = recording.position = recording.position + 1
        form = self._forms.form(
            incarnation=recording.incarnation,
            by=one.asked.by,
            effective_on=entry.effective_on,
            fiscal_year=entry.fiscal_year,
            asset=entry.first.asset,
        )
        state = fill(
            form,
            entry,
            position=position,
            recorded_at=recording.recorded_at,
            command_id=command_id,
            digest=one.digest,
        )
        row = Row(position, command_id, 1, "EntryPosted", state, None)
        recording.stored.append(row)
        return [row]

    def _described(self, one: Prepared, command: Post, entry: PlainEntry) -> Row:
        """The record of an entry that says more than its legs, by the one encoder."""
        first, second = entry.first, entry.second
        event = EntryPosted(
            journal=GENERAL,
            voucher_no=entry.voucher_no,
            fiscal_year=entry.fiscal_year,
            effective_on=entry.effective_on,
            legs=[
                Leg(*_said(first), entry.first_line, entry.first_balance),
                Leg(*_said(second), entry.second_line, entry.second_balance),
            ],
            reference=command.reference,
        )
        return self._recording.append_sealed(one, event)

    def _authorize(self, one: Prepared, command: Authorize) -> list[Row] | None:
        stream, opened = command.id or one.command_id, self._books.opened
        if opened.get(stream):
            return None
        event = self._holds.authorize(command, stream)
        if event is None:
            return None
        if command.id is None:
            return [self._recording.append(one, stream, 1, event, None)]
        opened.put(stream, True)
        return [self._recording.append(one, stream, 1, event, one.command_id)]

    def _settle(self, one: Prepared, command: Settle) -> list[Row] | None:
        settled = self._holds.settle(command, one.command_id)
        if settled is None:
            return None
        version, entry, event = settled
        append = self._recording.append
        return [
            append(one, one.command_id, 1, entry, None),
            append(one, command.authorization, version, event, None),
        ]

    def _void(self, one: Prepared, command: Void) -> list[Row] | None:
        voided = self._holds.void(command)
        return None if voided is None else self._ended(one, command.authorization, *voided)

    def _release(self, one: Prepared, command: Release) -> list[Row] | None:
        released = self._holds.release(command)
        return None if released is None else self._ended(one, command.authorization, *released)

    def _ended(self, one: Prepared, stream: str, version: int, event: Any) -> list[Row]:
        return [self._recording.append(one, stream, version, event, one.command_id)]


def is_described(command: Post) -> bool:
    """True where a plain entry has what its form has no place for."""
    return not (
        command.narrative is None
        and command.reference is None
        and command.metadata is None
        and command.correlation_id is None
    )


def _said(leg: LegAsked) -> tuple[str, Side, str, str]:
    return leg.account, leg.side, leg.amount, leg.asset


_Way = Callable[[PlainCommands, Prepared, Any], list[Row] | None]

_WAYS: dict[type[Command], tuple[frozenset[str], _Way]] = {
    Post: (MAY[Post], PlainCommands._post),  # noqa: SLF001 -- of this file
    Authorize: (MAY[Authorize], PlainCommands._authorize),  # noqa: SLF001 -- the same
    Settle: (MAY[Settle], PlainCommands._settle),  # noqa: SLF001 -- the same
    Void: (MAY[Void], PlainCommands._void),  # noqa: SLF001 -- the same
    Release: (MAY[Release], PlainCommands._release),  # noqa: SLF001 -- the same
}
"""Who may send a command, and how it is decided. Not a member, whose methods would hold their
object: with it the records of each commit would wait for the collector of cycles."""
