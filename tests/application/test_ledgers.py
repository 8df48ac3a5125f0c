"""All ledgers of a database: made, listed, found, kept apart; keys; waiting for a position."""

import json
import threading
from collections.abc import Iterator
from hashlib import sha256

import psycopg
import pytest
from psycopg import sql
from psycopg.conninfo import make_conninfo

from application.ledgers import LedgerNotFound, Ledgers
from application.migrate import migrate
from application.outcomes import Asked
from domain.access import IssueKey, RecordActor, RevokeKey
from domain.commands import Command
from domain.ledgers import CreateLedger
from domain.refusals import Forbidden
from tests.application.checks import check_everything
from tests.application.office import (
    CLERK,
    LEDGER,
    OPERATOR,
    Office,
    records_of,
    transfer,
    types_of,
)
from tests.conftest import Database, Databases
from tests.patience import PATIENCE_SECONDS, wait_until


def create(id: str, **more: object) -> CreateLedger:
    fields = {"name": id, "functional_asset": "USD", "timezone": "UTC", **more}
    return CreateLedger(id=id, **fields)  # type: ignore[arg-type]


def test_a_ledger_is_made_listed_and_written_to(office: Office) -> None:
    assert "zebra" not in office.ledgers.names()
    outcome = office.ledgers.create(create("zebra"), key="k", by=OPERATOR)
    assert types_of(outcome) == [
        "LedgerCreated",
        "AssetRegistered",
        "JournalOpened",
        "JournalOpened",
    ]
    assert [record["ledger"] for record in records_of(outcome)] == ["zebra"] * 4
    assert outcome.position == 4
    assert office.ledgers.names()[-1] == "zebra"
    zebra = Office(office.database, ledger="zebra")
    chart = zebra.chart()
    zebra.done(transfer(chart.wallet, chart.merchant, "1.00"))
    check_everything(zebra)
    assert office.records() != zebra.records()
    zebra.close()


def test_ledgers_share_nothing_but_the_database(office: Office) -> None:
    """The same actor, key and codes in both; each has ids, accounts and a secret of its own."""
    office.ledgers.create(create("other"), key="k", by=OPERATOR)
    other = Office(office.database, ledger="other")
    chart = office.chart()
    assert other.do(transfer(chart.wallet, chart.merchant, "1.00")).code == "account_not_found"
    secrets = [one.query("SELECT secret FROM {}.secrets")[0]["secret"] for one in (office, other)]
    assert secrets[0] != secrets[1]
    other.close()


def test_only_an_operator_makes_ledgers_and_nothing_is_left_of_the_try(office: Office) -> None:
    with pytest.raises(Forbidden):
        office.ledgers.create(create("mine"), key="k", by=CLERK)
    assert office.query("SELECT 1 FROM pg_namespace WHERE nspname = 'ledger_mine'") == []


def test_a_ledger_that_exists_is_not_made_again(office: Office) -> None:
    refused = office.ledgers.create(create(LEDGER), key="again", by=OPERATOR)
    assert refused.code == "already_exists"
    assert office.ledgers.create(create("system"), key="s", by=OPERATOR).code == "already_exists"
    assert office.ledgers.names().count(LEDGER) == 1
    assert "system" not in office.ledgers.names()


def test_what_does_not_exist_is_not_found(office: Office) -> None:
    ledgers = office.ledgers
    for ask in (ledgers.writer, ledgers.store):
        with pytest.raises(LedgerNotFound):
            ask("nowhere")
    with pytest.raises(LedgerNotFound), ledgers.reader("nowhere"):
        pass


def test_a_ledger_whose_making_failed_is_not_found(office: Office) -> None:
    """Its schema is there, its first record is not: nobody can post to it."""
    ledgers = office.ledgers
    refused = ledgers.create(create("large", name="x" * 70_000), key="k", by=OPERATOR)
    assert refused.code == "too_large"
    with pytest.raises(LedgerNotFound):
        ledgers.writer("large")
    assert ledgers.create(create("large"), key="k2", by=OPERATOR).status == "done"
    ledgers.writer("large")


def test_a_making_cut_off_after_the_schema_is_ended_by_the_retry(office: Office) -> None:
    make_schema(office, "bare")
    assert office.ledgers.create(create("bare"), key="k", by=OPERATOR).status == "done"
    assert "bare" in office.ledgers.names()


def test_a_making_cut_off_before_the_listing_is_ended_by_the_retry(office: Office) -> None:
    make_unlisted(office, "retried")
    assert "retried" not in office.ledgers.names()
    again = office.ledgers.create(create("retried"), key="k", by=OPERATOR)
    assert (again.status, again.position) == ("replayed", 4)
    assert "retried" in office.ledgers.names()


def test_a_making_cut_off_before_the_listing_is_ended_by_the_next_start(
    office: Office,
) -> None:
    make_unlisted(office, "late")
    make_schema(office, "never")
    listed = office.ledgers.names()
    started = Office(office.database)
    migrated = started.ledgers.migrate()
    assert migrated[:2] == ["ledger_system", "ledger_acme"]
    assert {"ledger_late", "ledger_never"} < set(migrated)
    assert set(started.ledgers.names()) - set(listed) == {"late"}
    started.close()


def make_schema(office: Office, ledger: str) -> None:
    with psycopg.connect(office.database.owner, autocommit=True) as owner:
        migrate(owner, schema=f"ledger_{ledger}", system=False)


