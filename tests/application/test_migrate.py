"""Migrations: once each, whole, whoever runs them and whatever dies meanwhile."""

import subprocess
import sys
import textwrap
from collections.abc import Iterator
from typing import Any

import psycopg
import pytest
from psycopg.conninfo import make_conninfo
from psycopg.rows import dict_row

from application.ledgers import Ledgers
from application.migrate import (
    SERVICE_ROLE,
    SchemaTooNew,
    allow_service_role,
    migrate,
    migrations,
)
from application.sessions import acting_as_service
from projections.showing import VIEWS
from tests.application.office import Office, transfer
from tests.conftest import Database
from tests.patience import PATIENCE_SECONDS, wait_until

MIGRATE = """
    import sys, psycopg
    from application.migrate import migrate
    with psycopg.connect(sys.argv[1], autocommit=True) as connection:
        print(migrate(connection, schema=sys.argv[2], system=False))
"""
MIGRATE_ALL = """
    import sys
    from application.ledgers import Ledgers
    ledgers = Ledgers(owner=sys.argv[1], service=sys.argv[2], software_version="1")
    print(ledgers.migrate())
    ledgers.close()
"""


def started(code: str, *arguments: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-c", textwrap.dedent(code), *arguments],
        stdout=subprocess.PIPE,
        text=True,
    )


@pytest.fixture
def superuser(database: Database) -> Iterator[psycopg.Connection[dict[str, Any]]]:
    with psycopg.connect(database.superuser, autocommit=True, row_factory=dict_row) as connection:
        yield connection


def applied(connection: psycopg.Connection[dict[str, Any]], schema: str) -> list[str]:
    rows = connection.execute(f"SELECT name FROM {schema}.migrations ORDER BY number").fetchall()
    return [row["name"] for row in rows]


LAST = max(m.number for m in migrations() if not m.system_only)
LEDGERS_OWN = [m.name for m in migrations() if not m.system_only]


def test_each_migration_has_a_number_of_its_own() -> None:
    numbers = [one.number for one in migrations()]
    assert numbers == sorted(set(numbers))


def test_a_schema_is_brought_up_to_date_once(
    database: Database, superuser: psycopg.Connection[dict[str, Any]]
) -> None:
    with psycopg.connect(database.owner, autocommit=True) as owner:
        version = migrate(owner, schema="ledger_a", system=False)
        before = superuser.execute("SELECT * FROM ledger_a.migrations").fetchall()
        assert migrate(owner, schema="ledger_a", system=False) == version
    assert superuser.execute("SELECT * FROM ledger_a.migrations").fetchall() == before
    assert applied(superuser, "ledger_a") == LEDGERS_OWN
    assert version == max(one.number for one in migrations() if not one.system_only)


def test_several_processes_at_once_do_no_harm(
    database: Database, superuser: psycopg.Connection[dict[str, Any]]
) -> None:
    """Three services start on an empty database."""
    processes = [started(MIGRATE_ALL, database.owner, database.service) for _ in range(3)]
    answers = {process.communicate(timeout=PATIENCE_SECONDS)[0] for process in processes}
    assert [process.returncode for process in processes] == [0, 0, 0]
    assert answers == {"['ledger_system']\n"}
    assert applied(superuser, "ledger_system") == [one.name for one in migrations()]
    events = superuser.execute("SELECT topic FROM ledger_system.events").fetchall()
    assert events == [{"topic": "LedgerCreated"}]


def test_killed_halfway_it_is_taken_up_where_it_was(
    database: Database, superuser: psycopg.Connection[dict[str, Any]]
) -> None:
    """The second step waits for a table of the same name; its process is killed meanwhile."""
    with psycopg.connect(database.owner, autocommit=True) as owner:
        owner.execute("CREATE SCHEMA ledger_a")
        with owner.transaction(force_rollback=True):
            owner.execute("CREATE TABLE ledger_a.holds ()")
            process = started(MIGRATE, database.owner, "ledger_a")
            waiting = (
                "SELECT 1 FROM pg_stat_activity WHERE wait_event_type = 'Lock'"
                " AND datname = current_database()"
            )
            wait_until(lambda: superuser.execute(waiting).fetchone(), "the second step")
            process.kill()
            process.communicate()
        assert applied(superuser, "ledger_a") == LEDGERS_OWN[:1]
        assert migrate(owner, schema="ledger_a", system=False) == LAST
    assert applied(superuser, "ledger_a") == LEDGERS_OWN
    tables = superuser.execute(
        "SELECT count(*) AS n FROM pg_tables WHERE schemaname = 'ledger_a'"
    ).fetchall()
    with psycopg.connect(database.owner, autocommit=True) as owner:
        migrate(owner, schema="ledger_b", system=False)
    assert (
        tables
        == superuser.execute(
            "SELECT count(*) AS n FROM pg_tables WHERE schemaname = 'ledger_b'"
        ).fetchall()
    )


def test_a_schema_of_later_software_is_left_alone(database: Database) -> None:
    with psycopg.connect(database.owner, autocommit=True) as owner:
        migrate(owner, schema="ledger_a", system=False)
        owner.execute("INSERT INTO ledger_a.migrations (number, name) VALUES (9999, 'later.sql')")
        with pytest.raises(SchemaTooNew):
            migrate(owner, schema="ledger_a", system=False)


