"""The sealer: extends each ledger's tree by what was committed and signs a checkpoint.

One step is one transaction under an advisory lock of the ledger: tiles and checkpoint are there
together or not at all, whatever dies, and however many workers run. Before it signs, a step derives
the last signed root again from the stored tiles, compares the newest leaves with their records, and
proves the new tree consistent with the old one. What contradicts what was signed stops the ledger.
"""

import threading
from collections.abc import Callable
from time import monotonic
from typing import Any, LiteralString

import msgspec
import psycopg
import structlog
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from psycopg import Connection
from psycopg.rows import DictRow, dict_row

from application.rounds import ledgers_where
from application.store import schema_of
from application.transparency.notes import (
    BadNote,
    Checkpoint,
    Note,
    check_signed,
    parse_checkpoint,
    parse_note,
    parse_verifier_key,
    sign,
)
from application.transparency.tiles import (
    TILE_WIDTH,
    TileAt,
    TileNodes,
    edge_of,
    extended,
    leaf_hashes,
    tile_width,
)
from application.transparency.tree import (
    HASH_BYTES,
    WrongProof,
    check_consistency,
    consistency_proof,
    tree_root,
)
from application.transparency.vault import Vault, VaultClosed
from domain.ledgers import Ledger

STEP_LEAVES = 4096
INTERVAL_SECONDS = 0.5
"""Between two looks at a ledger: what is committed is signed within two seconds."""

COMPLAINT_SECONDS = 60.0
LOCK_SALT = 6962
IS_UNSIGNED: LiteralString = (
    "EXISTS (SELECT FROM {schema}.head AS h WHERE h.halted IS NULL AND h.position <> coalesce("
    "(SELECT max(size) FROM {schema}.checkpoints AS c WHERE c.incarnation = h.incarnation), 0))"
)

log = structlog.get_logger(__name__)

_decode_ledger = msgspec.json.Decoder(Ledger).decode


class Contradiction(Exception):
    """The ledger contradicts what was signed of it; the message says where."""


class Sealer:
    """Keeps the checkpoints of all ledgers close to their heads.

    `names` gives the ledgers there are. Any number of sealers may run.
    """

    def __init__(self, *, conninfo: str, names: Callable[[], list[str]], vault: Vault) -> None:
        self._conninfo = conninfo
        self._names = names
        self._vault = vault
        self._keys: dict[str, Ed25519PrivateKey] = {}
        self._complained: dict[str, float] = {}

    def run(self, stop: threading.Event) -> None:
        """Seals until `stop` is set. Raises psycopg.Error where the database can't be used."""
        with connect(self._conninfo) as connection:
            while not stop.is_set():
                unsigned = ledgers_where(connection, IS_UNSIGNED, self._names())
                full = [self._look_at(connection, ledger) for ledger in unsigned]
                if not any(full):
                    stop.wait(INTERVAL_SECONDS)

    def seal(self, connection: Connection[DictRow], ledger: str) -> int:
        """Takes one step of a ledger and returns how many leaves it signed.

        Raises Contradiction, VaultClosed, psycopg.Error.
        """
        with connection.transaction():
            connection.execute(
                "SELECT set_config('search_path', %s, true)", [schema_of(ledger)], prepare=True
            )
            step = Step(connection)
            return step.take(self._private_keys) if step.locked(ledger) else 0

    def _look_at(self, connection: Connection[DictRow], ledger: str) -> bool:
        """Takes a step; True where more waits."""
        try:
            return self.seal(connection, ledger) == STEP_LEAVES
        except Contradiction as found:
            halt(connection, ledger, str(found))
            log.error("log_contradicted", ledger=ledger, found=str(found))
        except VaultClosed as closed:
            if monotonic() - self._complained.get(ledger, -COMPLAINT_SECONDS) >= COMPLAINT_SECONDS:
                self._complained[ledger] = monotonic()
                log.error("log_not_signed", ledger=ledger, why=str(closed))
        return False

    def _private_keys(
        self, connection: Connection[DictRow], wanted: tuple[str, ...]
    ) -> list[Ed25519PrivateKey]:
        missing = [key for key in wanted if key not in self._keys]
        if missing:
            rows = connection.execute(
                "SELECT verifier_key, sealed FROM signing_keys WHERE verifier_key = ANY(%s)",
                [missing],
            ).fetchall()
            for row in rows:
                self._keys[row["verifier_key"]] = self._vault.private_key(row["sealed"])
        try:
            return [self._keys[key] for key in wanted]
        except KeyError as error:
            raise VaultClosed(f"The key {error} signs this log and is not stored here.") from error


