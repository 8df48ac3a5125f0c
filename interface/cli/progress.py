"""Progress bars, on standard error, where that is a terminal."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)

LINES_A_STEP = 500

Advance = Callable[[int], None]


@contextmanager
def progress(what: str, *, total: int) -> Iterator[Advance]:
    """Shows a bar on a terminal; gives what moves it to a line, counted from 1."""
    console = Console(stderr=True)
    bar = Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        TimeRemainingColumn(),
        console=console,
        transient=True,
        disable=not console.is_terminal,
    )
    with bar:
        task = bar.add_task(what, total=total)
        shown = 0

        def advance(line: int) -> None:
            nonlocal shown
            if line >= shown + LINES_A_STEP:
                shown = line
                bar.update(task, completed=min(line, total))

        yield advance
