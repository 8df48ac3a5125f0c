"""The database sessions of writers: bounded waits, so that one that stops can't stop a ledger."""

from typing import Any

import psycopg
from psycopg import Connection
from psycopg.conninfo import conninfo_to_dict, make_conninfo

LOCK_TIMEOUT_SECONDS = 5

SESSION_OPTIONS = (
    f"-c lock_timeout={LOCK_TIMEOUT_SECONDS}s -c idle_in_transaction_session_timeout=5s "
    "-c statement_timeout=30s -c timezone=UTC -c default_transaction_isolation=read\\ committed "
    # A commit touches few rows of what may be many: by index, whatever statistics make of it.
    # (Measured: a hash join over 10,000 balances takes as long as the update of 1,800 of them.)
    "-c enable_hashjoin=off -c enable_mergejoin=off -c enable_seqscan=off -c jit=off"
)
"""A writer that stops while it holds the lock loses its session, and with it the lock."""

KEEPALIVES = {
    "keepalives": 1,
    "keepalives_idle": 5,
    "keepalives_interval": 2,
    "keepalives_count": 3,
    "tcp_user_timeout": 15_000,
    "connect_timeout": 5,
}


def connect_writer(conninfo: str) -> Connection[Any]:
    """Opens a writer's session, in autocommit. Raises psycopg.OperationalError."""
    settings: dict[str, Any] = {**KEEPALIVES}
    return psycopg.connect(with_options(conninfo, SESSION_OPTIONS), autocommit=True, **settings)


def end_stopped_writer(connection: Connection[Any], *, schema: str) -> None:
    """Ends the session that holds a ledger's head lock where its client has fallen silent.

    idle_in_transaction_session_timeout covers a client that stopped between statements, but not
    one that stopped within a COPY, a pipeline, or an answer: the server waits for it without any
    timeout. Leaves the connection with its login's own role, which such a session belongs to.
    """
    connection.execute("SET ROLE NONE")
    connection.execute(
        "SELECT pg_terminate_backend(a.pid) FROM pg_locks AS l"
        " JOIN pg_stat_activity AS a USING (pid)"
        " WHERE l.locktype = 'relation' AND l.mode = 'RowShareLock' AND l.granted"
        " AND l.relation = %s::regclass AND a.pid <> pg_backend_pid()"
        " AND a.usename = session_user AND a.state = 'active'"
        " AND a.wait_event IN ('ClientRead', 'ClientWrite')"
        " AND a.query_start < clock_timestamp() - %s * interval '1 second'",
        [f"{schema}.head", LOCK_TIMEOUT_SECONDS],
    )


def with_options(conninfo: str, options: str) -> str:
    """Returns the conninfo with further session options."""
    old = conninfo_to_dict(conninfo).get("options") or ""
    return make_conninfo(conninfo, options=f"{old} {options}".strip())
