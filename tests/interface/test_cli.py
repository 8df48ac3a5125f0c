"""The command line as a whole: its help, its settings, and failures that are to be expected."""

import re
from collections.abc import Callable
from pathlib import Path

import psycopg
import pytest
from click.testing import CliRunner
from psycopg import sql

from application.migrate import SERVICE_ROLE
from interface import bootstrap
from interface.bootstrap import Database as Connections
from interface.bootstrap import UnfitDatabase, check_fitness, migrated
from interface.cli.main import COMMANDS, main
from interface.logs import masked
from interface.settings import VARIABLES, BadSetting, read_settings
from tests.commands import inherited, run_command
from tests.conftest import Database, Databases


def run(*arguments: str) -> tuple[int, str]:
    """Runs a command in this process: for what ends before anything is logged or opened."""
    done = CliRunner().invoke(main, list(arguments))
    return done.exit_code, done.output


def connections(database: Database) -> Connections:
    return Connections(owner=database.owner, service=database.service)


def test_help_says_what_there_is() -> None:
    status, said = run("--help")
    assert status == 0
    for name in COMMANDS:
        assert f"\n  {name} " in said


def test_every_command_has_help() -> None:
    for name in COMMANDS:
        status, said = run(name, "--help")
        assert status == 0
        assert said.startswith(f"Usage: main {name}")


def test_the_help_of_serve_lists_the_environment() -> None:
    _, said = run("serve", "--help")
    for variable in VARIABLES:
        assert f"\n  {variable} " in said or f"\n  {variable}\n" in said


def test_every_variable_that_is_read_is_listed() -> None:
    root = Path(__file__).parents[2]
    paths = [*root.glob("interface/**/*.py"), *root.glob("application/**/*.py")]
    read = {name for path in paths for name in re.findall(r"BACKOFFICE_[A-Z_]+", path.read_text())}
    # One is written, into the demonstration's keys.env.
    assert read - {"BACKOFFICE_URL"} == {name for name in VARIABLES if name != "DATABASE_URL"}


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["nonsense"], "No such command"),
        (["key", "create", "--actor", "Maria", "--role", "clerk"], "no actor"),
        (["key", "create", "--actor", "maria", "--role", "boss"], "boss"),
        (["key", "create", "--actor", "maria"], "--role"),
        (["key", "revoke"], "KEY"),
        (["serve", "--port", "0"], "--port"),
        (["import", "no-such-file.csv", "--ledger", "acme"], "does not exist"),
        (["import", __file__, "--ledger", "acme"], "--format"),
        (["import", __file__, "--ledger", "acme", "--format", "ndjson", "--map", "a=b"], "NDJSON"),
        (["import", __file__, "--ledger", "system", "--format", "ndjson"], "system"),
    ],
)
def test_used_wrongly_it_ends_with_2_and_says_why(arguments: list[str], said: str) -> None:
    status, output = run(*arguments)
    assert status == 2
    assert said in output


@pytest.mark.parametrize(
    ("environment", "names"),
    [
        ({"BACKOFFICE_RATE_LIMIT_PER_SECOND": "many"}, "BACKOFFICE_RATE_LIMIT_PER_SECOND"),
        ({"BACKOFFICE_RATE_LIMIT_PER_SECOND": "0"}, "BACKOFFICE_RATE_LIMIT_PER_SECOND"),
        ({"BACKOFFICE_RATE_LIMIT_PER_SECOND": "inf"}, "BACKOFFICE_RATE_LIMIT_PER_SECOND"),
        ({"BACKOFFICE_LOG_LEVEL": "loud"}, "BACKOFFICE_LOG_LEVEL"),
        ({"BACKOFFICE_OWNER_DATABASE_URL": "postgresql://x"}, "DATABASE_URL"),
    ],
)
def test_a_setting_that_means_nothing_is_named(environment: dict[str, str], names: str) -> None:
    with pytest.raises(BadSetting, match=names):
        read_settings(environment, data_dir=Path("var"))


