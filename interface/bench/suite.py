"""The scenarios, in the order in which they run."""

import secrets
import shutil
from functools import partial

from application.store import schema_of
from interface.bench import baselines
from interface.bench.figures import BASELINE_A, BASELINE_B, Result
from interface.bench.imports import ROWS_A_COMMIT, imported
from interface.bench.load import Unit
from interface.bench.preload import preloaded
from interface.bench.rig import Rig, Service
from interface.bench.scenario import (
    Load,
    Terms,
    Told,
    carried_out,
    measured,
    measured_once,
)
from interface.bench.steps import Steps
from interface.bench.workloads import BATCH_COMMANDS, Workload

LEDGERS = 4
SINGLE_CONNECTIONS = (1, 16, 64, 256)
PAIR_CONNECTIONS = 64
BATCH_CLIENTS = 4
IMPORT_SECONDS_MAX = 30
"""A slow machine imports fewer lines than a fast one."""
DISK_BYTES_A_EVENT = 3_000
"""Of a long log: events, indexes, WAL."""

QUICK = Terms(
    wallets=10_000,
    seconds=6,
    warm_seconds=1.5,
    ceiling_seconds=1,
    baseline_seconds=6,
    import_lines=1_000_000,
    long_log=0,
    budget_seconds=330,
)
FULL = Terms(
    wallets=10_000,
    seconds=20,
    warm_seconds=3,
    ceiling_seconds=2,
    baseline_seconds=20,
    import_lines=1_000_000,
    long_log=20_000_000,
    budget_seconds=float("inf"),
)


