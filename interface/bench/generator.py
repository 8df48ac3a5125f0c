"""The load generator: a process of its own that drives many connections with next to no work.

It takes a `Plan` (MessagePack) on standard input and writes lines of JSON to standard output:
`Progress` four times a second, at the end the `Outcome`. A closed loop: one unit at a time on each
connection, the next as soon as the last is answered. Or so many a second, each by its clock: what
has to wait for a free connection is measured from when it was due. Every answer is checked: a
refusal made quickly is a failure here, not a fast transfer.
"""

import gc
import math
import os
import selectors
import subprocess
import sys
import time
from array import array
from collections import deque
from collections.abc import Callable, Iterator
from itertools import count, cycle

import msgspec

from interface.bench.lanes import Lane, Stopped
from interface.bench.load import Outcome, Plan, Progress, Unit

PROGRESS_SECONDS = 0.25
EXAMPLES_MAX = 5


class GeneratorFailed(Exception):
    """The generator's process ended without an outcome; the argument is what it said."""


def generate(plan: Plan, *, told: Callable[[Progress], None]) -> Outcome:
    """Runs a plan in a process of its own and returns the outcome, telling of the progress.

    Raises GeneratorFailed.
    """
    arguments = [sys.executable, "-m", "interface.bench.generator"]
    with subprocess.Popen(arguments, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        process.stdin.write(msgspec.msgpack.encode(plan))
        process.stdin.close()
        lines = iter(process.stdout)
        for line in lines:
            if line.startswith(b'{"share"'):
                told(msgspec.json.decode(line, type=Progress))
            else:
                return msgspec.json.decode(line, type=Outcome)
    raise GeneratorFailed(f"exit code {process.returncode}")


class Run:
    """One plan, carried out in this process."""

    def __init__(self, plan: Plan) -> None:
        self._plan = plan
        self._numbers = count(1)
        self._latencies = array("d")
        self._window = Window(plan)
        self._units = self._transfers = self._transfers_in_all = self._failures = 0
        self._examples: list[str] = []
        self._samples: list[bytes] = []
        self._stopped = ""
        self._sent = self._received = 0

    def outcome(self, tell: Callable[[Progress], None]) -> Outcome:
        """Carries the plan out and returns what came of it."""
        pools: list[Iterator[Unit]] = [
            cycle(pool) if self._plan.seconds else iter(pool) for pool in self._plan.pools
        ]
        with selectors.DefaultSelector() as selector:
            try:
                lanes = [
                    Lane(connection, units=pools[connection.pool], selector=selector)
                    for connection in self._plan.connections
                ]
                self._drive(lanes, selector, tell)
            # A lost connection ends the run, not the report: what was measured stands, marked.
            except (Stopped, OSError) as error:
                self._stopped = str(error) or type(error).__name__
            for key in list(selector.get_map().values()):
                key.data.close()
        self._window.close(time.perf_counter())
        return self._result()

    def _drive(
        self, lanes: list[Lane], selector: selectors.BaseSelector, tell: Callable[[Progress], None]
    ) -> None:
        window = self._window
        answered_at = told_at = time.perf_counter()
        window.start(answered_at)
        pace = Pace(self._plan.units_a_second, answered_at)
        idle = deque(lanes)
        busy = self._begin(idle, pace, answered_at)
        while busy or (idle and not window.closed):
            events = selector.select(pace.wait(time.perf_counter()) if idle else PROGRESS_SECONDS)
            now = time.perf_counter()
            window.tick(now, answered=bool(self._units or self._failures))
            if now - told_at > PROGRESS_SECONDS:
                told_at = now
                tell(Progress(self._share(now), self._transfers_in_all))
            if events or not busy:
                answered_at = now
            elif now - answered_at > self._plan.patience_seconds:
                raise Stopped(f"no answer for {self._plan.patience_seconds} seconds")
            for key, mask in events:
                lane: Lane = key.data
                if mask & selectors.EVENT_WRITE:
                    lane.push()
                if mask & selectors.EVENT_READ and lane.pull():
                    self._count(lane)
                    busy -= 1
                    idle.append(lane)
            busy += self._begin(idle, pace, now)

    def _begin(self, idle: deque[Lane], pace: "Pace", now: float) -> int:
        """Begins what is due on lanes that are idle and returns how many of them are busy now.

        A lane whose pool is empty, and all of them when the time is up, are idle no more.
        """
        begun = 0
        if self._window.closed:
            idle.clear()
        while idle and pace.due_at <= now:
            lane = idle.popleft()
            if lane.begin(b"%012x" % next(self._numbers), due_at=pace.take()):
                begun += 1
        return begun

    def _count(self, lane: Lane) -> None:
        now = time.perf_counter()
        if lane.wrong:
            self._failures += 1
            if len(self._examples) < EXAMPLES_MAX:
                self._examples.append(lane.wrong)
        else:
            self._transfers_in_all += lane.unit.transfers
            if self._window.holds(now):
                self._latencies.append(now - lane.began_at)
                self._units += 1
                self._transfers += lane.unit.transfers
            if not self._samples:
                self._samples = list(lane.answers)
        self._sent += lane.sent_bytes
        self._received += lane.received_bytes

    def _share(self, now: float) -> float:
        if self._plan.seconds:
            return self._window.share(now)
        of = sum(unit.transfers for pool in self._plan.pools for unit in pool)
        return self._transfers_in_all / of if of else 1.0

    def _result(self) -> Outcome:
        latencies = sorted(self._latencies)
        return Outcome(
            seconds=self._window.seconds,
            units=self._units,
            transfers=self._transfers,
            latencies_ms={
                name: round(1000 * at_share(latencies, share), 3)
                for name, share in (("p50", 0.5), ("p90", 0.9), ("p99", 0.99), ("max", 1.0))
            },
            cpu_seconds=self._window.cpu_seconds,
            transfers_in_all=self._transfers_in_all,
            sent_bytes=self._sent,
            received_bytes=self._received,
            failures=self._failures,
            examples=self._examples,
            samples=self._samples,
            stopped=self._stopped,
        )


class Pace:
    """When the next unit is due: always, or so many a second."""

    def __init__(self, units_a_second: float, now: float) -> None:
        self._seconds_a_unit = 1 / units_a_second if units_a_second else 0.0
        self.due_at = now if units_a_second else 0.0

    def take(self) -> float:
        """Returns when the unit that begins now was due (0: now); the next one is due later."""
        due_at = self.due_at
        self.due_at += self._seconds_a_unit
        return due_at

    def wait(self, now: float) -> float:
        """Returns how long to wait for answers before something is due."""
        return min(PROGRESS_SECONDS, max(0.0, self.due_at - now))


class Window:
    """The time that counts: after warming up, until the plan's seconds are over.

    It stays open until there was an answer: one without any would say nothing of the rate.
    """

    def __init__(self, plan: Plan) -> None:
        self._plan = plan
        self._opens_at = self._closes_at = 0.0
        self._opened = False
        self._cpu_seconds_before = 0.0
        self.cpu_seconds = 0.0
        self.seconds = 0.0
        self.closed = False

    def start(self, now: float) -> None:
        """Starts the clock; warming up comes first."""
        self._opens_at = now + self._plan.warm_seconds
        self._closes_at = self._opens_at + (self._plan.seconds or float("inf"))

    def tick(self, now: float, *, answered: bool) -> None:
        """Opens the window, or closes it, when it is time and something was answered in it."""
        if not self._opened and now >= self._opens_at:
            self._opened = True
            self._cpu_seconds_before = own_cpu_seconds()
        if now < self._closes_at:
            return
        if answered:
            self.close(now)
        else:
            self._closes_at = now + PROGRESS_SECONDS

    def holds(self, moment: float) -> bool:
        """Says if what ended at that moment counts."""
        return self._opened and not self.closed and moment <= self._closes_at

    def close(self, now: float) -> None:
        """Takes the window's measures, once."""
        if self.closed:
            return
        self.closed = True
        self.seconds = max(0.0, min(now, self._closes_at) - self._opens_at)
        self.cpu_seconds = own_cpu_seconds() - self._cpu_seconds_before

    def share(self, now: float) -> float:
        """Returns how much of warming up and window is over, 0 to 1."""
        whole = self._plan.warm_seconds + self._plan.seconds
        return min(1.0, max(0.0, 1 - (self._closes_at - now) / whole))


def own_cpu_seconds() -> float:
    """Returns this process's CPU time, user and system."""
    times = os.times()
    return times.user + times.system


def at_share(values: list[float], share: float) -> float:
    """Returns the smallest of the sorted values that `share` of them don't exceed; 0 of none."""
    if not values:
        return 0.0
    return values[max(0, math.ceil(share * len(values)) - 1)]


def main() -> None:
    """Reads a plan from standard input, carries it out, writes the outcome."""

    def tell(message: Progress | Outcome) -> None:
        sys.stdout.buffer.write(msgspec.json.encode(message) + b"\n")
        sys.stdout.buffer.flush()

    plan = msgspec.msgpack.decode(sys.stdin.buffer.read(), type=Plan)
    # Nothing here makes cycles; the collector would only add pauses to what is measured.
    gc.disable()
    tell(Run(plan).outcome(tell))


if __name__ == "__main__":
    main()
