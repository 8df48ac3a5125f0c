"""Random lives of authorizations over HTTP, compared with a simple model after each command.

Every refusal, counter, status and hold is compared at once, every balance now and then and at the
end. SOAK_COMMANDS says how many commands the long run has (`make soak`).
"""

import os
from collections.abc import Iterator

import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis.stateful import run_state_machine_as_test

from application.ledgers import Ledgers
from interface.evidence.fold import Fold
from interface.evidence.rows import check_rows
from interface.evidence.shapes import decode_envelope
from interface.http.app import create_app
from interface.http.door import HttpSettings
from tests.conftest import Database
from tests.interface.http.lives import Lives
from tests.interface.http.lives_sending import Clock
from tests.interface.http.world import World

STEPS = 50
COMMANDS = int(os.environ.get("SOAK_COMMANDS", "300"))


def open_lives(database: Database) -> tuple[type[Lives], Ledgers]:
    """The machine, on a ledger whose clock stands until it is moved, and that nobody sweeps."""
    clock = Clock()
    ledgers = Ledgers(
        owner=database.owner, service=database.service, software_version="test", clock=clock
    )
    ledgers.migrate()
    ledgers.open()
    Lives.world = World(ledgers, create_app(ledgers, HttpSettings()))
    Lives.clock = clock
    return Lives, ledgers


@pytest.fixture(scope="module")
def living(module_database: Database) -> Iterator[type[Lives]]:
    """The machine, on a ledger that is verified at the end."""
    lives, ledgers = open_lives(module_database)
    yield lives
    check_second_fold(ledgers)
    ledgers.close()


def check_second_fold(ledgers: Ledgers) -> None:
    """Whatever the lives were, a verifier finds the records and the rows as it should."""
    fold = Fold("main")
    with ledgers.reader("main") as connection:
        rows = connection.execute("SELECT state FROM events ORDER BY notification_id")
        for row in rows:
            fold.apply(decode_envelope(row["state"]))
        fold.end()
        check_rows(connection, fold)


@pytest.mark.long
@pytest.mark.timeout(1_800 + COMMANDS)
def test_lives_are_as_the_model_has_them(living: type[Lives]) -> None:
    run_state_machine_as_test(
        living,
        settings=settings(
            max_examples=max(1, COMMANDS // STEPS),
            stateful_step_count=STEPS,
            deadline=None,
            phases=(Phase.generate, Phase.shrink),
            suppress_health_check=list(HealthCheck),
        ),
    )
