"""A worker that is killed at random points, again and again: the views are what the log says."""

import random
from contextlib import closing
from time import sleep

import pytest

from projections.lines import PLACES
from projections.status import read_status
from tests.application.office import Office
from tests.patience import wait_until
from tests.projections.conftest import Worker, tables
from tests.projections.history import live, prepare
from tests.projections.runner_process import RunnerProcess
from tests.projections.test_following import rebuilt

RUN_LINES = 4
STRETCH_PLACES = 30 * PLACES
KILLS = 14


@pytest.fixture
def short_runs(monkeypatch: pytest.MonkeyPatch) -> None:
    """As the other process has them, so that many a batch ends one."""
    monkeypatch.setattr("projections.totals.RUN_LINES", RUN_LINES)
    monkeypatch.setattr("projections.chart_totals.STRETCH_PLACES", STRETCH_PLACES)


def test_killed_at_random_points(own_office: Office, short_runs: None) -> None:
    chance = random.Random(3)
    prepare(own_office)
    process = begin(own_office)
    for _ in range(KILLS):
        live(own_office, chance, 25)
        # Some kills find it at work, some in front of its work, some behind it.
        sleep(chance.choice((0, 0.005, 0.02, 0.05)))
        process.kill()
        process = begin(own_office)
    wait_until(lambda: lag(own_office) == 0, "the views")
    process.kill()
    followed = tables(own_office)
    assert followed["lines"]
    assert followed["chart_totals"]
    assert rebuilt(own_office) == followed


def begin(office: Office) -> RunnerProcess:
    process = RunnerProcess(
        service=office.database.service,
        ledger=office.ledger,
        run_lines=RUN_LINES,
        stretch_places=STRETCH_PLACES,
    )
    process.wait_until_begun()
    return process


def lag(office: Office) -> int:
    """How far the view that is furthest behind is behind."""
    worker = Worker(office)
    with closing(worker.connection):
        found = read_status(worker.connection)
    assert [one.error for one in found] == [None] * len(found)
    return max(one.lag_events for one in found)
