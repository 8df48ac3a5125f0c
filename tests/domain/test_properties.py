"""What holds whatever happens: random commands, their events folded again by the naive clerk."""

import copy
import json
from datetime import timedelta
from fractions import Fraction
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from domain.amendments import AmendAccount
from domain.books import Books
from domain.commands import Command, Event
from domain.limits import SetLimit
from domain.mandatory_settlements import SettleMandatory
from domain.refusals import Refusal
from tests.domain.harness import LEDGER, World, check_refusal
from tests.domain.naive import Naive
from tests.domain.steps import ACCOUNTS, ASSETS, PHASES, Bound, Names, Step, steps

moments = st.sampled_from([0, 0, 0, 1, 59, 60, 4000])
runs = st.lists(st.tuples(steps, moments), min_size=10, max_size=40)


class Run(World):
    """A ledger with the chart of `steps`; its commands are made as they come."""

    def __init__(self) -> None:
        super().__init__()
        self.names = Names(0, self.today, made=lambda n: f"s{n}")
        self.number = 100
        for number, command in enumerate([LEDGER, *ASSETS, *self.names.chart()]):
            self.do(command, f"chart{number}")

    def next(self, step: Step) -> Command:
        self.number += 1
        return step.command(self.names, self.number)

    def try_to(self, command: Command, name: str = "") -> str | None:
        """Does it, or returns the code of its refusal."""
        try:
            self.do(command, name or f"s{self.number}")
        except Refusal as refusal:
            check_refusal(refusal)
            return refusal.code
        return None

    def go(self, run: list[tuple[Step, int]]) -> None:
        for step, seconds in run:
            self.pass_time(timedelta(seconds=seconds))
            self.try_to(self.next(step))


def recorded(stream: str, event: Event) -> tuple[str, str, dict[str, Any]]:
    """The event as JSON: what a record shows of it."""
    return type(event).__name__, stream, json.loads(msgspec.json.encode(event))


def naive_of(log: list[tuple[str, Event]]) -> Naive:
    naive = Naive()
    for stream, event in log:
        naive.fold(*recorded(stream, event))
    return naive


@settings(deadline=None, phases=PHASES, max_examples=40)
@given(run=runs)
def test_balances_holds_and_vouchers_are_the_fold_of_the_log(run: list[tuple[Step, int]]) -> None:
    """The naive clerk also checks each entry, passbook line, voucher number and hold."""
    world = Run()
    world.go(run)
    naive = naive_of(world.log)
    naive.check_pending()
    books = world.books
    for (account, asset), totals in naive.balances.items():
        balance = books.balances.get((account, asset))
        assert balance is not None
        assert [
            balance.debits,
            balance.credits,
            balance.pending_debits,
            balance.pending_credits,
            balance.lines,
        ] == [
            naive.minor(totals.debits, asset),
            naive.minor(totals.credits, asset),
            naive.minor(totals.pending_debits, asset),
            naive.minor(totals.pending_credits, asset),
            totals.lines,
        ]
    for series, last in naive.vouchers.items():
        assert books.vouchers.get(series) == last
    for account, version in naive.versions.items():
        assert books.version_of(account) == version
    for id, hold in naive.holds.items():
        state = books.authorizations.get(id)
        assert state is not None
        assert (state.closed_as is None) == hold.open
    for id, counters in naive.usages.items():
        usage = books.usages.get(id)
        assert usage is not None
        latest = max(counters, default=None)
        amount, count = counters.get(latest or "", (Fraction(0), 0))
        assert (None if usage.starts_on is None else usage.starts_on.isoformat()) == latest
        assert (usage.minor, usage.count) == (naive.minor(amount, "USD"), count)


@settings(deadline=None, phases=PHASES, max_examples=40)
@given(run=runs)
def test_no_limit_is_passed(run: list[tuple[Step, int]]) -> None:
    """In no period more was taken than the limit lets, mandatory settlements apart."""
    world = Run()
    for number in (1, 2, 3):
        for bound in (Bound(number, "day", "12.00", 4), Bound(number, "month", "30.00", 9)):
            world.try_to(world.next(bound))
    for step, seconds in run:
        command = world.next(step)
        world.pass_time(timedelta(seconds=seconds * 20))
        if not isinstance(command, SetLimit | SettleMandatory):
            world.try_to(command)
    naive = naive_of(world.log)
    for id, limit in naive.limits.items():
        for amount, count in naive.usages[id].values():
            assert amount <= Fraction(limit["amount"])
            assert count <= limit["count"]


