"""The sealer signs what was committed, and nothing that contradicts what it signed."""

import threading
from pathlib import Path

import msgspec
import psycopg
import pytest
from cryptography.fernet import Fernet
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from psycopg.sql import SQL, Identifier

from application.outcomes import Unanswered
from application.transparency.notes import parse_note, parse_verifier_key, verifier_key
from application.transparency.sealer import STEP_LEAVES, Contradiction, halt
from application.transparency.signed_log import NotSigned, SignedLog
from application.transparency.tree import check_consistency, check_inclusion, leaf_hash
from application.transparency.vault import Signing, Vault, VaultClosed
from domain.signing_keys import RetireSigningKey
from tests.application.office import OPERATOR
from tests.application.transparency import naive
from tests.application.transparency.archive import Archive
from tests.conftest import Database
from tests.patience import wait_until

ORIGIN = "ledger.example.com:8443/books/v1/ledgers/acme/log"


def tamper(archive: Archive, statement: str, *params: object) -> None:
    """As the database's superuser, with the triggers off."""
    with psycopg.connect(archive.database.superuser, autocommit=True) as connection:
        connection.execute("SET session_replication_role = replica")
        schema = Identifier(f"ledger_{archive.ledger}")
        connection.execute(SQL(statement).format(*[schema] * statement.count("{}")), params)


def test_a_ledger_has_a_key_from_the_beginning_named_in_its_log(archive: Archive) -> None:
    added = [record for record in archive.records() if record["type"] == "SigningKeyAdded"]
    assert len(added) == 1
    assert added[0]["payload"]["origin"] == ORIGIN
    assert added[0]["actor"] == "system"
    assert added[0]["position"] == 5
    assert added[0]["payload"]["verifier_key"].startswith(f"{ORIGIN}+")
    sealed = bytes(archive.query("SELECT sealed FROM {}.signing_keys")[0]["sealed"])
    public = Vault(archive.signing).private_key(sealed).public_key().public_bytes_raw()
    assert parse_verifier_key(archive.keys()[0]).public == public
    assert oct(archive.signing.secret_file.stat().st_mode)[-3:] == "600"


def test_a_ledger_made_before_gets_its_key_when_it_is_migrated(
    database: Database, tmp_path: Path
) -> None:
    from tests.application.office import CREATE, Office

    before = Office(database)
    before.ledgers.migrate()
    before.ledgers.create(CREATE, key="create", by=OPERATOR)
    assert before.position == 4
    before.close()
    for _ in range(2):
        archive = Archive(database, tmp_path / "signing.secret")
        archive.found()
        assert archive.position == 5
        assert len(archive.keys()) == 1
        assert archive.seal_all().size == 5
        archive.close()


def test_nothing_is_signed_at_first(archive: Archive) -> None:
    with pytest.raises(NotSigned), archive.log():
        pass


def test_a_checkpoint_covers_all_records_in_order(archive: Archive) -> None:
    archive.grow(300)
    head = archive.seal_all()
    assert (head.origin, head.size) == (ORIGIN, archive.position)
    assert head.root == naive.mth(archive.states())
    assert archive.seal() == 0, "nothing was committed since"
    assert len(archive.query("SELECT * FROM {}.checkpoints")) == 1


def test_a_step_takes_thousands_and_leaves_the_rest_to_the_next(archive: Archive) -> None:
    archive.grow(STEP_LEAVES + 100)
    assert archive.seal() == STEP_LEAVES
    first = archive.signed()
    assert archive.seal() == archive.position - STEP_LEAVES
    last = archive.signed()
    states = archive.states()
    assert (first.root, last.root) == (naive.mth(states[:STEP_LEAVES]), naive.mth(states))
    with archive.log() as log:
        for size in (first.size, last.size):
            found = log.inclusion(17, size)
            check_inclusion(
                index=16,
                size=size,
                leaf=leaf_hash(states[16]),
                proof=[bytes.fromhex(hash) for hash in found["proof"]],
                root=first.root if size == first.size else last.root,
            )
        found = log.consistency(first.size, last.size)
    check_consistency(
        old_size=first.size,
        new_size=last.size,
        old_root=first.root,
        new_root=last.root,
        proof=[bytes.fromhex(hash) for hash in found["proof"]],
    )


def test_partial_tiles_of_every_signed_size_stay(archive: Archive) -> None:
    sizes = []
    for count in (10, 100, 200):
        archive.grow(count)
        sizes.append(archive.seal_all().size)
    states = archive.states()
    leaves = b"".join(map(leaf_hash, states))
    with archive.log() as log:
        for size in sizes[:2]:
            assert size < 256
            assert log.tile(0, 0, size) == leaves[: 32 * size]
        assert log.tile(0, 0, None) == leaves[: 32 * 256] == naive.tile(0, 0, states)
        assert log.tile(0, 1, sizes[2] - 256) == leaves[32 * 256 :]
        assert log.tile(0, 1, sizes[2] - 255) is None
        assert log.tile(1, 0, 1) == naive.tile(1, 0, states)
        assert log.tile(1, 0, None) is log.tile(2, 0, 1) is None
        bundle = log.entries(0, None)
        assert bundle is not None
        assert bundle[2 : 2 + len(states[0])] == states[0]
        assert log.entries(1, sizes[2] - 255) is None


