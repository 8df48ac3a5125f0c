"""What is sent is stored in order; what fails is told, and leaves a session that can go on."""

from collections.abc import Iterator
from contextlib import closing
from typing import Any

import psycopg
import pytest
from psycopg import Connection

from projections.runner import connect
from projections.sending import JOBS_MAX, Sending
from tests.application.office import Office

COPY = "COPY numbers (number) FROM STDIN"


@pytest.fixture
def connection(own_office: Office) -> Iterator[Connection[Any]]:
    with closing(connect(own_office.database.owner)) as connection:
        connection.execute("CREATE TEMPORARY TABLE numbers (number integer PRIMARY KEY)")
        yield connection


def numbers(connection: Connection[Any]) -> list[int]:
    rows = connection.execute("SELECT number FROM numbers ORDER BY number").fetchall()
    return [number for (number,) in rows]


def test_what_is_sent_is_stored_in_order(connection: Connection[Any]) -> None:
    seen = []
    with connection.transaction(), Sending(connection, COPY) as sending:
        for first in range(0, 4 * JOBS_MAX, 2):
            sending.send(b"%d\n%d\n" % (first, first + 1))
            sending.do(lambda connection: seen.append(len(numbers(connection))))
        assert len(numbers(sending.connection)) == 4 * JOBS_MAX
        sending.send(b"-1\n")
    assert seen == list(range(2, 4 * JOBS_MAX + 1, 2))
    assert numbers(connection) == [-1, *range(4 * JOBS_MAX)]


def test_what_fails_is_told_and_nothing_is_stored(connection: Connection[Any]) -> None:
    with pytest.raises(psycopg.errors.UniqueViolation):  # noqa: SIM117, PT012 -- the transaction ends within
        with connection.transaction(), Sending(connection, COPY) as sending:
            sending.send(b"1\n")
            sending.send(b"1\n")
    with pytest.raises(psycopg.errors.InvalidTextRepresentation):  # noqa: SIM117, PT012 -- as above
        with connection.transaction(), Sending(connection, COPY) as sending:
            sending.send(b"two\n")
            assert sending.connection is None, "it is told before"
    assert numbers(connection) == []


def test_rows_of_one_who_fails_are_forgotten(connection: Connection[Any]) -> None:
    with pytest.raises(KeyError):  # noqa: SIM117, PT012 -- as above
        with connection.transaction(), Sending(connection, COPY) as sending:
            sending.send(b"1\n")
            raise KeyError
    assert numbers(connection) == []
    with connection.transaction(), Sending(connection, COPY) as sending:
        sending.send(b"1\n")
    assert numbers(connection) == [1]
