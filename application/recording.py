"""What a commit puts on record: events become rows with positions and versions, and are folded."""

from collections.abc import Callable, Sequence

from msgspec.structs import replace

from application.identity import CommandIds
from application.outcomes import Prepared
from application.private import PrivateRow, has_private_text, seal
from application.recorder import Row
from application.records import FORMAT, MAX_RECORD_BYTES, Record, encode
from domain.books import Books
from domain.catalogue import EVENTS, EVOLVE, CommandRefused
from domain.commands import At, Decided, Event
from domain.entries import EntryAdjusted, EntryPosted, EntryReversed
from domain.refusals import Rejection

_NO_STREAM_VERSION = (CommandRefused, EntryPosted, EntryReversed, EntryAdjusted)


class TooLarge(Rejection):
    code = "too_large"
    sentence = "The record would have {bytes} bytes; the most is {limit}."


class Recording:
    """The records of one commit, made at one moment, from one position on.

    `stored` and `private` are what is to be written; `position` is the last record's.
    """

    def __init__(
        self,
        *,
        books: Books,
        ids: CommandIds,
        ledger: str,
        software_version: str,
        position: int,
        incarnation: int,
        at: At,
    ) -> None:
        self._books = books
        self._ids = ids
        self._ledger = ledger
        self._software_version = software_version
        self._first_position = self.position = position
        self.incarnation = incarnation
        self.recorded_at = at.recorded_at.strftime("%Y-%m-%dT%H:%M:%S.%fZ")
        self.stored: list[Row] = []
        self.private: list[PrivateRow] = []

    @property
    def mark(self) -> tuple[int, int]:
        """How much there is by now."""
        return len(self.stored), len(self.private)

    def take_back(self, mark: tuple[int, int]) -> None:
        """Forgets what was put on record since; the books are the caller's to put right."""
        events, private = mark
        del self.stored[events:], self.private[private:]
        self.position = self._first_position + events

    def new_streams(self, command_id: str) -> Callable[[int], str]:
        """Gives a command the ids of its new streams: the first one has its own, unless a client
        took that for a thing of its own."""

        def new_stream(number: int) -> str:
            if number == 0 and not self._books.opened.get(command_id):
                return command_id
            return self._ids.derived_id(command_id, number)

        return new_stream

    def emit(self, one: Prepared, decided: Decided, *, private: bool = True) -> list[Row]:
        """Makes the command's records; keeps them and their effect where all are small enough.

        Raises TooLarge.
        """
        rows: list[PrivateRow] = []
        if private and has_private_text(one.asked.command):
            decided, rows = seal(one.asked.command, decided, self.position + 1)
        made = [
            self._row(one, stream, event, ahead=ahead)
            for ahead, (stream, event) in enumerate(decided)
        ]
        if made[0].stream != one.command_id or made[0].version != 1:
            made[0] = replace(made[0], command_id=one.command_id)
        for row, (_, event) in zip(made, decided, strict=True):
            self._keep(row, event)
        self.private.extend(rows)
        return made

    def emit_caused(self, one: Prepared, stream: str, event: Event) -> None:
        """Keeps an event that is caused by the command, not of it. Raises TooLarge."""
        self._keep(self._row(one, stream, event, of_command=False), event)

    def append(self, one: Prepared, made: Sequence[tuple[str, int, Event]]) -> list[Row]:
        """Puts events of the command, (stream, version, event) each, on record that the books know
        already. Requires that no record can be too large."""
        if has_private_text(one.asked.command):
            decided = [(stream, event) for stream, _, event in made]
            decided, texts = seal(one.asked.command, decided, self.position + 1)
            made = [
                (stream, version, event)
                for (stream, event), (_, version, _) in zip(decided, made, strict=True)
            ]
            self.private.extend(texts)
        rows: list[Row] = []
        for stream, version, event in made:
            position = self.position = self.position + 1
            state = self._encoded(one, position, stream, version, event)
            assert len(state) <= MAX_RECORD_BYTES
            # By which the command is found again, unless that is the stream itself.
            is_its_own = stream == one.command_id and version == 1
            command_id = None if rows or is_its_own else one.command_id
            rows.append(Row(position, stream, version, type(event).__name__, state, command_id))
        self.stored.extend(rows)
        return rows

    def _row(
        self, one: Prepared, stream: str, event: Event, *, ahead: int = 0, of_command: bool = True
    ) -> Row:
        """Raises TooLarge."""
        position, version = self.position + ahead + 1, self._books.next_version(stream)
        state = self._encoded(one, position, stream, version, event, of_command=of_command)
        if len(state) > MAX_RECORD_BYTES:
            raise TooLarge(bytes=len(state), limit=MAX_RECORD_BYTES)
        return Row(position, stream, version, type(event).__name__, state, None)

    def _encoded(
        self,
        one: Prepared,
        position: int,
        stream: str,
        version: int,
        event: Event,
        *,
        of_command: bool = True,
    ) -> bytes:
        command, by = one.asked.command, one.asked.by
        return encode(
            Record(
                FORMAT,
                self._ledger,
                self.incarnation,
                position,
                stream,
                version,
                type(event).__name__,
                EVENTS[type(event)],
                self.recorded_at,
                by.actor,
                command.on_behalf_of,
                by.key_id,
                by.channel,
                self._software_version,
                one.command_id if of_command else None,
                one.digest if of_command else None,
                command.correlation_id,
                None if of_command else one.command_id,
                command.reason if of_command else None,
                event,
            )
        )

    def _keep(self, row: Row, event: Event) -> None:
        """Takes the record into the commit and folds its event."""
        self.position = row.position
        self.stored.append(row)
        books = self._books
        EVOLVE[type(event)](books, row.stream, event)
        if row.version == 1:
            books.opened.put(row.stream, True)
        if not isinstance(event, _NO_STREAM_VERSION):
            books.streams.put(row.stream, row.version)