def test_many_sealers_at_once_sign_one_history(archive: Archive) -> None:
    stop = threading.Event()
    sealers = [archive.another_sealer() for _ in range(3)]
    threads = [threading.Thread(target=sealer.run, args=(stop,)) for sealer in sealers]
    for thread in threads:
        thread.start()
    for _ in range(10):
        archive.grow(40)
    stop.set()
    for thread in threads:
        thread.join()
    archive.seal_all()
    states = archive.states()
    for row in archive.query("SELECT size, root FROM {}.checkpoints ORDER BY size"):
        assert bytes(row["root"]) == naive.mth(states[: row["size"]])


@pytest.mark.parametrize("statement", ["tiles", "checkpoints"])
def test_a_sealer_that_dies_at_any_statement_leaves_whole_steps(
    archive: Archive, statement: str
) -> None:
    archive.grow(20)
    archive.seal()
    archive.grow(20)
    with archive.session() as connection:
        execute = connection.execute

        def dying(query: object, *args: object, **more: object) -> object:
            if str(query).startswith(f"INSERT INTO {statement}"):
                execute(query, *args, **more)  # type: ignore[call-overload]
                connection.close()
            return execute(query, *args, **more)  # type: ignore[call-overload]

        connection.execute = dying  # type: ignore[method-assign,assignment]
        with pytest.raises(psycopg.OperationalError):
            archive.sealer.seal(connection, archive.ledger)
    assert archive.signed().size < archive.position
    head = archive.seal_all()
    assert head.root == naive.mth(archive.states())


SPOILT = {
    "a record that was signed": "UPDATE {}.events SET state = set_byte(state, 9, 33)"
    " WHERE notification_id = 20",
    "the newest records gone": "WITH x AS (DELETE FROM {}.events WHERE notification_id > 15)"
    " UPDATE {}.head SET position = 15",
    "a leaf in a tile": "UPDATE {}.tiles SET hashes = set_byte(hashes, 5, 33) WHERE level = 0",
    "a shorter tile": "UPDATE {}.tiles SET hashes = substring(hashes FOR 32) WHERE level = 0",
    "a tile gone": "DELETE FROM {}.tiles WHERE level = 0",
    "another root": "UPDATE {}.checkpoints SET root = set_byte(root, 3, 33)",
    "another note": "UPDATE {}.checkpoints SET note = replace(note, 'books', 'bookz')",
    "a gap": "DELETE FROM {}.events WHERE notification_id = (SELECT max(size) FROM"
    " {}.checkpoints) + 2",
}


@pytest.mark.parametrize("name", SPOILT)
def test_a_contradiction_stops_the_ledger_and_nothing_more_is_signed(
    archive: Archive, name: str
) -> None:
    archive.grow(20)
    before = archive.seal_all()
    archive.grow(10)
    statement = (
        SPOILT[name].replace("E'\\n2'", f"E'\\n{before.size}'").replace("E'\\n1'", "E'\\n1'")
    )
    tamper(archive, statement)
    if "gone" in name and "records" in name:
        assert archive.position < before.size
    with archive.session() as connection:
        with pytest.raises(Contradiction) as found:
            archive.sealer.seal(connection, archive.ledger)
        halt(connection, archive.ledger, str(found.value))
        assert archive.sealer.seal(connection, archive.ledger) == 0
    with pytest.raises(Unanswered) as unanswered:
        archive.chart()
    assert unanswered.value.code == "read_only"
    assert len(archive.query("SELECT * FROM {}.checkpoints")) == 1


def test_the_sealers_duty_stops_a_ledger_by_itself(archive: Archive) -> None:
    archive.grow(20)
    archive.seal_all()
    archive.grow(10)
    tamper(archive, "UPDATE {}.tiles SET hashes = set_byte(hashes, 5, 33) WHERE level = 0")
    stop = threading.Event()
    thread = threading.Thread(target=archive.sealer.run, args=(stop,))
    thread.start()
    wait_until(lambda: archive.query("SELECT halted FROM {}.head")[0]["halted"], "its stop")
    stop.set()
    thread.join()
    with pytest.raises(Unanswered):
        archive.chart()


def test_a_stopped_ledger_goes_on_under_another_name_with_the_old_end_on_record(
    archive: Archive,
) -> None:
    archive.grow(20)
    old = archive.seal_all()
    archive.grow(10)
    tamper(archive, "UPDATE {}.tiles SET hashes = set_byte(hashes, 5, 33) WHERE level = 0")
    with archive.session() as connection:
        halt(connection, archive.ledger, "a tile was changed")
    outcome = archive.ledgers.signing_keys.continue_ledger(
        archive.ledger,
        old_size=old.size,
        old_root=old.root.hex(),
        reason="tampering",
        key="go-on",
        by=OPERATOR,
    )
    assert outcome.status == "done", outcome.detail
    record = archive.records()[-1]
    assert (record["type"], record["incarnation"], record["reason"]) == (
        "LedgerContinued",
        2,
        "tampering",
    )
    payload = record["payload"]
    assert (payload["old_origin"], payload["old_size"], payload["old_root"]) == (
        ORIGIN,
        old.size,
        old.root.hex(),
    )
    archive.chart()
    assert archive.records()[-1]["incarnation"] == 2
    head = archive.seal_all()
    assert head.origin == f"{ORIGIN}/2"
    assert head.root == naive.mth(archive.states())


