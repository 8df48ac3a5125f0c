"""A report with what says whose it is and as of when, as JSON and CSV."""

import csv
import io
from datetime import UTC, datetime
from typing import Any, NamedTuple

from interface.reports.drilling import Drill
from projections.report import Report, Row, Source

_DAYS = frozenset({"effective_on", "from", "to"})

NOTHING = "Nothing to show for these days as known then."
"""What an empty report says to people."""


class Document(NamedTuple):
    """A report, its ledger and the position that it shows. `known_at`: when that was recorded, so
    that the same question has the same answer for ever."""

    report: Report
    source: Source
    known_at: datetime

    @property
    def entity(self) -> str:
        """The legal entity's name, or the ledger's where there is none."""
        entity = self.source.ledger.entity
        return (entity and entity.legal_name) or self.source.ledger.name

    @property
    def recorded_at(self) -> str:
        """Returns when the position was recorded, as its record says it."""
        return self.known_at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")

    @property
    def heads(self) -> list[tuple[str, str]]:
        """Returns what stands above the report: each name with its text, both clocks first."""
        asked = [
            (name.replace("_", " ").capitalize(), str(value))
            for name, value in self.report.asked.items()
            if value is not None and name not in _DAYS
        ]
        return [
            ("Entity", self.entity),
            ("Ledger", self.source.ledger.id),
            self.days,
            ("As known at", self.known_at.astimezone(UTC).isoformat(timespec="seconds")),
            ("Position", str(self.source.known)),
            *asked,
            ("Functional currency", self.source.ledger.functional_asset),
        ]

    @property
    def days(self) -> tuple[str, str]:
        """Returns the days that it is about, and whether they are effective or those of
        recording."""
        asked = self.report.asked
        is_recorded = self.report.name == "refusals" or asked.get("basis") == "booking"
        clock = "Recorded" if is_recorded else "Effective"
        day, first, last = (asked.get(name) for name in ("effective_on", "from", "to"))
        if first is not None:
            return clock, f"{first} to {last or 'the last day'}"
        return clock, "all days" if (day or last) is None else f"through {day or last}"

    @property
    def clocks(self) -> str:
        """Returns both clocks in a line."""
        name, days = self.days
        known_at = self.known_at.astimezone(UTC).isoformat(timespec="seconds")
        return f"{name} {days} · as known at {known_at}, position {self.source.known}"


def as_json(document: Document) -> dict[str, Any]:
    """Returns the report as an answer shows it."""
    report, source, _ = document
    drill = Drill(report, source)
    return {
        "report": report.name,
        "title": report.title,
        "ledger": source.ledger.id,
        "entity": document.entity,
        "functional_asset": source.ledger.functional_asset,
        **{name: value for name, value in report.asked.items() if value is not None},
        "known_at": document.recorded_at,
        "position": source.known,
        "columns": [column._asdict() for column in report.columns],
        "rows": [_row(row, drill) for row in report.rows],
        "totals": report.totals,
        "notes": report.notes,
    }


def _row(row: Row, drill: Drill) -> dict[str, Any]:
    shown = {"kind": row.kind, **row.values}
    if row.kind == "line" and (links := drill.links(row.values)):
        shown["links"] = links
    return shown


def as_csv(document: Document) -> bytes:
    """Returns the rows with a heading line (RFC 4180), nothing above them: programs read it.

    What stands above them on paper is in the answer's file name and in JSON. Text that a
    spreadsheet would take for a formula gets an apostrophe in front.
    """
    columns = document.report.columns
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\r\n")
    writer.writerow(["kind", *(column.name for column in columns)])
    for row in document.report.rows:
        cells = [
            _cell(row.values.get(column.name), is_text=column.kind == "text") for column in columns
        ]
        writer.writerow([row.kind, *cells])
    return out.getvalue().encode()


def _cell(value: Any, *, is_text: bool) -> str:
    text = "" if value is None else str(value)
    return guarded(text) if is_text else text


def guarded(text: str) -> str:
    """Returns a text, with an apostrophe in front where a spreadsheet would see a formula."""
    return f"'{text}" if text.startswith(("=", "+", "-", "@", "\t", "\r")) else text
