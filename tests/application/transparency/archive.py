"""A ledger whose log is signed, for tests: an office, its sealer, and what a client checks."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from psycopg import Connection
from psycopg.rows import DictRow

from application.ledgers import Ledgers
from application.sessions import acting_as_service
from application.transparency.notes import (
    Checkpoint,
    check_signed,
    parse_checkpoint,
    parse_note,
    parse_verifier_key,
)
from application.transparency.sealer import Sealer, connect
from application.transparency.signed_log import SignedLog
from application.transparency.vault import Signing, Vault
from tests.application.office import CREATE, OPERATOR, Office
from tests.conftest import Database


class Archive(Office):
    """An office of a ledger with signing keys. Requires that `found` was called on its database, or
    on the one that it is a copy of."""

    def __init__(self, database: Database, secret_file: Path) -> None:
        self.signing = Signing(
            public_url="https://ledger.example.com:8443/books/", secret_file=secret_file
        )
        super().__init__(database)
        self.sealer = self.another_sealer()

    def _ledgers(self) -> Ledgers:
        return Ledgers(
            owner=self.database.owner,
            service=self.database.service,
            software_version="1.2.3",
            signing=self.signing,
            clock=self.clock,
        )

    def found(self) -> None:
        """Migrates what is there, and makes the ledger where it is not."""
        self.ledgers.migrate()
        outcome = self.ledgers.create(CREATE, key="create", by=OPERATOR)
        assert outcome.status in ("done", "replayed"), outcome.detail

    def another_sealer(self) -> Sealer:
        return Sealer(
            conninfo=acting_as_service(self.database.service),
            names=lambda: [self.ledger],
            vault=Vault(self.signing),
        )

    @contextmanager
    def session(self) -> Iterator[Connection[DictRow]]:
        """As the sealer connects."""
        with connect(acting_as_service(self.database.service)) as connection:
            yield connection

    def seal(self) -> int:
        """One step."""
        with self.session() as connection:
            return self.sealer.seal(connection, self.ledger)

    def seal_all(self) -> Checkpoint:
        """Steps until nothing is left; the checkpoint then, its signature checked."""
        while self.seal():
            pass
        return self.signed()

    @contextmanager
    def log(self) -> Iterator[SignedLog]:
        with self.ledgers.reader(self.ledger) as connection:
            yield SignedLog(connection)

    def signed(self) -> Checkpoint:
        with self.log() as log:
            note = parse_note(log.checkpoint().encode())
        check_signed(note, [parse_verifier_key(key) for key in self.keys()])
        return parse_checkpoint(note.text)

    def keys(self) -> list[str]:
        """The verifier keys that the log itself names, in the order of their records."""
        return [
            record["payload"]["verifier_key"]
            for record in self.records()
            if record["type"] in ("SigningKeyAdded", "LedgerContinued")
        ]

    def grow(self, events: int) -> None:
        """Adds so many records."""
        chart = self.chart(funds=None)
        commands: list[Any] = [self.transfer(chart) for _ in range(events - 4)]
        for start in range(0, len(commands), 1000):
            for outcome in self.all(*commands[start : start + 1000]):
                assert outcome.status == "done", outcome.detail

    @staticmethod
    def transfer(chart: Any) -> Any:
        from tests.application.office import transfer

        return transfer(chart.cash, chart.merchant, "1.00")