def make_unlisted(office: Office, ledger: str) -> None:
    """A ledger as its maker left it who died before it was listed: that commit is taken away."""
    maker = Office(office.database)
    maker.ledgers.create(create(ledger), key="k", by=OPERATOR)
    maker.close()
    with psycopg.connect(office.database.superuser) as connection:
        connection.execute("SET session_replication_role = replica")
        connection.execute("SET search_path TO ledger_system")
        connection.execute("DELETE FROM listings WHERE id = %s", [ledger])
        connection.execute("DELETE FROM events WHERE notification_id = (SELECT position FROM head)")
        connection.execute("UPDATE head SET position = position - 1, commit_id = gen_random_uuid()")


# Keys ---------------------------------------------------------------------------------------


def submit(office: Office, command: Command) -> None:
    [outcome] = office.ledgers.writer("system").submit([(Asked(command, office.key(), OPERATOR),)])
    assert outcome.status == "done"


def test_a_key_is_good_from_when_it_is_issued_until_it_is_revoked(office: Office) -> None:
    token = "bo_secret"
    assert office.ledgers.authenticate(token) is None
    digest = sha256(token.encode()).hexdigest()
    submit(office, RecordActor(actor="ann"))
    submit(
        office,
        IssueKey(key_id="k9", key_sha256=digest, actor="ann", roles=["clerk"], ledger=LEDGER),
    )
    found = office.ledgers.authenticate(token)
    assert found is not None
    assert (found.key_id, found.actor, found.roles, found.ledger) == (
        "k9",
        "ann",
        ["clerk"],
        LEDGER,
    )
    assert office.ledgers.authenticate(token + "x") is None
    assert office.ledgers.authenticate(digest) is None
    submit(office, RevokeKey(key_id="k9"))
    stranger = Office(office.database)
    assert stranger.ledgers.authenticate(token) is None
    stranger.close()
    # Believed for a second, in this process.
    wait_until(lambda: office.ledgers.authenticate(token) is None, "its refusal")


def test_a_token_is_nowhere_in_the_database(office: Office) -> None:
    token = "bo_another"
    digest = sha256(token.encode()).hexdigest()
    submit(office, RecordActor(actor="bob"))
    submit(office, IssueKey(key_id="k8", key_sha256=digest, actor="bob", roles=["clerk"]))
    system = Office(office.database, ledger="system")
    assert not any(token.encode() in state for state in system.states())
    keys = system.query("SELECT * FROM {}.keys")
    assert token not in str(keys)
    system.close()


# Reading ------------------------------------------------------------------------------------


def test_a_reader_may_only_read(office: Office) -> None:
    with (
        office.ledgers.reader(LEDGER) as connection,
        pytest.raises(psycopg.errors.ReadOnlySqlTransaction),
    ):
        connection.execute("UPDATE head SET position = 0")


def test_readers_of_two_ledgers_see_their_own(office: Office) -> None:
    for name in (LEDGER, "system", LEDGER):
        with office.ledgers.reader(name) as connection:
            row = connection.execute("SELECT state FROM events LIMIT 1").fetchone()
        assert row is not None
        assert json.loads(row["state"])["ledger"] == name


def test_waiting_for_a_position(office: Office, partner: Office) -> None:
    """Woken by this process's writers and by others'; in vain it ends in time."""
    chart = office.chart()
    head = office.position
    assert office.ledgers.wait_for(LEDGER, head, timeout_seconds=0)
    assert not office.ledgers.wait_for(LEDGER, head + 1, timeout_seconds=0.05)
    for writer in (office, partner):
        head = office.position
        found: list[bool] = []
        waiting = threading.Thread(
            target=lambda wanted=head + 1, found=found: found.append(
                office.ledgers.wait_for(LEDGER, wanted, timeout_seconds=PATIENCE_SECONDS)
            )
        )
        waiting.start()
        writer.done(transfer(chart.wallet, chart.merchant, "1.00"))
        waiting.join()
        assert found == [True]


def test_health_is_asked_of_the_database(office: Office) -> None:
    assert office.ledgers.health()["database"] == "ok"


# One login for both roles -------------------------------------------------------------------


@pytest.fixture
def one_login(databases: Databases, database: Database) -> Iterator[str]:
    """A login that owns the database and may act as the service: no superuser."""
    role = sql.Identifier(f"app_{database.name}")
    with psycopg.connect(database.superuser, autocommit=True) as connection:
        connection.execute(sql.SQL("CREATE ROLE {} LOGIN PASSWORD 'app'").format(role))
        connection.execute(sql.SQL("GRANT backoffice_service TO {}").format(role))
        connection.execute(
            sql.SQL("GRANT ALL ON DATABASE {} TO {}").format(sql.Identifier(database.name), role)
        )
    yield make_conninfo(database.superuser, user=f"app_{database.name}", password="app")
    with psycopg.connect(database.superuser, autocommit=True) as connection:
        connection.execute(sql.SQL("DROP OWNED BY {} CASCADE").format(role))
        connection.execute(sql.SQL("DROP ROLE {}").format(role))


def test_one_login_acts_as_the_service_when_it_serves(database: Database, one_login: str) -> None:
    ledgers = Ledgers(owner=one_login, service=one_login, software_version="1")
    ledgers.migrate()
    ledgers.open()
    assert ledgers.create(create("one"), key="k", by=OPERATOR).status == "done"
    with ledgers.reader("one") as connection:
        row = connection.execute("SELECT current_user AS acting").fetchone()
    assert row == {"acting": "backoffice_service"}
    ledgers.close()
