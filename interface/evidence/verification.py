"""A verification: everything that records, tiles and checkpoints say is worked out again, in one
pass, in memory that does not grow with the log.

Where it comes from (a live ledger, a bundle) is a Source's business. The first position that
diverges ends it.
"""

from collections.abc import Callable, Iterator, Sequence
from typing import Protocol

from msgspec import Struct

from application.transparency.notes import Checkpoint
from interface.evidence.divergence import UNREADABLE, Divergence, unreadable
from interface.evidence.fold import Fold
from interface.evidence.holds import Reference
from interface.evidence.occurrences import COMMAND, FIRST, Occurrences
from interface.evidence.shapes import Envelope, decode_envelope
from interface.evidence.signed import SignedSource, SignedTree
from interface.evidence.stretches import STRETCH
from interface.evidence.texts import TextCheck, TextSource

BATCH = STRETCH
ID_CHARACTERS = 36


class Stored(Struct, gc=False):
    """A record's bytes, and its row's columns where it comes from a database."""

    state: bytes
    position: int | None = None
    stream: bytes | None = None
    version: int | None = None
    topic: str | None = None
    command: bytes | None = None


class Source(SignedSource, TextSource, Protocol):
    """What is verified."""

    def take(self, record: Envelope, fold: Fold) -> None:
        """Hears of each record, after the fold took it in. Raises Divergence."""

    def compare(self, position: int) -> None:
        """Compares what it heard of, to a position, with its rows. Raises Divergence."""

    def check_references(self, wanted: Sequence[Reference]) -> None:
        """Compares the rows of what networks have cleared, where there are rows. Raises
        Divergence."""


Listener = Callable[[Sequence[Stored]], None]
"""Takes a batch after it was verified."""


class Verification:
    """Takes records batch by batch. `signed_size`: up to which size tiles must stand."""

    def __init__(
        self,
        source: Source,
        *,
        ledger: str,
        signed_size: int,
        against: Checkpoint | None = None,
        listener: Listener | None = None,
    ) -> None:
        self.fold = Fold(ledger)
        self._source = source
        self._listener = listener
        self._tree = SignedTree(
            source,
            signed_size=signed_size,
            against=against,
            retired=self.fold.chart.retired_at,
        )
        self._occurrences = Occurrences()
        self._command: str | None = None
        self.texts = TextCheck()
        self.views: dict[str, int] = {}
        """Up to which position each view was verified."""
        self.references = 0
        """How many settlements of networks there were."""

    @property
    def size(self) -> int:
        return self._tree.size

    @property
    def signed_size(self) -> int:
        """Up to which position it is signed."""
        return self._tree.signed_size

    def head(self) -> dict[str, object]:
        """Returns what the records come to, for an answer."""
        return {
            "ledger": self.fold.ledger,
            "size": self.size,
            "root": self._tree.root().hex(),
            "signed_size": self.signed_size,
            "erased": self.texts.erased,
            "withheld": self.texts.withheld,
            "views": self.views,
        }

    def go_on(self, source: Source, *, signed_size: int) -> None:
        """Takes what follows from another source of the same ledger, which may have signed more."""
        self._source = self._tree.source = source
        self._tree.signed_size = signed_size

    def withhold(self, through: int) -> None:
        """Lets texts up to a position be missing. Requires `check_withheld` in the end."""
        self.texts.withheld_through = through

    def check_withheld(self, *, copied_at: int | None) -> None:
        """Texts may have been withheld only from a copy: the log went on where it ended, or waits
        to (`copied_at`). Raises Divergence."""
        through = self.texts.withheld_through
        if through and through not in self.fold.ends and through != copied_at:
            raise Divergence(
                f"texts up to position {through} are said to have been withheld from a copy; the"
                " log was not continued there, as that of a copy"
            )

    def take(self, batch: Sequence[Stored]) -> None:
        """Checks the records that follow. Raises Divergence, with the first position that does."""
        found = []
        for check in (self._check_records, self._check_tree, self._check_texts):
            try:
                check(batch)
            except Divergence as divergence:
                found.append(divergence)
        if found:
            raise min(found, key=lambda each: each.position or 1 << 62)
        self._source.compare(self.size)
        references = self.fold.holds.references
        if references:
            self._source.check_references(references)
            self.references += len(references)
            references.clear()
        if self._listener is not None:
            self._listener(batch)

    def end(self) -> None:
        """Checks what only the end can tell. Raises Divergence."""
        try:
            self.fold.end()
            self._occurrences.check()
        finally:
            self._occurrences.close()
        self.texts.end()
        self._tree.end()

    def _check_records(self, batch: Sequence[Stored]) -> None:
        fold, occurrences, heard = self.fold, self._occurrences, self._source.take
        expected, decoded = fold.position, _decoded(batch)
        try:
            for one in batch:
                expected += 1
                record, raw = next(decoded)
                version, command = record.version, record.command_id
                opens = version == 1 and command == record.stream
                if one.position is not None and not (
                    opens
                    and one.command is None
                    and one.stream == raw
                    and one.position == record.position
                    and one.version == 1
                    and one.topic == record.type
                ):
                    _check_columns(one, record, raw, self._command)
                fold.apply(record)
                heard(record, fold)
                if command == self._command:
                    occurrences.add(raw, version, expected)
                    continue
                self._command = command
                occurrences.add(raw, FIRST if opens else version, expected)
                if command is not None and not opens:
                    occurrences.add(_raw(command), COMMAND, expected)
            occurrences.spill()
        except Divergence as divergence:
            raise _earliest(divergence, expected, occurrences.check) from divergence
        except UNREADABLE as error:
            # Who compares rows may read more of a record than the fold does.
            found = unreadable("the record", error)
            raise _earliest(found, expected, occurrences.check) from error

    def _check_tree(self, batch: Sequence[Stored]) -> None:
        self._tree.take([one.state for one in batch])

    def _check_texts(self, batch: Sequence[Stored]) -> None:
        self.texts.take(self._source, [one.state for one in batch])


