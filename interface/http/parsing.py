"""The careful way from bytes to a command: strict JSON, then marshmallow. Every error is made here.

loading.py is the quick way; what it does not take for any reason comes here and is judged again.
"""

import json
from collections.abc import Mapping
from typing import Any, NoReturn
from urllib.parse import parse_qs

from marshmallow import Schema, ValidationError, fields
from msgspec import Struct

from domain.commands import Command
from interface.http.fields import Choice
from interface.http.schemas import Body
from interface.http.schemas_batch import ELEMENTS

MAX_INTEGER_DIGITS = 32
MAX_ERRORS_SHOWN = 100
MAX_NAME_SHOWN = 100


class Malformed(Exception):
    """The bytes are no JSON document, or no unambiguous one."""


class Invalid(Exception):
    """The body breaks its schema: `errors` says how, by field. `group`: of a batch's element."""

    def __init__(self, errors: Mapping[Any, Any], group: str | None = None) -> None:
        super().__init__("invalid_request")
        self.errors = errors
        self.group = group


class Element(Struct, frozen=True):
    """One command of a batch. Those of one group stand or fall together."""

    command: Command
    key: str
    group: str | None


def parse(raw: bytes) -> Any:
    """Returns the JSON document that the bytes are.

    Raises Malformed for broken or too deep JSON, NaN and infinities, invalid UTF-8, and a member
    that stands twice: which one would count is anybody's guess.
    """
    try:
        text = raw.decode()
        return json.loads(
            text, parse_constant=_no_number, parse_int=_integer, object_pairs_hook=_object
        )
    except UnicodeDecodeError as error:
        raise Malformed(f"Not UTF-8 at byte {error.start}.") from error
    except json.JSONDecodeError as error:
        raise Malformed(f"{error.msg} at character {error.pos}.") from error
    except RecursionError as error:
        raise Malformed("Nested too deeply.") from error


def command_of(body: Body, raw: bytes, target: str | None) -> Command:
    """Returns the command of a request's body; `target` is what the path names.

    Raises Malformed, Invalid.
    """
    return _made(body, parse(raw), {} if target is None else {body.target: target})


def element_of(raw: bytes) -> Element:
    """Returns an element of a batch. Raises Malformed, Invalid."""
    document = parse(raw)
    if not isinstance(document, dict):
        raise Invalid({"_schema": ["Not an object."]})
    try:
        return _element(document)
    except Invalid as error:
        group = document.get("group")
        raise Invalid(error.errors, group if isinstance(group, str) else None) from error


def query_of(schema: Schema, query_string: str) -> dict[str, Any]:
    """Returns the parameters of a query string, each of which may stand once, but for those that
    are lists. Raises Invalid."""
    if not query_string:
        return {}
    given = parse_qs(query_string, keep_blank_values=True)
    lists = {name for name, field in schema.fields.items() if isinstance(field, fields.List)}
    twice = {
        name: ["Given more than once."]
        for name, values in given.items()
        if len(values) > 1 and name not in lists
    }
    if twice:
        raise Invalid(shown(twice))
    return loaded(
        schema,
        {name: values if name in lists else values[0] for name, values in given.items()},
    )


def loaded(schema: Schema, document: Any) -> dict[str, Any]:
    """Returns the checked members of a document. Raises Invalid."""
    try:
        members: dict[str, Any] = schema.load(document)
    except ValidationError as error:
        messages = error.messages
        assert isinstance(messages, dict)
        raise Invalid(shown(messages)) from error
    return members


def shown(errors: Mapping[Any, Any]) -> dict[str, Any]:
    """Returns errors as an answer may show them: bounded, and fit for UTF-8 whatever was sent."""
    return {
        _name(name): shown(inner) if isinstance(inner, Mapping) else inner
        for name, inner in list(errors.items())[:MAX_ERRORS_SHOWN]
    }


_ELEMENT_SCHEMAS = {do: schema() for do, schema in ELEMENTS.items()}


def _element(document: dict[str, Any]) -> Element:
    do = document.get("do")
    schema = _ELEMENT_SCHEMAS.get(do) if isinstance(do, str) else None
    if schema is None:
        raise Invalid({"do": _messages(Choice(ELEMENTS, required=True), document)})
    members = loaded(schema, document)
    members.pop("do")
    key, group = members.pop("key"), members.pop("group", None)
    return Element(_command(schema, members), key, group)


def _made(body: Body, document: Any, target: dict[Any, str]) -> Command:
    return _command(body, loaded(body, document) | target)


def _command(body: Body, members: dict[str, Any]) -> Command:
    command = body.makes(**members)
    wrong = body.rule(command)
    if wrong is not None:
        raise Invalid(wrong)
    return command


def _messages(field: Choice, document: dict[str, Any]) -> Any:
    """What the field says of a member that may be missing."""
    if "do" not in document:
        return [field.error_messages["required"]]
    try:
        field.deserialize(document["do"])
    except ValidationError as error:
        return error.messages
    raise AssertionError("a known word has its schema")


def _name(name: Any) -> str:
    return str(name)[:MAX_NAME_SHOWN].encode(errors="replace").decode()


def _no_number(word: str) -> NoReturn:
    raise Malformed(f"{word} is no JSON.")


def _integer(digits: str) -> int | float:
    """No field takes a number so long, and Python refuses to read some; a float fits none."""
    return int(digits) if len(digits) <= MAX_INTEGER_DIGITS else float("inf")


def _object(members: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(members)
    if len(found) != len(members):
        raise Malformed("An object has the same member twice.")
    return found
