"""What the service's figures are compared with, on the same server and in the same run.

(a) The way ledgers on PostgreSQL are usually written: a PL/pgSQL function that locks the two
account rows in order, inserts two legs and updates two balances, a transaction for each transfer,
driven by pgbench (compiled, prepared statements) from 8 connections. It keeps no idempotency keys,
no holds and no audit record: less than the service does.

(b) The ceiling: the very rows of the service's log, copied (binary COPY) into a table without an
index, with one update of one balance for each batch, a transaction each, from one connection. What
is sent is prepared beforehand.
"""

import os
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import cycle
from pathlib import Path
from tempfile import TemporaryDirectory

import psycopg
from psycopg import sql
from psycopg.conninfo import conninfo_to_dict

from interface.bench.figures import BASELINE_A, BASELINE_B, Result
from interface.bench.generator import at_share

CONNECTIONS = 8
PGBENCH_THREADS = 2
TRIES = 8
ACCOUNTS = 10_000
ROWS_MAX = 100_000
"""Of the log, to be copied over and over."""
SCHEMA_A = "bench_baseline_a"
SCHEMA_B = "bench_baseline_b"
CONNECTION_VARIABLES = {
    "host": "PGHOST",
    "port": "PGPORT",
    "dbname": "PGDATABASE",
    "user": "PGUSER",
    "password": "PGPASSWORD",
    "sslmode": "PGSSLMODE",
    "sslrootcert": "PGSSLROOTCERT",
}

TRANSFER_SQL = """
CREATE TABLE account (
    id integer PRIMARY KEY,
    balance numeric(38) NOT NULL,
    floor numeric(38) NOT NULL DEFAULT 0
) WITH (fillfactor = 50);
CREATE TABLE leg (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    transfer uuid NOT NULL,
    account integer NOT NULL REFERENCES account,
    amount numeric(38) NOT NULL,
    balance numeric(38) NOT NULL,
    recorded_at timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX leg_account ON leg (account, id);
CREATE FUNCTION transfer(source integer, target integer, moved numeric) RETURNS uuid
LANGUAGE plpgsql AS $$
DECLARE
    transfer_id uuid := gen_random_uuid();
    source_balance numeric;
    target_balance numeric;
BEGIN
    -- In order: two transfers between the same accounts can't wait for each other.
    PERFORM FROM account WHERE id IN (source, target) ORDER BY id FOR UPDATE;
    UPDATE account SET balance = balance - moved WHERE id = source AND balance - moved >= floor
        RETURNING balance INTO source_balance;
    IF NOT FOUND THEN
        RAISE EXCEPTION 'insufficient funds';
    END IF;
    UPDATE account SET balance = balance + moved WHERE id = target
        RETURNING balance INTO target_balance;
    INSERT INTO leg (transfer, account, amount, balance)
        VALUES (transfer_id, source, -moved, source_balance),
               (transfer_id, target, moved, target_balance);
    RETURN transfer_id;
END $$;
"""
FUND_SQL = "INSERT INTO account SELECT id, 1000000000 FROM generate_series(1, %s) AS id"
TRANSFER_SCRIPT = f"""
\\set source random(1, {ACCOUNTS})
\\set target 1 + (:source + random(0, {ACCOUNTS - 2})) % {ACCOUNTS}
\\set moved random(1, 1000)
SELECT transfer(:source, :target, :moved);
"""


class BaselineFailed(Exception):
    """A baseline could not be measured; the argument is what PostgreSQL's program said."""


def transfers(conninfo: str, *, pgbench: Path, seconds: float) -> Result:
    """Measures baseline (a): transfers a second, and how long one takes.

    Raises BaselineFailed.
    """
    # pgbench takes whole seconds.
    whole_seconds = max(1, round(seconds))
    with own_schema(conninfo, SCHEMA_A) as connection:
        connection.execute(TRANSFER_SQL)
        connection.execute(FUND_SQL, [ACCOUNTS])
        connection.execute("ANALYZE account")
        took: list[float] = []
        for _ in range(TRIES):
            with TemporaryDirectory(prefix="bench-") as directory:
                took = pgbench_latencies_ms(
                    conninfo, Path(directory), pgbench=pgbench, seconds=whole_seconds
                )
            if took:
                break
            # On a busy machine none may have ended in time, which would say nothing of the rate.
            whole_seconds *= 2
        row = connection.execute("SELECT count(*) / 2, sum(amount) FROM leg").fetchone()
    assert row is not None
    stored, net = row
    if stored != len(took) or net != 0:
        raise BaselineFailed(f"{len(took)} transfers told, {stored} stored, netting to {net}")
    return Result(
        name=BASELINE_A,
        rate=len(took) / whole_seconds,
        p50_ms=at_share(took, 0.5),
        p99_ms=at_share(took, 0.99),
        seconds=whole_seconds,
        transfers=len(took),
        connections=CONNECTIONS,
    )


