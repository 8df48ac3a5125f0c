"""One scenario over HTTP: a load, the measures taken around it, and the result they give.

A rate counts right answers only, in a window after warming up. While the load runs, the CPU time of
the generator, the service and PostgreSQL is taken, and the service's peak of memory; before and
after it, how far the WAL and the log have come. Then the same load goes to a server that does
nothing: what the generator reaches there is what it could have reached.
"""

import time
from collections.abc import Callable, Sequence
from typing import NamedTuple

from interface.bench.canned import canned_server
from interface.bench.figures import Result
from interface.bench.generator import generate
from interface.bench.load import Connection, Outcome, Plan, Progress, Unit
from interface.bench.machine import bench_seconds, busy_seconds
from interface.bench.rig import HOST, Rig, Service

Told = Callable[[Progress], None]

OTHERS_SHARE_MAX = 0.1
"""Of one core. Beyond, a figure says as much about them as about the service."""


class ScenarioFailed(Exception):
    """What a scenario needs could not be made; the argument says what was answered."""


class Terms(NamedTuple):
    """How long things may take, and how much of them there is."""

    wallets: int
    seconds: float
    warm_seconds: float
    ceiling_seconds: float
    baseline_seconds: float
    import_lines: int
    long_log: int
    """Events in the log before the last scenario; 0: that is left out."""
    budget_seconds: float
    """After this, no further scenario begins."""


class Load(NamedTuple):
    """What goes where: each connection is the index of a service and of a pool of units."""

    name: str
    services: list[Service]
    pools: list[list[Unit]]
    connections: list[tuple[int, int]]
    ledgers: list[str]
    """Whose logs it makes longer."""
    units_a_second: float = 0.0
    """Offered; 0: as many as are answered."""

    def plan(self, *, seconds: float = 0.0, warm_seconds: float = 0.0) -> Plan:
        """Returns the plan for a generator."""
        return Plan(
            pools=self.pools,
            connections=[
                Connection(host=HOST, port=self.services[service].port, pool=pool)
                for service, pool in self.connections
            ],
            seconds=seconds,
            warm_seconds=warm_seconds,
            units_a_second=self.units_a_second,
        )


class Usage(NamedTuple):
    """What has been used up to a moment."""

    moment: float
    service_cpu_seconds: float | None
    postgres_cpu_seconds: float | None
    others_cpu_seconds: float | None
    wal_bytes: int
    events: int


def carried_out(load: Load, *, told: Told) -> None:
    """Sends each unit of a load once, as a preparation. Raises ScenarioFailed."""
    outcome = generate(load.plan(), told=told)
    if outcome.failures or outcome.stopped:
        raise ScenarioFailed(f"{load.name}: {outcome.stopped} {' '.join(outcome.examples[:1])}")


def measured(load: Load, *, rig: Rig, terms: Terms, told: Told) -> Result:
    """Sends a load for the time that the terms give it, and returns what came of it."""
    for service in load.services:
        service.processes.reset_peak()
    before = usage(load, rig)
    plan = load.plan(seconds=terms.seconds, warm_seconds=terms.warm_seconds)
    outcome = generate(plan, told=told)
    after = usage(load, rig)
    wall_seconds = after.moment - before.moment
    sent = outcome.transfers_in_all
    events = after.events - before.events
    others = used(before.others_cpu_seconds, after.others_cpu_seconds, wall_seconds=wall_seconds)
    return Result(
        name=load.name,
        rate=round(outcome.rate, 1),
        p50_ms=outcome.latencies_ms["p50"],
        p99_ms=outcome.latencies_ms["p99"],
        seconds=round(outcome.seconds, 2),
        transfers=outcome.transfers,
        connections=len(load.connections),
        events_per_transfer=round(events / sent, 2) if sent else None,
        wal_bytes_per_transfer=round((after.wal_bytes - before.wal_bytes) / sent) if sent else None,
        service_peak_mib=total([service.processes.peak_mib() for service in load.services]),
        service_cpu_share=used(
            before.service_cpu_seconds, after.service_cpu_seconds, wall_seconds=wall_seconds
        ),
        postgres_cpu_share=used(
            before.postgres_cpu_seconds, after.postgres_cpu_seconds, wall_seconds=wall_seconds
        ),
        others_cpu_share=others,
        generator_cpu_share=round(outcome.cpu_share, 3),
        generator_ceiling=ceiling(load, outcome, seconds=terms.ceiling_seconds),
        failures=outcome.failures,
        examples=outcome.examples,
        notes=[*stopped(outcome), *missing(events=events, sent=sent), *disturbed(others)],
    )


def measured_once(load: Load, *, told: Told) -> Result:
    """Sends each unit of a load once, one after the other, and returns how long they took.

    Raises ScenarioFailed.
    """
    outcome = generate(load.plan(), told=told)
    if outcome.failures or outcome.stopped:
        raise ScenarioFailed(f"{load.name}: {outcome.stopped} {' '.join(outcome.examples[:1])}")
    return Result(
        name=load.name,
        rate=round(outcome.rate, 1),
        p50_ms=outcome.latencies_ms["p50"],
        p99_ms=outcome.latencies_ms["p99"],
        seconds=round(outcome.seconds, 2),
        transfers=outcome.transfers,
        connections=len(load.connections),
    )


def ceiling(load: Load, outcome: Outcome, *, seconds: float) -> float | None:
    """Returns the load's rate against a server that answers at once what the service answered."""
    if not outcome.samples or load.units_a_second:
        return None
    with canned_server(outcome.samples) as port:
        connections = [Connection(host=HOST, port=port, pool=pool) for _, pool in load.connections]
        plan = Plan(
            pools=load.pools, connections=connections, seconds=seconds, warm_seconds=seconds / 4
        )
        return round(generate(plan, told=lambda _: None).rate, 1)


def usage(load: Load, rig: Rig) -> Usage:
    """Returns what the load's services and the server have used up to now."""
    service = total([service.processes.cpu_seconds() for service in load.services])
    postgres = rig.postgres.cpu_seconds() if rig.postgres else None
    busy, ours = busy_seconds(), total([service, postgres, bench_seconds()])
    return Usage(
        moment=time.perf_counter(),
        service_cpu_seconds=service,
        postgres_cpu_seconds=postgres,
        others_cpu_seconds=None if busy is None or ours is None else busy - ours,
        wal_bytes=rig.wal_bytes(),
        events=sum(rig.position(ledger) for ledger in load.ledgers),
    )


def total(values: Sequence[float | None]) -> float | None:
    """Returns the sum; None if one of the values is."""
    known = [value for value in values if value is not None]
    return round(sum(known), 3) if len(known) == len(values) else None


def used(before: float | None, after: float | None, *, wall_seconds: float) -> float | None:
    """Returns the share of one core that was used between two moments."""
    if before is None or after is None:
        return None
    return round((after - before) / wall_seconds, 3)


def stopped(outcome: Outcome) -> list[str]:
    """Returns a note if the run ended early."""
    return [f"ended early: {outcome.stopped}"] if outcome.stopped else []


def missing(*, events: int, sent: int) -> list[str]:
    """Returns a note if the logs hold fewer events than transfers were confirmed."""
    return [f"{sent} transfers confirmed, but {events} events stored"] if events < sent else []


def disturbed(others_cpu_share: float | None) -> list[str]:
    """Returns a note if programs that are no part of the bench took much of the machine."""
    if others_cpu_share is None or others_cpu_share < OTHERS_SHARE_MAX:
        return []
    return [f"disturbed: other programs took {others_cpu_share:.0%} of a core"]
