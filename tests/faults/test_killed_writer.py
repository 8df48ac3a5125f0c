"""`kill -9` in the middle of a load: of a writer's process, and of PostgreSQL itself."""

import os
import signal
import subprocess
from collections.abc import Iterator
from contextlib import ExitStack
from functools import partial
from pathlib import Path

import pytest
from psycopg.conninfo import make_conninfo

from interface.embedded import EmbeddedPostgres
from tests.conftest import Database
from tests.faults.book import LEDGER, make_ledger, open_ledgers, other_process
from tests.faults.conftest import StartWriter
from tests.faults.evidence import check_sound
from tests.faults.load import Load, MortalWriter, check_groups
from tests.faults.proxy import Point, Proxy
from tests.patience import PATIENCE_SECONDS

POINTS = (Point.ROWS, Point.ROWS_SENT, Point.COMMIT_ASKED, Point.COMMIT_DONE)


def test_a_writer_that_is_killed_at_any_point(
    database: Database, proxy: Proxy, start_writer: StartWriter
) -> None:
    mortal = MortalWriter(lambda: start_writer(service=proxy.conninfo))
    other = start_writer()
    load = Load([mortal.submit, other.submit])
    with load.running():
        for point in POINTS:
            proxy.call_at(point, mortal.kill)
            assert mortal.is_dead.wait(PATIENCE_SECONDS)
            check_groups(check_sound(database.superuser, LEDGER))
            mortal.rise()
            load.wait_for_answers()
    assert load.retries["killed"] >= len(POINTS)
    load.check(database.superuser)


@pytest.fixture
def own_postgres(made_before: Path, tmp_path: Path) -> Iterator[Database]:
    """The database of a server that a test may kill; its supervisor starts it again."""
    subprocess.run(["cp", "-a", f"{made_before}/.", str(tmp_path)], check=True)
    with EmbeddedPostgres(data_dir=tmp_path) as server:
        endpoints = server.start()
        server.watch()
        yield Database(
            name="backoffice",
            owner=endpoints.owner,
            service=endpoints.service,
            superuser=make_conninfo(endpoints.superuser, dbname="backoffice"),
        )


def test_postgresql_that_is_killed(own_postgres: Database, tmp_path: Path) -> None:
    with ExitStack() as stack:
        ledgers = open_ledgers(own_postgres)
        stack.callback(ledgers.close)
        make_ledger(ledgers)
        proxy = Proxy(own_postgres.service)
        stack.callback(proxy.close)
        doors = [
            other_process(own_postgres, service=proxy.conninfo),
            other_process(own_postgres),
        ]
        for door in doors:
            stack.callback(door.kill)
        load = Load([door.submit for door in doors])
        with load.running():
            for point in (Point.ROWS_SENT, Point.COMMIT_DONE):
                killed = proxy.call_at(point, partial(kill_server, tmp_path))
                assert killed.wait(PATIENCE_SECONDS)
                load.wait_for_answers()
        assert load.retries
        load.check(own_postgres.superuser)


def kill_server(data_dir: Path) -> None:
    """Kills the server's first process; the others end as they notice."""
    pid = int((data_dir / "postgres" / "postmaster.pid").read_text().splitlines()[0])
    os.kill(pid, signal.SIGKILL)
