"""Single commands: from a request to the answer of what became of it."""

from collections.abc import Sequence

from msgspec.structs import replace

from application.outcomes import Asked, Outcome, Unanswered
from domain.accounts import CloseAccount
from domain.amendments import AmendAccount
from domain.commands import Command
from domain.ledgers import CreateLedger
from interface.http.accounts import etag
from interface.http.admission import Guest, check_takes_commands
from interface.http.door import Door
from interface.http.errors import Problem, invalid, problem_members
from interface.http.messages import (
    Answer,
    Environ,
    Headers,
    check_json,
    expected_version,
    idempotency_key,
    json_answer,
    media_type,
    problem_answer,
    read_body,
)
from interface.http.parsing import Invalid, Malformed
from interface.http.streams import Stored, before_of, receipt, stored_of
from interface.http.targets import named_ledger
from interface.http.verbs import Verb, Written


def write(
    door: Door, environ: Environ, guest: Guest, ledger: str, verb: Verb, target: str | None = None
) -> Answer:
    """Sends one command to the ledger's writer and returns the answer.

    Raises Problem, Unanswered, LedgerNotFound, psycopg.Error.
    """
    asked = asked_by(environ, guest, ledger, verb, target)
    door.admission.check_key(environ)
    writer = door.ledgers.writer(named_ledger(ledger))
    try:
        outcome = writer.submit([(asked,)])[0]
    except Unanswered as unanswered:
        raise not_answered(unanswered, asked.key) from unanswered
    return answer(door, ledger, verb, outcome, asked.key)


def asked_by(
    environ: Environ, guest: Guest, ledger: str, verb: Verb, target: str | None = None
) -> Asked:
    """Returns the command that a request asks for. Raises Problem."""
    check_takes_commands(ledger)
    command = load(environ, verb, target)
    if verb.conditional:
        assert isinstance(command, AmendAccount | CloseAccount)
        command = replace(command, expected_version=expected_version(environ))
    return Asked(command, idempotency_key(environ), guest.caller)


def create_ledger(door: Door, environ: Environ, guest: Guest, verb: Verb) -> Answer:
    """Makes a ledger. Raises what `write` raises."""
    command = load(environ, verb, None)
    assert isinstance(command, CreateLedger)
    key = idempotency_key(environ)
    door.admission.check_key(environ)
    if guest.key.ledger not in (None, command.id):
        raise Problem("forbidden", "This key is for another ledger.")
    try:
        outcome = door.ledgers.create(command, key=key, by=guest.caller)
    except Unanswered as unanswered:
        raise not_answered(unanswered, key) from unanswered
    return answer(door, command.id, verb, outcome, key)


def load(environ: Environ, verb: Verb, target: str | None) -> Command:
    """Returns the request's command.

    A request without a body sends the empty object where that would do. Raises Problem:
    unsupported_media_type, too_large, malformed, invalid_request.
    """
    typed = bool(media_type(environ))
    if typed:
        check_json(environ)
    body = read_body(environ)
    if body and not typed:
        check_json(environ)
    if not body and not (typed and _has_required(verb)):
        body = b"{}"
    try:
        return verb.loader.load(body, target)
    except Malformed as malformed:
        raise Problem("malformed", str(malformed)) from malformed
    except Invalid as error:
        raise invalid(error.errors) from error


def _has_required(verb: Verb) -> bool:
    return any(field.required for field in verb.loader.body.fields.values())


def answer(door: Door, ledger: str, verb: Verb, outcome: Outcome, key: str) -> Answer:
    """Returns what became of a command: what it did, or the refusal."""
    headers: Headers = [("Idempotency-Key", key)]
    if outcome.position is not None:
        headers.append(("Ledger-Position", str(outcome.position)))
    if outcome.replayed:
        headers.append(("Idempotency-Replayed", "true"))
    stored = stored_of(outcome)
    if outcome.judged_at is not None and stored:
        return _judgement(door, ledger, verb, outcome, stored, headers)
    if outcome.code is not None:
        problem = Problem(outcome.code, outcome.detail, facts=outcome.facts)
        more = receipt(stored[0]) if stored else None
        return problem_answer(problem, more=more, headers=headers)
    shown = verb.show(Written(door, ledger, stored, before_of(outcome)))
    if "version" in shown:
        headers.append(etag(shown["version"]))
    return json_answer(verb.status, {**shown, **receipt(stored[0])}, headers)


def _judgement(
    door: Door,
    ledger: str,
    verb: Verb,
    outcome: Outcome,
    stored: Sequence[Stored],
    headers: Headers,
) -> Answer:
    """Returns what a command would be answered with that asked for that alone.

    What is never remembered (no permission, a key taken, ...) is told as ever.
    """
    judged = {"validate_only": True, "position": outcome.judged_at}
    if outcome.code is not None:
        problem = Problem(outcome.code, outcome.detail, facts=outcome.facts)
        return json_answer(200, problem_members(problem, judged), headers)
    would_be = not outcome.replayed
    shown = verb.show(Written(door, ledger, stored, is_judgement=would_be))
    return json_answer(200, {**shown, **judged}, headers)


def not_answered(unanswered: Unanswered, key: str) -> Problem:
    """Returns the problem of a command that the writer could not answer.

    The key may be the server's: who wants to retry must know it.
    """
    return Problem(unanswered.code, unanswered.detail, headers=(("Idempotency-Key", key),))
