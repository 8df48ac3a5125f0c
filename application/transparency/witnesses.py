"""Cosignatures: what witnesses say of our checkpoints, checked and kept.

Source: C2SP tlog-cosignature. Witnesses are named in the ledger's own records; what others sign is
skipped, as signed notes demand.
"""

import msgspec
from psycopg import Connection
from psycopg.rows import DictRow
from psycopg.sql import SQL, Identifier

from application.store import schema_of
from application.transparency.notes import (
    BadNote,
    Signature,
    VerifierKey,
    check_signed,
    parse_checkpoint,
    parse_note,
    parse_verifier_key,
)
from domain.ledgers import Ledger


def keep_cosignatures(
    connection: Connection[DictRow], ledger: str, raw: bytes
) -> dict[str, object]:
    """Keeps the cosignatures of known witnesses under one of our checkpoints.

    `raw`: the cosigned checkpoint, a signed note. Returns its size and the witnesses' names.
    Raises BadNote where it is none of ours, no known witness has signed it, or one wrongly.
    """
    note = parse_note(raw)
    stated = parse_checkpoint(note.text)
    with connection.transaction():
        schema = Identifier(schema_of(ledger))
        row = connection.execute(
            SQL(
                "SELECT h.incarnation, l.document, c.root FROM {0}.head AS h CROSS JOIN {0}.ledger"
                " AS l JOIN {0}.checkpoints AS c ON c.incarnation = h.incarnation AND c.size = %s"
            ).format(schema),
            [stated.size],
        ).fetchone()
        state = None if row is None else msgspec.json.decode(row["document"], type=Ledger)
        if (
            row is None
            or state is None
            or (state.origin, bytes(row["root"]))
            != (
                stated.origin,
                stated.root,
            )
        ):
            raise BadNote("This is none of this log's checkpoints.")
        known = [parse_verifier_key(key) for key in state.witnesses]
        signed = check_signed(note, known)
        for key in signed:
            connection.execute(
                SQL(
                    "INSERT INTO {}.cosignatures (incarnation, size, verifier_key, line)"
                    " VALUES (%s, %s, %s, %s)"
                    " ON CONFLICT (incarnation, size, verifier_key) DO NOTHING"
                ).format(schema),
                [row["incarnation"], stated.size, str(key), _line_of(key, note.signatures)],
            )
    names = [key.name for key in signed]
    return {"size": stated.size, "root": stated.root.hex(), "witnesses": names}


def _line_of(key: VerifierKey, signatures: tuple[Signature, ...]) -> str:
    for one in signatures:
        if (one.name, one.key_id) == (key.name, key.key_id):
            return one.line
    raise AssertionError("a key that has signed has a line")
