"""Priority: what follows the log leaves the processors to what answers.

A worker that has much to catch up with would take a core of its own, and its session of PostgreSQL
another one; whoever posts waits behind them for slices of milliseconds. With a lower priority they
take what nobody else wants: where processors are idle, all of it.
"""

import os
from contextlib import suppress

from psycopg import Connection

NICENESS = 5
"""Against one that has the usual priority, a third of its share: enough to keep up with posts, and
for locks of PostgreSQL that a session may have never to be held for long."""


def lower_own() -> None:
    """Lowers this process, and the threads that it will have."""
    os.nice(NICENESS)


def lower_session(connection: Connection[object]) -> None:
    """Lowers the process that serves a session. Requires that it runs on this machine."""
    pid = connection.info.backend_pid
    # It has ended, or a sandbox forbids it: then it goes on as it was.
    with suppress(ProcessLookupError, PermissionError):
        os.setpriority(os.PRIO_PROCESS, pid, os.getpriority(os.PRIO_PROCESS, pid) + NICENESS)