def test_a_name_that_others_saw_before_the_restore_is_not_given_again(archive: Archive) -> None:
    """What is lost had gone on as the second log; this is another second one."""
    old = archive.seal_all()
    gone_on = archive.ledgers.signing_keys.continue_ledger(
        archive.ledger,
        old_size=old.size,
        old_root=old.root.hex(),
        reason="restore",
        key="go-on",
        by=OPERATOR,
        last_origin=f"{ORIGIN}/2",
    )
    assert gone_on.status == "done", gone_on.detail
    assert archive.seal_all().origin.startswith(f"{ORIGIN}/2/")


def test_two_keys_sign_while_one_takes_over_from_the_other(archive: Archive) -> None:
    archive.seal_all()
    added = archive.ledgers.signing_keys.add(archive.ledger, key="rotate", by=OPERATOR)
    assert added.status == "done"
    archive.seal_all()
    with archive.log() as log:
        both = parse_note(log.checkpoint().encode())
    assert len(both.signatures) == 2
    first, second = archive.keys()
    archive.done(RetireSigningKey(verifier_key=first), by=OPERATOR)
    refused = archive.do(RetireSigningKey(verifier_key=second), by=OPERATOR)
    assert refused.code == "not_found"
    archive.seal_all()
    with archive.log() as log:
        assert len(parse_note(log.checkpoint().encode()).signatures) == 1


@pytest.mark.parametrize("origin", [ORIGIN, f"{ORIGIN}/2"])
def test_a_key_that_was_put_into_the_table_is_none_that_signs(
    archive: Archive, origin: str
) -> None:
    """A stranger's, who has not the secret; or one that was made for another name of the log."""
    planted = Ed25519PrivateKey.generate()
    vault = Vault(archive.signing if origin != ORIGIN else foreign(archive))
    tamper(
        archive,
        "INSERT INTO {}.signing_keys VALUES (2, %s, %s)",
        str(verifier_key(origin, planted)),
        vault.sealed(planted),
    )
    for rotation in ("second", "third"):
        added = archive.ledgers.signing_keys.add(archive.ledger, key=rotation, by=OPERATOR)
        assert added.status == "done", added.detail
    named = {*archive.keys()}
    assert len(named) == 3
    assert str(verifier_key(origin, planted)) not in named
    archive.seal_all()


def foreign(archive: Archive) -> Signing:
    file = archive.signing.secret_file
    return msgspec.structs.replace(archive.signing, secret_file=file.with_name("foreign.secret"))


def test_a_stored_key_that_is_another_one_signs_nothing(archive: Archive) -> None:
    """And is no error in which a sealer would forget the ledgers after this one."""
    stranger = Vault(archive.signing).sealed(Ed25519PrivateKey.generate())
    tamper(archive, "UPDATE {}.signing_keys SET sealed = %s", stranger)
    with archive.session() as connection, pytest.raises(VaultClosed, match="not those of this log"):
        archive.sealer.seal(connection, archive.ledger)


def test_without_the_right_secret_nothing_is_signed(archive: Archive) -> None:
    archive.signing.secret_file.write_bytes(Fernet.generate_key())
    with archive.session() as connection, pytest.raises(VaultClosed):
        archive.another_sealer().seal(connection, archive.ledger)
    archive.signing.secret_file.write_text("nothing")
    with archive.session() as connection, pytest.raises(VaultClosed):
        archive.another_sealer().seal(connection, archive.ledger)
    assert archive.query("SELECT * FROM {}.checkpoints") == []


def test_the_service_can_change_nothing_that_was_signed(archive: Archive) -> None:
    archive.grow(20)
    archive.seal_all()
    for role in (archive.database.service, archive.database.owner):
        for statement in (
            "UPDATE {}.tiles SET hashes = set_byte(hashes, 5, 33)",
            "UPDATE {}.tiles SET hashes = substring(hashes FOR 32)",
            "DELETE FROM {}.tiles",
            "TRUNCATE {}.tiles",
            "UPDATE {}.checkpoints SET size = 3",
            "DELETE FROM {}.checkpoints",
        ):
            with (
                psycopg.connect(role, autocommit=True) as connection,
                pytest.raises(psycopg.errors.InsufficientPrivilege),
            ):
                connection.execute(SQL(statement).format(Identifier("ledger_acme")))


def test_reading_takes_no_lock_that_a_sealer_waits_for(archive: Archive) -> None:
    archive.seal_all()
    with archive.ledgers.reader(archive.ledger) as connection, connection.transaction():
        before = SignedLog(connection).last.size
        archive.grow(20)
        assert archive.seal_all().size > before