PrivateKeys = Callable[[Connection[DictRow], tuple[str, ...]], list[Ed25519PrivateKey]]


class Step:
    """One step of the sealer in the transaction of a connection whose search_path is the ledger."""

    def __init__(self, connection: Connection[DictRow]) -> None:
        self._connection = connection

    def locked(self, ledger: str) -> bool:
        """True where no other sealer is at this ledger: until the transaction's end."""
        row = self._one(
            "SELECT pg_try_advisory_xact_lock(hashtextextended(%s, %s)) AS locked",
            schema_of(ledger),
            LOCK_SALT,
        )
        return bool(row is not None and row["locked"])

    def take(self, private_keys: PrivateKeys) -> int:
        """Signs what was committed since, up to STEP_LEAVES; returns how many leaves that are.

        Raises Contradiction, VaultClosed.
        """
        head = self._one(
            "SELECT position, incarnation, halted, document FROM head CROSS JOIN ledger"
        )
        if head is None or head["halted"] is not None:
            return 0
        try:
            ledger = _decode_ledger(head["document"])
        except msgspec.MsgspecError as error:
            raise Contradiction(f"the ledger's own row can't be read: {error}") from error
        if ledger.origin is None or not ledger.verifier_keys:
            return 0
        self._incarnation: int = head["incarnation"]
        old = self._last_signed(ledger)
        if head["position"] == old.size:
            return 0
        if head["position"] < old.size:
            raise Contradiction(
                f"positions {head['position'] + 1} to {old.size} were signed and are gone"
            )
        edge = self._checked_edge(old)
        leaves = leaf_hashes(self._records(old.size, min(head["position"] - old.size, STEP_LEAVES)))
        new_size = old.size + len(leaves)
        self._write_tiles(extended(old.size, edge, leaves))
        nodes = TileNodes(self._tile)
        new = Checkpoint(ledger.origin, new_size, tree_root(new_size, nodes))
        if old.size:
            _check_consistent(old, new, nodes)
        keys = private_keys(self._connection, ledger.verifier_keys)
        note = sign(str(new), [(new.origin, key) for key in keys])
        _check_note(note, ledger)
        self._connection.execute(
            "INSERT INTO checkpoints (incarnation, size, root, note) VALUES (%s, %s, %s, %s)",
            [self._incarnation, new.size, new.root, str(note)],
        )
        return len(leaves)

    def _last_signed(self, ledger: Ledger) -> Checkpoint:
        row = self._one(
            "SELECT size, root, note FROM checkpoints WHERE incarnation = %s"
            " ORDER BY size DESC LIMIT 1",
            self._incarnation,
        )
        assert ledger.origin is not None
        if row is None:
            return Checkpoint(ledger.origin, 0, b"")
        stated = Checkpoint(ledger.origin, row["size"], bytes(row["root"]))
        try:
            note = parse_note(row["note"].encode())
            keys = (*ledger.verifier_keys, *ledger.retired_keys)
            check_signed(note, [parse_verifier_key(key) for key in keys])
            signed = parse_checkpoint(note.text)
        except BadNote as error:
            raise Contradiction(f"the checkpoint of size {row['size']}: {error}") from error
        if signed != stated:
            raise Contradiction(f"the checkpoint of size {row['size']} does not say what its row")
        return stated

    def _checked_edge(self, old: Checkpoint) -> dict[TileAt, bytes]:
        """The rightmost tiles, after they were seen to give the signed root."""
        edge = {}
        for at in edge_of(old.size):
            hashes = self._tile(*at)
            if len(hashes) != HASH_BYTES * tile_width(at, old.size):
                raise Contradiction(f"tile {at} does not have the width of size {old.size}")
            if hashes:
                edge[at] = hashes
        if old.size:
            if tree_root(old.size, TileNodes(lambda *at: edge[at])) != old.root:
                raise Contradiction(f"the tiles do not give the root signed at size {old.size}")
            self._check_newest(old.size)
        return edge

    def _check_newest(self, size: int) -> None:
        """Compares the leaves of the last tile with their records: a database that was set back
        and written to again differs there first."""
        number = (size - 1) // TILE_WIDTH
        first = number * TILE_WIDTH
        stored = self._tile(0, number)
        for offset, leaf in enumerate(leaf_hashes(self._records(first, size - first))):
            if stored[HASH_BYTES * offset : HASH_BYTES * (offset + 1)] != leaf:
                raise Contradiction(f"position {first + offset + 1} is not the record signed")

    def _records(self, after: int, count: int) -> list[bytes]:
        rows = self._connection.execute(
            "SELECT notification_id, state FROM events"
            " WHERE notification_id > %s AND notification_id <= %s ORDER BY notification_id",
            [after, after + count],
            prepare=True,
            binary=True,
        ).fetchall()
        if [row["notification_id"] for row in rows] != list(range(after + 1, after + count + 1)):
            raise Contradiction(f"the positions {after + 1} to {after + count} have a gap")
        return [row["state"] for row in rows]

    def _tile(self, level: int, number: int) -> bytes:
        row = self._one(
            "SELECT hashes FROM tiles WHERE incarnation = %s AND level = %s AND number = %s",
            self._incarnation,
            level,
            number,
        )
        return b"" if row is None else bytes(row["hashes"])

    def _write_tiles(self, tiles: dict[TileAt, bytes]) -> None:
        self._connection.execute(
            "INSERT INTO tiles (incarnation, level, number, hashes) SELECT %s, * FROM"
            " unnest(%s::smallint[], %s::bigint[], %s::bytea[])"
            " ON CONFLICT (incarnation, level, number) DO UPDATE SET hashes = excluded.hashes",
            [
                self._incarnation,
                [level for level, _ in tiles],
                [number for _, number in tiles],
                list(tiles.values()),
            ],
        )

    def _one(self, statement: str, *params: Any) -> DictRow | None:
        return self._connection.execute(statement, params, prepare=True).fetchone()


