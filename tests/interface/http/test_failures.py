"""What clients are told when the service can't: a code, never a stack trace, and no lie."""

from concurrent.futures import ThreadPoolExecutor
from uuid import uuid4

import psycopg
import pytest
from psycopg import sql

from tests.conftest import Database
from tests.interface.http.world import World, assert_problem, body_of, entry
from tests.patience import wait_until

LEDGER = {"name": "L", "functional_asset": "USD", "timezone": "UTC"}


def as_superuser(database: Database, statement: str) -> None:
    # From another database: nobody may be let into this one any more.
    with psycopg.connect(database.superuser, dbname="postgres", autocommit=True) as connection:
        connection.execute(sql.SQL(statement).format(sql.Identifier(database.name)))


def end_sessions(database: Database) -> None:
    with psycopg.connect(database.superuser, dbname="postgres", autocommit=True) as connection:
        connection.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = %s",
            [database.name],
        )


def awaited(world: World, account: str) -> int:
    """Returns how many legs the account has, as soon as the service answers again."""
    path = f"{world.path}/accounts/{account}/balances"
    wait_until(lambda: world.clerk.get(path).status_code == 200, "an answer")
    return int(body_of(world.clerk.get(path))["items"][0]["lines"])


def test_a_database_that_only_reads(world: World, module_database: Database) -> None:
    a, b = world.account(), world.account()
    key = str(uuid4())
    as_superuser(module_database, "ALTER DATABASE {} SET default_transaction_read_only = on")
    end_sessions(module_database)
    try:
        assert awaited(world, a) == 0
        posted = world.clerk.post(f"{world.path}/entries", entry(a, b, "1.00"), key=key)
        assert_problem(posted, 503, "unavailable")
        made = world.operator.post("/v1/ledgers", {"id": "unmade", **LEDGER})
        assert_problem(made, 503, "unavailable")
    finally:
        as_superuser(module_database, "ALTER DATABASE {} RESET default_transaction_read_only")
        end_sessions(module_database)
    awaited(world, a)
    posted = world.clerk.post(f"{world.path}/entries", entry(a, b, "1.00"), key=key)
    assert (posted.status_code, "Idempotency-Replayed" in posted.headers) == (201, False)
    assert awaited(world, a) == 1
    made = world.operator.post("/v1/ledgers", {"id": "unmade", **LEDGER})
    assert made.status_code == 201


def test_a_database_that_is_gone(world: World, module_database: Database) -> None:
    a, b = world.account(), world.account()
    key = str(uuid4())
    as_superuser(module_database, "ALTER DATABASE {} ALLOW_CONNECTIONS false")
    end_sessions(module_database)
    try:
        with ThreadPoolExecutor() as threads:
            read = threads.submit(world.clerk.get, world.path)
            posted = threads.submit(
                world.clerk.post, f"{world.path}/entries", entry(a, b, "1.00"), key=key
            )
            ready = threads.submit(world.nobody.get, "/health/ready")
            metrics = threads.submit(world.nobody.get, "/metrics")
            live = threads.submit(world.nobody.get, "/health/live")
        for answer in (read, posted, ready):
            assert_problem(answer.result(), 503, "unavailable")
            assert answer.result().headers["Retry-After"] == "1"
        assert (metrics.result().status_code, live.result().status_code) == (200, 200)
    finally:
        as_superuser(module_database, "ALTER DATABASE {} ALLOW_CONNECTIONS true")
    awaited(world, a)
    assert (
        world.clerk.post(f"{world.path}/entries", entry(a, b, "1.00"), key=key).status_code == 201
    )
    assert awaited(world, a) == 1
    assert world.nobody.get("/health/ready").status_code == 200


def test_rows_that_the_service_did_not_write(
    world: World, module_database: Database, caplog: pytest.LogCaptureFixture
) -> None:
    account = world.account()
    with psycopg.connect(module_database.superuser, autocommit=True) as connection:
        connection.execute(
            "UPDATE ledger_main.accounts SET document = 'nonsense' WHERE code = %s", [account]
        )
    answer = world.clerk.get(f"{world.path}/accounts/{account}")
    problem = assert_problem(answer, 500, "internal")
    for secret in ("nonsense", "msgspec", "SELECT", "document"):
        assert secret not in answer.text
    assert answer.headers["X-Request-Id"] in problem["detail"]
    assert answer.headers["X-Request-Id"] in caplog.text
