"""All ledgers of a database, as one process sees them: their writers, stores, readers and keys."""

import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime
from time import monotonic
from typing import Any

import msgspec
import psycopg
from psycopg import Connection
from psycopg.rows import DictRow
from psycopg.sql import SQL, Identifier

from application.commit import utc_now
from application.foundings import foretold
from application.known_keys import KnownKeys
from application.metrics import OLDEST_SNAPSHOT_SECONDS
from application.migrate import SERVICE_ROLE, allow_service_role, ensure_service_role, migrate
from application.notices import Notices
from application.outcomes import Asked, Caller, Outcome, Unanswered
from application.readers import Readers
from application.restoring import LedgerExists, Restoration
from application.sessions import acting_as_service, login_of
from application.store import LedgerStore, schema_of
from application.transparency.signing import SigningKeys
from application.transparency.vault import Signing
from application.writer import Writer, go_on
from domain.access import ApiKey, ListLedger
from domain.commands import Command
from domain.ledgers import SYSTEM, CreateLedger, Ledger
from domain.refusals import Rejection

POLL_SECONDS = 0.05

THE_SERVICE = Caller(actor=SYSTEM, key_id=None, roles=frozenset({"operator"}), channel="worker")
"""Who does what the service does of itself."""


def install_nothing(_connection: Connection[Any], _schema: str) -> None:
    """Nobody else keeps anything in the ledgers' schemas."""


class LedgerNotFound(Rejection):
    code = "ledger_not_found"
    sentence = "There is no ledger {ledger}."


