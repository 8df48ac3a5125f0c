"""Views follow the log: in any steps, after any crash, and never past what they can't process."""

import random
from contextlib import closing
from datetime import date
from typing import Any

import psycopg
import pytest
from psycopg import Connection
from structlog.testing import capture_logs

from application.migrate import SERVICE_ROLE
from application.records import SHAPES
from application.store import schema_of
from interface.bootstrap import Database as Connections
from interface.bootstrap import install_views
from interface.cli.report import take_report
from interface.evidence.live import session
from interface.exporting.extract import take_extract
from interface.http.door import snapshot
from interface.http.viewing import read_own
from projections.balances import Past, read_past
from projections.lines import LINES, PLACES
from projections.rebuilding import CannotRebuild, rebuild
from projections.report import Span
from projections.runner import connect
from projections.showing import VIEWS
from projections.status import read_shown, read_status
from projections.totals import month_of
from projections.tracking import resume_view
from tests.application.office import Office
from tests.projections.conftest import Worker, tables
from tests.projections.history import live, prepare


def rebuilt(office: Office) -> dict[str, list[str]]:
    """What the views hold after each was made anew."""
    with closing(connect(office.database.owner)) as connection:
        for view in VIEWS:
            position = rebuild(
                connection,
                schema=schema_of(office.ledger),
                view=view,
                decode=SHAPES.decode,
                service_role=SERVICE_ROLE,
                on_step=lambda step: None,
            )
            assert position == office.position
    return tables(office)


@pytest.mark.parametrize("batch", [1, 3, 10_000])
def test_a_view_is_the_same_however_it_was_followed(
    own_office: Office, worker: Worker, monkeypatch: pytest.MonkeyPatch, batch: int
) -> None:
    monkeypatch.setattr("projections.totals.RUN_LINES", 4)
    monkeypatch.setattr("projections.chart_totals.STRETCH_PLACES", 20 * PLACES)
    monkeypatch.setattr("projections.rebuilding.BATCH_POSITIONS", 7)
    chance = random.Random(batch)
    prepare(own_office)
    for _ in range(3):
        live(own_office, chance, 15)
        worker.catch_up(batch=batch)
    followed = tables(own_office)
    assert followed["lines"]
    assert followed["chart_totals"]
    assert rebuilt(own_office) == followed


