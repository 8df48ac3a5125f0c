"""Reports over HTTP, in the form that the path's ending or Accept asks for."""

from typing import Any, NamedTuple

from psycopg import Connection
from psycopg.rows import DictRow
from werkzeug.datastructures import MIMEAccept
from werkzeug.http import parse_accept_header

from interface.http.errors import Problem, invalid
from interface.http.messages import JSON, Answer, Environ, json_answer
from interface.http.viewing import Seen, read_own
from interface.reports.catalogue import REPORTS, Named
from interface.reports.document import Document, as_csv, as_json
from interface.reports.making import make_document
from interface.reports.periods import of_period
from projections.report import NeedsMore, TooLarge

SECONDS_MAX = 60
"""How long a statement of a report may take."""

CSV = "text/csv"
XLSX = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
PDF = "application/pdf"
ENDINGS = {"csv": CSV, "xlsx": XLSX, "pdf": PDF, "json": JSON}
COMMON = frozenset({"known_at", "known_position", "min_position"})


class AskedReport(NamedTuple):
    name: str
    named: Named
    kind: str


def asked_report(environ: Environ, text: str) -> AskedReport:
    """Returns the report that a path names, and in which form. Raises Problem (not_found)."""
    name, _, ending = text.partition(".")
    if name not in REPORTS or (ending and ending not in ENDINGS):
        raise Problem("not_found", "There is no such report.")
    if ending:
        return AskedReport(name, REPORTS[name], ENDINGS[ending])
    accepted = parse_accept_header(environ.get("HTTP_ACCEPT"), MIMEAccept)
    kind = accepted.best_match([JSON, CSV, XLSX, PDF]) or JSON
    return AskedReport(name, REPORTS[name], kind)


def check_taken(asked: AskedReport, query: dict[str, Any]) -> None:
    """Raises Problem (invalid_request) for parameters that this report does not take."""
    unknown = query.keys() - asked.named.takes - COMMON
    wrong: dict[str, list[str]] = {
        name.rstrip("_"): ["This report does not take it."] for name in sorted(unknown)
    }
    bases = asked.named.bases
    if bases and query.get("basis", bases[0]) not in bases:
        wrong["basis"] = [f"Takes {', '.join(bases)}."]
    if wrong:
        raise invalid(wrong)


def of_period_asked(
    connection: Connection[DictRow], asked: AskedReport, query: dict[str, Any]
) -> dict[str, Any]:
    """Returns the query with the days and the position of the period that it names. Raises Problem
    (invalid_request)."""
    try:
        return of_period(connection, read_own(connection), query, asked.named.takes)
    except NeedsMore as error:
        raise invalid({error.name: [str(error)]}) from error


def document_of(seen: Seen, name: str, query: dict[str, Any]) -> Document:
    """Returns the report as known where it is seen. Raises Problem (too_large, invalid_request)."""
    try:
        return make_document(
            seen.connection, ledger=seen.ledger, known=seen.known, name=name, query=query
        )
    except NeedsMore as error:
        raise invalid({error.name: [str(error)]}) from error
    except TooLarge as error:
        raise Problem("too_large", str(error)) from error


def report_answer(seen: Seen, asked: AskedReport, query: dict[str, Any]) -> Answer:
    """Returns the report. Raises Problem (too_large, invalid_request)."""
    document = document_of(seen, asked.name, query)
    if asked.kind == JSON:
        return json_answer(200, as_json(document))
    return Answer(200, _headers(document, asked), _body(document, asked.kind))


def _body(document: Document, kind: str) -> bytes:
    if kind == CSV:
        return as_csv(document)
    # Loaded by those who ask for it: it takes its time and memory.
    if kind == XLSX:
        from interface.reports.sheet import as_xlsx

        return as_xlsx(document)
    from interface.reports.pages import as_pdf

    return as_pdf(document)


def _headers(document: Document, asked: AskedReport) -> list[tuple[str, str]]:
    ending = next(ending for ending, kind in ENDINGS.items() if kind == asked.kind)
    ledger, position = document.source.ledger.id, document.source.known
    name = f"{ledger}-{asked.name}-{position}.{ending}"
    kind = f"{CSV}; charset=utf-8" if asked.kind == CSV else asked.kind
    return [
        ("Content-Type", kind),
        ("Content-Disposition", f'attachment; filename="{name}"'),
        ("Ledger-Position", str(position)),
    ]
