"""Bootstrap: the only place where the parts are wired, from settings to open ledgers."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from importlib.metadata import version
from typing import Any

import psycopg
from psycopg import Connection

from application.ledgers import Ledgers
from application.migrate import SERVICE_ROLE
from application.records import SHAPES
from application.sessions import acting_as_service, login_of
from application.store import schema_of
from application.transparency.vault import Signing
from application.writer import go_on
from domain.ledgers import SYSTEM
from interface.duties import Duty
from interface.embedded import EmbeddedPostgres, check_durability
from interface.priority import lower_session
from interface.settings import Settings
from projections.runner import Runner, connect
from projections.showing import VIEWS
from projections.views import install

SOFTWARE_VERSION = version("backoffice-ledger")
OLDEST_POSTGRES = 15
CONNECT_SECONDS = 30
SECRET_FILE = "signing.secret"  # noqa: S105 -- a name


class UnfitDatabase(Exception):
    """The database can't be used as it is; the message says what to change."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Database:
    """Where the ledgers are. `owner` makes schemas, `service` can do no such thing.

    `signing` None: logs get no keys. `postgres`: the supervisor, where the server is embedded and
    this process has it. `is_embedded`: its processes are on this machine, and ours.
    """

    owner: str = field(repr=False)
    service: str = field(repr=False)
    signing: Signing | None = field(default=None, repr=False)
    postgres: EmbeddedPostgres | None = None
    is_embedded: bool = False

    def ledgers(self, *, on_writer_failure: Callable[[], object] = go_on) -> Ledgers:
        """Returns the ledgers, neither migrated nor open."""
        return Ledgers(
            owner=self.owner,
            service=self.service,
            software_version=SOFTWARE_VERSION,
            install=install_views,
            signing=self.signing,
            on_writer_failure=on_writer_failure,
        )


@contextmanager
def opened(settings: Settings) -> Iterator[Ledgers]:
    """Gives open ledgers, migrated, on a database that runs at least as long as they are open.

    Raises what `running` and `migrated` raise.
    """
    with running(settings) as database, migrated(database) as ledgers:
        yield ledgers


@contextmanager
def running(settings: Settings) -> Iterator[Database]:
    """Gives the database of the settings, after starting it where it is embedded.

    Raises EmbeddedPostgresError.
    """
    if settings.database_url is not None:
        yield Database(
            owner=settings.owner_database_url or settings.database_url,
            service=settings.database_url,
            signing=signing_of(settings),
        )
        return
    with EmbeddedPostgres(data_dir=settings.data_dir) as postgres:
        endpoints = postgres.start()
        yield Database(
            owner=endpoints.owner,
            service=endpoints.service,
            signing=signing_of(settings),
            postgres=postgres,
            is_embedded=True,
        )


def signing_of(settings: Settings) -> Signing:
    """Returns how logs are named and where the secret of their keys is."""
    return Signing(
        public_url=settings.public_url,
        secret=settings.signing_secret,
        secret_file=settings.signing_secret_file or settings.data_dir / SECRET_FILE,
        targets=settings.checkpoint_targets,
        push_seconds=settings.checkpoint_seconds,
    )


@contextmanager
def migrated(database: Database, on_schema: Callable[[str], object] = str) -> Iterator[Ledgers]:
    """Gives open ledgers; `on_schema` hears each schema's name before it is migrated.

    Raises UnfitDatabase, UnsafePostgresError, SchemaTooNew, psycopg.OperationalError.
    """
    check_fitness(database)
    with ExitStack() as stack:
        ledgers = database.ledgers()
        stack.callback(ledgers.close)
        try:
            ledgers.migrate(on_schema)
        except psycopg.errors.InsufficientPrivilege as error:
            raise UnfitDatabase(_missing_privilege(database, error)) from error
        ledgers.open(within_seconds=CONNECT_SECONDS)
        yield ledgers


def install_views(connection: psycopg.Connection[Any], schema: str) -> None:
    """Makes the tables of all views in a ledger's schema, where they are missing or of an old
    shape."""
    install(connection, schema=schema, views=VIEWS, service_role=SERVICE_ROLE)


def duties(database: Database, ledgers: Ledgers) -> list[Duty]:
    """Returns what a worker does. Requires that the ledgers are open."""
    # What nobody else needs, and takes long to import: every command would start later.
    from application.sweeper import Sweeper
    from application.transparency.publisher import Publisher
    from application.transparency.sealer import Sealer
    from interface.closer import Closer
    from interface.revaluer import Revaluer

    service = acting_as_service(database.service)

    def session() -> Connection[Any]:
        connection = connect(service)
        if database.is_embedded:
            lower_session(connection)
        return connection

    runner = Runner(
        session=session,
        ledgers=lambda: {ledger: schema_of(ledger) for ledger in ledgers.names()},
        views=VIEWS,
        decode=SHAPES.decode,
    )
    found = [
        Duty("sweeper", Sweeper(ledgers).run),
        Duty("views", runner.run),
        Duty("closer", Closer(ledgers).run),
        Duty("revaluer", Revaluer(ledgers).run),
    ]
    if database.signing is not None:
        sealer = Sealer(
            conninfo=service,
            names=lambda: [SYSTEM, *ledgers.names()],
            vault=ledgers.signing_keys.vault,
        )
        found.append(Duty("sealer", sealer.run))
        if database.signing.targets:
            publisher = Publisher(
                conninfo=service,
                names=lambda: [SYSTEM, *ledgers.names()],
                targets=database.signing.targets,
                interval_seconds=database.signing.push_seconds,
            )
            found.append(Duty("publisher", publisher.run))
    return found


def check_fitness(database: Database) -> None:
    """Refuses a server that is too old or unsafe, and a service that would be a superuser.

    Raises UnfitDatabase, UnsafePostgresError, psycopg.OperationalError.
    """
    with psycopg.connect(database.service, connect_timeout=CONNECT_SECONDS) as connection:
        number = connection.info.server_version
        # The service acts as this role whatever its login is.
        found = connection.execute(
            "SELECT rolsuper FROM pg_roles WHERE rolname = %s", [SERVICE_ROLE]
        ).fetchone()
    if number < OLDEST_POSTGRES * 10_000:
        raise UnfitDatabase(
            f"This is PostgreSQL {number // 10_000}; version {OLDEST_POSTGRES} is the oldest that"
            " will do. Upgrade it, or unset DATABASE_URL for an embedded one."
        )
    if found == (True,):
        raise UnfitDatabase(
            f"The role {SERVICE_ROLE} is a superuser, and could change what is on record:"
            f" ALTER ROLE {SERVICE_ROLE} NOSUPERUSER"
        )
    check_durability(database.service)


def _missing_privilege(database: Database, error: psycopg.Error) -> str:
    login = login_of(database.owner) or "the login"
    said = error.diag.message_primary or str(error)
    return (
        f"{login} may not set up the database ({said}). As a superuser, in that database:\n"
        f"  CREATE ROLE {SERVICE_ROLE} NOLOGIN;  -- where it is missing\n"
        f'  GRANT {SERVICE_ROLE} TO "{login}";\n'
        f'  GRANT CREATE ON DATABASE ... TO "{login}";'
    )
