"""Database sessions: the role that the service takes on in them, and those of writers, whose waits
are bounded, so that one that stops can't stop a ledger."""

import re
from collections.abc import Sequence
from functools import cache
from itertools import count
from time import monotonic
from typing import Any

import psycopg
from psycopg import Connection, abc, pq
from psycopg.adapt import Dumper, PyFormat, Transformer
from psycopg.conninfo import conninfo_to_dict, make_conninfo
from psycopg.errors import error_from_result

from application.migrate import SERVICE_ROLE

LOCK_TIMEOUT_SECONDS = 5

SILENCE_SECONDS = 1.0
"""So long a writer that decides leaves its session alone: less than what ends it, by far."""

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


MAX_PREPARED = 200
"""Statements of one session; there are far fewer."""


class Packed(bytes):
    """A parameter as PostgreSQL's binary format has it; its type is what the statement casts to."""


class _PackedDumper(Dumper):
    format = pq.Format.BINARY

    def dump(self, obj: Packed) -> Packed:
        return obj


psycopg.adapters.register_dumper(Packed, _PackedDumper)


class WriterConnection(Connection[Any]):
    """A session in which a statement takes one blocking call of libpq.

    psycopg waits for the server in the interpreter, a dozen times a commit. Each time the thread
    gives the interpreter's lock away, and has it back only behind the threads that work on
    requests: a commit of 32 single posts took 17 ms of waiting for that alone. A blocking call
    gives the lock away once.

    Nothing may be rolled back by `execute`: psycopg then deallocates all that was prepared.
    """

    def __init__(self, pgconn: pq.abc.PGconn, *arguments: Any) -> None:
        super().__init__(pgconn, *arguments)
        self._names: dict[tuple[bytes, tuple[int, ...]], bytes] = {}
        self._silent_until = 0.0

    def ask(self, query: bytes, params: Sequence[object] = ()) -> list[tuple[Any, ...]]:
        """Executes a statement, prepared the first time, and returns its rows.

        Its placeholders are `%s`. Raises psycopg.Error.
        """
        tx = Transformer(self)
        values = tx.dump_sequence(params, [PyFormat.AUTO] * len(params))
        name = self._name(query, tx.types or ())
        # (Its types know no NULL among the values, which libpq does.)
        result = self.pgconn.exec_prepared(name, values, tx.formats)  # type: ignore[arg-type]
        return self._rows(tx, result)

    def ask_plainly(self, query: bytes) -> list[tuple[Any, ...]]:
        """Executes statements without parameters, returns the rows of the last.

        Raises psycopg.Error.
        """
        return self._rows(Transformer(self), self.pgconn.exec_(query))

    def begin(self, *, lock: bytes, query: bytes, params: Sequence[str]) -> list[tuple[Any, ...]]:
        """Begins a transaction, executes `lock`, then the query as `ask` does, in one call.

        Each is a statement of its own: what was committed while the lock was waited for, the query
        sees. Raises psycopg.Error.
        """
        tx = Transformer(self)
        name = self._name(query, ())
        values = b", ".join(bytes(tx.as_literal(param)) for param in params)
        self._silent_until = monotonic() + SILENCE_SECONDS
        together = b"BEGIN; %b; EXECUTE %b (%b)" % (lock, name, values)
        return self._rows(tx, self.pgconn.exec_(together))

    def keep_alive(self) -> None:
        """Says a word to the server, now and then, within a transaction.

        A writer that has stopped loses its session, not one that decides for long: 2,000 entries
        of 100 legs take two seconds of a processor, which has others to serve. Raises
        psycopg.Error.
        """
        now = monotonic()
        if now >= self._silent_until:
            self._silent_until = now + SILENCE_SECONDS
            self.ask_plainly(b"SELECT 1")

    def _name(self, query: bytes, types: tuple[int, ...]) -> bytes:
        name = self._names.get((query, types))
        if name is None:
            is_kept = len(self._names) < MAX_PREPARED
            name = b"w%d" % len(self._names) if is_kept else b""
            self._check(self.pgconn.prepare(name, _numbered(query), types))
            if is_kept:
                self._names[query, types] = name
        return name

    def _rows(self, tx: abc.Transformer, result: pq.abc.PGresult) -> list[tuple[Any, ...]]:
        self._check(result)
        if not result.ntuples:
            return []
        tx.set_pgresult(result)
        return tx.load_rows(0, result.ntuples, tuple)

    def _check(self, result: pq.abc.PGresult) -> None:
        if result.status in (pq.ExecStatus.COMMAND_OK, pq.ExecStatus.TUPLES_OK):
            return
        if self.pgconn.status == pq.ConnStatus.BAD:
            raise psycopg.OperationalError(self.pgconn.get_error_message())
        raise error_from_result(result)


@cache
def _numbered(query: bytes) -> bytes:
    """The query as the protocol has it: `$1` for the first `%s`, and so on."""
    numbers = count(1)
    return re.sub(rb"%[s%]", lambda at: b"%" if at[0] == b"%%" else b"$%d" % next(numbers), query)


def connect_writer(conninfo: str) -> WriterConnection:
    """Opens a writer's session, in autocommit. Raises psycopg.OperationalError."""
    settings: dict[str, Any] = {**KEEPALIVES}
    return WriterConnection.connect(
        with_options(conninfo, SESSION_OPTIONS), autocommit=True, **settings
    )


def end_stopped_writer(connection: Connection[Any], *, schema: str) -> None:
    """Ends the session that holds a ledger's head lock where its client has fallen silent.

    idle_in_transaction_session_timeout covers a client that stopped between statements, but not
    one that stopped within a message or an answer: the server waits for it without any
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


def acting_as_service(conninfo: str) -> str:
    """Returns the conninfo with the service's role taken on, where the login is another."""
    if login_of(conninfo) == SERVICE_ROLE:
        return conninfo
    return with_options(conninfo, f"-c role={SERVICE_ROLE}")


def login_of(conninfo: str) -> str | None:
    """Returns the user that the conninfo names."""
    user = conninfo_to_dict(conninfo).get("user")
    return None if user is None else str(user)
