"""What the making of a ledger would come to. There is no log yet that could be asked, so it is
judged on empty books: nothing is written, no schema made, no key used."""

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


def judge_founding(asked: Asked, *, software_version: str, now: datetime) -> Outcome:
    """Returns what the command, a CreateLedger, would be answered, judged at position 0.

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
        return Outcome(recording.emit(one, decided), judged_at=0)
    except Refusal as refusal:
        code, detail, facts = refusal.code, refusal.detail, refusal.facts
    told = CommandRefused(do="create_ledger", code=code, detail=detail, facts=facts)
    stored = recording.emit(one, [(new(0), told)], private=False)
    return Outcome(stored, code=code, detail=detail, facts=facts, judged_at=0)
