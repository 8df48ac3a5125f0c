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
from domain.authorizations import Authorize, Settle
from domain.books import Books
from domain.commands import At, Command, Event
from domain.entries import Post
from domain.hold_ends import Release, Void
from domain.plain import PlainPosting, is_bare
from domain.plain_holds import PlainHolds

MAX_PLAIN_BYTES = 32_768
"""Of a command's JSON: no record of it can be too large then, whatever else that says."""


class PlainCommands:
    """Decides plain commands and puts them on record.

    `asked_for` are ids of entries that a command of the commit needs to find on their shelf,
    `wished_for` those that clients wish for what they make, or that are taken: what would take one
    unasked, or an entry that has one of the former, goes the general way.
    """

    def __init__(self, *, books: Books, at: At, recording: Recording, forms: PlainForms) -> None:
        self._books = books
        self._recording = recording
        self._forms = forms
        self._posting = PlainPosting(books, at)
        self._holds = PlainHolds(books, at)
        self.asked_for: Collection[str] = ()
        self.wished_for: Collection[str] = ()

    def decide(self, one: Prepared) -> list[Row] | None:
        """Returns the command's records; None, and nothing has changed, where the straight line
        does not lead there. Requires that it was not done before, and that no group is being
        decided."""
        asked = one.asked
        found = _WAYS.get(type(asked.command))
        if (
            found is None
            or one.command_id in self.asked_for
            or one.command_id in self.wished_for
            or one.card_number_in is not None
            or one.size > MAX_PLAIN_BYTES
        ):
            return None
        may, way = found
        return None if asked.by.roles.isdisjoint(may) else way(self, one, asked.command)

    def _post(self, one: Prepared, command: Post) -> list[Row] | None:
        if not is_bare(command):
            return self._post_described(one, command)
        entry = self._posting.post(command)
        if entry is None:
            return None
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

    def _post_described(self, one: Prepared, command: Post) -> list[Row] | None:
        stream = self._new_stream(one, command.id)
        if stream is None:
            return None
        event = self._posting.post_described(command)
        return None if event is None else self._opened(one, command.id, (stream, 1, event))

    def _authorize(self, one: Prepared, command: Authorize) -> list[Row] | None:
        stream = self._new_stream(one, command.id)
        if stream is None:
            return None
        event = self._holds.authorize(command, stream)
        return None if event is None else self._opened(one, command.id, (stream, 1, event))

    def _settle(self, one: Prepared, command: Settle) -> list[Row] | None:
        settled = self._holds.settle(command, one.command_id)
        if settled is None:
            return None
        version, entry, event = settled
        return self._recording.append(
            one, [(one.command_id, 1, entry), (command.authorization, version, event)]
        )

    def _void(self, one: Prepared, command: Void) -> list[Row] | None:
        voided = self._holds.void(command)
        return None if voided is None else self._ended(one, command.authorization, *voided)

    def _release(self, one: Prepared, command: Release) -> list[Row] | None:
        released = self._holds.release(command)
        return None if released is None else self._ended(one, command.authorization, *released)

    def _ended(self, one: Prepared, stream: str, version: int, event: Event) -> list[Row]:
        return self._recording.append(one, [(stream, version, event)])

    def _new_stream(self, one: Prepared, id: str | None) -> str | None:
        """The id of what the command opens; None where the client's own can't be had here."""
        if id is None:
            return one.command_id
        return None if id in self.asked_for or self._books.opened.get(id) else id

    def _opened(self, one: Prepared, id: str | None, made: tuple[str, int, Event]) -> list[Row]:
        if id is not None:
            self._books.opened.put(id, True)
        return self._recording.append(one, [made])


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