def test_settings_are_read() -> None:
    settings = read_settings(
        {
            "DATABASE_URL": " postgresql://service@host/books ",
            "BACKOFFICE_OWNER_DATABASE_URL": "postgresql://owner@host/books",
            "BACKOFFICE_RATE_LIMIT_PER_SECOND": "2.5",
            "BACKOFFICE_LOG_LEVEL": "WARNING",
        },
        data_dir=Path("var"),
    )
    assert settings.database_url == "postgresql://service@host/books"
    assert settings.owner_database_url == "postgresql://owner@host/books"
    assert (settings.rate_limit_per_second, settings.log_level) == (2.5, "warning")
    assert "service@host" not in repr(settings)
    nothing = read_settings({"DATABASE_URL": ""}, data_dir=Path("var"))
    assert nothing.database_url is None
    assert nothing.rate_limit_per_second is None


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("key bo_Xn2-aB_cdefghijklmnopqrstuvwxyz0123456789AB.", "key ***."),
        ("postgresql://ann:s%40cret@host:5432/books", "postgresql://***@host:5432/books"),
        ("host=h password=secret user=ann", "host=h password=*** user=ann"),
        ("password='a \\'b' user=ann", "password=*** user=ann"),
        (
            "postgresql://host/books at 10:30, bo_short",
            "postgresql://host/books at 10:30, bo_short",
        ),
    ],
)
def test_secrets_are_masked_in_logs(text: str, shown: str) -> None:
    assert masked(text) == shown


def ahead_of_us(database: Database) -> None:
    with migrated(connections(database)):
        pass
    with psycopg.connect(database.owner) as connection:
        connection.execute("INSERT INTO ledger_system.migrations VALUES (9999, '9999_later.sql')")


def unsafe(database: Database) -> None:
    with psycopg.connect(database.superuser) as connection:
        name = sql.Identifier(database.name)
        connection.execute(sql.SQL("ALTER DATABASE {} SET synchronous_commit = off").format(name))


@pytest.mark.parametrize(
    ("spoil", "urls", "said"),
    [
        (None, {"DATABASE_URL": "postgresql://ann:s3cret@127.0.0.1:1/books"}, "DATABASE_URL"),
        (None, {"BACKOFFICE_OWNER_DATABASE_URL": ""}, "GRANT CREATE ON DATABASE"),
        (ahead_of_us, {}, "Upgrade"),
        (unsafe, {}, "synchronous_commit"),
    ],
    ids=["unreachable", "unprivileged", "too new", "unsafe"],
)
def test_what_may_fail_ends_with_1_and_a_sentence(
    database: Database,
    tmp_path: Path,
    spoil: Callable[[Database], None] | None,
    urls: dict[str, str],
    said: str,
) -> None:
    if spoil is not None:
        spoil(database)
    environment = {
        **inherited(),
        "DATABASE_URL": database.service,
        "BACKOFFICE_OWNER_DATABASE_URL": database.owner,
        **urls,
    }
    done = run_command("key", "list", environment=environment, directory=tmp_path)
    assert done.returncode == 1
    assert done.stdout == ""
    assert done.stderr.startswith("Error: ")
    assert said in done.stderr
    assert "Traceback" not in done.stderr
    assert "s3cret" not in done.stderr


def test_a_server_that_is_too_old_is_refused(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    check_fitness(connections(database))
    monkeypatch.setattr(bootstrap, "OLDEST_POSTGRES", 1_000)
    with pytest.raises(UnfitDatabase, match="1000"):
        check_fitness(connections(database))


def test_a_service_that_would_be_a_superuser_is_refused(database: Database) -> None:
    alter = sql.SQL("ALTER ROLE {} {}").format
    role = sql.Identifier(SERVICE_ROLE)
    with psycopg.connect(database.superuser, autocommit=True) as connection:
        connection.execute(alter(role, sql.SQL("SUPERUSER")))
        try:
            with pytest.raises(UnfitDatabase, match="NOSUPERUSER"):
                check_fitness(connections(database))
        finally:
            connection.execute(alter(role, sql.SQL("NOSUPERUSER")))


def test_one_login_may_serve_as_both(databases: Databases, database: Database) -> None:
    with migrated(Connections(owner=database.superuser, service=database.superuser)) as ledgers:
        with ledgers.reader("system") as connection:
            row = connection.execute("SELECT current_user, session_user").fetchone()
        assert row is not None
        assert row["current_user"] == SERVICE_ROLE != row["session_user"]


def test_migrate_prints_the_schemas_and_can_be_repeated(database: Database, tmp_path: Path) -> None:
    environment = {
        **inherited(),
        "DATABASE_URL": database.service,
        "BACKOFFICE_OWNER_DATABASE_URL": database.owner,
    }
    for _ in range(2):
        done = run_command("migrate", environment=environment, directory=tmp_path)
        assert (done.returncode, done.stdout) == (0, "ledger_system\n")