@settings(deadline=None, phases=PHASES, max_examples=40)
@given(run=runs)
def test_no_floor_is_passed_but_by_what_was_set_aside(run: list[tuple[Step, int]]) -> None:
    """Whatever lowers an account's available below its floor was refused.

    Floors that were raised later and mandatory settlements apart: both are left out here.
    """
    world = Run()
    for step, seconds in run:
        command = world.next(step)
        if not isinstance(command, AmendAccount | SettleMandatory):
            world.pass_time(timedelta(seconds=seconds))
            world.try_to(command)
    naive = naive_of(world.log)
    for number, more in enumerate(ACCOUNTS):
        if "floor" in more:
            totals = naive.balances[world.names.account(number), "USD"]
            if naive.debit_normal[world.names.account(number)]:
                available = totals.debits - totals.credits - totals.pending_credits
            else:
                available = totals.credits - totals.debits - totals.pending_debits
            assert naive.minor(available, "USD") >= int(more["floor"].replace(".", ""))


@settings(deadline=None, phases=PHASES, max_examples=40)
@given(run=runs, group=st.lists(steps, min_size=1, max_size=10), probe=runs)
def test_a_dropped_group_leaves_no_trace(
    run: list[tuple[Step, int]], group: list[Step], probe: list[tuple[Step, int]]
) -> None:
    """Everything after it is decided as on books that never saw the group."""
    world, never = Run(), Run()
    world.go(run)
    never.go(run)
    length = len(world.log)
    world.books.begin_group()
    for step in group:
        world.try_to(world.next(step))
    world.books.drop_group()
    del world.log[length:]
    never.number, never.names = world.number, copy.deepcopy(world.names)
    world.go(probe)
    never.go(probe)
    assert world.log == never.log
    assert everything(world.books) == everything(never.books)


@settings(deadline=None, phases=PHASES, max_examples=25)
@given(run=runs, group=st.lists(steps, min_size=1, max_size=10), probe=runs)
def test_a_kept_group_is_like_any_other_commands(
    run: list[tuple[Step, int]], group: list[Step], probe: list[tuple[Step, int]]
) -> None:
    grouped, single = Run(), Run()
    grouped.go(run)
    single.go(run)
    grouped.books.begin_group()
    grouped.go([(step, 0) for step in group])
    grouped.books.keep_group()
    single.go([(step, 0) for step in group])
    grouped.go(probe)
    single.go(probe)
    assert grouped.log == single.log


def everything(books: Books) -> dict[str, dict[Any, Any]]:
    """All that the books show to a decision, by shelf, as they would be asked for it."""
    names = Names(0, Run().today)
    accounts = [names.account(number) for number in range(len(ACCOUNTS))]
    ids = [names.id(number) for number in range(90, 300)]
    asked: dict[str, list[Any]] = {
        "ledgers": [""],
        "accounts": accounts,
        "versions": accounts,
        "balances": [(code, asset) for code in accounts for asset in ("USD", "EUR", "UNIT")],
        "vouchers": [(j, year) for j in ("GEN", "AUTH") for year in (2025, 2026)],
        "entries": ids,
        "authorizations": ids,
        "opened": ids,
        "usages": [f"s{number}" for number in range(90, 300)],
    }
    return {
        shelf: {key: getattr(books, shelf).get(key) for key in keys}
        for shelf, keys in asked.items()
    }


@settings(deadline=None, phases=PHASES, max_examples=25)
@given(run=runs)
def test_a_decision_changes_nothing_by_itself(run: list[tuple[Step, int]]) -> None:
    """Decided twice on the same books, a command comes to the same."""
    world = Run()
    for step, seconds in run:
        world.pass_time(timedelta(seconds=seconds))
        command = world.next(step)
        before = everything(world.books)
        try:
            first = world.decide(command, "x")
            assert world.decide(command, "x") == first
        except Refusal as refusal:
            with pytest.raises(type(refusal)):
                world.decide(command, "x")
        assert everything(world.books) == before
        world.try_to(command)
