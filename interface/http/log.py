"""The transparency log: checkpoint and tiles as C2SP tlog-tiles has them, proofs in JSON.

Checkpoint and hash tiles hold no content, and answer without a key, so that generic clients and
witnesses can follow the log. Entry bundles and proofs are for who may read events.
"""

import gzip
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, NamedTuple

import msgspec
from marshmallow import Schema
from psycopg.rows import dict_row

from application.permissions import READ_EVENTS, READ_LEDGER
from application.transparency.notes import BadNote
from application.transparency.signed_log import NotSigned, SignedLog, signed_size
from application.transparency.tiles import MAX_LEVEL, parse_number
from application.transparency.witnesses import keep_cosignatures
from domain.ledgers import Ledger
from interface.http.admission import LEDGERS, Guest, check_may_read
from interface.http.door import Door
from interface.http.errors import Problem, invalid
from interface.http.messages import Answer, Environ, check_plain, json_answer, media_type, read_body
from interface.http.schemas_log import (
    CheckpointQuery,
    ConsistencyProof,
    ConsistencyQuery,
    Cosigned,
    InclusionProof,
    InclusionQuery,
    LogKeys,
    NoQuery,
)
from interface.http.schemas_queries import ReadQuery
from interface.http.targets import named_ledger
from interface.http.write_routes import LEDGER

LOG = f"{LEDGER}/log"
OPEN_METHODS = ("GET", "HEAD")
TEXT = "text/plain; charset=utf-8"
BYTES = "application/octet-stream"
NOTE_MAX_BYTES = 1 << 17
READ_LOG = READ_EVENTS
MAY_COSIGN = READ_EVENTS | {"operator"}

_OPEN = re.compile(rf"{LEDGERS}/[^/]+/log/(checkpoint|tile/[0-9]+/.+)", re.DOTALL)
_TILE = re.compile(r"(?P<number>[x0-9/]+)(\.p/(?P<width>[1-9][0-9]{0,2}))?")
_LEVEL = re.compile(r"0|[1-9][0-9]?")

_decode_ledger = msgspec.json.Decoder(Ledger).decode

Query = dict[str, Any]


class Request(NamedTuple):
    """`guest` is None where nobody has to say who asks."""

    door: Door
    environ: Environ
    guest: Guest | None
    query: Query


class LogRoute(NamedTuple):
    """`answer`: the schema of a JSON answer, or the media type of another. `body`: of the
    request's."""

    rule: str
    answer_to: Callable[..., Answer]
    query: type[Schema]
    answer: type[Schema] | str
    summary: str
    method: str = "GET"
    body: str | None = None
    open: bool = False


def is_open_log(path: str) -> bool:
    """True for what everybody may read of a log."""
    return _OPEN.fullmatch(path) is not None


@contextmanager
def _signed(request: Request, ledger: str) -> Iterator[SignedLog]:
    """Waits until the log is signed up to the query's `min_position`. Raises Problem (behind),
    LedgerNotFound."""
    ledgers, name = request.door.ledgers, named_ledger(ledger)
    if needed := request.query.get("min_position"):
        request.door.wait(
            lambda seconds: ledgers.wait_until(name, lambda c: signed_size(c) >= needed, seconds)
        )
    with ledgers.reader(name) as connection:
        try:
            log = SignedLog(connection)
        except NotSigned as error:
            raise Problem("behind", "Nothing of this log was signed yet.") from error
        yield log


def _checkpoint(request: Request, ledger: str) -> Answer:
    with _signed(request, ledger) as log:
        note = log.cosigned() if request.query.get("cosigned") else log.checkpoint()
    if note is None:
        raise Problem("not_found", "No witness has cosigned a checkpoint of this log yet.")
    return Answer(200, [("Content-Type", TEXT), ("Cache-Control", "no-cache")], note.encode())


def _tile(request: Request, ledger: str, level: str, tile: str) -> Answer:
    number, width = _named_tile(tile)
    if _LEVEL.fullmatch(level) is None or int(level) > MAX_LEVEL:
        raise _no_tile()
    with _signed(request, ledger) as log:
        hashes = log.tile(int(level), number, width)
    if hashes is None:
        raise _no_tile()
    return Answer(200, _immutable("public"), hashes)


def _entries(request: Request, ledger: str, tile: str) -> Answer:
    number, width = _named_tile(tile)
    with _signed(request, ledger) as log:
        found = log.entries(number, width)
    if found is None:
        raise _no_tile()
    headers = [*_immutable("private"), ("Vary", "Accept-Encoding")]
    if "gzip" in request.environ.get("HTTP_ACCEPT_ENCODING", ""):
        return Answer(200, [*headers, ("Content-Encoding", "gzip")], gzip.compress(found, 6))
    return Answer(200, headers, found)


