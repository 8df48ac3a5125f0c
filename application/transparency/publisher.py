"""The publisher: brings each ledger's newest checkpoint to places outside, at intervals.

Where a checkpoint of the same size and another root lies there already, or one that is later than
the log, two logs were or would be signed under one name: the ledger stops, as for any other
contradiction. Any number of publishers may run.
"""

import threading
from collections.abc import Callable, Sequence
from pathlib import Path

import structlog
from psycopg import Connection
from psycopg.rows import DictRow

from application.store import schema_of
from application.transparency.push import Contradicted, Later, PushFailed, push
from application.transparency.sealer import connect, halt
from application.transparency.signed_log import NotSigned, SignedLog

log = structlog.get_logger(__name__)


class Publisher:
    """Pushes to all targets: directories (a folder for each ledger), files, addresses."""

    def __init__(
        self,
        *,
        conninfo: str,
        names: Callable[[], list[str]],
        targets: Sequence[str],
        interval_seconds: float,
    ) -> None:
        self._conninfo = conninfo
        self._names = names
        self._targets = targets
        self._interval_seconds = interval_seconds
        self._pushed: dict[tuple[str, str], str] = {}

    def run(self, stop: threading.Event) -> None:
        """Publishes until `stop` is set. Raises psycopg.Error where the database can't be used."""
        while not stop.is_set():
            with connect(self._conninfo) as connection:
                for ledger in self._names():
                    self.publish(connection, ledger)
            stop.wait(self._interval_seconds)

    def publish(self, connection: Connection[DictRow], ledger: str) -> None:
        """Pushes one ledger's checkpoint to every target that does not have it yet."""
        try:
            note = _signed(connection, ledger)
        except NotSigned:
            return
        for target in self._targets:
            if self._pushed.get((ledger, target)) != note:
                self._push(connection, ledger, target, note)

    def _push(self, connection: Connection[DictRow], ledger: str, target: str, note: str) -> None:
        place = target
        if Path(target).is_dir():
            folder = Path(target) / ledger
            folder.mkdir(exist_ok=True)
            place = str(folder)
        try:
            push(note, place)
        except Contradicted as found:
            halt(connection, ledger, str(found))
            log.error("log_contradicted", ledger=ledger, found=str(found))
        except Later as found:
            # What lies there was signed before: if it is later than what is signed now, it is lost.
            if int(_signed(connection, ledger).split("\n", 2)[1]) < found.size:
                halt(connection, ledger, str(found))
                log.error("log_lost_events", ledger=ledger, found=str(found))
        except PushFailed as error:
            log.warning("checkpoint_not_pushed", ledger=ledger, target=target, error=str(error))
        else:
            self._pushed[ledger, target] = note


def _signed(connection: Connection[DictRow], ledger: str) -> str:
    """Returns the last checkpoint. Raises NotSigned."""
    with connection.transaction():
        connection.execute("SELECT set_config('search_path', %s, true)", [schema_of(ledger)])
        return SignedLog(connection).checkpoint()
