"""Big commits that are decided while the one before is being written: as if one after another.

What all of them left is checked once, when the module ends: with thousands of records it takes
seconds.
"""

import gc
import threading
import time
import weakref
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime, timedelta
from random import Random
from typing import Any
from uuid import uuid4

import psycopg
import pytest
from msgspec.structs import replace
from psycopg import sql

from application.commit import Commit
from application.decisions import prepare
from application.following import Following
from application.outcomes import Asked, Outcome, Prepared, Unanswered
from application.transactions import UNDISTURBED_COMMITS
from application.writer import FLIGHT_COMMANDS
from domain.accounts import OpenAccount
from domain.authorizations import Authorize, Settle
from domain.commands import Command
from domain.hold_ends import Release, Void
from tests.application.office import Clock, Office, transfer

WALLETS = 40
BATCH = FLIGHT_COMMANDS + 100
THREADS = 4
ROUNDS = 2


def open_wallets(office: Office) -> list[str]:
    codes = [f"flights:{office.key()}:{number}" for number in range(WALLETS)]
    opened = office.all(
        *[
            OpenAccount(code=code, type="liability", name="W", asset="USD", floor="0.00")
            for code in codes
        ],
        OpenAccount(code=codes[0] + ":cash", type="asset", name="C", asset="USD"),
    )
    assert all(one.status == "done" for one in opened)
    filled = office.all(*[transfer(codes[0] + ":cash", code, "120.00") for code in codes])
    assert all(one.status == "done" for one in filled)
    for code in codes[:UNDISTURBED_COMMITS]:
        # A writer decides ahead once it has had the ledger for itself for a while.
        office.done(transfer(codes[0] + ":cash", code, "1.00"))
    return codes


def batch(office: Office, random: Random, codes: list[str]) -> list[Asked]:
    """Transfers and holds of which some run out of funds, and a few of another kind between.

    A hold and what ends it are one after the other, mostly in the same commit.
    """
    commands: list[Command] = []
    for number in range(BATCH):
        one, two = random.sample(codes, 2)
        amount = f"{random.randint(1, 9)}.00"
        if random.random() < 0.001:
            commands.append(replace(transfer(one, two, amount), class_="adjusting"))
        elif number % 4:
            commands.append(transfer(one, two, amount))
        else:
            id = str(uuid4())
            hold = Authorize(id=id, debit=one, credit=two, amount=amount, asset="USD")
            commands += [hold, random.choice((Settle, Void, Release))(authorization=id)]
    del commands[BATCH:]
    # The last one always runs out of funds.
    commands[-1] = transfer(codes[0], codes[1], "90000.00")
    return [office.asked(command) for command in commands]


