"""Several processes on one ledger: the head lock orders them, and no cache is believed blindly."""

import threading
from datetime import date
from random import Random

import psycopg
import pytest
from psycopg import sql

from application.outcomes import Outcome
from domain.accounts import CloseAccount, OpenAccount
from domain.amendments import AmendAccount
from domain.assets import RegisterAsset
from domain.authorizations import Authorize, Settle
from domain.corrections import Reverse
from domain.freezes import FreezeAccount, UnfreezeAccount
from domain.hold_ends import Void
from domain.journals import OpenJournal
from domain.ledgers import LockBooks
from tests.application.office import NOON, Office, id_of, transfer
from tests.domain.steps import ASSETS, Names, step_of


def test_each_sees_what_the_other_did(office: Office, partner: Office) -> None:
    """One thing of each kind, changed by the one and needed by the other."""
    one, other = office, partner
    chart = one.chart(funds="10.00")
    other.done(transfer(chart.wallet, chart.merchant, "6.00"))
    assert one.do(transfer(chart.wallet, chart.merchant, "4.01")).code == "insufficient_funds"
    one.done(FreezeAccount(account=chart.wallet))
    assert other.do(transfer(chart.cash, chart.wallet, "1.00")).code == "account_frozen"
    other.done(UnfreezeAccount(account=chart.wallet))
    one.done(transfer(chart.cash, chart.wallet, "1.00"))
    one.done(AmendAccount(account=chart.wallet, floor="5.00"))
    assert other.do(transfer(chart.wallet, chart.merchant, "0.01")).code == "insufficient_funds"
    other.done(OpenJournal(code="SALES", name="Sales"))
    sale = transfer(chart.cash, chart.merchant, "1.00", journal="SALES")
    one.done(sale)
    one.done(RegisterAsset(code="EUR"))
    other.done(OpenAccount(code=chart.any + ":eur", type="asset", name="E", asset="EUR"))
    one.done(CloseAccount(account=chart.any))
    refused = other.do(transfer(chart.any, chart.cash, "1.00"))
    assert refused.code == "account_closed"
    other.done(LockBooks(through=date(2020, 1, 1)))
    old = transfer(chart.cash, chart.merchant, "1.00", effective_on=date(2020, 1, 1))
    assert one.do(old).code == "period_closed"


def test_one_settles_what_the_other_holds(office: Office, partner: Office) -> None:
    one, other = office, partner
    chart = one.chart(funds="10.00")
    hold = Authorize(debit=chart.wallet, credit=chart.merchant, amount="10.00", asset="USD")
    authorization = id_of(one.done(hold))
    other.done(Settle(authorization=authorization, amount="4.00"))
    one.done(Settle(authorization=authorization, amount="5.00"))
    assert other.do(Settle(authorization=authorization, amount="1.01")).code == "over_settlement"
    assert one.do(Void(authorization=authorization)).code == "settlement_exists"
    entry = id_of(other.done(transfer(chart.cash, chart.wallet, "1.00")))
    one.done(Reverse(entry=entry, reason="duplicate"))
    assert other.do(Reverse(entry=entry, reason="duplicate")).code == "already_reversed"


