"""Certificates: what a ledger's keys sign of a report, and how it is written and read.

A signed note under the log's own keys. Its first line is the log's origin and `/certificate`, which
is no log's name: a certificate can't be taken for a checkpoint, nor the other way round. Its second
line is the body, one JSON object in canonical form (RFC 8785; all that is in it are texts,
integers, lists and objects).
"""

import json
from typing import Any

import msgspec
from msgspec import Struct, field

from application.transparency.notes import BadNote, Note, parse_note

FORMAT = "backoffice-certificate/1"
CERTIFICATE_MAX_BYTES = 64 << 20

_BEHIND_ORIGIN = "/certificate"

Numbered = tuple[int, str, int]
"""A line of an account: its running number, effective day, and the position of its record."""


class Proof(Struct, frozen=True, forbid_unknown_fields=True):
    """That records stand in the checkpoint's tree: (position, leaf hash) by position, and what
    leads from them to its root (tree.py, `joint_proof`). Hashes in hex."""

    leaves: list[tuple[int, str]]
    hashes: list[str]


class Lines(Struct, frozen=True, forbid_unknown_fields=True):
    """Why no line is missing from a statement: two records that say how many there were, and each
    line between them, shown in the statement (`inside`, with those before them) or not.

    `stated` is the `AccountStated` that the statement is of, `previous` the one before it.
    """

    stated: str
    inside: list[Numbered]
    outside: list[Numbered]
    previous: str | None = None


class Certificate(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """`parameters` are those that the report was asked with, defaults too. `digest`: SHA-256 of
    the report's canonical form, in hex. `checkpoint`: a signed note that covers `position`."""

    format: str = FORMAT
    ledger: str
    report: str
    parameters: dict[str, str | int]
    position: int
    digest: str
    software_version: str
    checkpoint: str
    proof: Proof
    lines: Lines | None = field(default=None)


class Signed(Struct, frozen=True):
    """A certificate as it was found, its signatures not yet verified."""

    note: Note
    origin: str
    certificate: Certificate


_decode = msgspec.json.Decoder(Certificate).decode


def canonical(document: Any) -> bytes:
    """Returns the canonical form of texts, integers, lists and objects with ASCII names."""
    return json.dumps(document, ensure_ascii=False, sort_keys=True, separators=(",", ":")).encode()


def certificate_text(origin: str, certificate: Certificate) -> str:
    """Returns what is signed."""
    body = canonical(_members(certificate)).decode()
    return f"{origin}{_BEHIND_ORIGIN}\n{body}\n"


def parse_certificate(raw: bytes) -> Signed:
    """Returns what a file holds. Raises BadNote."""
    note = parse_note(raw, max_bytes=CERTIFICATE_MAX_BYTES)
    first, _, rest = note.text.partition("\n")
    body, _, more = rest.partition("\n")
    origin = first.removesuffix(_BEHIND_ORIGIN)
    if origin == first or more:
        raise BadNote("This is no certificate.")
    try:
        certificate = _decode(body)
    except msgspec.MsgspecError as error:
        raise BadNote(f"This is no certificate: {error}.") from error
    if certificate.format != FORMAT:
        raise BadNote(f"The format {certificate.format} is not known here.")
    if canonical(_members(certificate)) != body.encode():
        raise BadNote("The certificate is not in its canonical form.")
    return Signed(note, origin, certificate)


def _members(certificate: Certificate) -> dict[str, Any]:
    members: dict[str, Any] = msgspec.to_builtins(certificate)
    if certificate.lines is None:
        del members["lines"]
    return members
