"""Records are read for ever: older versions become the current one, stored bytes stay."""

import json
from decimal import Decimal
from typing import Any
from uuid import UUID

import msgspec
import pytest
from eventsourcing.persistence import JSONTranscoder, StoredEvent
from psycopg import Connection
from psycopg.rows import DictRow, dict_row
from psycopg_pool import ConnectionPool

from application.records import FORMAT, EventShapes, Record, RecordMapper, encode
from application.store import LedgerStore
from domain.commands import Event
from domain.refusals import CorruptLog
from tests.application.office import Office, transfer

STREAM = "0d9f0a31-5f3c-4b7e-9a55-3f1c2b7e8d01"


class ParcelSent(Event, frozen=True, kw_only=True):
    """Version 3. Version 1 had `weight` in kilograms, version 2 no `carrier`."""

    grams: int
    carrier: str
    fragile: bool = False


def to_2(payload: dict[str, Any]) -> dict[str, Any]:
    kilograms = Decimal(payload.pop("weight"))
    return {**payload, "grams": int(kilograms * 1000)}


def to_3(payload: dict[str, Any]) -> dict[str, Any]:
    return {**payload, "carrier": "unknown"}


UPCASTERS = {("ParcelSent", 1): to_2, ("ParcelSent", 2): to_3}
SHAPES = EventShapes({ParcelSent: 3}, UPCASTERS)


def record(schema_version: int, payload: Any, type: str = "ParcelSent", **more: Any) -> Record:
    fields: dict[str, Any] = {
        "format": FORMAT,
        "ledger": "acme",
        "incarnation": 1,
        "position": 7,
        "stream": STREAM,
        "version": 2,
        "type": type,
        "schema_version": schema_version,
        "recorded_at": "2026-03-31T12:00:00.000000Z",
        "actor": "ann",
        "on_behalf_of": None,
        "key_id": None,
        "channel": "http",
        "software_version": "1",
        "command_id": None,
        "command_digest": None,
        "correlation_id": None,
        "causation_id": None,
        "reason": None,
        "payload": payload,
        **more,
    }
    return Record(**fields)


OLDER: list[tuple[int, dict[str, Any], ParcelSent]] = [
    (
        1,
        {"weight": "1.5", "fragile": True},
        ParcelSent(grams=1500, carrier="unknown", fragile=True),
    ),
    (1, {"weight": "0.1"}, ParcelSent(grams=100, carrier="unknown")),
    (2, {"grams": 20}, ParcelSent(grams=20, carrier="unknown")),
    (3, {"grams": 20, "carrier": "ups"}, ParcelSent(grams=20, carrier="ups")),
]


@pytest.mark.parametrize(("version", "payload", "event"), OLDER)
def test_an_older_version_becomes_the_current_one(
    version: int, payload: dict[str, Any], event: ParcelSent
) -> None:
    state = encode(record(version, payload))
    found = SHAPES.decode(state)
    assert found.payload == event
    assert found.schema_version == version, "what the record says of itself stays"
    assert msgspec.structs.replace(found, payload=None) == record(version, None)


@pytest.mark.parametrize(("version", "payload", "event"), OLDER)
def test_the_librarys_mapper_upcasts_too(
    version: int, payload: dict[str, Any], event: ParcelSent
) -> None:
    mapper = RecordMapper(JSONTranscoder(), SHAPES)
    stored = StoredEvent(
        originator_id=UUID(STREAM),
        originator_version=2,
        topic="ParcelSent",
        state=encode(record(version, payload)),
    )
    found = mapper.to_domain_event(stored)
    assert isinstance(found, Record)
    assert found.payload == event


def test_what_is_written_is_of_the_current_version() -> None:
    mapper = RecordMapper(JSONTranscoder(), SHAPES)
    written = record(3, ParcelSent(grams=20, carrier="ups"))
    stored = mapper.to_stored_event(written)
    assert stored.originator_id == UUID(STREAM)
    assert (stored.originator_version, stored.topic) == (2, "ParcelSent")
    assert json.loads(stored.state)["payload"] == {"grams": 20, "carrier": "ups"}
    assert mapper.to_domain_event(stored) == written


def test_a_record_is_not_encoded_again_on_its_way() -> None:
    """Unknown order of members in the payload, spaces: read all the same, and kept as it was."""
    state = encode(record(3, {"carrier": "é", "grams": 1}))
    assert SHAPES.decode(state).payload == ParcelSent(grams=1, carrier="é")


CORRUPT: list[tuple[str, bytes]] = [
    ("no JSON", b"{"),
    ("no object", b"[]"),
    ("no record", b"{}"),
    ("no payload of this shape", encode(record(3, {"grams": "much"}))),
    ("a member is missing", encode(record(3, {"grams": 1}))),
    ("of later software", encode(record(4, {"grams": 1}))),
    ("an unknown event", encode(record(1, {}, type="ParcelLost"))),
    ("a later format", encode(record(3, {"grams": 1, "carrier": "x"}, format=FORMAT + 1))),
    ("upcast into no shape", encode(record(2, {"weight": "1"}))),
]


@pytest.mark.parametrize(("name", "state"), CORRUPT, ids=[name for name, _ in CORRUPT])
def test_what_can_not_be_read_is_said_to_be_corrupt(name: str, state: bytes) -> None:
    with pytest.raises(CorruptLog):
        SHAPES.decode(state)


@pytest.mark.parametrize(
    "change",
    [
        {"originator_id": UUID("0d9f0a31-5f3c-4b7e-9a55-3f1c2b7e8d02")},
        {"originator_version": 3},
        {"topic": "ParcelLost"},
    ],
)
def test_a_row_whose_columns_contradict_its_record_is_corrupt(change: dict[str, Any]) -> None:
    columns: dict[str, Any] = {
        "originator_id": UUID(STREAM),
        "originator_version": 2,
        "topic": "ParcelSent",
        "state": encode(record(3, {"grams": 1, "carrier": "x"})),
    }
    mapper = RecordMapper(JSONTranscoder(), SHAPES)
    mapper.to_domain_event(StoredEvent(**columns))
    with pytest.raises(CorruptLog):
        mapper.to_domain_event(StoredEvent(**{**columns, **change}))


def test_a_store_reads_the_streams_of_a_ledger(office: Office) -> None:
    chart = office.chart()
    outcome = office.done(transfer(chart.wallet, chart.merchant, "1.00"))
    store: LedgerStore = office.ledgers.store("acme")
    (found,) = store.stream(outcome.stored[0].stream)
    assert encode(found) == outcome.stored[0].state
    assert store.stream(STREAM) == []
    notifications = store.log.select_notifications(start=outcome.position, limit=1)
    assert [one.state for one in notifications] == [outcome.stored[0].state]


def test_a_store_upcasts_what_an_older_version_wrote(unchecked_office: Office) -> None:
    """A log with a shape of the tests' own in it, as a later version of the software reads it."""
    office = unchecked_office
    state = encode(record(1, {"weight": "2"}, position=office.position + 1, version=1))
    office.query(
        "INSERT INTO {}.events (notification_id, originator_id, originator_version, topic, state)"
        " VALUES (%s, %s, 1, 'ParcelSent', %s)",
        office.position + 1,
        STREAM,
        state,
    )
    with ConnectionPool[Connection[DictRow]](
        office.database.service, kwargs={"row_factory": dict_row, "autocommit": True}
    ) as pool:
        store = LedgerStore(ledger="acme", pool=pool, shapes=SHAPES)
        (found,) = store.stream(STREAM)
    assert found.payload == ParcelSent(grams=2000, carrier="unknown")
    assert office.states()[-1] == state
