"""The figures of a bench: one result a scenario or baseline, and everything about the run."""

from collections.abc import Sequence

import msgspec

from interface.bench.machine import Machine

BASELINE_A = "baseline_a"
BASELINE_B = "baseline_b"


class Result(msgspec.Struct, kw_only=True):
    """What one scenario or baseline came to. None: not measured, or not measurable here."""

    name: str
    rate: float
    """Transfers a second (baseline b: rows a second)."""
    p50_ms: float | None = None
    p99_ms: float | None = None
    """Of a unit: a request, a pair of them, a batch, a baseline's transaction."""
    ratio_a: float | None = None
    ratio_b: float | None = None
    """The rate's ratios to those of the baselines; b's at this result's `rows_a_commit`."""
    seconds: float
    transfers: int
    rows_a_commit: int = 1_000
    """Which ceiling it is compared with."""
    connections: int | None = None
    events_per_transfer: float | None = None
    wal_bytes_per_transfer: float | None = None
    service_peak_mib: float | None = None
    service_cpu_share: float | None = None
    postgres_cpu_share: float | None = None
    generator_cpu_share: float | None = None
    others_cpu_share: float | None = None
    """Shares of one core. Others: all that is no part of the bench, which should be idle."""
    generator_ceiling: float | None = None
    """The rate of the same load against a server that does nothing."""
    ratio_to_one: float | None = None
    """Several processes: to the rate of one, measured right before."""
    ratio_to_first: float | None = None
    """The last settlements of a hold: the time of one to that of one of the first."""
    ratio_to_alone: float | None = None
    """Posts beside a worker that catches up: their p99 to that without one."""
    failures: int = 0
    """Units answered otherwise than they should; none of them is in the rate."""
    examples: list[str] = []
    notes: list[str] = []


class Figures(msgspec.Struct, kw_only=True):
    """A whole bench."""

    machine: Machine
    postgres: str
    """The server's version."""
    settings: dict[str, str]
    """Its settings that matter to durability and speed."""
    service: str
    quick: bool
    began_at: str
    took_seconds: float
    results: list[Result]
    skipped: dict[str, str]
    """Scenarios that were not run, and why."""


def compare(results: Sequence[Result]) -> None:
    """Sets the ratios of every result to the baselines among them."""
    a = [result.rate for result in results if result.name == BASELINE_A]
    b = {
        result.rows_a_commit: result.rate
        for result in results
        if result.name.startswith(BASELINE_B)
    }
    for result in results:
        ceiling = b.get(result.rows_a_commit)
        result.ratio_a = _ratio(result.rate, a[0] if a else None)
        result.ratio_b = _ratio(result.rate, ceiling)


def _ratio(rate: float, baseline: float | None) -> float | None:
    # Three digits that say something, not three decimals: however slow, a ratio is not zero.
    return float(f"{rate / baseline:.3g}") if baseline else None


def as_json(figures: Figures) -> bytes:
    """Returns the one object of `--json`, indented."""
    return msgspec.json.format(msgspec.json.encode(figures), indent=2)
