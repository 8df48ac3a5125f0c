"""The report of an import: what was not taken and why, by line, as CSV."""

import csv
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any

from interface.cli.failures import Failed
from interface.importing.lines import Noticed, Refused

COLUMNS = ("file", "line", "id", "outcome", "code", "detail")
SHOWN_MAX = 10
"""Refusals that are shown beside the report, so that most people need not open it."""


class Report:
    """Counts and writes what was refused, and what was noticed about what was taken."""

    def __init__(self, file: IO[str] | None) -> None:
        self._write = csv.writer(file).writerow if file is not None else None
        self.refused = self.noticed = 0
        self.shown: list[str] = []
        if self._write is not None:
            self._write(COLUMNS)

    def refuse(self, file: str, line: int, id: str | None, code: str, detail: str) -> None:
        """Takes a refusal."""
        self.refused += 1
        if len(self.shown) < SHOWN_MAX:
            what = f" {id}" if id else ""
            self.shown.append(f"{file}:{line}{what}: {detail} ({code})")
        self._row(file, line, id, "refused", code, detail)

    def notice(self, file: str, line: int, id: str | None, code: str, detail: str) -> None:
        """Takes a finding about something that was taken nevertheless."""
        self.noticed += 1
        self._row(file, line, id, "noticed", code, detail)

    def take(self, file: str, remark: Refused | Noticed) -> None:
        """Takes what the reading of a file found."""
        tell = self.refuse if isinstance(remark, Refused) else self.notice
        tell(file, remark.line, remark.journal_id, remark.code, remark.detail)

    def _row(self, *cells: Any) -> None:
        if self._write is not None:
            self._write(cells)


@contextmanager
def opened_report(path: Path | None) -> Iterator[Report]:
    """Gives a report, written to the path where there is one. Raises Failed."""
    if path is None:
        yield Report(None)
        return
    try:
        file = path.open("w", encoding="utf-8", newline="")
    except OSError as error:
        raise Failed(f"The report can't be written to {path}: {error.strerror}") from error
    with file:
        yield Report(file)