def pgbench_latencies_ms(
    conninfo: str, directory: Path, *, pgbench: Path, seconds: int
) -> list[float]:
    """Runs the script from all connections and returns each transaction's time, sorted."""
    script = directory / "transfer.sql"
    script.write_text(TRANSFER_SCRIPT)
    arguments = ["--no-vacuum", "--protocol=prepared", f"--client={CONNECTIONS}"]
    arguments += [f"--jobs={PGBENCH_THREADS}", f"--time={seconds}", f"--file={script}"]
    arguments += ["--log", f"--log-prefix={directory / 'log'}"]
    done = subprocess.run(
        [str(pgbench), *arguments],
        env=os.environ
        | connection_environment(conninfo)
        | {"PGOPTIONS": f"-c search_path={SCHEMA_A}"},
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode != 0:
        raise BaselineFailed(done.stderr[-1000:])
    # client, transaction, microseconds, script, moment: a line a transaction.
    return sorted(
        int(line.split()[2]) / 1000
        for path in directory.glob("log.*")
        for line in path.read_text().splitlines()
    )


def connection_environment(conninfo: str) -> dict[str, str]:
    """Returns a connection string as the variables that PostgreSQL's programs read.

    (A password among the arguments would show in the list of processes.)
    """
    parts = conninfo_to_dict(conninfo)
    return {
        variable: str(parts[name])
        for name, variable in CONNECTION_VARIABLES.items()
        if parts.get(name)
    }


def copied_rows(
    conninfo: str, *, log: str, rows_a_batch: int, seconds: float, name: str = BASELINE_B
) -> Result:
    """Measures baseline (b): rows a second, and how long a batch of them takes.

    The rows are those of the log in the schema `log`. Raises BaselineFailed if it has fewer than a
    batch.
    """
    with psycopg.connect(conninfo) as connection:
        blocks = list(row_blocks(connection, log=log, rows_a_block=rows_a_batch))
    if not blocks:
        raise BaselineFailed(f"fewer than {rows_a_batch} rows to copy")
    with own_schema(conninfo, SCHEMA_B) as connection:
        source = sql.Identifier(log, "events")
        connection.execute(
            sql.SQL("CREATE TABLE events (LIKE {} INCLUDING STORAGE)").format(source)
        )
        connection.execute("CREATE TABLE balance (id integer PRIMARY KEY, amount numeric(38))")
        connection.execute("INSERT INTO balance VALUES (1, 0)")
        took: list[float] = []
        until = time.perf_counter() + seconds
        for block in cycle(blocks):
            began = time.perf_counter()
            if took and began >= until:
                break
            with connection.transaction():
                with connection.cursor().copy("COPY events FROM STDIN (FORMAT binary)") as copy:
                    copy.write(block)
                connection.execute("UPDATE balance SET amount = amount + 1 WHERE id = 1")
            took.append(time.perf_counter() - began)
        row = connection.execute("SELECT count(*) FROM events").fetchone()
    assert row is not None
    assert row[0] == len(took) * rows_a_batch
    return Result(
        name=name,
        rate=row[0] / sum(took),
        p50_ms=1000 * at_share(sorted(took), 0.5),
        p99_ms=1000 * at_share(sorted(took), 0.99),
        seconds=sum(took),
        transfers=row[0],
        rows_a_commit=rows_a_batch,
        connections=1,
    )


def row_blocks(
    connection: psycopg.Connection[tuple[object, ...]], *, log: str, rows_a_block: int
) -> Iterator[bytes]:
    """Yields the log's last rows in blocks of binary COPY, from the earliest of them on."""
    head = sql.SQL("SELECT position FROM {}").format(sql.Identifier(log, "head"))
    row = connection.execute(head).fetchone()
    assert row is not None
    last = int(str(row[0]))
    rows = min(last, ROWS_MAX) // rows_a_block * rows_a_block
    query = sql.SQL(
        "COPY (SELECT * FROM {} WHERE notification_id > {} AND notification_id <= {})"
        " TO STDOUT (FORMAT binary)"
    )
    for after in range(last - rows, last, rows_a_block):
        bounds = sql.Literal(after), sql.Literal(after + rows_a_block)
        with connection.cursor().copy(query.format(sql.Identifier(log, "events"), *bounds)) as copy:
            yield b"".join(bytes(piece) for piece in copy)


@contextmanager
def own_schema(conninfo: str, name: str) -> Iterator[psycopg.Connection[tuple[object, ...]]]:
    """Yields a connection, in autocommit mode, to a new schema, which is gone afterwards."""
    schema = sql.Identifier(name)
    with psycopg.connect(conninfo, autocommit=True) as connection:
        connection.execute(sql.SQL("DROP SCHEMA IF EXISTS {} CASCADE").format(schema))
        connection.execute(sql.SQL("CREATE SCHEMA {}").format(schema))
        try:
            connection.execute(sql.SQL("SET search_path = {}").format(schema))
            yield connection
        finally:
            connection.execute(sql.SQL("DROP SCHEMA {} CASCADE").format(schema))
