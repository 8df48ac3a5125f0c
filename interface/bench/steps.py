"""The steps of a run: what was measured, what was left out, and how far the time has gone."""

import time
from collections.abc import Callable, Sequence
from typing import Protocol

import msgspec
import psycopg

from interface.bench import baselines
from interface.bench.figures import Result
from interface.bench.generator import GeneratorFailed
from interface.bench.load import Unit
from interface.bench.rig import RigFailed, Service
from interface.bench.scenario import Load, ScenarioFailed, Told, carried_out
from interface.bench.workloads import Workload

SETUP_CONNECTIONS = 16

FAILURES = (RigFailed, ScenarioFailed, GeneratorFailed, baselines.BaselineFailed, psycopg.Error)


class Show(Protocol):
    """What is shown of a running bench."""

    def step(self, name: str) -> Told:
        """Begins a step and returns what its progress is told to."""

    def result(self, result: Result) -> None:
        """Shows what the step came to."""


class Steps:
    """`results` and `skipped` fill while scenarios run, one after another."""

    def __init__(self, *, show: Show, budget_seconds: float) -> None:
        self.results: list[Result] = []
        self.skipped: dict[str, str] = {}
        self.show = show
        self._budget_seconds = budget_seconds
        self._began_at = time.monotonic()

    def ledger(self, workload: Workload, service: Service) -> None:
        """Makes a workload's ledger with its accounts, funded. Raises ScenarioFailed."""
        units: list[Unit]
        for what, units, connections in (
            ("making", workload.ledger_made(), 1),
            ("opening the accounts of", workload.accounts_opened(), SETUP_CONNECTIONS),
            ("funding", workload.wallets_funded(), 1),
        ):
            name = f"{what} {workload.ledger}"
            load = Load(name, [service], [units], [(0, 0)] * connections, [workload.ledger])
            carried_out(load, told=self.show.step(name))

    def measure(self, name: str, measure: Callable[[Told], Result]) -> Result | None:
        """Runs one scenario, unless time is up, and keeps its result."""
        if self.is_late(name):
            return None
        told = self.show.step(name)
        try:
            result = measure(told)
        except FAILURES as error:
            self.skipped[name] = f"{type(error).__name__}: {error}"
            return None
        self.results.append(result)
        self.show.result(result)
        return result

    def sum_up(self, name: str, rounds: Sequence[Result]) -> Result:
        """Keeps one result in the place of some rounds, which it returns: the one in the middle,
        by p99. Requires that there is one."""
        ranked = sorted(rounds, key=lambda one: one.p99_ms or 0.0)
        said = ", ".join(f"{one.p99_ms:,.1f}" for one in rounds if one.p99_ms is not None)
        middle = ranked[len(ranked) // 2]
        result = msgspec.structs.replace(
            middle, name=name, notes=[*middle.notes, f"p99 of {len(rounds)} rounds: {said} ms"]
        )
        self.results = [one for one in self.results if one not in rounds]
        self.results.append(result)
        return result

    def is_late(self, name: str) -> bool:
        """Says if the budget is used up, and that the scenario is skipped for it."""
        late = time.monotonic() - self._began_at > self._budget_seconds
        if late:
            self.skipped[name] = "no time was left"
        return late
