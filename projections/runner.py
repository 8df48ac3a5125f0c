"""The runner: keeps the views of all ledgers up with their logs, as a worker's duty.

It hears of new events by NOTIFY, and looks at intervals too: a notice may be lost. A ledger that
is far behind gets a batch in turn with the others, so it never keeps them waiting.
"""

import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from time import monotonic, sleep
from typing import Any

import psycopg
import structlog
from psycopg import Connection
from psycopg.conninfo import conninfo_to_dict
from psycopg.sql import SQL, Identifier

from projections.batches import Batches, read_head
from projections.following import Follower
from projections.tracking import resume_view
from projections.views import Decode, View

LOOK_SECONDS = 0.5
"""A new ledger, and events whose notice was lost, wait so long at most."""

HEED_SECONDS = 0.1
"""A stop waits so long at most."""

SESSION_OPTIONS = (
    "-c lock_timeout=5s -c idle_in_transaction_session_timeout=60s -c statement_timeout=60s"
    " -c timezone=UTC -c jit=off"
    # What a crash of PostgreSQL takes is made again from the log, which is never ahead of disk.
    " -c synchronous_commit=off"
    # Look-ups of totals go by index, also before there are statistics.
    " -c enable_hashjoin=off -c enable_mergejoin=off -c enable_seqscan=off"
    " -c enable_bitmapscan=off"
)

SCHEMAS_A_STATEMENT = 200

POLL_SECONDS = 0.02

log = structlog.get_logger(__name__)


class Stopped(Exception):
    """A view can't process an event; `backoffice projections status` says what to do."""


class Runner:
    """Follows what `ledgers` names (id -> schema). `session` opens a session as the service's role,
    as `connect` does."""

    def __init__(
        self,
        *,
        session: Callable[[], Connection[Any]],
        ledgers: Callable[[], dict[str, str]],
        views: Sequence[View],
        decode: Decode,
    ) -> None:
        self._session = session
        self._ledgers = ledgers
        self._views = views
        self._decode = decode
        self._topics = sorted({topic for view in views for topic in view.topics})
        self._followers: dict[str, list[Follower]] = {}

    def run(self, stop: threading.Event) -> None:
        """Follows until `stop` is set. Raises psycopg.Error where the database goes away."""
        self._followers.clear()
        with (
            closing(self._session()) as working,
            closing(self._session()) as listening,
            Batches(self._topics, session=self._session) as batches,
        ):
            looked_at = -LOOK_SECONDS
            due: set[str] = set()
            while not stop.is_set():
                if monotonic() - looked_at >= LOOK_SECONDS:
                    self._take_up_new(working, listening, batches)
                    due = _behind(working, list(self._followers))
                    looked_at = monotonic()
                due = {schema for schema in due if self._advance(working, schema)}
                due |= set(self._heard(listening, wait=not due))

    def _take_up_new(
        self, working: Connection[Any], listening: Connection[Any], batches: Batches
    ) -> None:
        """Takes up ledgers that are new to this worker; what stopped there may try again."""
        for ledger, schema in self._ledgers().items():
            if schema in self._followers:
                continue
            listening.execute(SQL("LISTEN {}").format(Identifier(f"{schema}.events")))
            enter(working, schema)
            for view in self._views:
                resume_view(working, view.name)
            self._followers[schema] = [
                Follower(
                    ledger=ledger, schema=schema, view=view, decode=self._decode, batches=batches
                )
                for view in self._views
            ]

    def _advance(self, working: Connection[Any], schema: str) -> bool:
        """Takes each view of a ledger a batch forward; True where one is still behind."""
        enter(working, schema)
        is_behind = False
        head = read_head(working)
        for follower in self._followers[schema]:
            step = follower.step(working, head=head)
            is_behind |= step is not None and step.is_behind
        return is_behind

    def _heard(self, listening: Connection[Any], *, wait: bool) -> Iterator[str]:
        """Yields the schemas whose logs have grown, waiting for the first one if there is time."""
        for notice in listening.notifies(timeout=HEED_SECONDS if wait else 0, stop_after=1):
            yield notice.channel.removesuffix(".events")


def catch_up(
    connection: Connection[Any], followers: Sequence[Follower], *, wait_seconds: float = 60.0
) -> None:
    """Takes views to the head as of now, beside a worker or without one.

    Raises Stopped, TimeoutError where another worker that has a view does not come on.
    """
    head = read_head(connection)
    deadline = monotonic() + wait_seconds
    for follower in followers:
        while (shown := follower.shown(connection)).position < head:
            if shown.error is not None:
                raise Stopped(f"{follower.view} is stopped at {shown.position + 1}: {shown.error}")
            if follower.step(connection) is None:
                # Another worker is at it.
                if monotonic() > deadline:
                    raise TimeoutError(f"{follower.view} does not reach position {head}")
                sleep(POLL_SECONDS)


def _behind(connection: Connection[Any], schemas: Sequence[str]) -> set[str]:
    """Returns the schemas with a view that is behind, some hundred asked in one statement.

    A ledger in which nothing happens must cost next to nothing.
    """
    found: set[str] = set()
    for first in range(0, len(schemas), SCHEMAS_A_STATEMENT):
        asked = SQL(" UNION ALL ").join(
            SQL(
                "SELECT {1} WHERE EXISTS (SELECT FROM {0}.head AS h JOIN {0}.tracking AS t"
                " ON t.notification_id < h.position WHERE t.error IS NULL)"
            ).format(Identifier(schema), schema)
            for schema in schemas[first : first + SCHEMAS_A_STATEMENT]
        )
        found |= {schema for (schema,) in connection.execute(asked)}
    return found


def connect(conninfo: str) -> Connection[Any]:
    """Opens a session that follows logs, in autocommit. Raises psycopg.OperationalError."""
    old = conninfo_to_dict(conninfo).get("options") or ""
    return psycopg.connect(
        conninfo, autocommit=True, connect_timeout=15, options=f"{old} {SESSION_OPTIONS}".strip()
    )


def enter(connection: Connection[Any], schema: str) -> None:
    """Makes the names of tables mean those of one ledger."""
    connection.execute(SQL("SET search_path TO {}, pg_temp").format(Identifier(schema)))
