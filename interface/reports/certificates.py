"""Reports that prove themselves: what of a report is certified, and how its certificate is made.

In two steps: what the snapshot of the report knows (`draft`), and, once the log is signed as far as
the report goes, the proofs and the signature (`certify`).
"""

from datetime import date
from hashlib import sha256
from typing import Any, NamedTuple

from psycopg import Connection
from psycopg.rows import tuple_row

from application.ledgers import Ledgers
from application.records import SHAPES
from application.transparency.certificates import (
    Certificate,
    Lines,
    Numbered,
    Proof,
    canonical,
    certificate_text,
)
from application.transparency.notes import parse_checkpoint, parse_note
from application.transparency.signed_log import SignedLog
from domain.statements import AccountStated
from interface.reports.document import Document
from interface.reports.periods import WORDS
from projections.report import NeedsMore, Row
from projections.statements import lines_between

CERTIFIED: dict[str, tuple[str, ...]] = {
    "trial-balance": (
        "account",
        "name",
        "type",
        "asset",
        "debit",
        "credit",
        "functional_debit",
        "functional_credit",
    ),
    "general-ledger": (
        "account",
        "asset",
        "effective_on",
        "journal",
        "position",
        "leg",
        "debit",
        "credit",
        "balance",
    ),
    "journal": (
        "effective_on",
        "journal",
        "position",
        "class",
        "reference",
        "actor",
        "account",
        "name",
        "asset",
        "debit",
        "credit",
    ),
    "roll-forward": ("account", "name", "asset", "opening", "debits", "credits", "closing"),
    "statement": ("line", "effective_on", "position", "leg", "debit", "credit", "balance"),
}
"""Of which reports there are certificates, and the columns that these are about: fixed for ever, or
old certificates could not be recomputed. interface/evidence/recomputed.py has the same from the
records alone."""


class Stated(NamedTuple):
    """An `AccountStated` that is on record."""

    position: int
    event: AccountStated
    state: bytes


class Draft(NamedTuple):
    """A report with what its certificate takes from the views."""

    document: Document
    lines: Lines | None
    positions: tuple[int, ...]
    """Of the records that it is to be proven of."""


def model(document: Document) -> dict[str, Any]:
    """Returns what of a report is certified."""
    report, source, _ = document
    columns = CERTIFIED[report.name]
    return {
        "report": report.name,
        "ledger": source.ledger.id,
        "functional_asset": source.ledger.functional_asset,
        "parameters": parameters(document),
        "position": source.known,
        "known_at": document.recorded_at,
        "rows": [_certified(row, columns) for row in report.rows],
        "totals": report.totals,
    }


def parameters(document: Document) -> dict[str, str | int]:
    """Returns what the report was asked with; days as texts. A period stands there as its days and
    the position that it was closed at: these say which report it is."""
    asked = document.report.asked
    return {
        name: _plain(value)
        for name, value in asked.items()
        if value is not None and name not in WORDS
    }


def draft(connection: Connection[Any], document: Document) -> Draft:
    """Returns what the certificate of a report takes from the snapshot that it was made from.

    Raises NeedsMore where a statement is not as of the position of its `AccountStated`, or a report
    as of none; projections.report.TooLarge.
    """
    report, known = document.report, document.source.known
    # Of a period it names days and position: what they are follows from the records alone.
    report.asked = {name: value for name, value in report.asked.items() if name not in WORDS}
    if not known:
        raise NeedsMore("known_position", "Nothing is on record there.")
    if document.report.name != "statement":
        return Draft(document, None, (known,))
    stated, previous = _stated(connection, document)
    asked = document.report.asked
    since = 0 if previous is None else previous.position
    found = lines_between(
        connection, account=asked["account"], asset=asked["asset"], after=since, last=known
    )
    inside = [
        (row.values["line"], row.values["effective_on"].isoformat(), row.values["position"])
        for row in document.report.rows
        if row.kind == "line"
    ]
    shown = {number for number, *_ in inside}
    outside: list[Numbered] = [
        (line.number, line.effective_on.isoformat(), line.position)
        for line in found
        if line.number not in shown
    ]
    lines = Lines(
        stated=stated.state.decode(),
        previous=None if previous is None else previous.state.decode(),
        inside=sorted(inside),
        outside=outside,
    )
    positions = {position for _, _, position in (*inside, *outside)} | {known}
    if previous is not None:
        positions.add(previous.position)
    return Draft(document, lines, tuple(sorted(positions)))


def signed_size(connection: Connection[Any]) -> int:
    """Returns up to which position the log is signed under its name."""
    row = (
        connection.cursor(row_factory=tuple_row)
        .execute(
            "SELECT coalesce(max(size), 0) FROM head JOIN checkpoints USING (incarnation)",
        )
        .fetchone()
    )
    assert row is not None
    size: int = row[0]
    return size


def certify(ledgers: Ledgers, drafted: Draft) -> str:
    """Returns the signed certificate. Requires that the log is signed as far as the report goes.

    Raises Unanswered.
    """
    document = drafted.document
    ledger = document.source.ledger.id
    with ledgers.reader(ledger) as connection:
        log = SignedLog(connection)
        leaves, hashes = log.joint(drafted.positions, log.last.size)
    certificate = Certificate(
        ledger=ledger,
        report=document.report.name,
        parameters=parameters(document),
        position=document.source.known,
        digest=sha256(canonical(model(document))).hexdigest(),
        software_version=ledgers.software_version,
        checkpoint=log.last.note,
        proof=Proof(leaves, hashes),
        lines=drafted.lines,
    )
    origin = parse_checkpoint(parse_note(log.last.note.encode()).text).origin
    text = certificate_text(origin, certificate)
    return str(ledgers.signing_keys.sign(ledger, origin, text))


def _stated(connection: Connection[Any], document: Document) -> tuple[Stated, Stated | None]:
    """The record that the statement is of, and the one of its kind before it."""
    asked, known = document.report.asked, document.source.known
    account = document.source.accounts[asked["account"]]
    rows = connection.cursor(row_factory=tuple_row).execute(
        "SELECT notification_id, state FROM events WHERE originator_id = %s::uuid"
        " AND topic = %s AND notification_id <= %s ORDER BY originator_version DESC",
        [account.stream, AccountStated.__name__, known],
    )
    found = []
    for position, state in rows:
        event = SHAPES.decode(state).payload
        assert isinstance(event, AccountStated)
        if event.asset == asked["asset"]:
            found.append(Stated(position, event, state))
        if len(found) == 2:
            break
    if not found or found[0].position != known:
        raise NeedsMore(
            "known_position",
            "A statement is certified as of the position that"
            f" POST .../accounts/{account.code}/statement answers.",
        )
    return found[0], found[1] if len(found) == 2 else None


def _certified(row: Row, columns: tuple[str, ...]) -> dict[str, str | int]:
    values = {name: row.values.get(name) for name in columns}
    found = {name: _plain(value) for name, value in values.items() if value is not None}
    return {"kind": row.kind, **found}


def _plain(value: Any) -> str | int:
    if isinstance(value, date):
        return value.isoformat()
    assert isinstance(value, str | int)
    return value