def connect(conninfo: str) -> Connection[DictRow]:
    """Opens a sealer's session. Raises psycopg.OperationalError."""
    return psycopg.connect(
        conninfo,
        autocommit=True,
        row_factory=dict_row,
        connect_timeout=15,
        options="-c statement_timeout=30s -c lock_timeout=5s"
        " -c idle_in_transaction_session_timeout=30s",
    )


def halt(connection: Connection[DictRow], ledger: str, why: str) -> None:
    """Makes a ledger read-only, from the next commit on, until an operator decides."""
    with connection.transaction():
        connection.execute("SELECT set_config('search_path', %s, true)", [schema_of(ledger)])
        connection.execute("UPDATE head SET halted = %s WHERE halted IS NULL", [why])


def _check_note(note: Note, ledger: Ledger) -> None:
    """Requires that all of the log's keys have signed."""
    try:
        signed = check_signed(note, [parse_verifier_key(key) for key in ledger.verifier_keys])
    except BadNote as error:
        raise VaultClosed(f"The keys that are stored are not those of this log: {error}") from error
    if len(signed) < len(ledger.verifier_keys):
        raise VaultClosed("A key that is stored is not the one that signs this log.")


def _check_consistent(old: Checkpoint, new: Checkpoint, nodes: TileNodes) -> None:
    try:
        check_consistency(
            old_size=old.size,
            new_size=new.size,
            old_root=old.root,
            new_root=new.root,
            proof=consistency_proof(old.size, new.size, nodes),
        )
    except WrongProof as wrong:
        raise Contradiction(f"sizes {old.size} and {new.size}: {wrong}") from wrong
