"""A bundle restored elsewhere is the same ledger; what does not verify leaves nothing."""

import gzip
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from hashlib import sha256
from pathlib import Path

import msgspec
import psycopg
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from psycopg.rows import dict_row

from application.ledgers import LedgerNotFound
from application.outcomes import Unanswered
from application.restoring import LedgerExists
from application.transparency.notes import Checkpoint, sign, verifier_key
from application.transparency.tiles import TILE_WIDTH, TileNodes, extended, leaf_hashes
from application.transparency.tree import HASH_BYTES, tree_root
from domain.corrections import Reverse
from interface.backoffice_verify import Verifier
from interface.cli.digest_secret import read_digest_secret, write_digest_secret
from interface.cli.failures import Failed
from interface.evidence.divergence import Divergence
from interface.evidence.live import verify_within
from interface.evidence.read_bundle import verify_bundle
from interface.evidence.restore import Terms, Unimportable, restore_bundle
from tests.application.office import OPERATOR, transfer
from tests.application.transparency.archive import Archive
from tests.conftest import Databases
from tests.interface.evidence.test_bundle import export
from tests.interface.evidence.test_live import verify

TABLES = (
    "events",
    "private",
    "ledger",
    "assets",
    "journals",
    "accounts",
    "balances",
    "holds",
    "limit_usages",
    "vouchers",
    "network_references",
    "tiles",
)


@contextmanager
def elsewhere(databases: Databases, secret_file: Path) -> Iterator[Archive]:
    """Another database, with no ledger in it."""
    database = databases.create()
    archive = Archive(database, secret_file)
    archive.ledgers.migrate()
    yield archive
    archive.close()
    databases.drop(database)


def rows(archive: Archive, table: str) -> list[object]:
    """What a table holds; in which order balances came to be is no matter."""
    found = archive.query(f"SELECT * FROM {{}}.{table}")
    for row in found:
        row.pop("id", None)
        if "document" in row:
            row["document"] = msgspec.json.decode(row["document"])
    return sorted(found, key=str)


@pytest.fixture(scope="module")
def bundle(busy: Archive, tmp_path_factory: pytest.TempPathFactory) -> Path:
    directory = tmp_path_factory.mktemp("bundle") / "whole"
    export(busy, directory)
    return directory


def test_a_ledger_is_restored_as_it_was_and_goes_on_under_its_own_name(
    busy: Archive, bundle: Path, databases: Databases, tmp_path: Path
) -> None:
    with elsewhere(databases, tmp_path / "signing.secret") as copy:
        done = restore_bundle(copy.ledgers, bundle, advance=lambda _: None)
        assert copy.position == done.size == busy.position
        for table in TABLES:
            assert rows(copy, table) == rows(busy, table), table
        assert verify(copy, busy.signed()).size == busy.position
        with pytest.raises(Unanswered) as refused:
            copy.do(transfer("a", "b", "1.00"))
        assert refused.value.code == "read_only"
        with pytest.raises(LedgerExists):
            restore_bundle(copy.ledgers, bundle, advance=lambda _: None)
        outcome = copy.ledgers.signing_keys.continue_ledger(
            copy.ledger,
            old_size=done.size,
            old_root=busy.signed().root.hex(),
            reason="moved",
            key="go-on",
            by=OPERATOR,
        )
        origin = outcome.stored[0].record.payload.origin
        assert origin.startswith("ledger.example.com:8443/books/v1/ledgers/acme/log/2/")
        chart = copy.chart()
        posted = copy.done(transfer(chart.cash, chart.merchant, "3.00"))
        copy.done(Reverse(entry=posted.stored[0].stream, reason="duplicate"))
        assert copy.seal_all().origin == origin
        assert verify(copy, None).size == copy.position > busy.position


def test_without_texts_it_is_a_copy_that_says_so_and_knows_its_commands(
    busy: Archive, databases: Databases, tmp_path: Path
) -> None:
    """Restored with the secret of command digests, and from what the copy exports again."""
    export(busy, tmp_path / "textless", with_texts=False)
    file = tmp_path / "acme.secret"
    with busy.ledgers.reader(busy.ledger) as connection:
        write_digest_secret(connection, file)
        with pytest.raises(Failed):
            write_digest_secret(connection, file)
    assert file.stat().st_mode & 0o777 == 0o600
    terms = Terms(without_texts=True, digest_secret=read_digest_secret(file))
    with elsewhere(databases, tmp_path / "signing.secret") as copy:
        done = restore_bundle(
            copy.ledgers, tmp_path / "textless", advance=lambda _: None, terms=terms
        )
        assert rows(copy, "secrets") == rows(busy, "secrets")
        assert rows(copy, "private") == []
        withheld = verify(copy).texts.withheld
        assert withheld == len(rows(busy, "private")) + verify(busy).texts.erased
        copy.ledgers.signing_keys.continue_ledger(
            copy.ledger,
            old_size=done.size,
            old_root=busy.signed().root.hex(),
            reason="moved",
            key="go-on",
            by=OPERATOR,
        )
        chart = copy.chart()
        copy.done(transfer(chart.cash, chart.merchant, "3.00", narrative="Kept"))
        copy.seal_all()
        assert verify(copy).texts.withheld == withheld
        export(copy, tmp_path / "again")
        again = verify_bundle(tmp_path / "again", against=None, advance=lambda _: None)
        older = tmp_path / "textless" / "log/checkpoint"
        apart = Verifier(tmp_path / "again", [], [older])
        apart.run()
        assert again.texts.withheld == apart.withheld == withheld
        for change, said in SIGNED_BEFORE.items():
            with psycopg.connect(copy.database.superuser, row_factory=dict_row) as connection:
                connection.execute("SET search_path TO ledger_acme")
                connection.execute("SET session_replication_role = replica")
                connection.execute(change.encode())
                with pytest.raises(Divergence, match=said):
                    verify_within(connection, "acme", against=None, advance=lambda _: None)
                connection.rollback()