def load(
    office: Office, send: Callable[[Office, list[Asked]], list[Outcome]], seed: int
) -> dict[str, tuple[Asked, Outcome]]:
    """Several threads send batch after batch, and some commands a second time; returns what
    became of each key the first time."""
    codes = open_wallets(office)
    first: dict[str, tuple[Asked, Outcome]] = {}
    wrong: list[str] = []

    def work(number: int) -> None:
        random = Random(f"{seed}-{number}")
        mine: list[Asked] = []
        for _ in range(ROUNDS):
            asked = batch(office, random, codes)
            repeats = random.sample(mine, min(len(mine), random.choice((0, 0, 25))))
            outcomes = send(office, [*asked, *repeats])
            for one, outcome in zip(asked, outcomes, strict=False):
                first[one.key] = (one, outcome)
            for one, outcome in zip(repeats, outcomes[len(asked) :], strict=True):
                was = first[one.key][1]
                if (outcome.code, outcome.position) != (was.code, was.position):
                    wrong.append(one.key)
            mine += asked

    threads = [threading.Thread(target=work, args=(number,)) for number in range(THREADS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not wrong
    assert len(first) == THREADS * ROUNDS * BATCH
    return first


def send(office: Office, asked: list[Asked]) -> list[Outcome]:
    return office.submit(*[[one] for one in asked])


class Ahead:
    """How many commands were decided ahead: `decided`, and those that were kept, `landed`."""

    def __init__(self) -> None:
        self.decided = 0
        self.landed = 0


@pytest.fixture
def ahead(monkeypatch: pytest.MonkeyPatch) -> Ahead:
    counts = Ahead()
    decide_ahead, decide_behind = Following.decide_ahead, Following.decide_behind

    def counted_ahead(following: Following, *args: Any) -> None:
        decide_ahead(following, *args)
        counts.decided += len(following._ahead)

    def counted_behind(following: Following, units: Any) -> Any:
        outcomes = decide_behind(following, units)
        counts.landed += len(following._ahead)
        return outcomes

    monkeypatch.setattr(Following, "decide_ahead", counted_ahead)
    monkeypatch.setattr(Following, "decide_behind", counted_behind)
    return counts


@contextmanager
def held_up(office: Office) -> Iterator[None]:
    """No commit that posts can be written meanwhile; it can be decided."""
    with psycopg.connect(office.database.superuser) as connection:
        table = sql.Identifier(f"ledger_{office.ledger}", "vouchers")
        connection.execute(sql.SQL("LOCK TABLE {} IN SHARE MODE").format(table))
        yield
        connection.rollback()


def is_held_up(office: Office) -> bool:
    """True where a commit waits to be written."""
    waiting = "SELECT pid FROM pg_locks WHERE NOT granted AND relation = '{}.vouchers'::regclass"
    return bool(office.query(waiting))


HELD_UP_SECONDS = 4.0
"""A session waits five seconds for a lock."""


def test_what_is_decided_ahead_stands_on_what_is_in_flight(office: Office, ahead: Ahead) -> None:
    """What is spent is not there before the flight; where it runs out, it had been decided ahead.

    Where the machine was too slow to decide anything while the flight was held up, once more.
    """
    codes = open_wallets(office)
    for one, two, three in zip(*[iter(codes)] * 3, strict=False):
        for _ in range(UNDISTURBED_COMMITS):
            office.done(transfer(codes[0] + ":cash", one, "1.00"))
        debits, credits, *_ = office.balance(two)
        filling = [transfer(one, two, "0.10") for _ in range(BATCH)]
        emptying = [transfer(two, three, "0.31") for _ in range(BATCH)]
        found = fly(office, ahead, filling, emptying)
        if found:
            done = [outcome.code is None for outcome in found]
            spendable = (credits - debits + BATCH * 10) // 31
            assert spendable < BATCH
            assert done == [True] * spendable + [False] * (BATCH - spendable)
        if ahead.landed:
            break
    assert ahead.landed > FLIGHT_COMMANDS


def fly(
    office: Office, ahead: Ahead, first: Sequence[Command], last: Sequence[Command]
) -> list[Outcome]:
    """Sends the last ones while the first are on their way, and returns what became of them;
    nothing where the first were not held up in time."""
    found: list[Outcome] = []
    before = ahead.decided
    threads = [threading.Thread(target=office.all, args=first)]
    with held_up(office):
        threads[0].start()
        if wait_for(lambda: is_held_up(office)):
            threads.append(threading.Thread(target=lambda: found.extend(office.all(*last))))
            threads[1].start()
            wait_for(lambda: ahead.decided > before)
    for thread in threads:
        thread.join()
    return found


def wait_for(condition: Callable[[], bool]) -> bool:
    deadline = time.monotonic() + HELD_UP_SECONDS
    while not (found := condition()) and time.monotonic() < deadline:
        time.sleep(0.005)
    return found


def test_a_newer_format_stops_what_was_decided_ahead(
    own_office: Office, ahead: Ahead, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The log's format is raised between a flight's landing and the commit that follows it."""
    office = own_office
    one, two, *_ = open_wallets(office)
    cents = [transfer(one, two, "0.01") for _ in range(BATCH)]
    decide_behind = Following.decide_behind
    raised: list[int] = []

    def upgraded(following: Following, units: Any) -> Any:
        office.query("UPDATE {}.head SET format = format + 1")
        raised.append(len(following._ahead))
        return decide_behind(following, units)

    monkeypatch.setattr(Following, "decide_behind", upgraded)
    answers: list[list[str]] = [[], []]

    def send_cents(answered: list[str]) -> None:
        try:
            answered.extend(outcome.code or "done" for outcome in office.all(*cents))
        except Unanswered as unanswered:
            answered.append(unanswered.code)

    threads = [threading.Thread(target=send_cents, args=(answered,)) for answered in answers]
    with held_up(office):
        threads[0].start()
        wait_for(lambda: is_held_up(office))
        threads[1].start()
        wait_for(lambda: ahead.decided > 0)
    for thread in threads:
        thread.join()
    if raised:
        assert ["read_only"] in answers
    office.query("UPDATE {}.head SET format = 1")
    office.done(transfer(one, two, "0.01"))


def test_flights_are_as_one_after_another(office: Office) -> None:
    done = load(office, send, seed=1)
    codes = {outcome.code for _, outcome in done.values()}
    assert codes == {None, "insufficient_funds", "authorization_not_found"}


def test_two_writers_overtake_each_other(office: Office, partner: Office) -> None:
    turns = [office, partner]

    def by_turns(_: Office, asked: list[Asked]) -> list[Outcome]:
        turns.reverse()
        return send(turns[0], asked)

    load(office, by_turns, seed=2)


class Unsteady(Clock):
    """Jumps to and fro, a minute either way."""

    def __init__(self) -> None:
        super().__init__()
        self._random = Random(4)

    def __call__(self) -> datetime:
        return self.now + timedelta(seconds=self._random.uniform(-60, 60))


def test_moments_rise_with_positions_and_judge_expiry_whatever_the_clocks_do(
    own_office: Office,
) -> None:
    clock = Unsteady()
    offices = [Office(own_office.database, clock=clock) for _ in range(2)]
    payer, shop, *_ = open_wallets(offices[0])
    opened = offices[0].all(
        *[
            Authorize(
                debit=payer, credit=shop, amount="0.01", asset="USD", expires_in_seconds=seconds
            )
            for seconds in range(1, 2 * BATCH)
        ]
    )
    # Some ten minutes later half of them are due, whatever the clock says in between.
    clock.move(minutes=10)
    settles = [
        own_office.asked(Settle(authorization=outcome.stored[0].stream)) for outcome in opened
    ]
    again = [own_office.asked(asked.command) for asked in settles[:9]]
    requests = [(offices[0], settles[::2]), (offices[0], settles[1::2]), (offices[1], again)]
    threads = [threading.Thread(target=send_until_answered, args=one) for one in requests]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    due: dict[str, datetime] = {}
    found, moment = set(), datetime.fromisoformat
    # (That moments rise is checked at the end.)
    for record in own_office.records():
        match record["type"]:
            case "AuthorizationOpened":
                due[record["stream"]] = moment(record["payload"]["authorization"]["expires_at"])
            case "AuthorizationSettled" | "AuthorizationExpired" as type:
                is_due = moment(record["recorded_at"]) >= due[record["stream"]]
                assert is_due is (type == "AuthorizationExpired")
                found.add(type)
    assert len(found) == 2
    for office in offices:
        office.close()


def test_sessions_cut_in_flight(office: Office) -> None:
    """Every few commits the writer's sessions are ended, wherever they are."""
    begun, ended = threading.Event(), threading.Event()

    def cut() -> None:
        # The accounts are opened in peace: nobody would open them again.
        begun.wait()
        random = Random(3)
        pause = 1.0
        # Ever more seldom: at some time everything is done between two cuts, on any machine.
        while not ended.wait(random.uniform(0.02, 0.2) * pause):
            pause *= 1.05
            office.query(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
                " WHERE datname = current_database() AND query ~* 'head|COPY|balances'"
                " AND pid <> pg_backend_pid()"
            )

    def send_disturbed(office: Office, asked: list[Asked]) -> list[Outcome]:
        begun.set()
        return send_until_answered(office, asked)

    thread = threading.Thread(target=cut)
    thread.start()
    try:
        load(office, send_disturbed, seed=3)
    finally:
        ended.set()
        begun.set()
        thread.join()


def send_until_answered(office: Office, asked: list[Asked]) -> list[Outcome]:
    """As a client does: the same keys again where there was no answer."""
    while True:
        try:
            return send(office, asked)
        except Unanswered:
            continue


def test_a_plain_entry_after_one_that_is_not(office: Office) -> None:
    """What is decided ahead ends where it stops being plain; order is kept all the same."""
    codes = open_wallets(office)
    one, two = codes[:2]
    results: list[list[Outcome]] = []

    def work(number: int) -> None:
        commands: list[Command] = [transfer(one, two, "0.01") for _ in range(BATCH)]
        # An account that nobody has looked for yet: what opens it waits for the lock.
        commands[BATCH // 2] = OpenAccount(
            code=f"{one}:{office.key()}", type="liability", name=f"number {number}", asset="USD"
        )
        results.append(office.all(*commands))

    for _ in range(3):
        threads = [threading.Thread(target=work, args=(number,)) for number in range(3)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    for outcomes in results:
        positions = [outcome.position or 0 for outcome in outcomes]
        assert positions == sorted(positions)


def test_what_is_all_in_memory_is_decided_ahead(office: Office) -> None:
    """Plain or not, until somebody would have to look for holds that are due; where anything has
    to be read for the commit, what is plain alone."""
    codes = open_wallets(office)
    writer, plain = office.ledgers.writer(office.ledger), transfer(codes[0], codes[1], "0.01")
    adjusting, too_much = (
        replace(plain, class_="adjusting"),
        transfer(codes[0], codes[1], "90000.00"),
    )
    opened = OpenAccount(code=f"{codes[0]}:new", type="liability", name="x", asset="USD")
    for commands, ahead in (
        ([plain, adjusting, plain, too_much, plain], 3),
        ([plain, adjusting, opened], 1),
        ([plain, replace(adjusting, validate_only=True), plain], 1),
    ):
        prepared = [[prepare(office.asked(command), writer.ids)] for command in commands]
        before = [[prepare(office.asked(plain), writer.ids)]]
        transactions = writer._transactions
        commit, _ = transactions.decide(before)
        transactions.hand_over(commit)
        following = transactions.decide_ahead(commit, prepared)
        assert len(following._ahead) == ahead
        commit.write()
        transactions.confirm(commit)
        outcomes = [one.code for (one,) in following.decide_behind(prepared)]
        assert outcomes == ["insufficient_funds" if one is too_much else None for one in commands]
        transactions.end(following)


def test_a_commit_is_forgotten_when_the_next_has_landed(office: Office) -> None:
    """However long commits follow one another, and without the collector of cycles, which runs
    seldom: each would hold its records, or those of all before it."""
    codes = open_wallets(office)
    writer = office.ledgers.writer(office.ledger)
    transactions = writer._transactions

    def units() -> list[list[Prepared]]:
        asked = [office.asked(transfer(codes[0], codes[1], "0.01")) for _ in range(2)]
        return [[prepare(one, writer.ids)] for one in asked]

    def follow(commit: Commit, units: list[list[Prepared]]) -> Commit:
        transactions.hand_over(commit)
        following = transactions.decide_ahead(commit, units)
        commit.write()
        transactions.confirm(commit)
        following.decide_behind(units)
        return following

    commit, _ = transactions.decide(units())
    gone: list[weakref.ref[object]] = []
    gc.disable()
    try:
        for _ in range(3):
            gone += [weakref.ref(commit), weakref.ref(commit.decisions._recording)]
            commit = follow(commit, units())
    finally:
        gc.enable()
    transactions.end(commit)
    assert [one() for one in gone] == [None] * 6
