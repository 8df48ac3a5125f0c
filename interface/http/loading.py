"""The quick way from bytes to a command: decoders derived from the marshmallow schemas.

For each schema msgspec decodes straight into a subclass of the domain's Struct whose annotations
are the schema's bounds; then lines of code generated from the same schema check what annotations
can't say or say slowly, and give every Struct the domain's own class (a subclass without further
members has the same layout). That nothing was ignored is seen by counting colons or quotation
marks: the body's are those of the command's own JSON, its key and its group, unless a member is
unknown, null or there twice.

Whatever deviates in any way is None here and goes the careful way (parsing.py), so that every error
is marshmallow's. By test: both ways agree.
"""

import re
from collections.abc import Callable
from datetime import date, datetime
from typing import Annotated, Any, Literal

import msgspec
from marshmallow import Schema
from marshmallow.fields import Field
from msgspec import UNSET, Meta, Struct

from domain.commands import Command
from interface.http.fields import (
    Choice,
    Day,
    Flag,
    Moment,
    Pairs,
    Part,
    Parts,
    Text,
    Whole,
)
from interface.http.parsing import command_of
from interface.http.schemas import Body, Member

NOT_USUAL = (msgspec.MsgspecError, UnicodeDecodeError, RecursionError)

_BACKSLASH = ord("\\")
_HIDDEN = re.compile(rb"\\u00(?:00|22|3[aA])").search
"""Escapes by which a text could hold NUL, or a quotation mark or colon that can't be counted."""

_encode = msgspec.json.Encoder().encode
_set_class: Callable[[Any, type], None] = object.__dict__["__class__"].__set__

Check = Callable[[Any], bool]
"""Checks a decoded Struct and gives it the domain's class; False: go the careful way."""

Fast = Callable[..., Command | None]


class Loader:
    """Loads the bodies of one kind of command.

    `fast(raw, target)` returns the command where the body has nothing unusual, else None.
    """

    def __init__(self, body: type[Body]) -> None:
        self.body = body()
        self.fast = _fast(body)

    def load(self, raw: bytes, target: str | None = None) -> Command:
        """Returns the command; `target` is what the path names. Raises Malformed, Invalid."""
        return self.fast(raw, target) or command_of(self.body, raw, target)


def _fast(body: type[Body]) -> Fast:
    decode = msgspec.json.Decoder(wire_type(body)).decode
    check = check_of(body)
    set_target = None if body.target is None else getattr(body.makes, body.target).__set__
    ahead = 1 if set_target is None else 2  # `do`, and what the path names

    def fast(raw: bytes, target: str | None = None) -> Command | None:
        try:
            command: Any = decode(raw)
        except NOT_USUAL:
            return None
        if not check(command) or hides(raw):
            return None
        if set_target is not None:
            set_target(command, target)
        if not adds_up(_encode(command), raw, ahead, target or ""):
            return None
        return command  # type: ignore[no-any-return]  # the decoder's type was made at run time

    return fast


def hides(raw: bytes) -> bool:
    """True where escapes in the bytes hide what is counted, or NUL."""
    return _BACKSLASH in raw and _HIDDEN(raw) is not None


def adds_up(whole: bytes, part: bytes, members: int, text: str, *, bare: int = 0) -> bool:
    """True where `whole` has all members of `part`, so many more with this text, `bare` ones that
    are no text, and no others.

    Each member has a colon, two quotation marks around its name, two around its text, and what the
    text has of either. Colons are fewer to count; a moment may lose one ("+00:00" is "Z"), a
    quotation mark never.
    """
    if whole.count(b":") == part.count(b":") + members + bare + text.count(":"):
        return True
    marks = 4 * members + 2 * bare + text.count('"')
    return whole.count(b'"') == part.count(b'"') + marks


# -- from fields to annotations


def wire_type(schema: type[Body]) -> type[Struct]:
    """Returns the decoder's type of a body: the members that are not the command's are ignored,
    which the count of quotation marks makes sure of."""
    return _struct(schema, schema.makes, forbid_unknown_fields=False)


def _struct(
    schema: type[Schema], makes: type[Struct], *, forbid_unknown_fields: bool
) -> type[Struct]:
    config = makes.__struct_config__
    members: list[tuple[str, Any] | tuple[str, Any, Any]] = []
    names = {}
    defaults = dict(
        zip(reversed(makes.__struct_fields__), reversed(makes.__struct_defaults__), strict=False)
    )
    target = getattr(schema, "target", None)
    fields: dict[str, Field[Any]] = schema._declared_fields  # noqa: SLF001 -- has no public name
    for attribute in makes.__struct_fields__:
        field = fields.get(attribute)
        if field is None:
            # Of what the path names nothing may stand in the body; anything else has its default.
            absent = (attribute, str, "") if attribute == target else None
            members.append(absent or (attribute, type(UNSET) | None, defaults[attribute]))
            continue
        if field.data_key is not None:
            names[attribute] = field.data_key
        if field.required:
            members.append((attribute, _annotation(field)))
        else:
            members.append((attribute, _annotation(field), defaults[attribute]))
    return msgspec.defstruct(
        f"{makes.__name__}Wire",
        members,
        bases=(makes,),
        frozen=True,
        kw_only=True,
        omit_defaults=config.omit_defaults,
        forbid_unknown_fields=forbid_unknown_fields,
        tag=config.tag,
        tag_field=config.tag_field,
        rename=names or None,
    )