SIGNED_BEFORE = {
    "UPDATE tiles SET hashes = set_byte(hashes, 40, 255 - get_byte(hashes, 40))"
    " WHERE incarnation = 1 AND level = 0 AND number = 0": "incarnation 1 closed: ",
    "UPDATE tiles SET incarnation = 3 WHERE incarnation = 1": "of a log that there never was",
    "UPDATE checkpoints SET root = sha256(root) WHERE incarnation = 1": "does not say what its row",
    "UPDATE checkpoints SET incarnation = 2 WHERE incarnation = 1": "of another log|not signed so",
}
"""What is changed of a log that was closed, and what is found."""


def spoilt(directory: Path) -> None:
    """A record changed, and the manifest with it."""
    (file,) = (directory / "records").iterdir()
    changed = gzip.decompress(file.read_bytes()).replace(b'"amount":"3.00"', b'"amount":"4.00"', 1)
    file.write_bytes(gzip.compress(changed))
    manifest = msgspec.json.decode((directory / "manifest.json").read_bytes())
    manifest["files"][f"records/{file.name}"] = sha256(file.read_bytes()).hexdigest()
    (directory / "manifest.json").write_bytes(msgspec.json.encode(manifest))


def forged(directory: Path) -> None:
    """The last record has a form that no verifier looks at, and all is signed by who made it so."""
    (file,) = (directory / "records").iterdir()
    states = gzip.decompress(file.read_bytes()).splitlines()
    record = msgspec.json.decode(states[-1])
    states[-1] = msgspec.json.encode(record | {"correlation_id": 5})
    file.write_bytes(gzip.compress(b"\n".join(states) + b"\n"))
    tiles = extended(0, {}, leaf_hashes(states))
    for (level, number), hashes in tiles.items():
        width = len(hashes) // HASH_BYTES
        partial = f".p/{width}" if width < TILE_WIDTH else ""
        (directory / f"log/tile/{level}/{number:03d}{partial}").write_bytes(hashes)
    manifest = msgspec.json.decode((directory / "manifest.json").read_bytes())
    private, origin = Ed25519PrivateKey.generate(), manifest["origin"]
    root = tree_root(len(states), TileNodes(lambda *at: tiles[at]))
    note = sign(str(Checkpoint(origin, len(states), root)), [(origin, private)])
    (directory / "log/checkpoint").write_text(str(note))
    manifest["verifier_keys"] = [str(verifier_key(origin, private))]
    manifest["files"][f"records/{file.name}"] = sha256(file.read_bytes()).hexdigest()
    (directory / "manifest.json").write_bytes(msgspec.json.encode(manifest))


def test_nothing_is_restored_where_the_bundle_does_not_hold(
    busy: Archive, bundle: Path, databases: Databases, tmp_path: Path
) -> None:
    shutil.copytree(bundle, tmp_path / "spoilt")
    spoilt(tmp_path / "spoilt")
    shutil.copytree(bundle, tmp_path / "forged")
    forged(tmp_path / "forged")
    verify_bundle(tmp_path / "forged", against=None, advance=lambda _: None)
    export(busy, tmp_path / "textless", with_texts=False)
    with elsewhere(databases, tmp_path / "signing.secret") as copy:
        with pytest.raises(Divergence):
            restore_bundle(copy.ledgers, tmp_path / "spoilt", advance=lambda _: None)
        with pytest.raises(Divergence, match="can't be restored"):
            restore_bundle(copy.ledgers, tmp_path / "forged", advance=lambda _: None)
        with pytest.raises(Unimportable):
            restore_bundle(copy.ledgers, tmp_path / "textless", advance=lambda _: None)
        with pytest.raises(LedgerNotFound):
            copy.ledgers.writer(copy.ledger)
        schemas = copy.query("SELECT FROM pg_namespace WHERE nspname = 'ledger_acme'")
        assert schemas == []
