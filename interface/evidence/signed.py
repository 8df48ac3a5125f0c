"""The signed tree held against the records' bytes: leaves, tiles, roots, signatures, and nothing of
what the records say.

A part of every verification, and one of its own: the quickest that finds any byte of a record
changed since it was signed.
"""

from collections.abc import Mapping, Sequence
from typing import NamedTuple, Protocol

from application.transparency.notes import (
    BadNote,
    Checkpoint,
    Note,
    VerifierKey,
    check_signed,
    parse_checkpoint,
    parse_note,
)
from application.transparency.tiles import TILE_WIDTH, TileAt, leaf_hashes
from application.transparency.tree import HASH_BYTES
from interface.evidence.divergence import Divergence
from interface.evidence.tree import GrowingTree, split_at

RECORD_MAX_BYTES = 65_535


class Signers(NamedTuple):
    """Whose signatures count. All checkpoints of a log state its `origin`, and are signed by keys
    of that name; `keys` has those of the names that it had before, too. `witnesses`: who else may
    have signed what stands there; None: whoever wants to, as a signed note allows."""

    origin: str
    keys: Sequence[VerifierKey]
    witnesses: Sequence[VerifierKey] | None = None

    @property
    def names(self) -> list[str]:
        """The origins that the log had, the one that it has among them."""
        return list(dict.fromkeys((self.origin, *(key.name for key in self.keys))))


class SignedSource(Protocol):
    """Where the signed tree is."""

    @property
    def signers(self) -> Signers:
        """Whose signatures count there. Raises Divergence."""

    def tiles(self, wanted: Sequence[TileAt]) -> Mapping[TileAt, bytes]:
        """Returns the stored tiles of these that there are."""

    def notes(self, after: int, to: int) -> Mapping[int, str]:
        """Returns the signed checkpoints of sizes above `after` and up to `to`."""


