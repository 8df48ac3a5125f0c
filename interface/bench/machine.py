"""The machine under the figures: its processors, its disk's fsync, and what processes take of it.

What is read from /proc is None on systems that have none.
"""

import os
import platform
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import msgspec

from interface.bench.generator import at_share

PROC = Path("/proc")
FSYNC_SECONDS = 1.0
FSYNC_BYTES = 8192
"""A page of WAL."""
FSYNC_FILE_PAGES = 512
MEBIBYTE = 1 << 20
CLOCK_TICKS = os.sysconf("SC_CLK_TCK")
GENERATIONS_MAX = 8


class Fsync(msgspec.Struct, frozen=True):
    """How long the disk takes to make a page of WAL durable, in milliseconds."""

    p50_ms: float
    p99_ms: float
    a_second: float


class Machine(msgspec.Struct, frozen=True):
    system: str
    processor: str
    cores: int
    memory_mib: int
    python: str
    fsync: Fsync


def this_machine(directory: Path) -> Machine:
    """Returns the facts; the fsync is that of the disk below the directory."""
    memory_bytes = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    return Machine(
        system=f"{platform.system()} {platform.release()}",
        processor=processor_name(),
        cores=len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else cores(),
        memory_mib=memory_bytes // MEBIBYTE,
        python=platform.python_version(),
        fsync=measured_fsync(directory),
    )


def cores() -> int:
    """Returns the number of cores that the system has."""
    return os.cpu_count() or 1


def processor_name() -> str:
    """Returns the processor's model as the system names it."""
    cpuinfo = PROC / "cpuinfo"
    if cpuinfo.exists():
        for line in cpuinfo.read_text().splitlines():
            name, _, value = line.partition(":")
            if name.strip() == "model name":
                return value.strip()
    return platform.processor() or platform.machine()


def measured_fsync(directory: Path) -> Fsync:
    """Overwrites pages of a file as PostgreSQL does its WAL, with fdatasync, for a second."""
    path = directory / "fsync.measured"
    page = os.urandom(FSYNC_BYTES)
    sync = getattr(os, "fdatasync", os.fsync)
    handle = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
    times: list[float] = []
    try:
        os.write(handle, page * FSYNC_FILE_PAGES)
        os.fsync(handle)
        until = time.perf_counter() + FSYNC_SECONDS
        while (began := time.perf_counter()) < until:
            os.pwrite(handle, page, len(times) % FSYNC_FILE_PAGES * FSYNC_BYTES)
            sync(handle)
            times.append(time.perf_counter() - began)
    finally:
        os.close(handle)
        path.unlink()
    times.sort()
    return Fsync(
        p50_ms=round(1000 * at_share(times, 0.5), 3),
        p99_ms=round(1000 * at_share(times, 0.99), 3),
        a_second=round(len(times) / sum(times)),
    )


class Processes:
    """A process and its descendants, as /proc shows them; those named `without` are left out."""

    def __init__(self, pid: int, *, without: str = "") -> None:
        self._pid = pid
        self._without = without

    def cpu_seconds(self) -> float | None:
        """Returns user and system time of the living, and of the dead that the first waited for."""
        ticks = 0
        for pid in self._pids():
            # The name, in brackets, may hold anything: fields count from behind it.
            fields = read(PROC / str(pid) / "stat").rpartition(")")[2].split()
            times = [int(field) for field in fields[11:15]]
            ticks += sum(times if pid == self._pid else times[:2])
        return ticks / CLOCK_TICKS if PROC.exists() else None

    def reset_peak(self) -> None:
        """Lets the peak of memory begin anew from what is used now."""
        for pid in self._pids():
            with suppress(OSError):
                (PROC / str(pid) / "clear_refs").write_text("5")

    def peak_mib(self) -> float | None:
        """Returns the sum of each one's peak of resident memory (VmHWM) since `reset_peak`."""
        kibibytes = 0
        for pid in self._pids():
            for line in read(PROC / str(pid) / "status").splitlines():
                if line.startswith("VmHWM:"):
                    kibibytes += int(line.split()[1])
        return round(kibibytes / 1024, 1) if PROC.exists() else None

    def _pids(self) -> Iterator[int]:
        generation = [self._pid]
        for _ in range(GENERATIONS_MAX):
            for pid in generation:
                name = read(PROC / str(pid) / "comm").strip()
                if name and name != self._without:
                    yield pid
            generation = [child for pid in generation for child in children(pid)]


def busy_seconds() -> float | None:
    """Returns the CPU time that everything on the machine has used together."""
    fields = read(PROC / "stat").partition("\n")[0].split()
    if not fields:
        return None
    # user, nice, system; then idle and the waiting for disks; irq, softirq.
    ticks = [int(field) for field in fields[1:8]]
    return (sum(ticks) - ticks[3] - ticks[4]) / CLOCK_TICKS


def bench_seconds() -> float:
    """Returns the CPU time of this process and of those it has waited for: its generators."""
    times = os.times()
    return times.user + times.system + times.children_user + times.children_system


def children(pid: int) -> list[int]:
    """Returns the processes that a process started and that still run."""
    tasks = (PROC / str(pid) / "task").glob("*/children")
    return [int(child) for task in tasks for child in read(task).split()]


def read(path: Path) -> str:
    """Returns a file of /proc; nothing where its process has ended."""
    try:
        return path.read_text()
    except (FileNotFoundError, ProcessLookupError):
        return ""