def _check_columns(one: Stored, record: Envelope, raw: bytes, last_command: str | None) -> None:
    if (
        one.position != record.position
        or one.stream != raw
        or one.version != record.version
        or one.topic != record.type
    ):
        raise Divergence(
            f"the record says position {record.position}, stream {record.stream}, version"
            f" {record.version}, {record.type}; its row says {one.position},"
            f" {(one.stream or b'').hex()}, {one.version}, {one.topic}"
        )
    command = record.command_id
    is_said = command is None or command == last_command
    if is_said or (command == record.stream and record.version == 1):
        holds = one.command is None
    else:
        holds = one.command == _raw(command or "")
    if not holds:
        raise Divergence("the row's command is not the record's")


def _decoded(batch: Sequence[Stored]) -> Iterator[tuple[Envelope, bytes]]:
    """Yields records with the bytes of their streams' ids; raises Divergence at what is none."""
    try:
        records = [decode_envelope(one.state) for one in batch]
        return zip(records, _raw_ids([record.stream for record in records]), strict=True)
    except UNREADABLE:
        # One by one, so that all before it are looked at.
        return map(_decoded_one, batch)


def _decoded_one(one: Stored) -> tuple[Envelope, bytes]:
    try:
        record = decode_envelope(one.state)
    except UNREADABLE as error:
        raise Divergence(f"this is no record: {error}") from error
    return record, _raw(record.stream)


def _raw_ids(ids: Sequence[str]) -> list[bytes]:
    """Returns the bytes of many ids at once. Raises ValueError where not all are written in the
    usual way."""
    text = "".join(ids)
    hyphens = [text[at::ID_CHARACTERS] for at in (8, 13, 18, 23)]
    if {*map(len, ids)} - {ID_CHARACTERS} or "".join(hyphens) != "-" * text.count("-"):
        raise ValueError("ids of another form")
    raw = bytes.fromhex(text.replace("-", ""))
    return [raw[at : at + 16] for at in range(0, len(raw), 16)]


def _raw(id: str) -> bytes:
    try:
        raw = bytes.fromhex(id.replace("-", ""))
    except ValueError as error:
        raise Divergence(f"{id!r} is no id") from error
    if len(raw) != 16:
        raise Divergence(f"{id!r} is no id")
    return raw


def _earliest(found: Divergence, position: int, others: Callable[[], None]) -> Divergence:
    """What was found here, or what the ids so far show to have gone wrong before."""
    here = Divergence(found.message, position=position)
    try:
        others()
    except Divergence as before:
        if before.position is not None and before.position < position:
            return before
    return here
