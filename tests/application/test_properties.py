"""Random commands through a real Writer: records are what was decided, rows the fold of them."""

import itertools
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from application.needs import named_by
from application.outcomes import Outcome
from application.records import SHAPES, Record
from domain.books import Books
from domain.catalogue import DECISIONS, EVOLVE, CommandRefused
from domain.commands import At, Command
from domain.ledgers import LockBooks
from domain.refusals import Refusal
from tests.application.checks import check_rows
from tests.application.office import CONTROLLER, Office
from tests.domain.naive import Naive
from tests.domain.steps import ASSETS, PHASES, Names, Step, steps

NEW_YORK = ZoneInfo("America/New_York")

requests = st.lists(
    st.tuples(
        st.sampled_from(["one by one", "together", "together", "group"]),
        st.lists(steps, min_size=1, max_size=8),
        st.sampled_from([0, 0, 1, 60]),
    ),
    min_size=2,
    max_size=8,
)
"""How commands are sent, which, and how many seconds pass before."""


class Shadow:
    """The domain alone, one record behind: decides again what the Writer decided."""

    def __init__(self, office: Office) -> None:
        self.office = office
        self.books = Books()
        self.position = 0
        self.states: list[bytes] = []
        self.naive = Naive()

    def follow(self) -> None:
        """Reads what is new in the log."""
        new = self.office.states(after=len(self.states))
        self.states += new
        self.naive.fold_all(new)

    def fold_to(self, position: int) -> None:
        for state in self.states[self.position : position]:
            record = SHAPES.decode(state)
            EVOLVE[type(record.payload)](self.books, record.stream, record.payload)
            self.books.opened.put(record.stream, True)
        self.position = max(position, self.position)

    def check(self, command: Command, key: str, outcome: Outcome) -> None:
        """Compares the records of a command with what the domain makes of it now."""
        if not outcome.stored:
            return
        first = outcome.stored[0].position
        self.fold_to(first - 1)
        records = [SHAPES.decode(row.state) for row in outcome.stored]
        if isinstance(records[0].payload, CommandRefused):
            with pytest.raises(Refusal) as refusal:
                self.decide(command, key, records[0])
            assert refusal.value.code == outcome.code
            assert named_by(command) | refusal.value.facts == records[0].payload.facts
        else:
            decided = self.decide(command, key, records[0])
            assert [(record.stream, record.payload) for record in records] == decided
        self.fold_to(first + len(records) - 1)

    def decide(self, command: Command, key: str, record: Record) -> list[tuple[str, Any]]:
        ids = self.office.ledgers.writer("acme").ids
        command_id = ids.command_id(actor=CONTROLLER.actor, key=key)
        moment = datetime.fromisoformat(record.recorded_at)

        def new(number: int) -> str:
            return command_id if number == 0 else ids.derived_id(command_id, number)

        at = At(moment, moment.astimezone(NEW_YORK).date())
        return DECISIONS[type(command)](self.books, command, at, new)


class Run:
    """One example: accounts of its own on the ledger that all examples share."""

    _numbers = itertools.count(1)

    def __init__(self, shadow: Shadow) -> None:
        self.shadow = shadow
        self.office = shadow.office
        today = self.office.clock.now.astimezone(NEW_YORK).date()
        self.names = Names(next(self._numbers), today)
        self.number = 100
        chart = self.names.chart()
        self.send("together", [*ASSETS, *chart] if self.names.run == 1 else chart)

    def commands(self, some: list[Step]) -> list[Command]:
        """Locks would shut other examples out; they have a property of their own."""
        made = []
        for step in some:
            self.number += 1
            made.append(step.command(self.names, self.number))
        return [command for command in made if not isinstance(command, LockBooks)]

    def send(self, how: str, commands: list[Command]) -> list[Outcome]:
        keys = [self.office.key() for _ in commands]
        asked = [self.office.asked(one, key) for one, key in zip(commands, keys, strict=True)]
        if how == "group":
            outcomes = self.office.submit(asked) if asked else []
            self.shadow.follow()
            self.shadow.fold_to(len(self.shadow.states))
            return outcomes
        if how == "together":
            outcomes = self.office.submit(*[[one] for one in asked])
        else:
            outcomes = [self.office.submit([one])[0] for one in asked]
        self.shadow.follow()
        for command, key, outcome in zip(commands, keys, outcomes, strict=True):
            self.shadow.check(command, key, outcome)
        return outcomes


@pytest.fixture(scope="module")
def shadow(office: Office) -> Shadow:
    shadow = Shadow(office)
    shadow.follow()
    shadow.fold_to(len(shadow.states))
    return shadow


@settings(deadline=None, phases=PHASES, max_examples=15)
@given(sent=requests)
def test_records_are_what_the_domain_decides_and_rows_are_their_fold(
    shadow: Shadow, sent: list[tuple[str, list[Step], int]]
) -> None:
    run = Run(shadow)
    for how, some, seconds in sent:
        shadow.office.clock.move(seconds=seconds)
        outcomes = run.send(how, run.commands(some))
        if how == "group" and outcomes:
            check_group(outcomes)
    check_rows(shadow.office, shadow.naive)


def check_group(outcomes: list[Outcome]) -> None:
    """All done, or one culprit on record and the others refused with it."""
    codes = [outcome.code for outcome in outcomes]
    if any(codes):
        culprits = [code for code in codes if code != "group_refused"]
        assert len(culprits) == 1
        assert sum(len(outcome.stored) for outcome in outcomes) <= 1


@settings(deadline=None, phases=PHASES, max_examples=8)
@given(sent=requests)
def test_sent_again_everything_is_answered_again(
    shadow: Shadow, sent: list[tuple[str, list[Step], int]]
) -> None:
    """Whatever came of the commands the first time; and nothing is written."""
    run = Run(shadow)
    office = shadow.office
    for how, some, _ in sent:
        asked = [office.asked(command) for command in run.commands(some)]
        units = [asked] if how == "group" else [[one] for one in asked]
        first = office.submit(*[unit for unit in units if unit])
        before = office.position
        again = office.submit(*[unit for unit in units if unit])
        assert office.position == before
        for one, other in zip(first, again, strict=True):
            assert (one.code, one.facts) == (other.code, other.facts)
            assert [row.state for row in one.stored] == [row.state for row in other.stored]
            assert other.replayed == bool(one.stored)
    shadow.follow()
    shadow.fold_to(len(shadow.states))


@settings(deadline=None, phases=PHASES, max_examples=10)
@given(sent=requests)
def test_a_judgement_is_what_then_becomes_of_it(
    shadow: Shadow, sent: list[tuple[str, list[Step], int]]
) -> None:
    """Of commands and of groups: the same records byte for byte, or the same refusal; and nothing
    is written before."""
    run = Run(shadow)
    office = shadow.office
    for how, some, seconds in sent:
        office.clock.move(seconds=seconds)
        asked = [office.asked(command) for command in run.commands(some)]
        for unit in [asked] if how == "group" else [[one] for one in asked]:
            if not unit:
                continue
            before = office.position
            judged = office.submit(
                [replace(one, command=replace(one.command, validate_only=True)) for one in unit]
            )
            assert office.position == before
            done = office.submit(unit)
            for one, other in zip(judged, done, strict=True):
                assert one.judged_at == before
                assert (one.code, one.facts) == (other.code, other.facts)
                if one.code is None:  # a refusal's position depends on what fell with it
                    assert [row.state for row in one.stored] == [row.state for row in other.stored]
    shadow.follow()
    shadow.fold_to(len(shadow.states))
