"""The embedded PostgreSQL among processes: one starts it, the last stops it, the next adopts it."""

import os
import signal
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import psycopg
import pytest

from interface.embedded import EmbeddedPostgres
from interface.embedded_processes import locked_if_free
from tests.interface.embedded_holder import Holder
from tests.patience import wait_until

Hold = Callable[[], Holder]


@pytest.fixture
def hold_new(tmp_path: Path) -> Iterator[Hold]:
    """Starts other processes on the test's data directory; whatever remains is ended after it."""
    holders: list[Holder] = []

    def start() -> Holder:
        holders.append(Holder(tmp_path))
        return holders[-1]

    yield start
    for holder in holders:
        holder.end()
    with EmbeddedPostgres(data_dir=tmp_path):
        pass
    assert is_gone(tmp_path)


@pytest.fixture
def hold(hold_new: Hold, tmp_path: Path, made_before: Path) -> Hold:
    """The same, where there is a cluster already."""
    subprocess.run(["cp", "-a", f"{made_before}/.", str(tmp_path)], check=True)
    return hold_new


def is_gone(data_dir: Path) -> bool:
    with locked_if_free(data_dir / "postgres.server.lock") as lock:
        return lock is not None


def started_at(conninfo: str) -> object:
    with psycopg.connect(conninfo) as connection:
        row = connection.execute("SELECT pg_postmaster_start_time()").fetchone()
        assert row is not None
        return row[0]


MOMENTS = ("postgres.new", "postgres", "postgres/postmaster.pid")
"""What is there while it starts, one after the other: the first for the time of making it only."""


def wait_for(data_dir: Path, moment: str) -> None:
    """Returns at this moment, or later where it has passed unseen."""
    later = [data_dir / name for name in MOMENTS[MOMENTS.index(moment) :]]
    wait_until(lambda: any(path.exists() for path in later), moment)


def test_the_last_one_out_stops_it(hold: Hold, tmp_path: Path) -> None:
    first = hold()
    conninfo = first.wait_until_started()
    began = started_at(conninfo)
    second = hold()
    assert second.wait_until_started() == conninfo
    with EmbeddedPostgres(data_dir=tmp_path):
        assert started_at(conninfo) == began

    first.leave()
    assert started_at(conninfo) == began
    second.leave()
    assert is_gone(tmp_path)


def test_many_at_once_start_one(hold_new: Hold, tmp_path: Path) -> None:
    holders = [hold_new() for _ in range(4)]
    servers = {started_at(holder.wait_until_started()) for holder in holders}
    assert len(servers) == 1
    for holder in holders:
        holder.leave()
    assert is_gone(tmp_path)


def test_the_server_of_a_killed_process_is_adopted(hold: Hold, tmp_path: Path) -> None:
    owner = hold()
    conninfo = owner.wait_until_started()
    began = started_at(conninfo)
    assert owner.signal(signal.SIGKILL) == -signal.SIGKILL
    assert started_at(conninfo) == began

    adopter = EmbeddedPostgres(data_dir=tmp_path)
    assert adopter.start().superuser == conninfo
    assert started_at(conninfo) == began
    adopter.stop()
    assert is_gone(tmp_path)


def test_a_killed_process_does_not_hold_it(hold: Hold, tmp_path: Path) -> None:
    server = EmbeddedPostgres(data_dir=tmp_path)
    server.start()
    user = hold()
    user.wait_until_started()
    user.signal(signal.SIGKILL)
    server.stop()
    assert is_gone(tmp_path)


def test_all_killed_at_once_lose_nothing(hold: Hold, tmp_path: Path) -> None:
    owner = hold()
    conninfo = owner.wait_until_started()
    with psycopg.connect(conninfo) as connection:
        connection.execute("CREATE TABLE public.confirmed AS SELECT 7 AS number")
    server = int((tmp_path / "postgres" / "postmaster.pid").read_text().split()[0])
    os.kill(server, signal.SIGKILL)
    owner.signal(signal.SIGKILL)

    survivor = hold()
    with psycopg.connect(survivor.wait_until_started()) as connection:
        assert connection.execute("SELECT number FROM public.confirmed").fetchone() == (7,)
    survivor.leave()
    assert is_gone(tmp_path)


def test_a_terminated_process_takes_it_along(hold: Hold, tmp_path: Path) -> None:
    holder = hold()
    holder.wait_until_started()
    assert holder.signal(signal.SIGTERM) == 1
    assert is_gone(tmp_path)


@pytest.mark.parametrize(
    ("moment", "number"),
    [(MOMENTS[0], signal.SIGINT), (MOMENTS[1], signal.SIGTERM), (MOMENTS[2], signal.SIGINT)],
)
def test_a_process_interrupted_while_it_starts_leaves_nothing_running(
    hold_new: Hold, tmp_path: Path, moment: str, number: signal.Signals
) -> None:
    holder = hold_new()
    wait_for(tmp_path, moment)
    assert holder.signal(number) == 1
    assert is_gone(tmp_path)


@pytest.mark.parametrize("moment", MOMENTS)
def test_a_process_killed_while_it_starts_harms_nobody(
    hold_new: Hold, tmp_path: Path, moment: str
) -> None:
    holder = hold_new()
    wait_for(tmp_path, moment)
    holder.signal(signal.SIGKILL)
    survivor = hold_new()
    assert started_at(survivor.wait_until_started())
    survivor.leave()
    assert is_gone(tmp_path)
