"""The embedded PostgreSQL as one process sees it: made, kept, stopped, and killed under it."""

import os
import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest
from psycopg.conninfo import conninfo_to_dict, make_conninfo

from interface import embedded
from interface.embedded import EmbeddedPostgres, UnsafePostgresError, check_durability
from interface.embedded_cluster import Endpoints, name_endpoints, read_passwords
from interface.embedded_processes import (
    has_postmaster,
    is_running,
    kill_orphans,
    locked_if_free,
)
from interface.embedded_programs import EmbeddedPostgresError, find_account
from tests.conftest import Database
from tests.patience import PATIENCE_SECONDS, wait_until


@pytest.fixture
def server(tmp_path: Path, made_before: Path) -> Iterator[EmbeddedPostgres]:
    """A server of a data directory of the test's own, stopped and known to be gone after it."""
    subprocess.run(["cp", "-a", f"{made_before}/.", str(tmp_path)], check=True)
    server = EmbeddedPostgres(data_dir=tmp_path)
    yield server
    server.stop()
    assert is_gone(tmp_path)


def is_gone(data_dir: Path) -> bool:
    with locked_if_free(data_dir / "postgres.server.lock") as lock:
        return lock is not None


def postmaster(data_dir: Path) -> int:
    return int((data_dir / "postgres" / "postmaster.pid").read_text().split()[0])


def ask(conninfo: str, question: str) -> object:
    with psycopg.connect(conninfo) as connection:
        row = connection.execute(question).fetchone()
        assert row is not None
        return row[0]


def answers(conninfo: str) -> bool:
    try:
        return ask(conninfo, "SELECT 1") == 1
    except psycopg.OperationalError:
        return False


def confirm(conninfo: str, number: int) -> None:
    with psycopg.connect(conninfo) as connection:
        connection.execute("CREATE TABLE IF NOT EXISTS public.confirmed (number integer)")
        connection.execute("INSERT INTO public.confirmed VALUES (%s)", [number])


def confirmed(conninfo: str) -> object:
    return ask(conninfo, "SELECT array_agg(number ORDER BY number) FROM public.confirmed")


# Made and kept


def test_a_new_cluster_is_safe_private_and_utf_8(postgres: Endpoints) -> None:
    settings = """
        SELECT string_agg(current_setting(name), ' ' ORDER BY number) FROM unnest(%s::text[])
        WITH ORDINALITY AS names (name, number)"""
    names = ["data_checksums", "fsync", "full_page_writes", "synchronous_commit", "jit"]
    with psycopg.connect(postgres.superuser) as connection:
        assert connection.execute(settings, [names]).fetchone() == ("on on on on off",)
        assert connection.execute("SHOW listen_addresses").fetchone() == ("",)
        assert connection.execute("SHOW server_encoding").fetchone() == ("UTF8",)
        assert connection.execute("SELECT lower('ÄΩ')").fetchone() == ("äω",)
        memory = connection.execute(
            "SELECT setting::bigint * 8192 FROM pg_settings WHERE name = 'shared_buffers'"
        ).fetchone()
    assert memory is not None
    assert 128 << 20 <= memory[0] <= 1 << 30
    assert postgres.data_directory.stat().st_mode & 0o777 == 0o700
    assert "password" not in repr(postgres)


def test_nobody_connects_without_a_password(postgres: Endpoints) -> None:
    for conninfo in (postgres.owner, postgres.service, postgres.superuser):
        with pytest.raises(psycopg.OperationalError, match="password"):
            psycopg.connect(make_conninfo(conninfo, password="wrong"))
    passwords = postgres.data_directory.with_name("postgres.passwords.json")
    assert passwords.stat().st_mode & 0o777 == 0o600


def test_only_our_own_passwords_are_hashed_quickly(postgres: Endpoints) -> None:
    with psycopg.connect(postgres.superuser) as connection:
        ours = "SELECT DISTINCT split_part(rolpassword, ':', 1) FROM pg_authid WHERE rolcanlogin"
        assert connection.execute(ours).fetchall() == [("SCRAM-SHA-256$1",)]
        assert connection.execute("SHOW scram_iterations").fetchone() == ("4096",)


