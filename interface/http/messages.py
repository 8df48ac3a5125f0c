"""What comes and goes: parts of a WSGI request read, an answer written.

Views under Flask and commands on the event loop (front.py) read and write the same way: the
WSGI environ (PEP 3333) is all that both have.
"""

import re
from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple
from uuid import uuid4

import msgspec
from marshmallow import Schema
from werkzeug.datastructures import MIMEAccept
from werkzeug.http import parse_accept_header, parse_etags

from interface.http.errors import PROBLEM_TYPE, RETRY_AFTER_SECONDS, Problem, invalid, problem_body
from interface.http.fields import POSITION_MAX, VISIBLE_ASCII
from interface.http.parsing import Invalid, query_of

Environ = dict[str, Any]
Headers = list[tuple[str, str]]

JSON = "application/json"
NDJSON = ("application/x-ndjson", "application/ndjson")
BODY_MAX_BYTES = 16 << 20
NDJSON_MAX_BYTES = 256 << 20
KEY_MAX_CHARACTERS = 255
READ_BYTES = 1 << 16

_is_key = re.compile(VISIBLE_ASCII).fullmatch
_is_etag = re.compile(r'(W/)?"([!#-~]*)"').fullmatch
_encode = msgspec.json.Encoder().encode


class BodyCut(Problem):
    """The sender or the connection was lost: what is missing must not be taken for left out."""

    def __init__(self) -> None:
        super().__init__("malformed", "The body was cut: it ended too early.")


class Answer(NamedTuple):
    """An answer's status, headers and body: bytes, or pieces of a stream. `code`: a problem's."""

    status: int
    headers: Headers
    body: bytes | Iterable[bytes]
    code: str | None = None


def json_answer(status: int, document: Any, headers: Headers | None = None) -> Answer:
    """Returns a JSON answer; `headers` come beside the content type."""
    return Answer(status, [("Content-Type", JSON), *(headers or ())], _encode(document))


def problem_answer(
    problem: Problem, *, more: Mapping[str, Any] | None = None, headers: Headers | None = None
) -> Answer:
    """Returns a problem as an answer, with what RFC 9110 wants beside its status."""
    found = [("Content-Type", PROBLEM_TYPE), *(headers or ()), *problem.headers]
    if problem.status == 401:
        found.append(("WWW-Authenticate", "Bearer"))
    if problem.status in (429, 503) and not any(name == "Retry-After" for name, _ in found):
        found.append(("Retry-After", str(RETRY_AFTER_SECONDS)))
    return Answer(problem.status, found, problem_body(problem, more), problem.code)


# -- what came


def bearer_token(environ: Environ) -> str | None:
    """Returns the token of `Authorization: Bearer TOKEN`, None where there is none."""
    scheme, _, token = environ.get("HTTP_AUTHORIZATION", "").partition(" ")
    return token.strip() or None if scheme.lower() == "bearer" else None


def media_type(environ: Environ) -> str:
    """Returns the request's content type without parameters, "" where it has none."""
    value: str = environ.get("CONTENT_TYPE") or ""
    return value.partition(";")[0].strip().lower()


def check_json(environ: Environ) -> None:
    """Raises Problem (unsupported_media_type) for a body that is not JSON in UTF-8."""
    kind = environ.get("CONTENT_TYPE")
    if kind != JSON and media_type(environ) != JSON:
        raise Problem("unsupported_media_type", f"Send {JSON}.")
    check_plain(environ)


def check_plain(environ: Environ) -> None:
    """Raises Problem (unsupported_media_type) for a compressed body."""
    coding = environ.get("HTTP_CONTENT_ENCODING")
    if coding and coding.strip().lower() != "identity":
        raise Problem("unsupported_media_type", "Send the body as it is, without coding.")


def read_body(environ: Environ, limit: int = BODY_MAX_BYTES) -> bytes:
    """Returns the whole body. Raises BodyCut, and Problem (too_large) before it has read more than
    `limit`."""
    length = environ.get("CONTENT_LENGTH")
    stream = environ["wsgi.input"]
    if length:
        check_length(environ, limit)
        body: bytes = stream.read(int(length))
        if len(body) < int(length):
            raise BodyCut
        return body
    if not environ.get("wsgi.input_terminated"):
        return b""
    pieces, size = [], 0
    while piece := stream.read(READ_BYTES):
        size += len(piece)
        if size > limit:
            raise too_large(limit)
        pieces.append(piece)
    return b"".join(pieces)


def check_length(environ: Environ, limit: int) -> None:
    """Raises Problem where Content-Length is above `limit` (too_large) or is none (malformed)."""
    length = environ.get("CONTENT_LENGTH") or "0"
    if not (length.isascii() and length.isdecimal()):
        raise Problem("malformed", "Content-Length is not a number.")
    if int(length) > limit:
        raise too_large(limit)


def too_large(limit: int) -> Problem:
    """Returns the problem of a body of more than `limit` bytes."""
    return Problem("too_large", f"The body has more than {limit:,} bytes.", facts={"limit": limit})


def idempotency_key(environ: Environ) -> str:
    """Returns the request's key, a new one where it has none. Raises Problem (invalid_request)."""
    key: str | None = environ.get("HTTP_IDEMPOTENCY_KEY")
    if key is None:
        return str(uuid4())
    if len(key) > KEY_MAX_CHARACTERS or _is_key(key) is None:
        wrong = f"Takes 1 to {KEY_MAX_CHARACTERS} visible ASCII characters."
        raise invalid({"Idempotency-Key": [wrong]})
    return key


def expected_version(environ: Environ) -> int | None:
    """Returns the version that If-Match names: None for none or any, 0 for one that never was.

    Raises Problem (invalid_request) for what is no single ETag.
    """
    value = environ.get("HTTP_IF_MATCH")
    if value is None or value.strip() == "*":
        return None
    found = _is_etag(value.strip())
    if found is None:
        raise invalid({"If-Match": ['Takes one ETag such as "3", or *.']})
    weak, tag = found.groups()
    if weak or not (tag.isascii() and tag.isdecimal() and len(tag) < 19):
        return 0
    return min(int(tag), POSITION_MAX)


def is_unchanged(environ: Environ, tag: str) -> bool:
    """True where If-None-Match names what an answer's ETag would be (RFC 9110 13.1.2)."""
    return parse_etags(environ.get("HTTP_IF_NONE_MATCH")).contains_weak(tag.strip('"'))


def read_query(environ: Environ, schema: Schema) -> dict[str, Any]:
    """Returns the request's query parameters. Raises Problem (invalid_request)."""
    try:
        return query_of(schema, environ.get("QUERY_STRING", ""))
    except Invalid as error:
        raise invalid(error.errors) from error


def wants_ndjson(environ: Environ) -> bool:
    """True where Accept prefers NDJSON to JSON."""
    accepted = parse_accept_header(environ.get("HTTP_ACCEPT"), MIMEAccept)
    return accepted.best_match([JSON, *NDJSON]) in NDJSON