class Suite:
    """One run of all scenarios on one server."""

    def __init__(self, *, rig: Rig, terms: Terms, steps: Steps) -> None:
        self._rig = rig
        self._terms = terms
        self._steps = steps
        self._run = secrets.token_hex(4)
        self._key = ""

    def run(self) -> None:
        """Runs everything. A scenario that fails is said in `skipped`, and the rest goes on.

        Raises one of FAILURES if what all of them need can't be had.
        """
        with self._rig.service() as service:
            self._key = self._rig.create_key("bench", "controller", "operator")
            main = self._ledger("bench", self._terms.wallets, service)
            self._single_posts(main, service)
            self._batches(main, service)
            self._settlements(main, service)
            # Not last: without them, should time run out, the other figures say little.
            self._baselines(main)
            self._import(main)
            self._two_processes(main, service)
            self._four_ledgers(service)
            if self._terms.long_log:
                self._long_log(main, service)

    def _ledger(self, name: str, wallets: int, service: Service) -> Workload:
        """Makes a ledger with its accounts, funded. Raises ScenarioFailed."""
        ledger = f"{name}_{self._run}"
        workload = Workload(ledger=ledger, wallets=wallets, key=self._key, run=self._run)
        self._steps.ledger(workload, service)
        return workload

    def _single_posts(self, main: Workload, service: Service) -> None:
        for connections in SINGLE_CONNECTIONS:
            name = f"http_single_{connections}"
            self._over_http(name, [main], [main.posts(name)], [service], connections)
        name = "http_pairs"
        self._over_http(name, [main], [main.pairs(name)], [service], PAIR_CONNECTIONS)

    def _batches(self, main: Workload, service: Service) -> None:
        name = "http_batch_random"
        self._over_http(name, [main], [main.batches(name)], [service], BATCH_CLIENTS)
        name = "http_batch_hot"
        self._over_http(name, [main], [main.hot_batches(name)], [service], BATCH_CLIENTS)
        name = "http_batch_pairs"
        self._over_http(name, [main], [main.pair_batches(name)], [service], BATCH_CLIENTS)

    def _settlements(self, main: Workload, service: Service) -> None:
        """Settles one hold again and again: does the last time take longer than the first?"""

        def load(name: str, units: list[Unit]) -> Load:
            return Load(name, [service], [units], [(0, 0)], [main.ledger])

        def filled(told: Told) -> Result:
            carried_out(load("settling", main.further_settlements()), told=told)
            return measured_once(load("settle_10000", main.last_settlements()), told=told)

        if self._steps.is_late("settle_10000"):
            return
        carried_out(load("hold", main.hold_made()), told=self._steps.show.step("hold"))
        first = self._steps.measure(
            "settle_first",
            lambda told: measured_once(load("settle_first", main.first_settlements()), told=told),
        )
        last = self._steps.measure("settle_10000", filled)
        if first and last and first.p50_ms and last.p50_ms:
            last.ratio_to_first = round(last.p50_ms / first.p50_ms, 3)

    def _four_ledgers(self, service: Service) -> None:
        if self._steps.is_late("four_ledgers"):
            return
        ledgers = [
            self._ledger(f"bench_{place}", self._terms.wallets // LEDGERS, service)
            for place in range(LEDGERS)
        ]
        pools = [workload.batches("four_ledgers") for workload in ledgers]
        self._over_http("four_ledgers", ledgers, pools, [service], BATCH_CLIENTS)

    def _two_processes(self, main: Workload, service: Service) -> None:
        if self._steps.is_late("two_processes"):
            return
        name = "one_process"
        alone = self._over_http(name, [main], [main.batches(name)], [service], BATCH_CLIENTS)
        name = "two_processes"
        with self._rig.service() as other:
            both = [service, other]
            together = self._over_http(name, [main], [main.batches(name)], both, BATCH_CLIENTS)
        if alone and alone.rate and together:
            together.ratio_to_one = round(together.rate / alone.rate, 3)

    def _over_http(
        self,
        name: str,
        workloads: list[Workload],
        pools: list[list[Unit]],
        services: list[Service],
        connections: int,
    ) -> Result | None:
        load = Load(
            name=name,
            services=services,
            pools=pools,
            connections=[
                (place % len(services), place % len(pools)) for place in range(connections)
            ],
            ledgers=[workload.ledger for workload in workloads],
        )
        return self._steps.measure(
            name, lambda told: measured(load, rig=self._rig, terms=self._terms, told=told)
        )

    def _import(self, main: Workload) -> None:
        rates = [
            result.rate for result in self._steps.results if result.name == "http_batch_random"
        ]
        lines = min(self._terms.import_lines, int(sum(rates) * IMPORT_SECONDS_MAX))
        lines = max(BATCH_COMMANDS, lines)
        self._steps.measure(
            "import",
            lambda told: imported(main, name="import", lines=lines, rig=self._rig, told=told),
        )

    def _baselines(self, main: Workload) -> None:
        seconds = self._terms.baseline_seconds
        self._steps.measure(
            BASELINE_A,
            lambda _: baselines.transfers(
                self._rig.owner, pgbench=self._rig.pgbench, seconds=seconds
            ),
        )
        for name, rows in ((BASELINE_B, BATCH_COMMANDS), (f"{BASELINE_B}_2000", ROWS_A_COMMIT)):
            self._steps.measure(name, partial(self._copied, main, name, rows))

    def _copied(self, main: Workload, name: str, rows_a_batch: int, _told: Told) -> Result:
        return baselines.copied_rows(
            self._rig.owner,
            log=schema_of(main.ledger),
            rows_a_batch=rows_a_batch,
            seconds=self._terms.baseline_seconds,
            name=name,
        )

    def _long_log(self, main: Workload, service: Service) -> None:
        name, events = "http_batch_random_20m", self._terms.long_log
        free = shutil.disk_usage(self._rig.directory).free
        if free < events * DISK_BYTES_A_EVENT:
            self._steps.skipped[name] = (
                f"{free >> 30} GiB of disk are free, too little for the events"
            )
            return
        loaded = self._steps.measure(
            "preload",
            lambda told: preloaded(
                self._rig.owner, log=schema_of(main.ledger), events=events, told=told
            ),
        )
        if loaded:
            self._over_http(name, [main], [main.batches(name)], [service], BATCH_CLIENTS)
