"""`validate_only`: decided as ever, by the same path, and nothing of it stays."""

from msgspec.structs import replace

from domain.accounts import OpenAccount
from domain.authorizations import Authorize, Settle
from domain.commands import Command, Comparison, Condition
from domain.hold_ends import Void
from tests.application.office import CLERK, Office, id_of, records_of, transfer, types_of


def judge(command: Command) -> Command:
    return replace(command, validate_only=True)


def test_it_comes_to_what_the_command_then_comes_to(office: Office) -> None:
    chart, before = office.chart(), office.position
    command, key = transfer(chart.wallet, chart.merchant, "40.00", narrative="n"), office.key()
    judged = office.do(judge(command), key=key)
    assert (judged.status, judged.judged_at, judged.position) == ("done", before, before)
    assert office.position == before
    assert office.balance(chart.wallet) == (0, 10_000, 0, 0)
    done = office.done(command, key=key)
    assert not done.replayed
    (would_be,), (was,) = records_of(judged), records_of(done)
    would_be["payload"].pop("private"), was["payload"].pop("private")  # salted anew
    assert would_be == was


def test_what_it_is_refused_with_is_not_remembered(office: Office) -> None:
    chart, before, key = office.chart(), office.position, office.key()
    poor = transfer(chart.wallet, chart.merchant, "100.01")
    judged = office.do(judge(poor), key=key)
    assert (judged.code, judged.judged_at) == ("insufficient_funds", before)
    assert judged.facts["available"] == "100.00"
    assert office.position == before
    office.done(transfer(chart.cash, chart.wallet, "0.01"))
    assert office.done(poor, key=key).status == "done"


def test_a_key_that_was_used_gets_its_first_answer(office: Office) -> None:
    chart, key = office.chart(), office.key()
    command = transfer(chart.wallet, chart.merchant, "100.00")
    done = office.done(command, key=key)
    judged = office.do(judge(command), key=key)
    assert (judged.status, judged.judged_at) == ("replayed", office.position)
    assert [row.state for row in judged.stored] == [row.state for row in done.stored]
    other = office.do(judge(transfer(chart.wallet, chart.merchant, "1.00")), key=key)
    assert other.code == "idempotency_conflict"


def test_each_is_judged_by_what_was_done_before_it_in_its_commit(office: Office) -> None:
    chart, before = office.chart(), office.position
    all_of_it = transfer(chart.wallet, chart.merchant, "100.00")
    outcomes = office.all(
        judge(all_of_it), judge(all_of_it), all_of_it, judge(all_of_it), judge(all_of_it)
    )
    assert [one.code for one in outcomes] == [None, None, None, *["insufficient_funds"] * 2]
    assert [one.judged_at for one in outcomes] == [before, before, None, before + 1, before + 1]
    assert office.position == before + 1


def test_a_group_is_judged_as_one(office: Office) -> None:
    chart, before = office.chart(), office.position
    code = f"{chart.cash}:new"
    keys = [office.key() for _ in range(3)]
    commands: list[Command] = [
        OpenAccount(code=code, type="asset", name="New", asset="USD"),
        transfer(chart.wallet, code, "60.00"),
        transfer(chart.wallet, code, "40.00"),
    ]
    judged = office.group(*[judge(one) for one in commands], keys=keys)
    assert [one.status for one in judged] == ["done"] * 3
    assert [one.judged_at for one in judged] == [before] * 3
    assert office.position == before
    too_much = [*commands[:2], transfer(chart.wallet, code, "40.01")]
    refused = office.group(*[judge(one) for one in too_much])
    assert [one.code for one in refused] == ["group_refused"] * 2 + ["insufficient_funds"]
    assert refused[2].facts["available"] == "40.00"
    assert office.position == before
    done = office.group(*commands, keys=keys)
    assert [[row.state for row in one.stored] for one in done] == [
        [row.state for row in one.stored] for one in judged
    ]


