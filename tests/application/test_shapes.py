"""Every event shape as it was first released: fixtures that are never edited.

shapes/<Event>.v<n>.json is an array of two records, a line each, byte for byte as they would be
stored: one with every optional member, one with none. shapes/digests.json has the SHA-256 of each
shape's JSON Schema. Whoever changes a shape makes a new version instead: EVENTS counts one more,
RELEASED_UPCASTERS gets the way there, and a fixture and a digest are added beside the old ones.
"""

import hashlib
import json
from pathlib import Path
from typing import Any

import msgspec
import pytest
from msgspec import UNSET, Struct, inspect

from application.records import RELEASED_UPCASTERS, SHAPES, encode
from domain.catalogue import EVENTS, EVOLVE
from domain.commands import Event

SHAPES_DIR = Path(__file__).parent / "shapes"
DIGESTS: dict[str, str] = json.loads((SHAPES_DIR / "digests.json").read_text())
CURRENT = {f"{event.__name__}.v{version}": event for event, version in EVENTS.items()}
FIXTURES = sorted(path.stem for path in SHAPES_DIR.glob("*.v*.json"))


def records(name: str) -> list[bytes]:
    """The full record and the minimal one."""
    opening, full, minimal, closing = (SHAPES_DIR / f"{name}.json").read_bytes().splitlines()
    assert (opening, closing) == (b"[", b"]")
    return [full.removesuffix(b","), minimal]


def digest(event: type[Struct]) -> str:
    """SHA-256 of the shape's JSON Schema; what documents it is no part of it."""

    def bare(schema: Any) -> Any:
        if isinstance(schema, dict):
            return {k: bare(v) for k, v in schema.items() if k not in ("title", "description")}
        return [bare(one) for one in schema] if isinstance(schema, list) else schema

    schema = bare(msgspec.json.schema(event))
    return hashlib.sha256(json.dumps(schema).encode()).hexdigest()


@pytest.mark.parametrize("name", CURRENT)
def test_every_event_has_a_fixture_and_a_digest(name: str) -> None:
    found = digest(CURRENT[name])
    assert name in FIXTURES, f"add shapes/{name}.json: a full record and a minimal one"
    assert name in DIGESTS, f'add "{name}": "{found}" to shapes/digests.json'


@pytest.mark.parametrize("name", CURRENT)
def test_a_shape_changes_only_with_a_new_version(name: str) -> None:
    assert digest(CURRENT[name]) == DIGESTS[name], (
        f"the shape of {name} has changed: give it the next version in EVENTS, an upcaster from "
        "this one, a fixture and a digest (or, on a new msgspec, see whether its schemas have)"
    )


@pytest.mark.parametrize("name", CURRENT)
def test_a_record_is_read_and_written_as_it_was(name: str) -> None:
    for state in records(name):
        record = SHAPES.decode(state)
        assert f"{record.type}.v{record.schema_version}" == name
        assert isinstance(record.payload, CURRENT[name])
        assert encode(record) == state


@pytest.mark.parametrize("name", FIXTURES)
def test_every_version_ever_released_is_read(name: str) -> None:
    """An older one becomes an event of the current version."""
    event = next(one for one in EVENTS if one.__name__ == name.partition(".")[0])
    for state in records(name):
        record = SHAPES.decode(state)
        assert isinstance(record.payload, event)


@pytest.mark.parametrize("name", CURRENT)
def test_the_full_record_has_every_member_and_the_minimal_one_no_optional(name: str) -> None:
    full, minimal = (SHAPES.decode(state) for state in records(name))
    for member in inspect_members(CURRENT[name]):
        assert getattr(full.payload, member) not in (None, UNSET), member
    assert all(value is not None for value in msgspec.structs.asdict(full).values())
    given = json.loads(records(name)[1])["payload"]
    assert set(given) == {
        field.encode_name for field in msgspec.structs.fields(CURRENT[name]) if field.required
    }
    assert json.loads(records(name)[0])["payload"].keys() == {
        field.encode_name for field in msgspec.structs.fields(CURRENT[name])
    }
    nested_members_are_there(full.payload)
    assert minimal.on_behalf_of is minimal.causation_id is minimal.reason is None


def inspect_members(event: type[Struct]) -> list[str]:
    kind = inspect.type_info(event)
    assert isinstance(kind, inspect.StructType)
    return [field.name for field in kind.fields]


def nested_members_are_there(value: Any) -> None:
    """Parts of a full record are full too: legs, the document, the network, ..."""
    if isinstance(value, list):
        for one in value:
            nested_members_are_there(one)
    elif isinstance(value, Struct):
        for name in inspect_members(type(value)):
            member = getattr(value, name)
            assert member not in (None, UNSET), (type(value).__name__, name)
            nested_members_are_there(member)


def test_no_fixture_is_of_an_unknown_version() -> None:
    for name in (*FIXTURES, *DIGESTS):
        event, _, version = name.partition(".v")
        current = {one.__name__: number for one, number in EVENTS.items()}[event]
        assert 1 <= int(version) <= current


def test_every_older_version_has_its_way_to_the_next() -> None:
    wanted = {
        (event.__name__, version) for event, last in EVENTS.items() for version in range(1, last)
    }
    assert set(RELEASED_UPCASTERS) == wanted
    assert {f"{name}.v{version}" for name, version in wanted} <= set(FIXTURES)
    assert set(EVENTS) == set(EVOLVE)


# The test above must be able to fail ---------------------------------------------------------


class Was(Event, frozen=True, kw_only=True):
    amount: str
    kind: str = "a"
    note: str | None = None


class Added(Event, frozen=True, kw_only=True):
    amount: str
    kind: str = "a"
    note: str | None = None
    more: str | None = None


class Renamed(Event, frozen=True, kw_only=True):
    amount_minor: str
    kind: str = "a"
    note: str | None = None


class Retyped(Event, frozen=True, kw_only=True):
    amount: int
    kind: str = "a"
    note: str | None = None


class Defaulted(Event, frozen=True, kw_only=True):
    amount: str
    kind: str = "b"
    note: str | None = None


class Reordered(Event, frozen=True, kw_only=True):
    kind: str = "a"
    amount: str
    note: str | None = None


class Documented(Event, frozen=True, kw_only=True):
    """What it means is said better now."""

    amount: str
    kind: str = "a"
    note: str | None = None


def as_was(event: type[Struct]) -> str:
    """The digest, as if the class still had its old name."""
    return digest(
        msgspec.defstruct("Was", fields_of(event), bases=(Event,), frozen=True, kw_only=True)
    )


def fields_of(event: type[Struct]) -> list[Any]:
    return [
        (field.name, field.type) if field.required else (field.name, field.type, field.default)
        for field in msgspec.structs.fields(event)
    ]


@pytest.mark.parametrize("changed", [Added, Renamed, Retyped, Defaulted, Reordered])
def test_any_change_of_a_shape_shows_in_its_digest(changed: type[Event]) -> None:
    assert as_was(changed) != as_was(Was)


def test_documentation_is_no_part_of_a_shape() -> None:
    assert as_was(Documented) == as_was(Was)