def _annotation(field: Field[Any]) -> Any:  # noqa: PLR0911 -- one for each kind of field
    """Returns what msgspec should decode for a field. Null is for the careful way: the command
    may mean it, but its JSON does not show it."""
    match field:
        case Text():
            return _text(field)
        case Choice():
            return Literal[field.choices]
        case Flag():
            return bool
        case Whole():
            return Annotated[int, Meta(ge=field.minimum, le=field.maximum)]
        case Day():
            return date
        case Moment():
            return Annotated[datetime, Meta(tz=True)]
        case Pairs():
            pairs = dict.__class_getitem__((_text(field.name_field), _text(field.value)))
            return Annotated[pairs, Meta(max_length=field.max_pairs)]
        case Part():
            return _part(field)
        case Parts():
            bounds = Meta(min_length=field.min_length, max_length=field.max_length)
            return Annotated[list.__class_getitem__(_part(field)), bounds]
    raise AssertionError(f"no annotation for {type(field).__name__}")


def _text(field: Text) -> Any:
    pattern = None if field.pattern is None or field.required else rf"^(?:{field.pattern})\Z"
    bounds = Meta(min_length=field.min_length, max_length=field.max_length, pattern=pattern)
    return Annotated[str, bounds]


def _part(field: Part | Parts) -> type[Struct]:
    part = _member(field)
    return _struct(part, part.makes, forbid_unknown_fields=True)


def _member(field: Part | Parts) -> type[Member]:
    assert issubclass(field.part, Member)
    return field.part


# -- from fields to lines of code


def check_of(body: type[Body]) -> Check:
    """Returns the generated function that checks a decoded body and makes it the command."""
    names: dict[str, Any] = {"set_class": _set_class, "rule": body.rule}
    lines = ["def check(c):"]
    lines += _lines(body, "c", names, indent="    ")
    if body.rule is not Body.rule:
        lines.append("    if rule(c) is not None: return False")
    lines.append(f"    set_class(c, {_named(names, body.makes)})")
    lines.append("    return True")
    exec(compile("\n".join(lines), f"<check of {body.__name__}>", "exec"), names)  # noqa: S102 -- from our own schemas
    check: Check = names["check"]
    return check


def _lines(
    schema: type[Body] | type[Member], variable: str, names: dict[str, Any], *, indent: str
) -> list[str]:
    """Returns the lines that check the members of the Struct in `variable`."""
    lines = []
    makes = schema.makes
    fields: dict[str, Field[Any]] = schema._declared_fields  # noqa: SLF001 -- has no public name
    for attribute, field in fields.items():
        if attribute not in makes.__struct_fields__:
            continue
        value = f"{variable}.{attribute}"
        checks = _checks_of(field, f"{variable}_", names, indent=indent + "    ")
        if not checks:
            continue
        if isinstance(field, Parts):
            lines.append(f"{indent}for {variable}_ in {value} or ():")
        elif field.required:
            lines.append(f"{indent}{variable}_ = {value}")
            checks = [line.removeprefix("    ") for line in checks]
        else:
            lines.append(f"{indent}{variable}_ = {value}")
            lines.append(f"{indent}if {variable}_ is not None:")
        lines += checks
    return lines


def _checks_of(
    field: Field[Any], variable: str, names: dict[str, Any], *, indent: str
) -> list[str]:
    """Returns the lines that check the value in `variable`, which is not None."""
    lines = []
    match field:
        case Part() | Parts():
            part = _member(field)
            lines = _lines(part, variable, names, indent=indent)
            lines.append(f"{indent}set_class({variable}, {_named(names, part.makes)})")
            if part.rule is not Member.rule:
                rule = _named(names, part.rule)
                lines.append(f"{indent}if {rule}({variable}) is not None: return False")
        case Moment():
            lines.append(f"{indent}if {variable}.utcoffset(): return False")
        case Text() if field.required and field.pattern is not None:
            match = _named(names, re.compile(field.pattern).fullmatch)
            lines.append(f"{indent}if {match}({variable}) is None: return False")
    if isinstance(field, Text | Pairs) and field.rule is not None:
        rule = _named(names, field.rule)
        lines.append(f"{indent}if {rule}({variable}) is not None: return False")
    return lines


def _named(names: dict[str, Any], value: Any) -> str:
    """Returns the name under which the generated code finds a value."""
    for name, known in names.items():
        if known is value:
            return name
    name = f"known_{len(names)}"
    names[name] = value
    return name