class SignedTree:
    """Takes records batch by batch. `signed_size`: up to which size tiles must stand; it and the
    source may change where a later look at the same ledger goes on. `retired`: by verifier key, the
    position of the record that retired it, as far as records were read."""

    def __init__(
        self,
        source: SignedSource,
        *,
        signed_size: int,
        against: Checkpoint | None = None,
        retired: Mapping[str, int] | None = None,
    ) -> None:
        self.source = source
        self.signed_size = signed_size
        self._against = against
        self._retired = {} if retired is None else retired
        self._tree = GrowingTree(self._grown)
        self._tiles: dict[TileAt, bytes] = {}
        if against is not None and against.origin not in source.signers.names:
            raise Divergence(
                f"the checkpoint given is of {against.origin}; this log is"
                f" {', '.join(source.signers.names)}"
            )

    @property
    def size(self) -> int:
        return self._tree.size

    def root(self) -> bytes:
        """Returns the root over all records so far."""
        return self._tree.root()

    def take(self, records: Sequence[bytes]) -> None:
        """Checks the records that follow. Raises Divergence."""
        if max(map(len, records), default=0) > RECORD_MAX_BYTES:
            number, size = next(
                (number, len(record))
                for number, record in enumerate(records, start=1)
                if len(record) > RECORD_MAX_BYTES
            )
            raise Divergence(f"a record of {size} bytes", position=self.size + number)
        self.take_leaves(leaf_hashes(records))

    def take_leaves(self, leaves: Sequence[bytes]) -> None:
        """Checks the leaves that follow. Raises Divergence."""
        start = self._tree.size
        notes = self.source.notes(start, start + len(leaves))
        sizes = {*notes}
        if self._against is not None:
            sizes.add(self._against.size)
        for first, last in split_at(start, len(leaves), sizes):
            self._tree.add_leaves(leaves[first:last])
            self._compare_tiles()
            size = self._tree.size
            if size in notes:
                self._check_note(size, notes[size])
            if self._against is not None and size == self._against.size:
                self._check_against(self._against)

    def end(self) -> None:
        """Checks what only the end can tell. Raises Divergence."""
        if self.size < self.signed_size:
            raise Divergence(
                f"positions {self.size + 1} to {self.signed_size} were signed and are gone",
                position=self.size + 1,
            )
        against = self._against
        if against is not None and against.size > self.size:
            raise Divergence(
                f"the checkpoint given is of size {against.size}; the log ends at {self.size}",
                position=self.size + 1,
            )

    def _grown(self, at: TileAt, hashes: bytes) -> None:
        self._tiles[at] = hashes

    def _compare_tiles(self) -> None:
        """A tile is compared as far as it was signed, when it is full or the signed tree ends."""
        wanted = {}
        for at, hashes in self._tiles.items():
            level, number = at
            signed = (self.signed_size >> (8 * level)) - TILE_WIDTH * number
            width = min(TILE_WIDTH, signed)
            if width > 0 and len(hashes) >= HASH_BYTES * width:
                wanted[at] = hashes[: HASH_BYTES * width]
        self._tiles = {}
        stored = self.source.tiles(list(wanted))
        for at in sorted(wanted):
            known = stored.get(at)
            # What was signed since makes it longer.
            if known is None or known[: len(wanted[at])] != wanted[at]:
                raise _tile_differs(at, known, wanted[at])

    def _check_note(self, size: int, raw: str) -> None:
        try:
            note = parse_note(raw.encode())
            signed = parse_checkpoint(note.text)
            if signed.origin != self.source.signers.origin:
                raise BadNote(f"It is of another log, {signed.origin}.")
            self._check_signers(note, size)
        except BadNote as error:
            raise Divergence(f"the checkpoint of size {size}: {error}", position=size) from error
        if (signed.size, signed.root) != (size, self._tree.root()):
            self._compare_last_leaves()
            raise Divergence(
                f"the checkpoint of size {size} states another root than the records give",
                position=size,
            )

    def _check_signers(self, note: Note, size: int) -> None:
        """What signed last when the log was shorter signs nothing that is longer."""
        origin, keys, witnesses = self.source.signers
        own = [key for key in keys if key.name == origin]
        by = check_signed(note, own)
        if all(self._retired.get(str(key), size + 1) <= size for key in by):
            raise BadNote("Only keys that had been retired before have signed it.")
        if witnesses is None:
            return
        known = {(key.name, key.key_id) for key in (*own, *witnesses)}
        if len({(one.name, one.key_id) for one in note.signatures}) < len(note.signatures):
            raise BadNote("A key has signed it twice.")
        for one in note.signatures:
            if (one.name, one.key_id) not in known:
                raise BadNote(f"It is signed as {one.name} by a key that the records do not name.")
        if len(note.signatures) > len(by):
            check_signed(note, [*own, *witnesses])

    def _compare_last_leaves(self) -> None:
        """Where the newest tile of leaves, not full yet, differs from what is stored: there."""
        at = (0, (self._tree.size - 1) // TILE_WIDTH)
        leaves = self._tree.edge.get(at, b"")
        stored = self.source.tiles([at]).get(at, b"")[: len(leaves)]
        if stored != leaves[: len(stored)]:
            raise _tile_differs(at, stored, leaves[: len(stored)])

    def _check_against(self, against: Checkpoint) -> None:
        if against.root == self._tree.root():
            return
        said = (
            "the log is not the one of the checkpoint given: a record at or before position"
            f" {against.size} was changed since"
        )
        current = self.source.signers.origin
        if against.origin != current:
            said += (
                f", or was lost before the log went on as {current}: LedgerContinued says where the"
                " old one ended"
            )
        raise Divergence(said, position=against.size)


def _tile_differs(at: TileAt, stored: bytes | None, wanted: bytes) -> Divergence:
    level, number = at
    name = f"tile {number} of level {level}"
    if stored is None:
        return Divergence(f"{name} is missing")
    if len(stored) < len(wanted):
        return Divergence(f"{name} has {len(stored) // HASH_BYTES} hashes, not what was signed")
    offset = next(
        index
        for index in range(0, len(wanted), HASH_BYTES)
        if stored[index : index + HASH_BYTES] != wanted[index : index + HASH_BYTES]
    )
    if level:
        return Divergence(f"{name} does not follow from the tiles below it")
    position = number * TILE_WIDTH + offset // HASH_BYTES + 1
    return Divergence("the record is not the one whose leaf is in the tree", position=position)
