"""The worker: the process that does the duties, beside the one that answers.

`serve` starts one as its child; `backoffice worker` is one that stands alone.
"""

import signal
import threading
from types import FrameType

from interface.bootstrap import Database, duties
from interface.collector import calm_collector
from interface.duties import work
from interface.logs import configure_logs
from interface.priority import lower_own
from interface.settings import Settings
from interface.supervision import end_at_once, end_with_supervisor


def run_worker(database: Database, settings: Settings) -> None:
    """Does the duties until SIGTERM, or the end of the process that spawned this one.

    Must run in the main thread. Requires that the database is migrated.
    """
    configure_logs(settings.log_level)
    stop = threading.Event()

    def end(_number: int, _frame: FrameType | None) -> None:
        stop.set()

    signal.signal(signal.SIGTERM, end)
    signal.signal(signal.SIGINT, end)
    end_with_supervisor()
    lower_own()
    ledgers = database.ledgers(on_writer_failure=end_at_once)
    ledgers.open()
    try:
        calm_collector()
        work(duties(database, ledgers), stop)
    finally:
        ledgers.close()