def test_a_hold_whose_time_has_come_stays_as_it_is(office: Office) -> None:
    chart = office.chart()
    hold = Authorize(
        debit=chart.wallet,
        credit=chart.merchant,
        amount="30.00",
        asset="USD",
        expires_in_seconds=60,
    )
    id, before = id_of(office.done(hold)), office.position
    office.clock.move(seconds=61)
    judged = office.do(judge(Settle(authorization=id)))
    assert judged.code == "authorization_expired"
    assert (office.position, office.balance(chart.wallet)) == (before, (0, 10_000, 3_000, 0))
    assert office.do(Void(authorization=id)).code == "authorization_expired"
    assert office.balance(chart.wallet) == (0, 10_000, 0, 0)


def test_the_role_is_needed_for_a_judgement_too(office: Office) -> None:
    chart = office.chart()
    command = judge(OpenAccount(code=f"{chart.cash}:x", type="asset", name="X"))
    assert office.do(command, by=CLERK).code == "forbidden"


def test_nothing_is_left_in_memory(office: Office) -> None:
    """The next commit writes what it changed itself, and nothing of the judgement."""
    chart = office.chart()
    office.do(judge(transfer(chart.wallet, chart.any, "5.00")))
    office.done(transfer(chart.wallet, chart.merchant, "1.00"))
    assert office.balance(chart.any) == (0, 0, 0, 0)
    assert office.balance(chart.wallet) == (100, 10_000, 0, 0)


# Conditions and card numbers, as far as the log is concerned ----------------------------------


def test_a_condition_sees_what_the_commands_before_it_did(office: Office) -> None:
    chart = office.chart()
    some = Condition(account=chart.wallet, asset="USD", available=Comparison(gte="40.00"))
    command = transfer(chart.any, chart.cash, "1.00", if_=[some])
    outcomes = office.all(command, transfer(chart.wallet, chart.merchant, "60.01"), command)
    assert [one.code for one in outcomes] == [None, None, "condition_failed"]
    assert outcomes[2].facts["found"] == "39.99"
    assert types_of(outcomes[2]) == ["CommandRefused"]


def test_a_condition_on_an_account_that_nothing_else_names(office: Office, partner: Office) -> None:
    """It is read for the condition alone: the other office has never seen it."""
    chart, other = office.chart(), office.chart()
    some = Condition(account=other.wallet, asset="USD", posted=Comparison(eq="100.00"))
    assert partner.do(transfer(chart.cash, chart.any, "1.00", if_=[some])).status == "done"
    version = Condition(account=other.wallet, version=2)
    assert office.do(transfer(chart.cash, chart.any, "1.00", if_=[version])).status == "done"


def test_the_condition_is_part_of_what_the_key_stands_for(office: Office) -> None:
    chart, key = office.chart(), office.key()
    command = transfer(chart.cash, chart.any, "1.00")
    office.done(command, key=key)
    some = replace(command, if_=[Condition(account=chart.cash, version=9)])
    assert office.do(some, key=key).code == "idempotency_conflict"
    assert office.do(replace(command, validate_only=False), key=key).replayed


def test_of_a_cards_number_nothing_is_stored(office: Office) -> None:
    chart, before = office.chart(), office.position
    card = "4111 1111 1111 1111"
    command = transfer(
        chart.cash, chart.any, "1.00", narrative=f"to {card}", reference=card, metadata={"c": card}
    )
    key = office.key()
    refused = office.do(command, key=key)
    assert (refused.code, refused.facts) == ("card_number_refused", {"member": "narrative"})
    assert types_of(refused) == ["CommandRefused"]
    assert b"1111" not in b"".join(office.states(after=before))
    assert office.query("SELECT * FROM {}.private WHERE position > %s", before) == []
    assert office.do(command, key=key).replayed
    # The digest is of the command without it: no trial of all numbers finds which one it was.
    other = replace(command, narrative="to 5555-5555-5555-4444", reference=card)
    again = office.do(other, key=key)
    assert again.replayed
