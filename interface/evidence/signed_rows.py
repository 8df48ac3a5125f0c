"""Rows of tiles, checkpoints and cosignatures: of the log that stands, and of closed ones."""

from base64 import b64encode
from collections.abc import Iterator, Mapping, Sequence
from functools import cached_property

import msgspec
from msgspec import Struct
from psycopg import Connection
from psycopg.rows import DictRow

from application.transparency.notes import (
    BadNote,
    check_signed,
    parse_note,
    parse_verifier_key,
)
from application.transparency.tiles import TileAt, tile_width
from application.transparency.tree import HASH_BYTES
from interface.evidence.divergence import UNREADABLE, Divergence
from interface.evidence.signed import SignedTree, Signers

TILES = 16
"""Are read at a time."""


class _Named(Struct):
    """Of the ledger's own row, the keys that it names."""

    verifier_keys: list[str] = []
    retired_keys: list[str] = []
    witnesses: list[str] = []


class SignedRows:
    """What was signed of one incarnation. Requires that the ledger's schema is first in the
    connection's search_path."""

    def __init__(self, connection: Connection[DictRow], incarnation: int) -> None:
        self.connection = connection
        self.incarnation = incarnation
        signed = connection.execute(
            "SELECT coalesce(max(size), 0) AS size FROM checkpoints WHERE incarnation = %s",
            [incarnation],
        ).fetchone()
        assert signed is not None
        self.signed_size: int = signed["size"]

    @cached_property
    def signers(self) -> Signers:
        """Whose signatures count, as the ledger's own row says. Raises Divergence."""
        row = self.connection.execute(
            "SELECT l.document, h.incarnation FROM ledger AS l CROSS JOIN head AS h"
        ).fetchone()
        if row is None:
            raise Divergence("the ledger's own row is gone")
        try:
            named = msgspec.json.decode(row["document"], type=_Named)
            # In the order in which they came: those of a name end where the next one begins.
            keys = [parse_verifier_key(key) for key in (*named.retired_keys, *named.verifier_keys)]
            witnesses = [parse_verifier_key(key) for key in named.witnesses]
        except (BadNote, *UNREADABLE) as error:
            raise Divergence(f"the ledger's own row: {error}") from error
        origins = [*dict.fromkeys(key.name for key in keys)]
        number = len(origins) - 1 - (row["incarnation"] - self.incarnation)
        return Signers(origins[number] if number >= 0 else "", keys, witnesses)

    def signed_leaves(self) -> Iterator[list[bytes]]:
        """Yields the leaf hashes that its tiles have, in batches."""
        number = 0
        while True:
            rows = self.connection.execute(
                "SELECT hashes FROM tiles WHERE incarnation = %s AND level = 0"
                " AND number >= %s AND number < %s ORDER BY number",
                [self.incarnation, number, number + TILES],
                binary=True,
            ).fetchall()
            if not rows:
                return
            hashes = b"".join(row["hashes"] for row in rows)
            yield [hashes[at : at + HASH_BYTES] for at in range(0, len(hashes), HASH_BYTES)]
            number += TILES

    def tiles(self, wanted: Sequence[TileAt]) -> Mapping[TileAt, bytes]:
        """Returns the stored tiles of these that there are."""
        if not wanted:
            return {}
        rows = self.connection.execute(
            "SELECT level, number, hashes FROM unnest(%s::smallint[], %s::bigint[])"
            " AS wanted (level, number) JOIN tiles USING (level, number) WHERE incarnation = %s",
            [[level for level, _ in wanted], [number for _, number in wanted], self.incarnation],
            binary=True,
        )
        return {(row["level"], row["number"]): row["hashes"] for row in rows}

    def notes(self, after: int, to: int) -> Mapping[int, str]:
        """Returns the signed checkpoints of these sizes. Raises Divergence."""
        rows = self.connection.execute(
            "SELECT size, root, note FROM checkpoints WHERE incarnation = %s AND size > %s"
            " AND size <= %s",
            [self.incarnation, after, min(to, self.signed_size)],
        ).fetchall()
        for row in rows:
            stated = row["note"].split("\n", 3)
            if stated[1:3] != [str(row["size"]), b64encode(row["root"]).decode()]:
                raise Divergence(
                    f"the checkpoint of size {row['size']} does not say what its row",
                    position=row["size"],
                )
        notes = {row["size"]: row["note"] for row in rows}
        if len(notes) != len(rows):
            raise Divergence("a checkpoint has several rows")
        return notes


def check_closed_logs(current: SignedRows) -> None:
    """Checks what was signed before the log went on under another name: each such tree is what its
    own checkpoints signed, whatever became of the records since. Raises Divergence."""
    connection, last = current.connection, current.incarnation
    row = connection.execute(
        "SELECT (SELECT count(*) FROM tiles WHERE incarnation NOT BETWEEN 1 AND h.incarnation)"
        " + (SELECT count(*) FROM checkpoints WHERE incarnation NOT BETWEEN 1 AND h.incarnation)"
        " AS n FROM head AS h"
    ).fetchone()
    if row is None or row["n"]:
        raise Divergence("tiles or checkpoints are of a log that there never was")
    for incarnation in range(1, last):
        closed = SignedRows(connection, incarnation)
        tree = SignedTree(closed, signed_size=closed.signed_size)
        try:
            for leaves in closed.signed_leaves():
                tree.take_leaves(leaves)
            tree.end()
            check_tile_widths(connection, closed)
        except Divergence as found:
            raise Divergence(
                f"of the log that incarnation {incarnation} closed: {found.message}",
                position=found.position,
            ) from found


def check_tile_widths(connection: Connection[DictRow], source: SignedRows) -> None:
    """No tile may stand that the signed tree does not have, and none be wider than there. Raises
    Divergence."""
    rows = connection.execute(
        "SELECT level, number, octet_length(hashes) AS bytes FROM tiles WHERE incarnation = %s"
        " ORDER BY level, number",
        [source.incarnation],
    )
    before: TileAt | None = None
    for row in rows:
        at = (row["level"], row["number"])
        if at == before:
            raise Divergence(f"tile {row['number']} of level {row['level']} has several rows")
        before = at
        if row["bytes"] != HASH_BYTES * tile_width(at, source.signed_size):
            raise Divergence(f"tile {row['number']} of level {row['level']} was not signed so")


def check_cosignatures(connection: Connection[DictRow], signers: Signers) -> None:
    """Checks what witnesses signed, of whichever log: those that the records name, and nobody else.
    Raises Divergence."""
    witnesses = {str(key): key for key in signers.witnesses or ()}
    rows = connection.execute(
        "SELECT c.note, s.line, s.verifier_key, s.size FROM cosignatures AS s"
        " LEFT JOIN checkpoints AS c USING (incarnation, size)"
    ).fetchall()
    for row in rows:
        try:
            text = (row["note"] or "").rpartition("\n\n")[0]
            note = parse_note(f"{text}\n\n{row['line']}".encode())
            key = witnesses.get(row["verifier_key"])
            if key is None:
                raise BadNote(f"The records name no witness {row['verifier_key']}.")
            if len(check_signed(note, [key])) != len(note.signatures):
                raise BadNote("There are others beside it.")
        except BadNote as error:
            raise Divergence(f"a cosignature of size {row['size']}: {error}") from error
