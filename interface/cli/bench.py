"""`backoffice bench`: what the service can carry on this machine, beside two baselines."""

import os
import re
import sys
import time
from collections.abc import Callable
from contextlib import AbstractContextManager
from datetime import UTC, datetime
from functools import partial
from importlib.metadata import version
from pathlib import Path

import click
from rich.console import Console

from interface.bench.figures import Figures, as_json, compare
from interface.bench.machine import this_machine
from interface.bench.report import bars, rendered
from interface.bench.rig import Rig, RigFailed, embedded_rig, given_rig
from interface.bench.steps import FAILURES, Steps
from interface.bench.suite import FULL, QUICK, Suite
from interface.embedded_programs import EmbeddedPostgresError

TABLE_WIDTH_MIN = 155
QUESTIONS = 300
"""How often each question is asked."""
COMMIT_DELAY_MAX_MICROSECONDS = 100_000


def microseconds(_context: click.Context, _parameter: click.Parameter, text: str) -> int:
    """Reads a short time, `2ms`, `500us` or `0`."""
    match = re.fullmatch(r"(\d+)(ms|us)|0", text, re.ASCII)
    if match is None:
        raise click.BadParameter(f"{text} is no time such as 2ms or 500us")
    delay = int(match[1] or 0) * (1_000 if match[2] == "ms" else 1)
    if delay > COMMIT_DELAY_MAX_MICROSECONDS:
        raise click.BadParameter("PostgreSQL delays a commit by at most 100ms")
    return delay


@click.command()
@click.option("--quick", is_flag=True, help="Shorter, within 8 minutes; no long log.")
@click.option("--read", "reads", is_flag=True, help="What is read, instead of what is written.")
@click.option(
    "--lines",
    type=click.IntRange(10_000),
    help="Of the journal that is read; 1,000,000 without it, 200,000 if quick.",
)
@click.option("--json", "wants_json", is_flag=True, help="One JSON object instead of a table.")
@click.option(
    "--commit-delay",
    callback=microseconds,
    default="0",
    metavar="TIME",
    help="Let each commit wait so long, as on a disk whose fsync takes it: 2ms.",
)
@click.option(
    "--data-dir",
    type=click.Path(path_type=Path, file_okay=False),
    envvar="BACKOFFICE_DATA_DIR",
    default=Path("var"),
    show_default=True,
    help="On whose disk the bench's own server gets a directory, for as long as it runs.",
)
def bench(
    *,
    quick: bool,
    reads: bool,
    lines: int | None,
    wants_json: bool,
    commit_delay: int,
    data_dir: Path,
) -> None:
    """Measure what the service can carry, on a PostgreSQL of its own.

    The server is embedded, or the one that DATABASE_URL names, where the bench makes and drops a
    database of its own. Exits with 0 whatever the figures are.
    """
    given = ("BACKOFFICE_OWNER_DATABASE_URL", "DATABASE_URL")
    database_url = next((os.environ[name] for name in given if name in os.environ), None)
    rig: AbstractContextManager[Rig]
    rig = given_rig(database_url) if database_url else embedded_rig(data_dir)
    try:
        with rig as opened:
            run = (
                partial(run_reads, quick=quick, lines=lines)
                if reads
                else partial(run_writes, quick=quick)
            )
            figures, failure = measured(opened, run, quick=quick, commit_delay=commit_delay)
    except (RigFailed, EmbeddedPostgresError) as error:
        raise click.ClickException(str(error)) from error
    if wants_json:
        sys.stdout.buffer.write(as_json(figures) + b"\n")
    else:
        console = Console()
        # On a narrower terminal, and in a file, lines break rather than columns vanish.
        console.width = max(console.width, TABLE_WIDTH_MIN)
        console.print(rendered(figures))
    if failure:
        raise click.ClickException(failure)


Run = Callable[[Rig, Steps], None]


def run_writes(rig: Rig, steps: Steps, *, quick: bool) -> None:
    """Measures what is written. Raises one of FAILURES."""
    Suite(rig=rig, terms=QUICK if quick else FULL, steps=steps).run()


def run_reads(rig: Rig, steps: Steps, *, quick: bool, lines: int | None) -> None:
    """Measures what is read. Raises one of FAILURES."""
    from interface.bench.reads import FULL_LINES, QUICK_LINES, Reads

    Reads(
        rig=rig,
        terms=QUICK if quick else FULL,
        lines=lines or (QUICK_LINES if quick else FULL_LINES),
        questions=QUESTIONS,
        steps=steps,
    ).run()


def measured(rig: Rig, run: Run, *, quick: bool, commit_delay: int) -> tuple[Figures, str]:
    """Returns what was measured, and what ended it early, if anything did. Raises RigFailed."""
    began, began_at = time.monotonic(), datetime.now(UTC)
    machine = this_machine(rig.directory)
    budget_seconds = (QUICK if quick else FULL).budget_seconds
    failure = ""
    with rig.commit_delay(commit_delay), bars(Console(stderr=True)) as show:
        settings = rig.settings()
        steps = Steps(show=show, budget_seconds=budget_seconds)
        try:
            run(rig, steps)
        except FAILURES as error:
            failure = str(error)
        compare(steps.results)
    figures = Figures(
        machine=machine,
        postgres=rig.version(),
        settings=settings,
        service=version("backoffice-ledger"),
        quick=quick,
        began_at=began_at.isoformat(timespec="seconds"),
        took_seconds=round(time.monotonic() - began, 1),
        results=steps.results,
        skipped=steps.skipped,
    )
    return figures, failure