def test_a_fold_that_forgets_goes_on_where_it_was(
    own_office: Office, worker: Worker, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As with more accounts and days than it may keep in memory."""
    monkeypatch.setattr("projections.totals.RUN_LINES", 4)
    chance = random.Random(8)
    prepare(own_office)
    for days, periods in ((0, 1_000), (1_000, 0), (1_000, 1_000)):
        monkeypatch.setattr("projections.lines.MAX_DAYS", days)
        monkeypatch.setattr("projections.lines.MAX_PERIODS", periods)
        live(own_office, chance, 30)
        worker.catch_up(batch=10)
    followed = tables(own_office, (LINES,))
    assert followed["line_periods"]
    assert rebuilt(own_office)["line_periods"] == followed["line_periods"]
    assert tables(own_office, (LINES,)) == followed


def test_views_are_made_anew_where_their_shape_is_another(
    own_office: Office, worker: Worker
) -> None:
    prepare(own_office)
    live(own_office, random.Random(9), 5)
    worker.catch_up()
    followed = tables(own_office)
    schema = schema_of(own_office.ledger)
    with closing(connect(own_office.database.owner)) as owner:
        before = own_office.query("SELECT * FROM {}.tracking ORDER BY application_name")
        install_views(owner, schema)
        assert own_office.query("SELECT * FROM {}.tracking ORDER BY application_name") == before
        assert tables(own_office) == followed
        owner.execute(f"UPDATE {schema}.tracking SET shape = 0 WHERE application_name = 'lines'")
        install_views(owner, schema)
    assert not any(tables(own_office, (LINES,)).values())
    assert tables(own_office)["posted_entries"] == followed["posted_entries"]
    worker.catch_up()
    assert tables(own_office) == followed


def test_what_the_worker_remembers_ends_with_a_rebuilt_view(
    own_office: Office, worker: Worker
) -> None:
    prepare(own_office)
    for seed in (1, 2):
        live(own_office, random.Random(seed), 20)
        worker.catch_up()
        rebuilt(own_office)
    live(own_office, random.Random(3), 20)
    worker.catch_up()
    followed = tables(own_office)
    assert rebuilt(own_office) == followed


def test_two_workers_share_a_view(own_office: Office, worker: Worker) -> None:
    prepare(own_office)
    with closing(Worker(own_office).connection) as connection:
        other = Worker(own_office)
        with capture_logs() as said:
            for seed in range(6):
                live(own_office, random.Random(seed), 7)
                # Who comes second finds nothing to do, and remembers what it knew before.
                for one in (worker, other) if seed % 3 else (other, worker):
                    one.catch_up()
        assert said == []
        # While one has it, the other one goes on to something else.
        live(own_office, random.Random(7), 7)
        connection.execute(f"SET search_path TO {schema_of(own_office.ledger)}")
        with connection.transaction():
            connection.execute("SELECT FROM tracking FOR UPDATE")
            assert [f.step(worker.connection) for f in worker.followers.values()] == [None] * len(
                VIEWS
            )
        worker.catch_up()
        other.connection.close()
    followed = tables(own_office)
    assert rebuilt(own_office) == followed


def test_what_a_reader_asks_stays_in_place_while_it_asks(
    own_office: Office, worker: Worker, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Put in place now, the new tables would seem empty: none of it is in the reader's snapshot."""
    monkeypatch.setattr("projections.rebuilding.SWAP_TRIES", 1)
    monkeypatch.setattr("projections.rebuilding.SWAP_LOCK_MILLISECONDS", 1)
    prepare(own_office)
    live(own_office, random.Random(4), 20)
    worker.catch_up()

    def figures(connection: Connection[Any]) -> list[Past]:
        return read_past(connection, position=own_office.position, effective_on=None)

    before = figures(worker.connection)
    assert before
    reader = own_office.ledgers.reader(own_office.ledger)
    with reader as connection, snapshot(connection, views=["lines", "entries"]):
        assert read_shown(connection, "lines") == own_office.position
        with pytest.raises(CannotRebuild):
            rebuilt(own_office)
        assert figures(connection) == before
    assert rebuilt(own_office) == tables(own_office)


def test_a_report_says_the_position_that_it_shows(
    own_office: Office, worker: Worker, monkeypatch: pytest.MonkeyPatch
) -> None:
    """More may be recorded after the command line has brought the views to the head."""
    prepare(own_office)
    worker.catch_up()
    shown = own_office.position
    live(own_office, random.Random(4), 5)
    monkeypatch.setattr("interface.cli.report.bring_views", lambda *_: None)
    database = Connections(owner=own_office.database.owner, service=own_office.database.service)
    for query in ({}, {"known_at": date.max}):
        known = take_report(
            database,
            own_office.ledgers,
            own_office.ledger,
            "roll-forward",
            query,
            lambda _, made: made.source.known,
        )
        assert known == shown < own_office.position


def test_an_export_adds_up_the_chart_in_one_go(
    own_office: Office, worker: Worker, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A stretch of the log that ends between two of its questions counted twice."""
    monkeypatch.setattr("projections.balances.MANY_ACCOUNTS", 1)
    monkeypatch.setattr("projections.chart_totals.STRETCH_PLACES", 20 * PLACES)
    prepare(own_office)
    live(own_office, random.Random(4), 30)
    worker.catch_up()
    day = date(2026, 1, 15)

    def on_the_way(asked: date) -> int:
        live(own_office, random.Random(5), 30)
        worker.catch_up()
        return month_of(asked)

    with session(own_office.database.service, own_office.ledger) as connection:
        extract = take_extract(
            connection,
            ledger=read_own(connection),
            known=own_office.position,
            span=Span(date.min, day),
            with_texts=False,
            advance=lambda _: None,
        )
        before = extract.closing()
        assert before
        monkeypatch.setattr("projections.chart_totals.month_of", on_the_way)
        assert extract.closing() == before


@pytest.fixture
def tampered(unchecked_office: Office) -> tuple[Office, int]:
    """A ledger one of whose amounts was changed behind everybody's back, and its position."""
    prepare(unchecked_office)
    live(unchecked_office, random.Random(1), 30)
    record = [r for r in unchecked_office.records() if r["type"] == "EntryPosted"][7]
    amount = record["payload"]["legs"][0]["amount"].encode()
    unchecked_office.query("ALTER TABLE {}.events DISABLE TRIGGER events_are_immutable")
    unchecked_office.query(
        "UPDATE {}.events SET state = overlay(state PLACING '9'::bytea FROM"
        " position(%s::bytea in state) + 10) WHERE notification_id = %s",
        b'"amount":"' + amount,
        record["position"],
    )
    return unchecked_office, record["position"]


def test_what_it_cannot_process_stops_a_view_in_front_of_it(tampered: tuple[Office, int]) -> None:
    office, position = tampered
    worker = Worker(office)
    worker.catch_up()
    (lines,) = (one for one in read_status(worker.connection) if one.view == "lines")
    assert lines.position == position - 1
    assert lines.stopped_at_position == position
    assert lines.error is not None
    assert lines.error.startswith("Gap: ")
    assert lines.lag_events == office.position - position + 1
    # All before it is shown.
    shown = office.query("SELECT max(place) / 128 AS last FROM {}.lines")[0]["last"]
    assert shown == max(
        r["position"]
        for r in office.records()
        if r["type"] == "EntryPosted" and r["position"] < position
    )
    # It stays there until it is told to try again; then it is the same again.
    worker.catch_up()
    resume_view(worker.connection, LINES.name)
    worker.catch_up()
    assert (
        next(
            one for one in read_status(worker.connection) if one.view == "lines"
        ).stopped_at_position
        == position
    )
    with closing(connect(office.database.owner)) as connection, pytest.raises(CannotRebuild):
        rebuild(
            connection,
            schema=schema_of(office.ledger),
            view=LINES,
            decode=SHAPES.decode,
            service_role=SERVICE_ROLE,
            on_step=lambda step: None,
        )
    worker.connection.close()


def test_a_worker_that_lost_its_connection_cannot_write(own_office: Office, worker: Worker) -> None:
    prepare(own_office)
    live(own_office, random.Random(1), 20)
    worker.catch_up()
    live(own_office, random.Random(2), 20)
    other = Worker(own_office)
    own_office.query("SELECT pg_terminate_backend(%s)", worker.connection.info.backend_pid)
    with pytest.raises(psycopg.OperationalError):
        worker.catch_up()
    other.catch_up()
    other.connection.close()
    followed = tables(own_office)
    assert rebuilt(own_office) == followed
