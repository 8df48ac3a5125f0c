"""Whose signatures count: those of the log's own keys, while they sign, and of its witnesses."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import psycopg
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from psycopg import Connection
from psycopg.rows import DictRow, dict_row

from application.transparency.notes import (
    COSIGNATURE,
    Signature,
    parse_note,
    sign,
    verifier_key,
)
from application.transparency.vault import Vault
from application.transparency.witnesses import keep_cosignatures
from domain.signing_keys import AddWitness, RetireSigningKey
from interface.backoffice_verify import Verifier, Wrong
from interface.evidence.bundle import Export, Unexportable
from interface.evidence.divergence import Divergence
from interface.evidence.live import verify_live, verify_signed, verify_within
from tests.application.office import OPERATOR
from tests.application.transparency.archive import Archive
from tests.conftest import Databases
from tests.interface.evidence.test_bundle import export, verify

WITNESS, STRANGER = Ed25519PrivateKey.generate(), Ed25519PrivateKey.generate()
NAME = "witness.example.com/w1"

Tamper = Callable[[Archive, Connection[DictRow]], Any]


@pytest.fixture(scope="module")
def signed(databases: Databases, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Archive]:
    """A log that was continued, whose key was changed then, and that a witness has seen."""
    database = databases.create()
    archive = Archive(database, Path(tmp_path_factory.mktemp("secret")) / "signing.secret")
    archive.found()
    archive.grow(6)
    old = archive.seal_all()
    keys = archive.ledgers.signing_keys
    gone_on = keys.continue_ledger(
        archive.ledger,
        old_size=old.size,
        old_root=old.root.hex(),
        reason="other",
        key="on",
        by=OPERATOR,
    )
    assert gone_on.code is None, gone_on.detail
    archive.seal_all()
    assert keys.add(archive.ledger, key="rotate", by=OPERATOR).code is None
    archive.done(RetireSigningKey(verifier_key=archive.keys()[1]), by=OPERATOR)
    witness = verifier_key(NAME, WITNESS, type=COSIGNATURE)
    archive.done(AddWitness(verifier_key=str(witness)), by=OPERATOR)
    archive.seal_all()
    with archive.session() as connection, archive.log() as log:
        cosigned = (log.checkpoint() + cosignature(WITNESS, log.checkpoint())).encode()
        keep_cosignatures(connection, archive.ledger, cosigned)
    yield archive
    archive.close()
    databases.drop(database)


def cosignature(private: Ed25519PrivateKey, note: str) -> str:
    key = verifier_key(NAME, private, type=COSIGNATURE)
    text = parse_note(note.encode()).text
    signature = private.sign(f"cosignature/v1\ntime 1700000000\n{text}".encode())
    return Signature(NAME, key.key_id, (1_700_000_000).to_bytes(8, "big") + signature).line


def newest(connection: Connection[DictRow]) -> DictRow:
    row = connection.execute(
        "SELECT incarnation, size, note FROM checkpoints ORDER BY incarnation DESC, size DESC"
    ).fetchone()
    assert row is not None
    return row


def seen_by_nobody(archive: Archive, connection: Connection[DictRow]) -> None:
    key = verifier_key(NAME, STRANGER, type=COSIGNATURE)
    line = cosignature(STRANGER, newest(connection)["note"])
    connection.execute("UPDATE cosignatures SET verifier_key = %s, line = %s", [str(key), line])


def seen_by_one_more(archive: Archive, connection: Connection[DictRow]) -> None:
    line = cosignature(STRANGER, newest(connection)["note"])
    connection.execute("UPDATE cosignatures SET line = line || %s", [line])


def signed_by_one_more(archive: Archive, connection: Connection[DictRow]) -> None:
    last = newest(connection)
    more = last["note"] + cosignature(STRANGER, last["note"])
    connection.execute("UPDATE checkpoints SET note = %s WHERE size = %s", [more, last["size"]])


def signed_by_the_retired(archive: Archive, connection: Connection[DictRow]) -> None:
    note, size = note_by_the_retired(archive, connection), newest(connection)["size"]
    connection.execute("UPDATE checkpoints SET note = %s WHERE size = %s", [note, size])


def note_by_the_retired(archive: Archive, connection: Connection[DictRow]) -> str:
    last, retired = newest(connection), archive.keys()[1]
    row = connection.execute(
        "SELECT sealed FROM signing_keys WHERE verifier_key = %s", [retired]
    ).fetchone()
    assert row is not None
    private = Vault(archive.signing).private_key(row["sealed"])
    text = parse_note(last["note"].encode()).text
    return str(sign(text, [(retired.partition("+")[0], private)]))


def moved_to_the_new_name(archive: Archive, connection: Connection[DictRow]) -> None:
    connection.execute("TRUNCATE cosignatures")
    for table in ("tiles", "checkpoints"):
        connection.execute(f"DELETE FROM {table} WHERE incarnation = 2")
        connection.execute(f"UPDATE {table} SET incarnation = 2")


def moved_to_the_old_name(archive: Archive, connection: Connection[DictRow]) -> None:
    connection.execute("TRUNCATE cosignatures")
    for table in ("tiles", "checkpoints"):
        connection.execute(f"DELETE FROM {table} WHERE incarnation = 1")
        connection.execute(f"UPDATE {table} SET incarnation = 1")


def statement(text: str) -> Tamper:
    return lambda _, connection: connection.execute(text.encode())


ATTACKS: dict[str, tuple[Tamper, str]] = {
    "a cosignature of a stranger": (seen_by_nobody, "name no witness"),
    "a line of a stranger beside a witness's": (seen_by_one_more, "others beside it"),
    "a line of a stranger below a checkpoint": (signed_by_one_more, "do not name"),
    "the closed log under the new name": (moved_to_the_new_name, "is of another log"),
    "the new log under the closed name": (moved_to_the_old_name, "is of another log"),
    "a checkpoint by a key that was retired": (signed_by_the_retired, "had been retired"),
    "a text of what is to come": (
        statement("INSERT INTO private SELECT 1000, decode(repeat('00', 16), 'hex'), 'x'"),
        "a text stands where the head knows none",
    ),
    "texts withheld where nobody made a copy": (
        statement("UPDATE head SET texts_withheld_through = (SELECT min(size) FROM checkpoints)"),
        "as that of a copy",
    ),
    "a second row beside the right one": (
        statement(
            "ALTER TABLE assets DROP CONSTRAINT assets_pkey; INSERT INTO assets TABLE assets"
        ),
        "has several rows",
    ),
    "a second head": (
        statement("ALTER TABLE head DROP CONSTRAINT head_pkey; INSERT INTO head TABLE head"),
        "the head has 2 rows",
    ),
    "a second checkpoint": (
        statement(
            "ALTER TABLE checkpoints DROP CONSTRAINT checkpoints_pkey;"
            " INSERT INTO checkpoints TABLE checkpoints"
        ),
        "a checkpoint has several rows",
    ),
    "a second tile": (
        statement("ALTER TABLE tiles DROP CONSTRAINT tiles_pkey; INSERT INTO tiles TABLE tiles"),
        "has several rows",
    ),
    "a signature twice": (
        statement("UPDATE checkpoints SET note = note || split_part(note, E'\n\n', 2)"),
        "signed it twice",
    ),
    "an original that is said to be a copy": (
        statement("UPDATE head SET halted = 'imported: it goes on under a name of its own'"),
        "said to be a copy",
    ),
    "a view in a table's place": (
        statement("ALTER TABLE rates RENAME TO real_rates; CREATE VIEW rates AS TABLE real_rates"),
        "rates is no table",
    ),
    "rows that not all may see": (
        statement("ALTER TABLE holds ENABLE ROW LEVEL SECURITY"),
        "hides rows",
    ),
    "a head of another format": (statement("UPDATE head SET format = 2"), "the head says"),
    "a key that signs gone": (statement("DELETE FROM signing_keys"), "is not stored"),
}


def test_a_log_with_a_past_holds(signed: Archive) -> None:
    last = signed.signed()
    everything: Any = {"against": last, "advance": lambda _: None}
    assert verify_live(signed.database.service, signed.ledger, **everything).size == last.size
    assert verify_signed(signed.database.service, signed.ledger, **everything).size == last.size


@pytest.mark.parametrize("name", ATTACKS)
def test_what_is_put_into_the_tables_of_signatures_is_found(signed: Archive, name: str) -> None:
    tamper, said = ATTACKS[name]
    with psycopg.connect(signed.database.superuser, row_factory=dict_row) as connection:
        connection.execute("SET session_replication_role = replica")
        connection.execute(f"SET search_path TO ledger_{signed.ledger}")
        tamper(signed, connection)
        with pytest.raises(Divergence, match=said):
            verify_within(connection, signed.ledger, against=None, advance=lambda _: None)
        connection.rollback()


def test_a_log_that_goes_on_is_exported_once_that_is_signed(
    signed: Archive, tmp_path: Path
) -> None:
    with psycopg.connect(signed.database.superuser, row_factory=dict_row) as connection:
        connection.execute("SET session_replication_role = replica")
        connection.execute(f"SET search_path TO ledger_{signed.ledger}")
        last: Any = {"with_texts": True, "last": 1, "software_version": "1"}
        Export(connection, tmp_path / "now", ledger=signed.ledger, **last)
        connection.execute("DELETE FROM checkpoints")
        connection.execute("INSERT INTO checkpoints VALUES (2, 3, sha256(''), '')")
        with pytest.raises(Unexportable, match="goes on since"):
            Export(connection, tmp_path / "soon", ledger=signed.ledger, **last)
        connection.rollback()


def test_in_a_bundle_a_retired_key_signs_nothing_more(signed: Archive, tmp_path: Path) -> None:
    export(signed, tmp_path / "bundle")
    assert verify(tmp_path / "bundle") == signed.position
    Verifier(tmp_path / "bundle", [], []).run()
    with psycopg.connect(signed.database.superuser, row_factory=dict_row) as connection:
        connection.execute(f"SET search_path TO ledger_{signed.ledger}")
        (tmp_path / "bundle/log/checkpoint").write_text(note_by_the_retired(signed, connection))
    with pytest.raises(Divergence, match="had been retired"):
        verify(tmp_path / "bundle")
    with pytest.raises(Wrong, match="none of the keys"):
        Verifier(tmp_path / "bundle", [], []).run()
