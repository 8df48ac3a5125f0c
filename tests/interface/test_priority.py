"""Priority: a worker and its sessions stand behind those who answer."""

import os
import subprocess
import sys
from contextlib import closing

from interface.priority import NICENESS, lower_session
from projections.runner import connect
from tests.conftest import Database

LOWEST = 19


def test_a_session_of_the_worker_is_lowered_where_that_is_allowed(database: Database) -> None:
    with closing(connect(database.owner)) as connection:
        pid = connection.info.backend_pid
        before = os.getpriority(os.PRIO_PROCESS, pid)
        expected = min(LOWEST, before + NICENESS) if may_change(pid) else before
        lower_session(connection)
        assert os.getpriority(os.PRIO_PROCESS, pid) == expected
        assert connection.execute("SELECT 1").fetchone() == (1,)


def test_a_worker_is_lowered() -> None:
    code = "import os; from interface.priority import lower_own; lower_own(); print(os.nice(0))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert int(done.stdout) == min(LOWEST, os.nice(0) + NICENESS)


def may_change(pid: int) -> bool:
    """Whether this process may: another user's, in a container, perhaps not."""
    try:
        os.setpriority(os.PRIO_PROCESS, pid, os.getpriority(os.PRIO_PROCESS, pid))
    except PermissionError:
        return False
    return True
