"""The quick way into a batch: its elements one by one, a whole JSON batch or many lines at once.

An element's command and what is the batch's of it (key, group) are decoded one after the other, and
neither minds the other's members; the count of colons (loading.py) sees that there are no more.
For many elements the counts are taken once, over all of them: in none can a colon be missing, so
the sums are equal only where every element's are.
"""

import re
from collections.abc import Sequence
from typing import Annotated, Any, NamedTuple, Union

import msgspec
from msgspec import UNSET, Meta, Struct, UnsetType, defstruct

from interface.http.fields import VISIBLE_ASCII
from interface.http.loading import NOT_USUAL, adds_up, check_of, hides, wire_type
from interface.http.parsing import Element, element_of
from interface.http.schemas_batch import ELEMENTS, KEY_MAX

_WIRES = {wire_type(element): check_of(element) for element in ELEMENTS.values()}
_Command: Any = Union[tuple(_WIRES)]  # noqa: UP007 -- made at run time


class _Head(Struct, frozen=True):
    """What is the batch's of an element, not the command's."""

    key: Annotated[str, Meta(min_length=1, max_length=KEY_MAX)]
    group: Annotated[str, Meta(min_length=1, max_length=KEY_MAX)] | None = None


class _Heads(Struct, frozen=True):
    commands: list[_Head]


_Commands = defstruct(
    "_Commands",
    [
        ("commands", list.__class_getitem__(_Command)),
        ("atomic", bool | UnsetType, UNSET),
    ],
    frozen=True,
    forbid_unknown_fields=True,
)

_command_decoder = msgspec.json.Decoder(_Command)
_head_decoder = msgspec.json.Decoder(_Head)
_decode_command, _decode_command_lines = _command_decoder.decode, _command_decoder.decode_lines
_decode_head, _decode_head_lines = _head_decoder.decode, _head_decoder.decode_lines
_decode_commands = msgspec.json.Decoder(_Commands).decode
_decode_heads = msgspec.json.Decoder(_Heads).decode
_encode = msgspec.json.Encoder().encode
_are_keys = re.compile(VISIBLE_ASCII).fullmatch


class Batch(NamedTuple):
    """A whole batch in which nothing is unusual."""

    elements: list[Element]
    atomic: bool


def load_element(raw: bytes) -> Element:
    """Returns an element of a batch. Raises Malformed, Invalid."""
    return fast_element(raw) or element_of(raw)


def fast_element(raw: bytes) -> Element | None:
    """Returns the element where it has nothing unusual."""
    try:
        head = _decode_head(raw)
        command = _decode_command(raw)
    except NOT_USUAL:
        return None
    if not _WIRES[type(command)](command) or hides(raw):
        return None
    key, group = head.key, head.group
    beside, text = (1, key) if group is None else (2, key + group)
    if _are_keys(key) is None or not adds_up(raw, _encode(command), beside, text):
        return None
    return Element(command, key, group)


def fast_batch(body: bytes) -> Batch | None:
    """Returns the batch where nothing in it is unusual, None where any element has to be judged."""
    try:
        heads = _decode_heads(body).commands
        batch: Any = _decode_commands(body)
    except NOT_USUAL:
        return None
    envelope = 1 if batch.atomic is UNSET else 2
    elements = _elements(heads, batch.commands, body, bare=envelope)
    return None if elements is None else Batch(elements, batch.atomic is True)


def fast_lines(lines: Sequence[bytes]) -> list[Element] | None:
    """Returns the element of each line where nothing in them is unusual, None where any has to be
    judged. Requires lines that are not blank."""
    # An object that went on in the next line would have a comma at the end of this one, and two on
    # one line would be one too many: the decoder itself takes a line's end for any other blank.
    if not all(line.startswith(b"{") and line.endswith((b"}", b"}\r")) for line in lines):
        return None
    body = b"\n".join(lines)
    try:
        heads = _decode_head_lines(body)
        commands = _decode_command_lines(body)
    except NOT_USUAL:
        return None
    return _elements(heads, commands, body) if len(commands) == len(lines) else None


def _elements(
    heads: Sequence[_Head], commands: Sequence[Any], body: bytes, *, bare: int = 0
) -> list[Element] | None:
    """`bare`: the members of what the elements stand in."""
    checks = _WIRES
    for command in commands:
        if not checks[type(command)](command):
            return None
    keys = "".join([head.key for head in heads])
    groups = [head.group for head in heads if head.group is not None]
    if not commands or _are_keys(keys) is None or hides(body):
        return None
    beside, text = len(heads) + len(groups), keys + "".join(groups)
    if not adds_up(body, _encode(commands), beside, text, bare=bare):
        return None
    return [
        Element(command, head.key, head.group)
        for command, head in zip(commands, heads, strict=True)
    ]