class Ledgers:
    """Opens what is asked for, once, and closes all of it.

    `owner` may make schemas; `service` may not. Where both name the same login, the service takes
    on the role backoffice_service when it connects. `install(connection, schema)` makes what others
    keep in a ledger's schema, again and again, whenever that was migrated; the connection is the
    owner's, in autocommit. `signing` None: logs get no signing keys. `on_writer_failure` is called
    by the thread that writes to a ledger when a bug ends it; then its ledger is `unavailable`.
    """

    def __init__(
        self,
        *,
        owner: str,
        service: str,
        software_version: str,
        signing: Signing | None = None,
        clock: Callable[[], datetime] = utc_now,
        install: Callable[[Connection[Any], str], None] = install_nothing,
        on_writer_failure: Callable[[], object] = go_on,
    ) -> None:
        self._owner = owner
        self._install = install
        self._service = acting_as_service(service)
        self._software_version = software_version
        self._clock = clock
        self._on_writer_failure = on_writer_failure
        self._opening = threading.RLock()
        self._stores: dict[str, LedgerStore] = {}
        self._writers: dict[str, Writer] = {}
        self._listed = {SYSTEM}
        self._readers = Readers(self._service)
        self._keys = KnownKeys(lambda: self.reader(SYSTEM))
        self._notices = Notices(connect=self.connect_service)
        self._signing_keys = None
        if signing is not None:
            self._signing_keys = SigningKeys(
                signing,
                connect=self.connect_service,
                submit=lambda ledger, asked: self._open_writer(ledger).submit([(asked,)])[0],
            )

    def migrate(self, on_schema: Callable[[str], object] = str) -> list[str]:
        """Brings every schema up to date, the system ledger's first; returns their names.

        Raises application.migrate.SchemaTooNew.
        """
        with psycopg.connect(self._owner, autocommit=True) as connection:
            ensure_service_role(connection)
            login = login_of(self._service) or connection.info.user
            if login != SERVICE_ROLE:
                allow_service_role(connection, login)
            schemas = [schema_of(SYSTEM)]
            found = connection.execute(
                "SELECT nspname FROM pg_namespace WHERE nspname LIKE 'ledger\\_%%'"
                " AND nspname <> %s ORDER BY nspname",
                [schemas[0]],
            )
            schemas += [row[0] for row in found]
            for schema in schemas:
                on_schema(schema)
                migrate(connection, schema=schema, system=schema == schema_of(SYSTEM))
                if schema != schema_of(SYSTEM):
                    self._install(connection, schema)
        self._submit_own(
            SYSTEM,
            CreateLedger(id=SYSTEM, name="System", functional_asset="XXX", timezone="UTC"),
            key="create",
        )
        self._give_signing_key(SYSTEM)
        self._repair_listings(schemas[1:])
        return schemas

    def open(self, *, within_seconds: float | None = None) -> None:
        """Opens the readers' connections; None waits for none. Requires that `migrate` was run.

        Raises psycopg.OperationalError."""
        self._readers.open(within_seconds=within_seconds)

    def close(self) -> None:
        """Answers what waits, then closes everything."""
        with self._opening:
            for writer in self._writers.values():
                writer.close()
        self._notices.close()
        self._readers.close()

    # -- parts

    def writer(self, ledger: str) -> Writer:
        """Raises LedgerNotFound."""
        self._check_exists(ledger)
        return self._writers.get(ledger) or self._open_writer(ledger)

    def writer_at_hand(self, ledger: str) -> Writer | None:
        """Returns the ledger's writer where it is open by now: never waits."""
        return self._writers.get(ledger)

    def store(self, ledger: str) -> LedgerStore:
        """Raises LedgerNotFound."""
        self._check_exists(ledger)
        return self._stores.get(ledger) or self._open_store(ledger)

    @property
    def software_version(self) -> str:
        """What records and certificates say wrote them."""
        return self._software_version

    @property
    def signing_keys(self) -> SigningKeys:
        """Requires that `signing` was given."""
        assert self._signing_keys is not None
        return self._signing_keys

    @contextmanager
    def reader(self, ledger: str) -> Iterator[Connection[DictRow]]:
        """Gives a read-only connection whose search_path is the ledger's schema.

        Raises LedgerNotFound.
        """
        self._check_exists(ledger)
        with self._readers.reader(schema_of(ledger)) as connection:
            yield connection

    def names(self) -> list[str]:
        """Returns the ids of all listed ledgers, in order."""
        with self.reader(SYSTEM) as connection:
            rows = connection.execute("SELECT id FROM listings ORDER BY id").fetchall()
        return [row["id"] for row in rows]

    # -- use cases

    def create(self, command: CreateLedger, *, key: str, by: Caller) -> Outcome:
        """Makes a ledger: its schema, its first records, its place in the list.

        Each step can be repeated, so a retry after a crash ends what the first try began.
        Raises Unanswered, domain.refusals.Forbidden (where nothing exists to be replayed).
        """
        asked, founded = Asked(command, key, by), self._is_founded(command.id)
        if not founded:
            told = foretold(asked, software_version=self._software_version, now=self._clock())
            if told is not None:
                return told
        if not founded or command.id not in self._writers:
            with psycopg.connect(self._owner, autocommit=True) as connection:
                if not founded:
                    migrate(connection, schema=schema_of(command.id), system=False)
                self._install(connection, schema_of(command.id))
        outcome = self._open_writer(command.id).submit([(asked,)])[0]
        made = outcome.code in (None, "already_exists") and outcome.judged_at is None
        if made and command.id != SYSTEM:
            self._give_signing_key(command.id)
            self._list(command.id)
        return outcome

    @contextmanager
    def restoring(self, ledger: str) -> Iterator[Restoration]:
        """Gives an empty ledger to be filled in one transaction, and lists it when that stands.

        Raises LedgerExists.
        """
        schema = schema_of(ledger)
        owner = psycopg.connect(self._owner, autocommit=True)
        with owner as connection, connection.transaction():
            if self._has_schema(ledger):
                raise LedgerExists(f"There is a ledger {ledger} already.")
            migrate(connection, schema=schema, system=False)
            self._install(connection, schema)
            yield Restoration(connection, ledger=ledger, recorder=self._open_store(ledger).log)
        self._list(ledger)

    def key_at_hand(self, token: str) -> ApiKey | None:
        """Returns the key with this token where it is believed now: never waits."""
        return self._keys.at_hand(token)

    def authenticate(self, token: str) -> ApiKey | None:
        """Returns the valid key with this token; one revoked is refused a moment later."""
        return self._keys.find(token)

    def wait_for(self, ledger: str, position: int, timeout_seconds: float) -> bool:
        """Waits until the ledger's log has reached the position; False where it did not in time."""
        return self.wait_until(
            ledger, lambda connection: read_position(connection) >= position, timeout_seconds
        )

    def wait_until(
        self,
        ledger: str,
        reached: Callable[[Connection[DictRow]], bool],
        timeout_seconds: float,
    ) -> bool:
        """Asks again whenever a ledger may have grown; False where it was not so in time."""
        deadline = monotonic() + timeout_seconds
        while True:
            with self.reader(ledger) as connection:
                if reached(connection):
                    return True
            left = deadline - monotonic()
            if left <= 0:
                return False
            self._notices.wait(min(left, POLL_SECONDS))

    def now(self) -> datetime:
        """Returns the moment by the clock that commits go by."""
        return self._clock()

    def health(self) -> dict[str, Any]:
        """Returns what readiness needs; raises psycopg.Error where the database doesn't answer."""
        with self.reader(SYSTEM) as connection:
            row = connection.execute(
                "SELECT (SELECT extract(epoch FROM max(clock_timestamp() - xact_start))"
                " FROM pg_stat_activity WHERE backend_xmin IS NOT NULL) AS oldest,"
                " (SELECT count(*) FROM listings) AS ledgers"
            ).fetchone()
        assert row is not None
        OLDEST_SNAPSHOT_SECONDS.set(float(row["oldest"] or 0))
        return {"database": "ok", "ledgers": row["ledgers"]}

    # -- inside

    def _submit_own(self, ledger: str, command: Command, *, key: str) -> Outcome:
        outcome = self._open_writer(ledger).submit([(Asked(command, key, THE_SERVICE),)])[0]
        if outcome.code not in (None, "already_exists"):
            raise Unanswered("internal", outcome.detail)
        return outcome

    def _give_signing_key(self, ledger: str) -> None:
        if self._signing_keys is not None:
            self._signing_keys.give_first(ledger, by=THE_SERVICE)

    def _list(self, ledger: str) -> None:
        self._submit_own(SYSTEM, ListLedger(id=ledger), key=f"list:{ledger}")

    def _repair_listings(self, schemas: Sequence[str]) -> None:
        """Lists ledgers that were made but not listed when their maker died, and gives a first key
        to the logs that have none. A question a ledger where nothing is missing."""
        made = []
        with self.connect_service() as connection:
            listings = SQL("SELECT id FROM {}.listings").format(Identifier(schema_of(SYSTEM)))
            listed = {row[0] for row in connection.execute(listings)}
            for schema in schemas:
                row = connection.execute(
                    SQL("SELECT document FROM {}.ledger").format(Identifier(schema))
                ).fetchone()
                if row is not None:
                    made.append(msgspec.json.decode(row[0], type=Ledger))
        for ledger in made:
            if not ledger.verifier_keys:
                self._give_signing_key(ledger.id)
            if ledger.id not in listed:
                self._list(ledger.id)

    def _check_exists(self, ledger: str) -> None:
        """A ledger is there once it is listed. It stays, so that is asked for once."""
        if ledger in self._listed:
            return
        with self.reader(SYSTEM) as connection:
            row = connection.execute("SELECT 1 FROM listings WHERE id = %s", [ledger])
            if row.fetchone() is None:
                raise LedgerNotFound(ledger=ledger)
        self._listed.add(ledger)

    def _is_founded(self, ledger: str) -> bool:
        rows = SQL("SELECT 1 FROM {}").format(Identifier(schema_of(ledger), "ledger"))
        with self.connect_service() as connection:
            return self._has_schema(ledger) and bool(connection.execute(rows).rowcount)

    def _has_schema(self, ledger: str) -> bool:
        with self.connect_service() as connection:
            row = connection.execute(
                "SELECT 1 FROM information_schema.tables WHERE table_schema = %s"
                " AND table_name = 'holds'",
                [schema_of(ledger)],
            )
            return row.fetchone() is not None

    def _open_store(self, ledger: str) -> LedgerStore:
        with self._opening:
            if ledger not in self._stores:
                self._stores[ledger] = LedgerStore(ledger=ledger, pool=self._readers.pool)
            return self._stores[ledger]

    def _open_writer(self, ledger: str) -> Writer:
        with self._opening:
            if ledger not in self._writers:
                self._writers[ledger] = Writer(
                    ledger=ledger,
                    store=self._open_store(ledger),
                    conninfo=self._service,
                    software_version=self._software_version,
                    on_commit=self._notices.grown,
                    on_failure=self._on_writer_failure,
                    clock=self._clock,
                )
            return self._writers[ledger]

    def connect_service(self) -> Connection[Any]:
        """Opens a session of the service's own role, in autocommit."""
        return psycopg.connect(self._service, autocommit=True, connect_timeout=15)


def read_position(connection: Connection[DictRow]) -> int:
    """Returns the position of the last event of the ledger that the search path names."""
    row = connection.execute("SELECT position FROM head").fetchone()
    assert row is not None
    position: int = row["position"]
    return position
