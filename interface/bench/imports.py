"""Imports: a file of commands through `backoffice import`, in a process of its own.

Its rate includes the start of the process and the reading of the file: it is what a user waits for.
"""

import os
import resource
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Protocol

from interface.bench.figures import Result
from interface.bench.load import Progress
from interface.bench.rig import TAIL, Rig, RigFailed
from interface.bench.scenario import Told, missing, used
from interface.bench.workloads import Workload

ROWS_A_COMMIT = 2_000
"""The commit size that the import is to be compared with."""
POLL_SECONDS = 0.25
MAXRSS_A_MIB = 1 << 20 if sys.platform == "darwin" else 1 << 10
"""macOS counts in bytes, Linux in KiB."""


class Write(Protocol):
    """Writes a file of commands: a workload's `write_import` or `write_history`."""

    def __call__(self, path: Path, /, *, name: str, lines: int) -> None: ...


def imported(
    workload: Workload,
    *,
    name: str,
    lines: int,
    rig: Rig,
    told: Told,
    write: Write | None = None,
) -> Result:
    """Imports a new file of that many transfers, of the workload's usual ones without `write`.

    Raises RigFailed if the import does.
    """
    path = rig.directory / f"{name}.ndjson"
    with written(write or workload.write_import, path, name=name, lines=lines):
        wal_bytes, position = rig.wal_bytes(), rig.position(workload.ledger)
        postgres_before = rig.postgres.cpu_seconds() if rig.postgres else None
        began = time.perf_counter()
        usage = run(path, workload.ledger, rig=rig, lines=lines, told=told)
        seconds = time.perf_counter() - began
        postgres_after = rig.postgres.cpu_seconds() if rig.postgres else None
        events = rig.position(workload.ledger) - position
        return Result(
            name=name,
            rate=round(events / seconds, 1),
            seconds=round(seconds, 2),
            transfers=events,
            rows_a_commit=ROWS_A_COMMIT,
            wal_bytes_per_transfer=round((rig.wal_bytes() - wal_bytes) / lines),
            events_per_transfer=round(events / lines, 2),
            service_peak_mib=round(usage.ru_maxrss / MAXRSS_A_MIB, 1),
            service_cpu_share=round((usage.ru_utime + usage.ru_stime) / seconds, 3),
            postgres_cpu_share=used(postgres_before, postgres_after, wall_seconds=seconds),
            notes=missing(events=events, sent=lines),
        )


@contextmanager
def written(write: Write, path: Path, *, name: str, lines: int) -> Iterator[None]:
    """Has a file of commands there until the block ends."""
    try:
        write(path, name=name, lines=lines)
        yield
    finally:
        path.unlink(missing_ok=True)


def run(path: Path, ledger: str, *, rig: Rig, lines: int, told: Told) -> resource.struct_rusage:
    """Runs the import and returns what its process used. Raises RigFailed."""
    log = path.with_suffix(".log")
    arguments = rig.command_line("import", str(path), "--ledger", ledger)
    before = rig.position(ledger)
    with log.open("wb") as file:
        process = subprocess.Popen(
            arguments, env=rig.environment(), stdout=file, stderr=subprocess.STDOUT
        )
    ended, status, usage = os.wait4(process.pid, os.WNOHANG)
    while not ended:
        time.sleep(POLL_SECONDS)
        done = rig.position(ledger) - before
        told(Progress(share=done / lines, transfers=done))
        ended, status, usage = os.wait4(process.pid, os.WNOHANG)
    # Only this way says what the process used; Popen must not wait for it any more.
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode != 0:
        raise RigFailed(f"backoffice import: {log.read_text()[-TAIL:]}")
    return usage
