"""Ids that clients give, and the ids of commands: one namespace, in which nothing collides."""

from uuid import uuid4

import pytest

from domain.authorizations import Authorize, Settle
from domain.commands import Command
from domain.corrections import Adjust, Reverse
from domain.entries import Post
from domain.freezes import FreezeAccount
from tests.application.office import (
    CONTROLLER,
    Chart,
    Office,
    id_of,
    legs,
    records_of,
    transfer,
)


def post(chart: Chart, id: str | None) -> Post:
    return transfer(chart.cash, chart.wallet, "1.00", id=id)


def hold(chart: Chart, id: str | None) -> Authorize:
    return Authorize(id=id, debit=chart.wallet, credit=chart.merchant, amount="1.00", asset="USD")


def command_id(office: Office, key: str) -> str:
    return office.ledgers.writer("acme").ids.command_id(actor=CONTROLLER.actor, key=key)


def test_a_clients_id_is_the_stream(office: Office) -> None:
    chart = office.chart()
    for make in (post, hold):
        wanted, key = str(uuid4()), office.key()
        outcome = office.done(make(chart, wanted), key=key)
        assert id_of(outcome) == wanted
        assert records_of(outcome)[0]["command_id"] == command_id(office, key)
        assert office.do(make(chart, wanted), key=key).replayed


def test_a_taken_id_is_refused_whatever_has_it(office: Office) -> None:
    """An entry, a hold, an account, a refusal; in a later commit, in the same one, in a group."""
    chart, wanted = office.chart(), str(uuid4())
    office.done(post(chart, wanted))
    refused_key = office.key()
    office.do(transfer(chart.wallet, chart.merchant, "999.00"), key=refused_key)
    account = office.query("SELECT originator_id FROM {}.events WHERE topic = 'AccountOpened'")
    taken = [
        wanted,
        id_of(office.done(hold(chart, None))),
        str(account[0]["originator_id"]),
        command_id(office, refused_key),
    ]
    for id in taken:
        for make in (post, hold):
            refused = office.do(make(chart, id))
            assert refused.code == "already_exists"
            assert refused.facts["id"] == id
    fresh = str(uuid4())
    first, second = office.all(post(chart, fresh), hold(chart, fresh))
    assert (first.status, second.code) == ("done", "already_exists")
    fresh = str(uuid4())
    _, culprit = office.group(hold(chart, fresh), post(chart, fresh))
    assert culprit.code == "already_exists"
    assert office.done(post(chart, fresh)).status == "done"


def test_the_id_of_the_commands_own_key(office: Office) -> None:
    chart, key = office.chart(), office.key()
    own = command_id(office, key)
    outcome = office.done(post(chart, own), key=key)
    assert id_of(outcome) == own
    assert office.do(post(chart, own), key=key).replayed


def commands(office: Office, chart: Chart) -> dict[str, Command]:
    """One of each kind that makes streams, or that has its id in the column."""
    entries = [id_of(office.done(post(chart, None))) for _ in range(2)]
    return {
        "post": post(chart, None),
        "hold": hold(chart, None),
        "with an id": post(chart, str(uuid4())),
        "settle": Settle(authorization=id_of(office.done(hold(chart, None)))),
        "reverse": Reverse(entry=entries[0], reason="duplicate"),
        "adjust": Adjust(
            entry=entries[1],
            reason="wrong_amount",
            legs=legs(chart.cash, chart.wallet, "2.00"),
        ),
        "freeze": FreezeAccount(account=chart.any),
        "refused": transfer(chart.wallet, chart.merchant, "999.00"),
    }


KINDS = ["post", "hold", "with an id", "settle", "reverse", "adjust", "freeze", "refused"]


@pytest.mark.parametrize("together", [False, True], ids=["before", "in the same commit"])
@pytest.mark.parametrize("kind", KINDS)
def test_an_id_that_a_later_commands_key_stands_for(
    office: Office, kind: str, together: bool
) -> None:
    """The command moves aside, and is found again all the same."""
    chart, key = office.chart(), office.key()
    command = commands(office, chart)[kind]
    squatter = post(chart, command_id(office, key))
    if together:
        squatted, outcome = office.submit([office.asked(squatter)], [office.asked(command, key)])
    else:
        squatted, outcome = office.do(squatter), office.do(command, key=key)
    assert squatted.status == "done"
    assert outcome.status == ("refused" if kind == "refused" else "done")
    assert id_of(outcome) != command_id(office, key)
    again = office.do(command, key=key)
    assert again.replayed
    assert [one.state for one in again.stored] == [one.state for one in outcome.stored]
    assert office.do(post(chart, str(uuid4())), key=key).code == "idempotency_conflict"


def test_one_id_asked_for_by_two_commands_of_a_commit(office: Office) -> None:
    chart, wanted, keys = office.chart(), str(uuid4()), [office.key(), office.key()]
    first, second = office.submit(*[[office.asked(post(chart, wanted), key)] for key in keys])
    assert (first.status, second.code) == ("done", "already_exists")
    again = office.submit(*[[office.asked(post(chart, wanted), key)] for key in keys])
    assert [one.replayed for one in again] == [True, True]
    assert [one.position for one in again] == [first.position, second.position]