def test_one_key_in_two_processes_at_once(office: Office, partner: Office) -> None:
    """Whoever comes second gets the first one's answer."""
    chart = office.chart()
    command, keys = transfer(chart.wallet, chart.merchant, "1.00"), [f"race-{n}" for n in range(20)]
    outcomes: dict[int, list[Outcome]] = {}

    def send(number: int, sender: Office) -> None:
        outcomes[number] = [sender.do(command, key=key) for key in keys]

    threads = [
        threading.Thread(target=send, args=(number, sender))
        for number, sender in enumerate((office, partner, office, partner))
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for answers in zip(*outcomes.values(), strict=True):
        assert sorted(one.status for one in answers) == ["done", *["replayed"] * 3]
        assert len({one.stored[0].state for one in answers}) == 1
    assert office.balance(chart.merchant) == (0, 2_000, 0, 0)


def test_funds_are_spent_once(office: Office, partner: Office) -> None:
    """Two processes, four threads, 40 asks for 10.00 of 100.00: ten are granted."""
    chart = office.chart(funds="100.00")
    hold = Authorize(debit=chart.wallet, credit=chart.merchant, amount="10.00", asset="USD")
    codes: list[str | None] = []

    def ask(asker: Office) -> None:
        codes.extend([asker.do(hold).code for _ in range(10)])

    threads = [
        threading.Thread(target=ask, args=(asker,)) for asker in (office, partner, office, partner)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(map(str, codes)) == ["None"] * 10 + ["insufficient_funds"] * 30
    assert office.balance(chart.wallet) == (0, 10_000, 10_000, 0)


@pytest.mark.parametrize("seed", [1, 2])
def test_random_commands_of_two_processes_interleaved(
    own_office: Office, other_office: Office, seed: int
) -> None:
    """Singles, batches, groups and locks; the check of everything comes at the end."""
    random = Random(seed)
    names = Names(1, NOON.date())
    for outcome in own_office.all(*ASSETS, *names.chart()):
        assert outcome.status == "done"
    done = 0
    for number in range(60):
        sender = random.choice((own_office, other_office))
        commands = [
            step_of(random.randrange(2**40)).command(names, 100 * number + k)
            for k in range(random.choice((1, 1, 2, 5)))
        ]
        outcomes = sender.group(*commands) if random.random() < 0.3 else sender.all(*commands)
        done += sum(one.status == "done" for one in outcomes)
        own_office.clock.move(seconds=random.choice((0, 0, 1, 30)))
    assert done > 20


def test_two_processes_at_full_speed(office: Office, partner: Office) -> None:
    """Each with batches and singles at once; every answer's position is its own."""
    chart = office.chart(funds="50.00")
    cent = transfer(chart.wallet, chart.merchant, "0.01")
    outcomes: list[Outcome] = []

    def send(sender: Office, sizes: tuple[int, ...]) -> None:
        for size in sizes:
            outcomes.extend(sender.all(*[cent] * size))

    threads = [
        threading.Thread(target=send, args=(sender, sizes))
        for sender in (office, partner)
        for sizes in ((300, 300), (1, 1, 1, 60, 1, 1))
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert {one.status for one in outcomes} == {"done"}
    positions = [one.position for one in outcomes]
    assert len(set(positions)) == len(positions) == 1_330
    assert office.balance(chart.wallet) == (1_330, 5_000, 0, 0)


TABLES = [
    "head",
    "events",
    "private",
    "ledger",
    "assets",
    "journals",
    "accounts",
    "balances",
    "vouchers",
    "holds",
    "rates",
    "open_items",
    "revaluations",
    "due_reversals",
]


def copied(office: Office, *, back: bool) -> None:
    """Keeps a copy of the ledger's tables, or puts it back: what a restore does."""
    with psycopg.connect(office.database.superuser) as connection:
        connection.execute("SET session_replication_role = replica")
        connection.execute("CREATE SCHEMA IF NOT EXISTS copies")
        for name in TABLES:
            table = sql.Identifier("ledger_acme", name)
            copy = sql.Identifier("copies", name)
            if back:
                connection.execute(sql.SQL("TRUNCATE {}").format(table))
                connection.execute(sql.SQL("INSERT INTO {} SELECT * FROM {}").format(table, copy))
            else:
                connection.execute(sql.SQL("CREATE TABLE {} AS TABLE {}").format(copy, table))


def test_a_restored_database_is_believed_and_the_cache_is_not(
    own_office: Office, other_office: Office
) -> None:
    """The same position later, another history: what this process remembers never happened."""
    one, other = own_office, other_office
    chart = one.chart(funds="100.00")
    hold = Authorize(debit=chart.wallet, credit=chart.merchant, amount="1.00", asset="USD")
    copied(one, back=False)
    lost = [
        one.done(transfer(chart.wallet, chart.merchant, "90.00")),
        one.done(hold),
        one.done(FreezeAccount(account=chart.cash)),
    ]
    reached = one.position
    copied(one, back=True)
    for command in (
        transfer(chart.wallet, chart.merchant, "5.00"),
        transfer(chart.cash, chart.wallet, "1.00"),
        transfer(chart.wallet, chart.merchant, "6.00"),
    ):
        other.done(command)
    assert one.position == reached
    assert one.do(Settle(authorization=id_of(lost[1]))).code == "authorization_not_found"
    spent = one.do(transfer(chart.wallet, chart.merchant, "90.01"))
    assert (spent.code, spent.facts["available"]) == ("insufficient_funds", "90.00")
    entry = one.done(transfer(chart.wallet, chart.merchant, "90.00"))
    assert entry.stored[0].record.payload.legs[0].line == 5


def test_restored_to_just_where_the_cache_stands(own_office: Office) -> None:
    """Nothing was lost: the cache and the database tell the same story."""
    chart = own_office.chart(funds="10.00")
    copied(own_office, back=False)
    copied(own_office, back=True)
    own_office.done(transfer(chart.wallet, chart.merchant, "10.00"))


def test_a_restored_database_answers_lost_keys_anew(own_office: Office) -> None:
    """The client retries with its key what the restore has lost: it is done again, once."""
    office = own_office
    chart, key = office.chart(funds="100.00"), office.key()
    copied(office, back=False)
    command = transfer(chart.wallet, chart.merchant, "60.00")
    office.done(command, key=key)
    copied(office, back=True)
    assert office.do(command, key=key).status == "done"
    assert office.do(command, key=key).status == "replayed"
    assert office.balance(chart.merchant) == (0, 6_000, 0, 0)
