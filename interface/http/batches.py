"""Batches: many commands in one request, as one JSON document or as NDJSON.

Nothing of a JSON batch is sent to the writer before all of it was read.
"""

import json
from collections.abc import Sequence
from functools import partial
from typing import Any

import msgspec
from msgspec import Struct

from interface.http.admission import Guest, check_takes_commands
from interface.http.door import Door
from interface.http.errors import Problem, invalid
from interface.http.line_batches import LineBatch
from interface.http.loading import NOT_USUAL
from interface.http.loading_batch import fast_batch
from interface.http.messages import (
    NDJSON,
    NDJSON_MAX_BYTES,
    Answer,
    Environ,
    check_json,
    check_length,
    check_plain,
    json_answer,
    media_type,
    read_body,
)
from interface.http.parsing import Element, Invalid, Malformed, loaded, parse
from interface.http.schemas_batch import BATCH_MAX_COMMANDS, BatchBody
from interface.http.targets import named_ledger
from interface.http.units import GROUP_MAX_COMMANDS, Chunk, Unfit, load_command

_BATCH = BatchBody()


class _Envelope(Struct, frozen=True, forbid_unknown_fields=True):
    commands: list[msgspec.Raw]
    atomic: bool = False


_decode_envelope = msgspec.json.Decoder(_Envelope).decode


def take_batch(door: Door, environ: Environ, guest: Guest, ledger: str, *, atomic: bool) -> Answer:
    """Takes a batch in either form and returns what became of each command, in order.

    `atomic`: as the query asks; a JSON batch may ask for it itself. Raises Problem, Unanswered,
    LedgerNotFound.
    """
    check_takes_commands(ledger)
    if media_type(environ) in NDJSON:
        return _take_lines(door, environ, guest, ledger, atomic=atomic)
    check_json(environ)
    commands, asked_atomic = _commands(read_body(environ))
    atomic = atomic or asked_atomic
    _check_size(len(commands), atomic=atomic)
    chunk = Chunk(guest.caller, atomic=atomic)
    for command in commands:
        chunk.add(command)
    door.admission.check_key(environ)
    results = chunk.send(door.ledgers.writer(named_ledger(ledger)))
    position = chunk.position or _head(door, ledger)
    headers = [("Ledger-Position", str(position))]
    return json_answer(200, {"position": position, "results": results}, headers)


def _commands(body: bytes) -> tuple[Sequence[Element | Unfit], bool]:
    """Returns the commands and `atomic`. Raises Problem: malformed, invalid_request."""
    batch = fast_batch(body)
    if batch is not None:
        return batch
    commands = []
    raws, atomic = _envelope(body)
    for raw in raws[: BATCH_MAX_COMMANDS + 1]:
        command = load_command(bytes(raw))
        if isinstance(command, Unfit) and command.result["code"] == "malformed":
            raise Problem("malformed", command.result["detail"])
        commands.append(command)
    return commands, atomic


def _envelope(body: bytes) -> tuple[list[Any], bool]:
    """Returns the commands' bytes and `atomic`. Raises Problem: malformed, invalid_request."""
    try:
        envelope = _decode_envelope(body)
    except NOT_USUAL:
        return _judged(body)
    if body.count(b'"commands"') > 1 or body.count(b'"atomic"') > 1:
        return _judged(body)
    return envelope.commands, envelope.atomic


def _judged(body: bytes) -> tuple[list[Any], bool]:
    """The careful way, where every error is made."""
    try:
        members = loaded(_BATCH, parse(body))
    except Malformed as malformed:
        raise Problem("malformed", str(malformed)) from malformed
    except Invalid as error:
        raise invalid(error.errors) from error
    commands = [json.dumps(command).encode() for command in members["commands"]]
    return commands, members.get("atomic", False)


def _check_size(commands: int, *, atomic: bool) -> None:
    if not commands:
        raise invalid({"commands": ["Takes at least one command."]})
    limit = GROUP_MAX_COMMANDS if atomic else BATCH_MAX_COMMANDS
    if commands > limit:
        detail = f"The batch has more than {limit:,} commands."
        raise Problem("too_large", detail, facts={"limit": limit})


def _take_lines(door: Door, environ: Environ, guest: Guest, ledger: str, *, atomic: bool) -> Answer:
    check_plain(environ)
    check_length(environ, NDJSON_MAX_BYTES)
    batch = LineBatch(
        door.ledgers.writer(named_ledger(ledger)),
        guest.caller,
        atomic=atomic,
        check_key=partial(door.admission.check_key, environ),
    )
    try:
        size = batch.take(environ)
        position = batch.position or _head(door, ledger)
    except BaseException:
        batch.results.close()
        raise
    headers = [
        ("Content-Type", NDJSON[0]),
        ("Content-Length", str(size)),
        ("Ledger-Position", str(position)),
    ]
    return Answer(200, headers, batch.results)


def _head(door: Door, ledger: str) -> int:
    with door.ledgers.reader(ledger) as connection:
        row = connection.execute("SELECT position FROM head").fetchone()
    assert row is not None
    position: int = row["position"]
    return position