def test_the_service_role_changes_no_schema(database: Database) -> None:
    with psycopg.connect(database.owner) as owner:
        owner.execute("CREATE SCHEMA acme CREATE TABLE entries (position bigint)")
    for change in (
        "CREATE SCHEMA mine",
        "CREATE TABLE public.mine ()",
        "CREATE TEMPORARY TABLE mine ()",
        "DROP TABLE acme.entries",
        "CREATE DATABASE mine",
        "CREATE ROLE mine",
    ):
        with (
            psycopg.connect(database.service, autocommit=True) as service,
            pytest.raises(psycopg.errors.InsufficientPrivilege),
        ):
            service.execute(change)


def test_the_service_sees_the_age_of_everybodys_snapshots(database: Database) -> None:
    with psycopg.connect(database.owner) as reader:
        reader.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ")
        reader.execute("SELECT 1")
        oldest = (
            "SELECT count(*) FROM pg_stat_activity"
            f" WHERE backend_xmin IS NOT NULL AND pid = {reader.info.backend_pid}"
        )
        assert ask(database.service, oldest) == 1


def test_neither_role_is_more_than_it_needs(postgres: Endpoints) -> None:
    question = """
        SELECT array_agg(rolname::text ORDER BY rolname) FROM pg_roles
        WHERE rolname LIKE 'backoffice%' AND NOT (rolsuper OR rolcreaterole OR rolcreatedb
            OR rolreplication OR rolbypassrls)"""
    assert ask(postgres.superuser, question) == ["backoffice_owner", "backoffice_service"]


def test_a_restart_keeps_the_data(server: EmbeddedPostgres, tmp_path: Path) -> None:
    endpoints = server.start()
    confirm(endpoints.superuser, 1)
    assert server.start() == endpoints
    server.stop()
    assert is_gone(tmp_path)
    assert not answers(endpoints.superuser)
    server.stop()

    again = EmbeddedPostgres(data_dir=tmp_path)
    with again:
        assert confirmed(again.start().superuser) == [1]
    assert is_gone(tmp_path)


def test_a_socket_path_beyond_the_systems_limit(tmp_path: Path) -> None:
    data_dir = tmp_path / ("deep" * 20) / ("deeper" * 20)
    server = EmbeddedPostgres(data_dir=data_dir)
    endpoints = server.start()
    link = Path(str(conninfo_to_dict(endpoints.superuser)["host"]))
    try:
        assert len(str(data_dir)) > 107
        assert len(str(link)) < 60
        assert answers(endpoints.superuser)
        assert server.start() == endpoints
    finally:
        server.stop()
        link.unlink()
        link.parent.rmdir()


def test_a_link_that_is_not_ours_is_not_followed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(embedded, "LINKS", tmp_path)
    directory = tmp_path / ("deep" * 20) / ("deeper" * 20)
    link = embedded._short_name(directory)
    assert link.readlink() == directory
    link.parent.chmod(0o777)
    with pytest.raises(EmbeddedPostgresError, match="not ours"):
        embedded._short_name(directory)


def test_a_half_made_cluster_is_made_anew(tmp_path: Path) -> None:
    half = tmp_path / "postgres.new"
    half.mkdir()
    (half / "PG_VERSION").write_text("18\n")
    with EmbeddedPostgres(data_dir=tmp_path) as server:
        assert answers(server.start().superuser)
    assert not half.exists()


def test_why_it_does_not_start_is_told(server: EmbeddedPostgres, tmp_path: Path) -> None:
    endpoints = server.start()
    server.stop()
    for name, spoiled, told in (
        ("postgres/PG_VERSION", "17\n", "made by PostgreSQL 17"),
        ("postgres/postgresql.conf", "jit = 7\n", 'parameter "jit"'),
        ("postgres.passwords.json", None, r"postgres\.passwords\.json is missing"),
    ):
        path = tmp_path / name
        good = path.read_text()
        path.unlink() if spoiled is None else path.write_text(spoiled)
        with pytest.raises(EmbeddedPostgresError, match=told):
            server.start()
        path.write_text(good)
    assert server.start() == endpoints


def test_a_data_directory_that_cannot_be_made_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(EmbeddedPostgresError, match=r"cannot run in .*file"):
        EmbeddedPostgres(data_dir=tmp_path / "file" / "data").start()


# Killed


def test_a_killed_server_is_recovered_again_and_again(
    server: EmbeddedPostgres, tmp_path: Path
) -> None:
    endpoints = server.start()
    for number in (1, 2, 3):
        confirm(endpoints.superuser, number)
        os.kill(postmaster(tmp_path), signal.SIGKILL)
        assert server.start() == endpoints
        assert confirmed(endpoints.superuser) == list(range(1, number + 1))


