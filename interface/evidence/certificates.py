"""Certificates checked: first what one proves by itself, then its report, made again from records.

What it states is held against the tree that its checkpoint signs: the records are verified up to
there as ever (verification.py), and the report is worked out from them (recomputed.py).
"""

from collections.abc import Sequence
from hashlib import sha256
from typing import Any

import msgspec

from application.transparency.certificates import Certificate, Lines, canonical, parse_certificate
from application.transparency.notes import (
    BadNote,
    Checkpoint,
    VerifierKey,
    check_signed,
    parse_checkpoint,
    parse_note,
)
from application.transparency.tree import WrongProof, check_joint_proof, leaf_hash
from interface.evidence import shapes
from interface.evidence.divergence import Divergence
from interface.evidence.recomputed import Recomputation
from interface.evidence.shapes import decode_envelope
from interface.evidence.verification import Stored

Numbered = tuple[int, str, int]


class Certified:
    """A certificate whose signatures and proofs hold. Takes the records that its report is made
    again from, in order, after they were verified.

    Raises Divergence where it is none, is of another ledger, or does not prove what it states.
    """

    def __init__(self, raw: bytes, *, ledger: str, keys: Sequence[VerifierKey]) -> None:
        try:
            signed = parse_certificate(raw)
        except BadNote as error:
            raise Divergence(str(error)) from error
        self.certificate = signed.certificate
        if self.certificate.ledger != ledger:
            raise Divergence(
                f"the certificate is of the ledger {self.certificate.ledger}, not of {ledger}"
            )
        named = [key for key in keys if key.name == signed.origin]
        try:
            check_signed(signed.note, named)
        except BadNote as error:
            raise Divergence(f"the certificate: {error}") from error
        self.checkpoint = _checkpoint(self.certificate, signed.origin, named)
        _check_proof(self.certificate, self.checkpoint)
        self._recomputation = Recomputation(
            report=self.certificate.report,
            parameters=self.certificate.parameters,
            position=self.certificate.position,
        )
        if (self.certificate.lines is None) != (self._recomputation.statement is None):
            raise Divergence("the certificate lists an account's lines if it is of a statement")
        if self.certificate.lines is not None:
            _check_lines(self.certificate, self.certificate.lines)

    def take(self, batch: Sequence[Stored]) -> None:
        """Takes in records that were verified."""
        for one in batch:
            self._recomputation.take(decode_envelope(one.state))

    def end(self, report: bytes | None = None) -> None:
        """Compares the report that the records give; `report`: as the service's JSON answer has
        it, so that what differs can be named. Raises Divergence."""
        certificate = self.certificate
        if certificate.lines is not None:
            self._compare_lines(certificate.lines)
        model = self._recomputation.model()
        differs = None if report is None else _difference(report, model)
        digest = sha256(canonical(model)).hexdigest()
        if digest != certificate.digest:
            raise Divergence(
                "the report is not the one that the records give: its digest is"
                f" {certificate.digest}, theirs {digest}" + (f"; {differs}" if differs else "")
            )
        if differs is not None:
            raise Divergence(f"the report given is not the one that was certified: {differs}")

    def _compare_lines(self, lines: Lines) -> None:
        statement, chart = self._recomputation.statement, self._recomputation.chart
        assert statement is not None
        before = [one.position for one in statement.stated][-2:-1]
        if before != _positions(lines.previous):
            raise Divergence(
                "the certificate names another statement before it than"
                f" {'position ' + str(before[0]) if before else 'none'}"
            )
        shown = {line.number for line in statement.inside(chart)}
        since = before[0] if before else 0
        inside, outside = [], []
        for line in statement.lines:
            numbered = (line.number, line.effective_on, line.position)
            if line.number in shown:
                inside.append(numbered)
            elif line.position > since:
                outside.append(numbered)
        _compare("in the statement", lines.inside, inside)
        _compare("beside the statement", lines.outside, outside)


def _checkpoint(certificate: Certificate, origin: str, keys: Sequence[VerifierKey]) -> Checkpoint:
    """The checkpoint that the certificate carries, of the same log."""
    try:
        note = parse_note(certificate.checkpoint.encode())
        check_signed(note, keys)
        checkpoint = parse_checkpoint(note.text)
    except BadNote as error:
        raise Divergence(f"the certificate's checkpoint: {error}") from error
    if checkpoint.origin != origin:
        raise Divergence("the certificate's checkpoint is of another log")
    if not 1 <= certificate.position <= checkpoint.size:
        raise Divergence(
            f"the certificate is as of position {certificate.position}; its checkpoint covers"
            f" {checkpoint.size}"
        )
    return checkpoint


