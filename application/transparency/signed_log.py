"""What was signed of a ledger's log, read: checkpoint, tiles, entry bundles, proofs."""

from collections.abc import Iterable
from typing import Any

from msgspec import Struct
from psycopg import Connection
from psycopg.rows import DictRow

from application.transparency.tiles import TILE_WIDTH, TileNodes, bundle, tile_width
from application.transparency.tree import (
    HASH_BYTES,
    consistency_proof,
    inclusion_proof,
    joint_proof,
    leaf_hash,
    tree_root,
)


class NotSigned(Exception):
    """Nothing of the log was signed yet."""


class Signed(Struct, frozen=True):
    """The last checkpoint. `note` with the log's own signatures."""

    incarnation: int
    size: int
    root: bytes
    note: str


def signed_size(connection: Connection[DictRow]) -> int:
    """Returns up to which position the log of this incarnation is signed, 0 before the first."""
    try:
        return SignedLog(connection).last.size
    except NotSigned:
        return 0


class SignedLog:
    """Answers from the tiles of the current incarnation, on a reader's connection."""

    def __init__(self, connection: Connection[DictRow]) -> None:
        self._connection = connection
        row = connection.execute(
            "SELECT c.incarnation, c.size, c.root, c.note, h.position FROM head AS h"
            " JOIN checkpoints AS c ON c.incarnation = h.incarnation ORDER BY c.size DESC LIMIT 1"
        ).fetchone()
        if row is None:
            raise NotSigned
        self.position: int = row["position"]
        """The head's: what is not signed yet will be soon."""
        self.last = Signed(row["incarnation"], row["size"], bytes(row["root"]), row["note"])

    def checkpoint(self) -> str:
        """Returns the last checkpoint with its cosignatures, as a signed note."""
        return self.last.note + "".join(self._cosignatures(self.last.size))

    def cosigned(self) -> str | None:
        """Returns the largest checkpoint that a witness has cosigned."""
        row = self._connection.execute(
            "SELECT size, note FROM checkpoints AS c WHERE incarnation = %s AND EXISTS ("
            " SELECT 1 FROM cosignatures AS s"
            " WHERE s.incarnation = c.incarnation AND s.size = c.size)"
            " ORDER BY size DESC LIMIT 1",
            [self.last.incarnation],
        ).fetchone()
        return None if row is None else row["note"] + "".join(self._cosignatures(row["size"]))

    def tile(self, level: int, number: int, width: int | None) -> bytes | None:
        """Returns a tile, full or of a width; None where it was not signed."""
        wanted = TILE_WIDTH if width is None else width
        if tile_width((level, number), self.last.size) < wanted:
            return None
        return self._tile(level, number)[: HASH_BYTES * wanted]

    def entries(self, number: int, width: int | None) -> bytes | None:
        """Returns an entry bundle, full or of a width; None where it was not signed."""
        wanted = TILE_WIDTH if width is None else width
        if tile_width((0, number), self.last.size) < wanted:
            return None
        first = number * TILE_WIDTH
        rows = self._connection.execute(
            "SELECT state FROM events WHERE notification_id > %s AND notification_id <= %s"
            " ORDER BY notification_id",
            [first, first + wanted],
        ).fetchall()
        return bundle(row["state"] for row in rows)

    def inclusion(self, position: int, size: int) -> dict[str, Any]:
        """Returns the proof that a record stands in the tree of a size, hashes in hex.

        Requires 1 <= position <= size <= what was signed.
        """
        nodes = TileNodes(self._tile)
        index = position - 1
        row = self._connection.execute(
            "SELECT state FROM events WHERE notification_id = %s", [position]
        ).fetchone()
        assert row is not None
        return {
            "position": position,
            "leaf_index": index,
            "size": size,
            "leaf_hash": leaf_hash(row["state"]).hex(),
            "root": tree_root(size, nodes).hex(),
            "proof": [hash.hex() for hash in inclusion_proof(index, size, nodes)],
        }

    def joint(self, positions: Iterable[int], size: int) -> tuple[list[tuple[int, str]], list[str]]:
        """Returns the leaf hashes of records, by position, and what leads from them to the root of
        the tree of a size, in hex. Requires 1 <= position <= size <= what was signed."""
        nodes = TileNodes(self._tile)
        indexes = sorted({position - 1 for position in positions})
        leaves = [(index + 1, nodes(0, index).hex()) for index in indexes]
        return leaves, [hash.hex() for hash in joint_proof(indexes, size, nodes)]

    def consistency(self, old_size: int, new_size: int) -> dict[str, Any]:
        """Returns the proof that the older tree begins the newer one, hashes in hex.

        Requires 1 <= old_size <= new_size <= what was signed.
        """
        nodes = TileNodes(self._tile)
        return {
            "from": old_size,
            "to": new_size,
            "from_root": tree_root(old_size, nodes).hex(),
            "to_root": tree_root(new_size, nodes).hex(),
            "proof": [hash.hex() for hash in consistency_proof(old_size, new_size, nodes)],
        }

    def _tile(self, level: int, number: int) -> bytes:
        row = self._connection.execute(
            "SELECT hashes FROM tiles WHERE incarnation = %s AND level = %s AND number = %s",
            [self.last.incarnation, level, number],
        ).fetchone()
        return b"" if row is None else bytes(row["hashes"])

    def _cosignatures(self, size: int) -> list[str]:
        rows = self._connection.execute(
            "SELECT line FROM cosignatures WHERE incarnation = %s AND size = %s"
            " ORDER BY verifier_key",
            [self.last.incarnation, size],
        ).fetchall()
        return [row["line"] for row in rows]
