"""The signed tree held against the records' bytes: leaves, tiles, roots, signatures, and nothing of
what the records say.

A part of every verification, and one of its own: the quickest that finds any byte of a record
changed since it was signed.
"""

from collections.abc import Mapping, Sequence
from typing import Protocol

from application.transparency.notes import (
    BadNote,
    Checkpoint,
    VerifierKey,
    check_signed,
    parse_checkpoint,
    parse_note,
)
from application.transparency.tiles import TILE_WIDTH, TileAt, leaf_hashes
from application.transparency.tree import HASH_BYTES
from interface.evidence.divergence import Divergence
from interface.evidence.tree import GrowingTree, split_at


class SignedSource(Protocol):
    """Where the signed tree is."""

    def tiles(self, wanted: Sequence[TileAt]) -> Mapping[TileAt, bytes]:
        """Returns the stored tiles of these that there are."""

    def notes(self, after: int, to: int) -> Mapping[int, str]:
        """Returns the signed checkpoints of sizes above `after` and up to `to`."""


class SignedTree:
    """Takes records batch by batch. `signed_size`: up to which size tiles must stand; it and the
    source may change where a later look at the same ledger goes on."""

    def __init__(
        self,
        source: SignedSource,
        *,
        keys: Sequence[VerifierKey],
        signed_size: int,
        against: Checkpoint | None = None,
    ) -> None:
        self.source = source
        self.signed_size = signed_size
        self._keys = keys
        self._against = against
        self._tree = GrowingTree(self._grown)
        self._tiles: dict[TileAt, bytes] = {}
        self._origin: str | None = None
        """Of all its checkpoints."""
        names = list(dict.fromkeys(key.name for key in keys))
        if against is not None and against.origin not in names:
            raise Divergence(
                f"the checkpoint given is of {against.origin}; this log is {', '.join(names)}"
            )

    @property
    def size(self) -> int:
        return self._tree.size

    def root(self) -> bytes:
        """Returns the root over all records so far."""
        return self._tree.root()

    def take(self, records: Sequence[bytes]) -> None:
        """Checks the records that follow. Raises Divergence."""
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
            check_signed(note, self._keys)
            signed = parse_checkpoint(note.text)
        except BadNote as error:
            raise Divergence(f"the checkpoint of size {size}: {error}", position=size) from error
        self._origin = self._origin or signed.origin
        if signed.origin != self._origin or signed.origin not in {key.name for key in self._keys}:
            raise Divergence(f"the checkpoint of size {size} is of another log", position=size)
        if (signed.size, signed.root) != (size, self._tree.root()):
            self._compare_last_leaves()
            raise Divergence(
                f"the checkpoint of size {size} states another root than the records give",
                position=size,
            )

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
        current = self._keys[0].name
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
