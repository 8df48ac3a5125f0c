"""The event store of one ledger: the eventsourcing library's Application on our own parts."""

from typing import Any, cast
from uuid import UUID

from eventsourcing.application import Application
from eventsourcing.persistence import (
    AggregateRecorder,
    ApplicationRecorder,
    InfrastructureFactory,
    Mapper,
    ProcessRecorder,
    TrackingRecorder,
)
from eventsourcing.postgres import PostgresTrackingRecorder
from eventsourcing.utils import Environment, EnvType
from psycopg import Connection
from psycopg.rows import DictRow
from psycopg_pool import ConnectionPool

from application.recorder import LedgerDatastore, LedgerRecorder
from application.records import SHAPES, EventShapes, Record, RecordMapper


def schema_of(ledger: str) -> str:
    """Returns the ledger's PostgreSQL schema; the prefix keeps clear of `public` and `pg_`."""
    return f"ledger_{ledger}"


class LedgerFactory(InfrastructureFactory[TrackingRecorder]):
    """Gives the library's parts on a pool that all ledgers of the process share."""

    def __init__(self, env: Environment | EnvType | None, datastore: LedgerDatastore) -> None:
        super().__init__(env)
        self.datastore = datastore

    def application_recorder(self) -> ApplicationRecorder:
        return LedgerRecorder(self.datastore)

    def aggregate_recorder(self, purpose: str = "events") -> AggregateRecorder:  # noqa: ARG002 -- the library's signature
        return LedgerRecorder(self.datastore)

    def tracking_recorder(
        self, tracking_recorder_class: type[Any] | None = None
    ) -> PostgresTrackingRecorder:
        return (tracking_recorder_class or PostgresTrackingRecorder)(self.datastore)

    def process_recorder(self) -> ProcessRecorder:
        raise NotImplementedError("projections track positions; nothing processes in between")


class LedgerStore(Application[UUID]):
    """Reads and appends the records of one ledger.

    `events.get(stream)` gives a stream's records, `recorder.select_notifications` the log's in the
    order of their positions, `notification_log` and `recorder.subscribe` what follows it.
    """

    def __init__(
        self,
        *,
        ledger: str,
        pool: ConnectionPool[Connection[DictRow]],
        shapes: EventShapes = SHAPES,
        env: EnvType | None = None,
    ) -> None:
        self.ledger = ledger
        self._datastore = LedgerDatastore(pool=pool, schema=schema_of(ledger))
        self._shapes = shapes
        super().__init__(env)

    def construct_factory(self, env: Environment) -> InfrastructureFactory[TrackingRecorder]:
        return LedgerFactory(env, self._datastore)

    def construct_mapper(self) -> Mapper[UUID]:
        return RecordMapper(self.construct_transcoder(), self._shapes)

    @property
    def shapes(self) -> EventShapes:
        return self._shapes

    @property
    def log(self) -> LedgerRecorder:  # type: ignore[override]  # the library's is deprecated
        return cast(LedgerRecorder, self.recorder)

    def stream(self, stream: str, *, up_to_version: int | None = None) -> list[Record]:
        """Returns the records of a stream, oldest first."""
        found = self.events.get(UUID(stream), lte=up_to_version)
        return [cast(Record, record) for record in found]
