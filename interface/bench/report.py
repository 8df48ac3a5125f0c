"""What a bench shows: bars while it runs, on standard error, and at its end a table."""

from collections.abc import Iterator
from contextlib import contextmanager

from rich.console import Console, Group, RenderableType
from rich.progress import BarColumn, Progress, TaskID, TextColumn, TimeElapsedColumn
from rich.table import Table
from rich.text import Text

from interface.bench import load
from interface.bench.figures import Figures, Result
from interface.bench.scenario import Told


class Bars:
    """One line a step: a bar while it runs, its rate when it is done.

    Where standard error is no terminal, only what is done is written, a line each.
    """

    def __init__(self, console: Console, progress: Progress) -> None:
        self._console = console
        self._progress = progress
        self._task: TaskID | None = None

    def step(self, name: str) -> Told:
        """Begins a step and returns what its progress is told to."""
        if self._task is not None:
            self._progress.remove_task(self._task)
        task = self._task = self._progress.add_task(name, total=1.0, transfers="")

        def told(message: load.Progress) -> None:
            self._progress.update(
                task, completed=message.share, transfers=f"{message.transfers:,} transfers"
            )

        return told

    def result(self, result: Result) -> None:
        """Writes what the step came to."""
        failures = f", {result.failures} failures" if result.failures else ""
        self._console.print(f"{result.name}: {result.rate:,.0f}/s{failures}", highlight=False)


@contextmanager
def bars(console: Console) -> Iterator[Bars]:
    """Yields the bars; they are gone afterwards."""
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        TextColumn("{task.fields[transfers]}"),
        TimeElapsedColumn(),
    )
    progress = Progress(*columns, console=console, transient=True, disable=not console.is_terminal)
    with progress:
        yield Bars(console, progress)


def rendered(figures: Figures) -> RenderableType:
    """Returns everything that the bench has to say."""
    return Group(facts(figures), table(figures), *remarks(figures))


def facts(figures: Figures) -> Text:
    """Returns what the figures stand on: machine, disk and server."""
    machine, fsync = figures.machine, figures.machine.fsync
    settings = ", ".join(f"{name}={value}" for name, value in figures.settings.items())
    return Text(
        f"{machine.processor}, {machine.cores} cores, {machine.memory_mib:,} MiB\n"
        f"fsync: p50 {fsync.p50_ms} ms, p99 {fsync.p99_ms} ms, {fsync.a_second:,.0f}/s\n"
        f"PostgreSQL {figures.postgres}: {settings}\n"
        f"backoffice-ledger {figures.service}, Python {machine.python}, {machine.system}; "
        f"began {figures.began_at}, took {figures.took_seconds:,.0f} s\n"
    )


def table(figures: Figures) -> Table:
    """Returns the results, a row each."""
    result_table = Table(caption=CAPTION, caption_justify="left")
    result_table.add_column("scenario", no_wrap=True)
    for column in COLUMNS:
        result_table.add_column(column, justify="right")
    for result in figures.results:
        result_table.add_row(result.name, *cells(result))
    return result_table


COLUMNS = (
    "rate/s",
    "p50 ms",
    "p99 ms",
    "of (a)",
    "of (b)",
    "WAL B",
    "peak MiB",
    "service\nCPU",
    "postgres\nCPU",
    "generator\nCPU",
    "others\nCPU",
    "generator\ncould/s",
)
CAPTION = (
    "rate: transfers a second, right answers only (baseline b: rows; views: events; else answers). "
    "p50, p99: of a request, a pair of them, a batch, a transaction. "
    "(a): a PL/pgSQL function a transfer, 8 connections. "
    "(b): COPY of the same rows, in batches of the same size (import: 2,000). "
    "WAL B: bytes of WAL a transfer. CPU: of one core; others should be idle. "
    "peak MiB: the service's resident memory at its highest. "
    "generator could: the rate of the same generator with the same requests against a server "
    "that answers at once. Where the rate comes near it, the generator is what was measured."
)


def cells(result: Result) -> list[str]:
    """Returns a result's numbers as the columns show them; what is not known is blank."""
    return [
        number(result.rate),
        number(result.p50_ms, decimals=2),
        number(result.p99_ms, decimals=2),
        number(result.ratio_a, decimals=2),
        number(result.ratio_b, decimals=2),
        number(result.wal_bytes_per_transfer),
        number(result.service_peak_mib),
        percent(result.service_cpu_share),
        percent(result.postgres_cpu_share),
        percent(result.generator_cpu_share),
        percent(result.others_cpu_share),
        number(result.generator_ceiling),
    ]


def number(value: float | None, *, decimals: int = 0) -> str:
    """Returns a number with thousands apart; nothing for None."""
    return "" if value is None else f"{value:,.{decimals}f}"


def percent(share: float | None) -> str:
    """Returns a share in percent; nothing for None."""
    return "" if share is None else f"{share:.0%}"


def remarks(figures: Figures) -> list[Text]:
    """Returns a line for all that the table can't say: ratios to one process, failures, gaps."""
    lines: list[str] = []
    for result in figures.results:
        if result.ratio_to_one is not None:
            lines.append(f"{result.name}: {result.ratio_to_one:.2f} of one process")
        if result.ratio_to_first is not None:
            lines.append(f"{result.name}: {result.ratio_to_first:.2f} of the first")
        if result.ratio_to_alone is not None:
            lines.append(f"{result.name}: p99 {result.ratio_to_alone:.2f} of that without a worker")
        if result.failures:
            example = result.examples[0] if result.examples else ""
            lines.append(f"{result.name}: {result.failures} failures, for example {example}")
        lines += [f"{result.name}: {note}" for note in result.notes]
    lines += [f"{name}: not measured: {reason}" for name, reason in figures.skipped.items()]
    return [Text(line) for line in lines]
