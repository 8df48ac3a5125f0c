"""Bodies of commands made from the schemas: right ones, and ones that are wrong somewhere."""

import json
import string
from collections.abc import Callable
from functools import cache
from typing import Any

from hypothesis import strategies as st
from marshmallow import Schema
from marshmallow.fields import Field

from interface.http.fields import (
    SIGNED_AMOUNT,
    Amount,
    Choice,
    Day,
    Flag,
    Moment,
    Pairs,
    Part,
    Parts,
    Text,
    Uuid,
    Whole,
)
from interface.http.schemas import (
    ACCOUNT_CODE,
    ASSET_CODE,
    JOURNAL_CODE,
    LEDGER_ID,
    REASON,
    ComparisonMember,
    ConditionMember,
)
from interface.http.schemas_authorizations import PERCENT
from interface.http.schemas_baselines import MONTH
from interface.http.schemas_postings import SHA256

TEXTS = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=40)
EXAMPLES = {
    LEDGER_ID: ["main", "a", "x_1"],
    ASSET_CODE: ["USD", "X", "FR.0-'_"],
    JOURNAL_CODE: ["GEN", "a.b-c"],
    ACCOUNT_CODE: ["a", "assets:cash", "A.b-c_d:1"],
    REASON: ["data_entry", "x"],
    SHA256: ["0f" * 32],
    MONTH: ["2025-01", "2025-12", "9999-12"],
    PERCENT: ["0", "10", "9999.9999"],
    SIGNED_AMOUNT: ["-1.50", "0", "7"],
    r"[0-9]{2}-[0-9]{2}": ["01-01", "04-06", "12-31"],
}
HOSTILE_TEXTS = [
    "",
    "\0",
    "a\0b",
    "\ud800",
    "a\udc00",
    "1e3",
    "NaN",
    "-1",
    "+1",
    "1.",
    ".5",
    "1.2.3",
    "1\n",
    " 1",
    "1,5",
    "\u0663",
    "\uff11",
    "9" * 40,
    "9" * 256,
    "x" * 5000,
    "null",
    '"',
    ":",
    "USD\n",
    "2026-02-30",
    "2026-3-31",
    "20260331",
    "2026-03-31T00:00:00",
    "2026-03-31T25:00:00Z",
    "2026-03-31T00:00:00+02:00",
    "2026-03-31T00:00:00+00:00",
    "0001-01-01T00:00:00+14:00",
    "9999-12-31T23:59:59-14:00",
    "2026-03-31T00:00:00.0000001Z",
    "0B0E6F9C-0D6C-4B2E-9A3B-3A1E6F7C8D9E",
    "0b0e6f9c0d6c4b2e9a3b3a1e6f7c8d9e",
    "{0b0e6f9c-0d6c-4b2e-9a3b-3a1e6f7c8d9e}",
    "Europe/Nowhere",
    "localtime",
    "02-29",
    "13-01",
    "system",
    "debit ",
]
HOSTILE_VALUES: st.SearchStrategy[Any] = st.one_of(
    st.sampled_from(HOSTILE_TEXTS),
    st.sampled_from([None, True, False, 0, 1, -1, 1.0, 1e300, 10**40, [], {}, [[]], {"a": 1}]),
    st.sampled_from([{"a": "b"}, {"": ""}, {"a\0": "b"}, {"a": None}, ["a"], "x"]),
)


@cache
def body(schema: type[Schema]) -> st.SearchStrategy[dict[str, Any]]:
    """Returns right bodies: all required members, any of the others."""
    if schema is ConditionMember:
        return conditions()
    fields: dict[str, Field[Any]] = schema._declared_fields
    required: dict[str, st.SearchStrategy[Any]] = {}
    optional: dict[str, st.SearchStrategy[Any]] = {}
    for attribute, field in fields.items():
        (required if field.required else optional)[field.data_key or attribute] = value(field)
    made = st.fixed_dictionaries(required, optional=optional)
    return made.filter(bool) if schema is ComparisonMember else made


def conditions() -> st.SearchStrategy[dict[str, Any]]:
    """Returns right conditions, which say one thing each."""
    fields: dict[str, Field[Any]] = ConditionMember._declared_fields
    said = (("asset", "available"), ("asset", "posted"), ("version",))
    kinds = [
        st.fixed_dictionaries({name: value(fields[name]) for name in ("account", *names)})
        for names in said
    ]
    return st.one_of(kinds)


