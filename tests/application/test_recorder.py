"""The recorder keeps the promises of the eventsourcing library, by the library's own test cases."""

import itertools
from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Any
from uuid import uuid4

import psycopg
import pytest
from eventsourcing.persistence import IntegrityError, StoredEvent
from eventsourcing.tests import persistence
from psycopg.rows import DictRow, dict_row
from psycopg_pool import ConnectionPool

from application.migrate import migrate
from application.recorder import LedgerDatastore, LedgerRecorder
from tests.application.office import Office, transfer
from tests.conftest import Database

_numbers = itertools.count(1)


class Migrated:
    """Gives each test case a recorder on an empty log: the tables are migrated, not created."""

    @pytest.fixture(autouse=True)
    def _log(self, module_database: Database) -> Iterator[None]:
        self._schema = f"log_{next(_numbers)}"
        with psycopg.connect(module_database.owner, autocommit=True) as connection:
            migrate(connection, schema=self._schema, system=False)
        with ConnectionPool[psycopg.Connection[DictRow]](
            module_database.service,
            min_size=1,
            max_size=16,
            kwargs={"row_factory": dict_row, "autocommit": True},
        ) as pool:
            self._pool = pool
            yield

    def create_recorder(self) -> LedgerRecorder:
        return LedgerRecorder(LedgerDatastore(pool=self._pool, schema=self._schema))


class TestAsApplicationRecorder(Migrated, persistence.ApplicationRecorderTestCase[LedgerRecorder]):
    """Insertion, selection of streams and notifications, concurrent writers, subscription."""

    EXPECT_CONTIGUOUS_NOTIFICATION_IDS = True

    def test_insert_subscribe(self) -> None:
        self.optional_test_insert_subscribe()

    def test_performance(self) -> None:
        """The library's prints figures; `backoffice bench` is where ours are made."""


class WithoutPositions(LedgerRecorder):
    """An aggregate recorder returns no positions; ours always knows them."""

    def insert_events(self, stored_events: Sequence[StoredEvent], **more: Any) -> None:
        super().insert_events(stored_events, **more)


class TestAsAggregateRecorder(Migrated, persistence.AggregateRecorderTestCase):
    """Streams alone: what is written together stands together; ranges, order, limits."""

    def create_recorder(self) -> WithoutPositions:
        return WithoutPositions(LedgerDatastore(pool=self._pool, schema=self._schema))

    def test_performance(self) -> None:
        """See above."""


class TestPositionsDoNotInterleave(Migrated, persistence.NonInterleavingNotificationIDsBaseCase):
    """Two big inserts at once: the positions of one come wholly before the other's."""


class TestOurs(Migrated):
    """What the library's cases don't ask for."""

    def test_positions_have_no_gap_whatever_fails(self) -> None:
        recorder = self.create_recorder()
        stream = uuid4()

        def event(version: int) -> StoredEvent:
            return StoredEvent(
                originator_id=stream, originator_version=version, topic="t", state=b"s"
            )

        assert recorder.insert_events([event(1), event(2)]) == [1, 2]
        with pytest.raises(IntegrityError):
            recorder.insert_events([event(3), event(2)])
        assert recorder.insert_events([event(3)]) == [3]
        assert recorder.max_notification_id() == 3

    @pytest.mark.parametrize("count", [1, 49, 50, 1000])
    def test_few_and_many_are_stored_alike(self, count: int) -> None:
        recorder = self.create_recorder()
        streams = [uuid4() for _ in range(count)]
        states = [f'{{"n":{n},"text":"é\\u0000\\\\"}}'.encode() for n in range(count)]
        events = [
            StoredEvent(originator_id=stream, originator_version=1, topic="Topic", state=state)
            for stream, state in zip(streams, states, strict=True)
        ]
        assert recorder.insert_events(events) == list(range(1, count + 1))
        found = recorder.select_notifications(start=1, limit=count)
        assert [(one.originator_id, one.state) for one in found] == list(
            zip(streams, states, strict=True)
        )

    def test_the_tables_are_not_made_by_the_recorder(self) -> None:
        recorder = LedgerRecorder(LedgerDatastore(pool=self._pool, schema="nowhere"))
        recorder.create_table()
        with self._pool.connection() as connection:
            found = connection.execute("SELECT to_regclass('nowhere.events') AS found").fetchone()
        assert found == {"found": None}


def test_both_doors_write_one_log(unchecked_office: Office) -> None:
    """What came in by the library's door is seen by a Writer whose cache stood before it."""
    office = unchecked_office
    chart = office.chart()
    before = office.position
    event = StoredEvent(originator_id=uuid4(), originator_version=1, topic="t", state=b"{}")
    with ConnectionPool[psycopg.Connection[DictRow]](
        office.database.service, kwargs={"row_factory": dict_row, "autocommit": True}
    ) as pool:
        recorder = LedgerRecorder(LedgerDatastore(pool=pool, schema="ledger_acme"))
        assert recorder.insert_events([event]) == [before + 1]
        assert office.done(transfer(chart.wallet, chart.merchant, "1.00")).position == before + 2
        assert recorder.insert_events([replace(event, originator_version=2)]) == [before + 3]
        assert office.done(transfer(chart.wallet, chart.merchant, "1.00")).position == before + 4


def test_a_writers_events_reach_the_librarys_subscription(own_office: Office) -> None:
    office = own_office
    chart = office.chart()
    with office.ledgers.store("acme").log.subscribe(gt=office.position) as subscription:
        commands = [transfer(chart.wallet, chart.merchant, "1.00")] * 3
        outcomes = [office.done(command) for command in commands]
        received = [next(subscription) for _ in outcomes]
    assert [one.id for one in received] == [one.position for one in outcomes]
    assert [one.state for one in received] == [one.stored[0].state for one in outcomes]