def test_one_ledger_of_later_software_stops_the_start(database: Database) -> None:
    ledgers = Ledgers(owner=database.owner, service=database.service, software_version="1")
    ledgers.migrate()
    with psycopg.connect(database.owner, autocommit=True) as owner:
        owner.execute(
            "INSERT INTO ledger_system.migrations (number, name) VALUES (9999, 'later.sql')"
        )
    with pytest.raises(SchemaTooNew):
        ledgers.migrate()
    ledgers.close()


def test_who_made_the_services_role_may_take_it_on(
    superuser: psycopg.Connection[dict[str, Any]], database: Database
) -> None:
    """PostgreSQL 16 and later makes it a member that may hand the role out, but not take it on."""
    superuser.execute("CREATE ROLE maker LOGIN PASSWORD 'maker'")
    superuser.execute(
        f"GRANT {SERVICE_ROLE} TO maker WITH ADMIN TRUE, INHERIT FALSE, SET FALSE".encode()
    )
    superuser.execute(f"GRANT CONNECT ON DATABASE {database.name} TO maker".encode())
    login = make_conninfo(database.owner, user="maker", password="maker")
    try:
        with psycopg.connect(login, autocommit=True) as connection:
            allow_service_role(connection, "maker")
        with psycopg.connect(acting_as_service(login)) as connection:
            assert connection.execute("SELECT current_user").fetchone() == (SERVICE_ROLE,)
    finally:
        superuser.execute(f"REVOKE {SERVICE_ROLE} FROM maker CASCADE".encode())
        superuser.execute("DROP OWNED BY maker")
        superuser.execute("DROP ROLE maker")


# What is on record stays --------------------------------------------------------------------

CHANGES = [
    "UPDATE ledger_acme.events SET state = ''",
    "UPDATE ledger_acme.events SET state = '' WHERE false",
    "DELETE FROM ledger_acme.events",
    "DELETE FROM ledger_acme.events WHERE notification_id = 1",
    "TRUNCATE ledger_acme.events",
    "TRUNCATE ledger_acme.events CASCADE",
    """INSERT INTO ledger_acme.events SELECT * FROM ledger_acme.events
       ON CONFLICT (notification_id) DO UPDATE SET state = ''""",
    """MERGE INTO ledger_acme.events AS e USING (VALUES (1)) AS v (n) ON e.notification_id = v.n
       WHEN MATCHED THEN DELETE""",
]


@pytest.mark.parametrize("role", ["service", "owner", "superuser"])
@pytest.mark.parametrize("change", CHANGES)
def test_events_are_never_changed(office: Office, role: str, change: str) -> None:
    before = office.states()
    with (
        psycopg.connect(getattr(office.database, role), autocommit=True) as connection,
        pytest.raises(psycopg.errors.InsufficientPrivilege) as refused,
    ):
        connection.execute(change.encode())
    # The service may not even ask; whoever may is stopped by the trigger.
    assert (refused.value.diag.message_hint is None) == (role == "service")
    assert office.states() == before


def test_the_service_may_do_what_it_needs_and_no_more(office: Office) -> None:
    office.chart()
    allowed = {
        (row["table_name"], row["privilege_type"])
        for row in office.query(
            "SELECT table_name, privilege_type FROM information_schema.role_table_grants"
            " WHERE grantee = 'backoffice_service' AND table_schema = 'ledger_acme'"
            # Views are made from the log again; whoever follows it writes them.
            " AND table_name <> ALL(%s)",
            ["tracking", *(table for view in VIEWS for table in view.tables)],
        )
    }
    read_and_write = {"SELECT", "INSERT", "UPDATE"}
    assert allowed == {
        ("events", "SELECT"),
        ("events", "INSERT"),
        ("private", "SELECT"),
        ("private", "INSERT"),
        ("head", "SELECT"),
        ("head", "UPDATE"),
        ("secrets", "SELECT"),
        *{
            (table, privilege)
            for table in (
                "ledger",
                "assets",
                "journals",
                "accounts",
                "balances",
                "vouchers",
                "periods",
                "rates",
                "revaluations",
                "baselines",
            )
            for privilege in read_and_write
        },
        ("network_references", "SELECT"),
        ("network_references", "INSERT"),
        ("private", "DELETE"),  # texts are erased; what is on record is not
        *{
            (table, privilege)
            for table in ("holds", "limit_usages", "open_items", "due_reversals")
            for privilege in (*read_and_write, "DELETE")
        },
        # Of a tile only `hashes` may be updated, which no grant on the table says.
        *{
            (table, privilege)
            for table in ("signing_keys", "tiles", "checkpoints", "cosignatures")
            for privilege in ("SELECT", "INSERT")
        },
    }
    with psycopg.connect(office.database.service, autocommit=True) as service:
        for statement in (
            "CREATE TABLE ledger_acme.mine ()",
            "ALTER TABLE ledger_acme.events DISABLE TRIGGER ALL",
            "DROP TRIGGER events_are_immutable ON ledger_acme.events",
            "SET session_replication_role = replica",
            "CREATE SCHEMA mine",
        ):
            with pytest.raises(psycopg.errors.InsufficientPrivilege):
                service.execute(statement.encode())


def test_no_row_may_say_less_than_nothing(office: Office) -> None:
    """Totals and what is pending are never negative; floors are the domain's."""
    chart = office.chart()
    office.done(transfer(chart.wallet, chart.merchant, "1.00"))
    for column in ("debits", "credits", "pending_debits", "pending_credits"):
        with pytest.raises(psycopg.errors.CheckViolation):
            office.query(f"UPDATE {{}}.balances SET {column} = -1")
