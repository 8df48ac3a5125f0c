"""What the transparency log's routes take and answer."""

from marshmallow import Schema, fields

from interface.http.fields import POSITION_MAX, FlagInQuery, Text, Whole, WholeInQuery
from interface.http.schemas_answers import COUNT, Record, page, text, texts
from interface.http.schemas_queries import ReadQuery


class NoQuery(Schema):
    """No parameters."""


class CheckpointQuery(Schema):
    """Which checkpoint."""

    cosigned = FlagInQuery(
        metadata={"description": "The largest one that a witness has cosigned, not the newest."}
    )


class InclusionQuery(ReadQuery):
    """Of which record, in which tree."""

    position = WholeInQuery(1, POSITION_MAX, required=True)
    size = WholeInQuery(1, POSITION_MAX, metadata={"description": "By default what is signed."})


class ConsistencyQuery(ReadQuery):
    """Of which two trees."""

    from_ = WholeInQuery(1, POSITION_MAX, required=True, data_key="from", attribute="from")
    to = WholeInQuery(1, POSITION_MAX, metadata={"description": "By default what is signed."})


def _hash() -> Text:
    return Text(64, min_length=64, pattern="[0-9a-f]{64}", required=True)


class InclusionProof(Schema):
    """RFC 6962 2.1.1, hashes in hex."""

    position = Whole(**COUNT)
    leaf_index = Whole(**COUNT)
    size = Whole(**COUNT)
    leaf_hash = _hash()
    root = _hash()
    proof = fields.List(_hash(), required=True)


class ConsistencyProof(Schema):
    """RFC 6962 2.1.2, hashes in hex."""

    from_ = Whole(**COUNT, data_key="from")
    to = Whole(**COUNT)
    from_root = _hash()
    to_root = _hash()
    proof = fields.List(_hash(), required=True)


class LogKeys(Schema):
    """Verifier keys in C2SP's form."""

    origin = text(required=True, allow_none=True)
    incarnation = Whole(**COUNT)
    verifier_keys = texts(required=True)
    retired_keys = texts(required=True)
    witnesses = texts(required=True)


class Cosigned(Schema):
    """What was kept."""

    size = Whole(**COUNT)
    root = _hash()
    witnesses = texts(required=True)


class AuditRecord(Record):
    """A record with its digest."""

    record_sha256 = _hash()


AuditTrail = page(AuditRecord, "AuditTrail", position=Whole(**COUNT))
