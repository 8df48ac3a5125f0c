"""Certificates of reports over HTTP: the path of a report with `.certificate` behind its name."""

from application.outcomes import Unanswered
from interface.http.door import Door
from interface.http.errors import Problem, invalid
from interface.http.messages import Answer
from interface.http.reports import document_of
from interface.http.viewing import Seen
from interface.reports.certificates import CERTIFIED, Draft, certify, draft, signed_size
from projections.report import NeedsMore, TooLarge

ENDING = ".certificate"
TEXT = "text/plain"


def asked_certificate(text: str) -> str | None:
    """Returns the report that a path asks a certificate of, None where it asks for none.

    Raises Problem (not_found) where there are none of it.
    """
    name = text.removesuffix(ENDING)
    if name == text:
        return None
    if name not in CERTIFIED:
        raise Problem("not_found", f"There are certificates of: {', '.join(sorted(CERTIFIED))}.")
    return name


def drafted(seen: Seen, name: str, query: dict[str, object]) -> Draft:
    """Returns what the certificate takes from the snapshot. Raises Problem (too_large,
    invalid_request)."""
    document = document_of(seen, name, query)
    try:
        return draft(seen.connection, document)
    except NeedsMore as error:
        raise invalid({error.name: [str(error)]}) from error
    except TooLarge as error:
        raise Problem("too_large", str(error)) from error


def certificate_answer(door: Door, found: Draft) -> Answer:
    """Returns the certificate, once the log is signed as far as the report goes: that takes up to
    two seconds. Raises Problem (behind, busy, unavailable)."""
    source = found.document.source
    ledger, position = source.ledger.id, source.known
    door.wait(
        lambda timeout: door.ledgers.wait_until(
            ledger, lambda connection: signed_size(connection) >= position, timeout
        )
    )
    try:
        note = certify(door.ledgers, found)
    except Unanswered as unanswered:
        raise Problem(unanswered.code, unanswered.detail) from unanswered
    name = f"{ledger}-{found.document.report.name}-{position}{ENDING}"
    headers = [
        ("Content-Type", f"{TEXT}; charset=utf-8"),
        ("Content-Disposition", f'attachment; filename="{name}"'),
        ("Ledger-Position", str(position)),
    ]
    return Answer(200, headers, note.encode())