def value(field: Field[Any]) -> st.SearchStrategy[Any]:  # noqa: C901, PLR0911 -- one for each kind
    """Returns right values of a field."""
    match field:
        case Uuid():
            return st.uuids().map(str)
        case Amount() if field.pattern != SIGNED_AMOUNT:
            return st.from_regex(r"[0-9]{1,20}(\.[0-9]{1,12})?", fullmatch=True, alphabet=DIGITS)
        case Text() if field.pattern in EXAMPLES:
            return st.sampled_from(EXAMPLES[field.pattern])
        case Text() if field.pattern is not None:
            return st.text(string.ascii_letters + '0123456789:/-"', min_size=1, max_size=30)
        case Text() if field.rule is not None:
            return st.sampled_from(["UTC", "Europe/Berlin", "America/New_York"])
        case Text():
            return TEXTS.filter(lambda t: field.min_length <= len(t) <= field.max_length)
        case Choice():
            return st.sampled_from(field.choices)
        case Flag():
            return st.booleans()
        case Whole():
            return st.integers(field.minimum, field.maximum)
        case Day():
            return st.dates().map(str)
        case Moment():
            return st.datetimes().map(lambda m: m.isoformat() + "Z")
        case Pairs():
            return st.dictionaries(value(field.name_field), value(field.value), max_size=4)
        case Part():
            return body(field.part)
        case Parts():
            return st.lists(body(field.part), min_size=field.min_length, max_size=4)
    raise AssertionError(field)


DIGITS = st.characters(codec="ascii")


@st.composite
def spoiled(draw: Callable[[st.SearchStrategy[Any]], Any], schema: type[Schema]) -> dict[str, Any]:
    """A body in which one member, at any depth, is something else, unknown, null or missing."""
    document: dict[str, Any] = draw(body(schema))
    inside: Any = document
    for _ in range(draw(st.integers(0, 3))):
        deeper = [v for v in _values(inside) if isinstance(v, dict | list) and v]
        if not deeper:
            break
        inside = draw(st.sampled_from(deeper))
    if isinstance(inside, list):
        inside[draw(st.integers(0, len(inside) - 1))] = draw(HOSTILE_VALUES)
        return document
    names = [*inside, *schema._declared_fields, "foo", "do", "key", "group", "authorization"]
    name = draw(st.sampled_from(names))
    if draw(st.booleans()) and name in inside:
        del inside[name]
    else:
        inside[name] = draw(HOSTILE_VALUES)
    return document


def _values(inside: Any) -> list[Any]:
    return list(inside.values()) if isinstance(inside, dict) else list(inside)


@st.composite
def written(draw: Callable[[st.SearchStrategy[Any]], Any], document: Any) -> bytes:
    """A document as some client might write it."""
    separators = draw(st.sampled_from([(",", ":"), (", ", ": "), (" ,\n", "\t: ")]))
    text = json.dumps(document, separators=separators, ensure_ascii=draw(st.booleans()))
    return text.encode("utf-8", "surrogatepass")


@st.composite
def mangled(draw: Callable[[st.SearchStrategy[Any]], Any], raw: bytes) -> bytes:
    """The bytes with something put in, taken out, put twice or replaced."""
    at = draw(st.integers(0, len(raw)))
    piece: bytes = draw(st.sampled_from(PIECES))
    length = draw(st.integers(0, 12))
    match draw(st.sampled_from(["in", "out", "twice", "replace"])):
        case "in":
            return raw[:at] + piece + raw[at:]
        case "out":
            return raw[:at] + raw[at + length :]
        case "twice":
            end = draw(st.integers(at, len(raw)))
            return raw[:end] + raw[at:end] + raw[end:]
    old: bytes = draw(st.sampled_from([b'"', b":", b",", b"a", b"0", b"{", b"}"]))
    return raw.replace(old, piece, 1)


PIECES = [
    b"\xff",
    b"\x00",
    b"\xef\xbb\xbf",
    b"\xed\xa0\x80",
    b"\\u0000",
    b"\\u0022",
    b"\\u003a",
    b"\\u003A",
    b"\\ud800",
    b'\\"',
    b"NaN",
    b"Infinity",
    b"null",
    b"[" * 3000,
    b"1e5",
    b"01",
    b'"foo":1,',
    b'"reason":null,',
    b'"amount":"1",',
    b'"reason":"x",',
    b" ",
    b"//",
    b"{}",
    b",",
]