def test_a_watched_server_comes_back_by_itself(server: EmbeddedPostgres, tmp_path: Path) -> None:
    endpoints = server.start()
    server.watch()
    for number in (1, 2):
        confirm(endpoints.superuser, number)
        killed = postmaster(tmp_path)
        os.kill(killed, signal.SIGKILL)
        wait_until(lambda: answers(endpoints.superuser), "an answer")
        assert postmaster(tmp_path) != killed
        assert confirmed(endpoints.superuser) == list(range(1, number + 1))


def test_a_stopped_server_is_not_brought_back(server: EmbeddedPostgres, tmp_path: Path) -> None:
    server.start()
    server.watch()
    os.kill(postmaster(tmp_path), signal.SIGKILL)
    server.stop()
    assert is_gone(tmp_path)


def test_an_orphan_that_never_ends_is_killed(
    server: EmbeddedPostgres, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(embedded, "ORPHANS_SECONDS", 0.2)
    endpoints = server.start()
    with psycopg.connect(endpoints.superuser) as connection:
        os.kill(connection.info.backend_pid, signal.SIGSTOP)
        os.kill(postmaster(tmp_path), signal.SIGKILL)
        server.start()
        with pytest.raises(psycopg.OperationalError):
            connection.execute("SELECT 1")
    assert answers(endpoints.superuser)


def test_a_living_server_has_no_orphans(server: EmbeddedPostgres, tmp_path: Path) -> None:
    endpoints = server.start()
    with psycopg.connect(endpoints.superuser) as connection:
        kill_orphans(tmp_path / "postgres")
        assert connection.execute("SELECT 1").fetchone() == (1,)


def test_a_pid_file_that_names_another_program_fools_nobody(
    server: EmbeddedPostgres, tmp_path: Path
) -> None:
    endpoints = server.start()
    confirm(endpoints.superuser, 1)
    cluster = tmp_path / "postgres"
    pid_file = cluster / "postmaster.pid"
    stale = pid_file.read_text()
    os.kill(postmaster(tmp_path), signal.SIGKILL)
    wait_until(lambda: is_gone(tmp_path), "its end")

    # The number now belongs to a program of the same account, which PostgreSQL must fear.
    account = find_account(cluster=cluster)
    another = subprocess.Popen(
        ["/bin/sleep", str(PATIENCE_SECONDS)],
        cwd="/",
        user=None if account is None else account.uid,
        extra_groups=None if account is None else [],
    )
    try:
        pid_file.write_text(stale.replace(stale.split()[0], str(another.pid), 1))
        assert not has_postmaster(cluster)
        assert confirmed(server.start().superuser) == [1]
        assert another.poll() is None
    finally:
        another.kill()
        another.wait()


def test_another_servers_answer_is_not_believed(postgres: Endpoints, tmp_path: Path) -> None:
    cluster = postgres.data_directory
    passwords = read_passwords(cluster.with_name("postgres.passwords.json"), cluster=cluster)
    mistaken = name_endpoints(cluster=tmp_path, socket=cluster, passwords=passwords)
    with pytest.raises(EmbeddedPostgresError, match="another directory"):
        is_running(mistaken)


# Refused


def test_a_server_that_may_lose_entries_is_refused(
    server: EmbeddedPostgres, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv(embedded.ALLOW_UNSAFE_VARIABLE, raising=False)
    endpoints = server.start()
    check_durability(endpoints.service)
    for setting in ("fsync", "full_page_writes", "synchronous_commit"):
        change_setting(endpoints, setting, "off")
        with pytest.raises(UnsafePostgresError, match=rf": {setting} is off.*ALTER SYSTEM"):
            check_durability(endpoints.service)
        with monkeypatch.context() as allowed:
            allowed.setenv(embedded.ALLOW_UNSAFE_VARIABLE, "1")
            check_durability(endpoints.service)
        change_setting(endpoints, setting, "on")
    check_durability(endpoints.service)


def change_setting(endpoints: Endpoints, setting: str, value: str) -> None:
    with psycopg.connect(endpoints.superuser, autocommit=True) as connection:
        connection.execute(f"ALTER SYSTEM SET {setting} = {value}")
        connection.execute("SELECT pg_reload_conf()")
    wait_until(lambda: ask(endpoints.superuser, f"SHOW {setting}") == value, setting)
