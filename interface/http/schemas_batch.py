"""A batch: an envelope of commands, each with its own key, and the elements it may hold."""

from marshmallow import Schema, fields, validate

from domain.commands import Command
from interface.http.fields import VISIBLE_ASCII, Choice, Flag, Text, Uuid
from interface.http.schemas import Body
from interface.http.schemas_authorizations import (
    AuthorizeBody,
    ChargebackBody,
    IncrementBody,
    ReduceBody,
    RefundBody,
    ReleaseBody,
    RepresentmentBody,
    SettleBody,
    SettleMandatoryBody,
    VoidBody,
)
from interface.http.schemas_postings import AdjustBody, PostBody, ReverseBody

BATCH_MAX_COMMANDS = 10_000
KEY_MAX = 255


def _element(body: type[Body]) -> type[Body]:
    """Returns the schema of a body as a batch has it: with `do`, `key`, `group` and its target."""
    do = tag_of(body.makes)
    members = {
        "do": Choice((do,), required=True),
        "key": Text(KEY_MAX, pattern=VISIBLE_ASCII, required=True),
        "group": Text(KEY_MAX, allow_none=True),
    }
    if body.target is not None:
        members[body.target] = Uuid(required=True)
    name = body.__name__.removesuffix("Body") + "InBatch"
    return type(name, (body,), {"__doc__": body.__doc__, "__module__": __name__, **members})


def tag_of(command: type[Command]) -> str:
    """Returns the command's word in `do`."""
    return str(command.__struct_config__.tag)


ELEMENTS: dict[str, type[Body]] = {
    tag_of(body.makes): _element(body)
    for body in (
        PostBody,
        ReverseBody,
        AdjustBody,
        AuthorizeBody,
        IncrementBody,
        ReduceBody,
        SettleBody,
        VoidBody,
        ReleaseBody,
        RefundBody,
        ChargebackBody,
        RepresentmentBody,
        SettleMandatoryBody,
    )
}
"""By `do`."""


class BatchBody(Schema):
    """Commands that are taken in order. `atomic`: all of them or none."""

    atomic = Flag()
    commands = fields.List(
        fields.Raw(),
        required=True,
        validate=validate.Length(min=1),
        metadata={"maxItems": BATCH_MAX_COMMANDS},
    )
