"""What is told before a ledger is made. There is no log yet that could be asked, so the command is
judged on empty books: nothing is written, no schema made, no key used.

A log begins with its ledger. So what is refused before that is on no record, not remembered, and
its key stays free.
"""

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

from application.decisions import prepare
from application.identity import CommandIds
from application.outcomes import Asked, Outcome
from application.permissions import check, standing_of
from application.recording import Recording
from domain.books import Books
from domain.catalogue import CommandRefused
from domain.commands import At
from domain.decisions import decide
from domain.ledgers import CreateLedger
from domain.refusals import Refusal

_NO_SECRET = b""
"""Digests of what is not kept need none."""


def foretold(asked: Asked, *, software_version: str, now: datetime) -> Outcome | None:
    """Returns the refusal of the command, a CreateLedger; with `validate_only` whatever it would
    be answered, judged at position 0; else None: it may be done.

    Requires that there is no such ledger. Raises domain.refusals.Forbidden.
    """
    command, by = asked.command, asked.by
    assert isinstance(command, CreateLedger)
    check(command, by)
    ids, books = CommandIds(ledger=command.id, secret=_NO_SECRET), Books()
    one = prepare(asked, ids)
    today = now.astimezone(ZoneInfo(command.timezone)).date()
    at = At(now.astimezone(UTC), today, by.actor, standing_of(by), by.owner)
    recording = Recording(
        books=books,
        ids=ids,
        ledger=command.id,
        software_version=software_version,
        position=0,
        incarnation=1,
        at=at,
    )
    new = recording.new_streams(one.command_id)
    try:
        decided = decide(books, command, at, new, card_number_in=one.card_number_in)
        stored = recording.emit(one, decided)
        return Outcome(stored, judged_at=0) if command.validate_only else None
    except Refusal as refusal:
        code, detail, facts = refusal.code, refusal.detail, refusal.facts
    if not command.validate_only:
        return Outcome([], code=code, detail=detail, facts=facts)
    told = CommandRefused(do="create_ledger", code=code, detail=detail, facts=facts)
    stored = recording.emit(one, [(new(0), told)], private=False)
    return Outcome(stored, code=code, detail=detail, facts=facts, judged_at=0)