def _check_proof(certificate: Certificate, checkpoint: Checkpoint) -> None:
    """The leaves that it names must be in the tree: what it is about, and each line."""
    proof, lines = certificate.proof, certificate.lines
    wanted = {certificate.position}
    if lines is not None:
        wanted |= {position for _, _, position in (*lines.inside, *lines.outside)}
        wanted.update(_positions(lines.previous))
    if [position for position, _ in proof.leaves] != sorted(wanted):
        raise Divergence("the certificate's proof is of other records than it names")
    try:
        check_joint_proof(
            leaves={position - 1: bytes.fromhex(leaf) for position, leaf in proof.leaves},
            size=checkpoint.size,
            proof=[bytes.fromhex(hash) for hash in proof.hashes],
            root=checkpoint.root,
        )
    except (WrongProof, ValueError) as error:
        raise Divergence(f"the certificate's proof: {error}") from error


def _check_lines(certificate: Certificate, lines: Lines) -> None:
    """The two records state how many lines there are: each of them must be listed, once."""
    asked = (certificate.parameters.get("account"), certificate.parameters.get("asset"))
    leaves = dict(certificate.proof.leaves)
    counts = []
    for record in (lines.previous, lines.stated):
        if record is None:
            counts.append(0)
            continue
        position, stated = _stated(record)
        if record is lines.stated and position != certificate.position:
            raise Divergence("the certificate is not as of the record that it is of")
        if leaf_hash(record.encode()).hex() != leaves.get(position):
            raise Divergence(
                "a record in the certificate is not the one in the tree", position=position
            )
        if (stated.account, stated.asset) != asked:
            raise Divergence("a record in the certificate is of another account", position=position)
        counts.append(stated.lines)
    numbers = [number for number, _, _ in (*lines.inside, *lines.outside)]
    listed = set(numbers)
    # One by one: what the record states may be any number.
    missing = next((n for n in range(counts[0] + 1, counts[1] + 1) if n not in listed), None)
    if missing is not None:
        raise Divergence(f"line {missing} is missing: {counts[1]} lines are on record")
    if len(listed) < len(numbers) or (numbers and max(numbers) > counts[1]):
        raise Divergence(f"the certificate lists more than the {counts[1]} lines on record")


def _difference(report: bytes, model: dict[str, Any]) -> str | None:
    """Says where a report first differs from its certified form; it may show more than that."""
    try:
        shown = msgspec.json.decode(report, type=dict[str, Any])
        rows = msgspec.convert(shown.get("rows"), list[dict[str, Any]])
    except msgspec.MsgspecError as error:
        raise Divergence(f"the report given is none: {error}") from error
    wanted = {**model, **model["parameters"]}
    for name in wanted.keys() - {"parameters", "rows"}:
        if shown.get(name) != wanted[name]:
            return f"it says {shown.get(name)!r} for {name}, the records {wanted[name]!r}"
    for number, (row, made) in enumerate(zip(rows, model["rows"], strict=False), start=1):
        for name, value in made.items():
            if row.get(name) != value:
                return f"row {number} says {row.get(name)!r} for {name}, the records {value!r}"
    if len(rows) != len(model["rows"]):
        return f"it has {len(rows)} rows, the records give {len(model['rows'])}"
    return None


def _positions(record: str | None) -> list[int]:
    return [] if record is None else [_stated(record)[0]]


def _stated(record: str) -> tuple[int, shapes.Stated]:
    try:
        envelope = decode_envelope(record.encode())
        if envelope.type != "AccountStated":
            raise Divergence(f"the certificate counts lines by a record of {envelope.type}")
        return envelope.position, msgspec.json.decode(envelope.payload, type=shapes.Stated)
    except msgspec.MsgspecError as error:
        raise Divergence(f"a record in the certificate is none: {error}") from error


def _compare(where: str, listed: Sequence[Numbered], found: Sequence[Numbered]) -> None:
    for one, other in zip(listed, found, strict=False):
        if tuple(one) != other:
            raise Divergence(f"the certificate lists {one} {where}; it follows {other}")
    if len(listed) != len(found):
        raise Divergence(
            f"the certificate lists {len(listed)} lines {where}; it follows {len(found)}"
        )
