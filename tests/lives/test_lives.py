"""Random lives of authorizations over HTTP, compared with a simple model after each command.

Every refusal, counter, status and hold is compared at once, every balance and version after each
batch, now and then and at the end. SOAK_COMMANDS says how many commands the long run has
(`make soak`).
"""

import os
from collections.abc import Iterator
from random import Random
from typing import ClassVar

import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, rule, run_state_machine_as_test

from application.ledgers import Ledgers
from interface.evidence.fold import Fold
from interface.evidence.rows import check_rows
from interface.evidence.shapes import decode_envelope
from interface.http.app import create_app
from interface.http.door import HttpSettings
from tests.conftest import Database
from tests.interface.http.world import World
from tests.lives.deeds import Wish
from tests.lives.driver import Door, Lives, Way
from tests.lives.over_http import Clock, OverHttp
from tests.lives.seeded import step
from tests.lives.wishes import (
    FOLLOWING,
    HOLDS,
    MONEY,
    RETURNING,
    STOPS,
    TENS,
    THEN,
    TOGETHER,
    wishes,
)
from tests.patience import PATIENCE_SECONDS

STEPS = 50
SOAK_COMMANDS = int(os.environ.get("SOAK_COMMANDS", "0"))
EXAMPLES = 40 if SOAK_COMMANDS else 6
"""At a time: the long run has so many again and again."""

ways = st.sampled_from([Way()] * 6 + [Way(judged=True)] * 2 + [Way(again=True), Way(other=True)])
seldom = st.sampled_from([False, False, True])


class Machine(RuleBasedStateMachine):
    """One example: accounts of its own in the ledger that all examples share."""

    door: ClassVar[Door]

    def __init__(self) -> None:
        super().__init__()
        self.lives = Lives(self.door)

    @rule(wish=wishes(MONEY), way=ways)
    def move_money(self, wish: Wish, way: Way) -> None:
        self.lives.do(wish, way)

    @rule(wish=wishes(HOLDS), way=ways)
    def hold(self, wish: Wish, way: Way) -> None:
        self.lives.do(wish, way)

    @rule(wish=wishes(HOLDS), way=ways)
    def hold_more(self, wish: Wish, way: Way) -> None:
        self.lives.do(wish, way)

    @rule(wish=wishes(RETURNING), way=ways)
    def give_back(self, wish: Wish, way: Way) -> None:
        self.lives.do(wish, way)

    @rule(wish=wishes(STOPS), way=ways)
    def stop(self, wish: Wish, way: Way) -> None:
        self.lives.do(wish, way)
        if wish.kind in FOLLOWING:
            self.lives.do(FOLLOWING[wish.kind], Way())

    @rule(
        units=st.lists(st.lists(wishes(TOGETHER), min_size=1, max_size=4), min_size=1, max_size=3),
        atomic=seldom,
        judged=seldom,
        again=seldom,
    )
    def send_together(
        self, units: list[list[Wish]], atomic: bool, judged: bool, again: bool
    ) -> None:
        self.lives.do_together(units, atomic=atomic, judged=judged, again=again)

    @rule(number=st.integers(0, 99))
    def send_again(self, number: int) -> None:
        self.lives.again(number)

    @rule(tens=st.sampled_from(TENS), then=st.sampled_from(THEN))
    def wait(self, tens: int, then: tuple[Wish, ...]) -> None:
        self.lives.wait(tens, then=then)

    @rule(seed=st.integers(0, 2**32 - 1))
    def live_on(self, seed: int) -> None:
        """Some steps at once, which cost the machine no drawing; they do not shrink."""
        random = Random(seed)
        for _ in range(10):
            step(self.lives, random)

    @rule()
    def look_at_everything(self) -> None:
        self.lives.compare_all()

    def teardown(self) -> None:
        self.lives.compare_all()


@pytest.fixture(scope="module")
def machine(module_database: Database) -> Iterator[type[Machine]]:
    """The machine, on a ledger whose clock stands until it is moved, that nobody sweeps, and that
    is verified at the end."""
    clock = Clock()
    ledgers = Ledgers(
        owner=module_database.owner,
        service=module_database.service,
        software_version="test",
        clock=clock,
    )
    ledgers.migrate()
    ledgers.open(within_seconds=PATIENCE_SECONDS)
    Machine.door = OverHttp(World(ledgers, create_app(ledgers, HttpSettings())), clock)
    yield Machine
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
@pytest.mark.timeout(1_800 + SOAK_COMMANDS)
def test_lives_are_as_the_model_has_them(
    machine: type[Machine], capsys: pytest.CaptureFixture[str]
) -> None:
    run(machine)
    while Lives.commands < SOAK_COMMANDS:
        run(machine)
        with capsys.disabled():
            print(f"{Lives.commands:,} commands", flush=True)  # noqa: T201 -- takes an hour


def run(machine: type[Machine]) -> None:
    run_state_machine_as_test(
        machine,
        settings=settings(
            max_examples=EXAMPLES,
            stateful_step_count=STEPS,
            deadline=None,
            # The suite has the same lives each time; new ones are for the long run.
            derandomize=not SOAK_COMMANDS,
            phases=(Phase.generate, Phase.shrink),
            suppress_health_check=list(HealthCheck),
        ),
    )