def _inclusion(request: Request, ledger: str) -> Answer:
    with _signed(request, ledger) as log:
        position = _required(request.query, "position")
        # Without a size it is of what is signed, where the record will stand in a moment.
        size = request.query.get("size", max(position, log.last.size))
        _check_signed(log, size)
        if position > size:
            raise invalid({"position": [f"A tree of size {size} ends before it."]})
        return json_answer(200, log.inclusion(position, size))


def _consistency(request: Request, ledger: str) -> Answer:
    with _signed(request, ledger) as log:
        old_size = _required(request.query, "from")
        new_size: int = request.query.get("to", log.last.size)
        _check_signed(log, new_size)
        if old_size > new_size:
            raise invalid({"from": [f"Is above {new_size}."]})
        return json_answer(200, log.consistency(old_size, new_size))


def _keys(request: Request, ledger: str) -> Answer:
    assert request.guest is not None, "this takes a key"
    with request.door.reading(request.guest, ledger, request.query) as connection:
        row = connection.execute("SELECT document FROM ledger").fetchone()
    assert row is not None
    state = _decode_ledger(row["document"])
    return json_answer(
        200,
        {
            "origin": state.origin,
            "incarnation": state.incarnation,
            "verifier_keys": state.verifier_keys,
            "retired_keys": state.retired_keys,
            "witnesses": state.witnesses,
        },
    )


def _cosignatures(request: Request, ledger: str) -> Answer:
    if media_type(request.environ) != "text/plain":
        raise Problem("unsupported_media_type", "Send text/plain.")
    check_plain(request.environ)
    raw = read_body(request.environ, NOTE_MAX_BYTES)
    name = named_ledger(ledger)
    request.door.ledgers.store(name)  # there must be such a ledger
    with request.door.ledgers.connect_service() as connection:
        connection.row_factory = dict_row
        try:
            return json_answer(200, keep_cosignatures(connection, name, raw))
        except BadNote as error:
            raise invalid({"checkpoint": [str(error)]}) from error


def check_may_ask(route: LogRoute, guest: Guest) -> None:
    """Raises Problem (forbidden)."""
    if route.answer_to is _keys:
        check_may_read(guest, READ_LEDGER, "a log's keys")
    elif route.answer_to is _cosignatures:
        check_may_read(guest, MAY_COSIGN, "cosignatures")
    else:
        check_may_read(guest, READ_LOG, "a log's records")


def _required(query: Query, name: str) -> int:
    if name not in query:
        raise invalid({name: ["Missing data for required field."]})
    number: int = query[name]
    return number


def _check_signed(log: SignedLog, size: int) -> None:
    if size > log.position:
        raise Problem("not_found", f"The log ends at position {log.position}.")
    if size > log.last.size:
        raise Problem("behind", f"The log is signed up to size {log.last.size}.")


def _named_tile(path: str) -> tuple[int, int | None]:
    found = _TILE.fullmatch(path)
    number = None if found is None else parse_number(found["number"])
    if found is None or number is None or number >= 1 << 55:
        raise _no_tile()
    width = None if found["width"] is None else int(found["width"])
    if width is not None and width > 255:
        raise _no_tile()
    return number, width


def _no_tile() -> Problem:
    return Problem("not_found", "No signed tree has this tile.")


def _immutable(scope: str) -> list[tuple[str, str]]:
    return [
        ("Content-Type", BYTES),
        ("Cache-Control", f"{scope}, max-age=31536000, immutable"),
    ]


LOG_ROUTES = (
    LogRoute(
        f"{LOG}/checkpoint", _checkpoint, CheckpointQuery, TEXT, "Show the checkpoint", open=True
    ),
    LogRoute(
        f"{LOG}/tile/<level>/<path:tile>", _tile, NoQuery, BYTES, "Show a hash tile", open=True
    ),
    LogRoute(f"{LOG}/tile/entries/<path:tile>", _entries, NoQuery, BYTES, "Show an entry bundle"),
    LogRoute(
        f"{LOG}/proof/inclusion",
        _inclusion,
        InclusionQuery,
        InclusionProof,
        "Prove that a record is in the log",
    ),
    LogRoute(
        f"{LOG}/proof/consistency",
        _consistency,
        ConsistencyQuery,
        ConsistencyProof,
        "Prove that the log only grew",
    ),
    LogRoute(f"{LOG}/keys", _keys, ReadQuery, LogKeys, "Show whose signatures count"),
    LogRoute(
        f"{LOG}/cosignatures",
        _cosignatures,
        NoQuery,
        Cosigned,
        "Hand in a cosigned checkpoint",
        method="POST",
        body="text/plain",
    ),
)
