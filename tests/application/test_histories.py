"""What an outcome says came before on its hold is what stands on record, or it says nothing."""

from application.histories import MAX_EVENTS
from application.outcomes import Outcome
from domain.authorizations import Authorize, Settle
from domain.commands import Command
from domain.increments import Increment
from tests.application.office import Office, id_of


def _hold(office: Office) -> str:
    chart = office.chart()
    hold = Authorize(debit=chart.wallet, credit=chart.merchant, amount="1.00", asset="USD")
    return id_of(office.done(hold))


def _increment(authorization: str) -> Command:
    return Increment(authorization=authorization, amount="1.00")


def _recorded(office: Office, outcome: Outcome) -> tuple[bytes, ...]:
    last = outcome.stored[-1]
    rows = office.query(
        "SELECT state FROM {}.events WHERE originator_id = %s AND originator_version < %s"
        " ORDER BY originator_version",
        last.stream,
        last.version,
    )
    return tuple(row["state"] for row in rows)


def test_what_this_writer_wrote_is_at_hand(office: Office) -> None:
    hold = _hold(office)
    for _ in range(2):
        outcome = office.done(_increment(hold))
        assert outcome.before == _recorded(office, outcome)
    settled = office.done(Settle(authorization=hold, amount="0.50"))
    assert settled.before == _recorded(office, settled)
    assert len(settled.before or ()) == 3


def test_what_another_wrote_is_read_with_the_hold(office: Office, partner: Office) -> None:
    hold = _hold(office)
    partner.done(_increment(hold))
    for one in (office, partner, office):
        outcome = one.done(_increment(hold))
        assert outcome.before == _recorded(office, outcome)


def test_commands_of_one_commit_see_each_other(office: Office) -> None:
    hold = _hold(office)
    outcomes = office.all(_increment(hold), _increment(hold), Settle(authorization=hold))
    for outcome in outcomes:
        assert outcome.before == _recorded(office, outcome)


def test_what_a_group_took_back_is_not_there(office: Office) -> None:
    hold = _hold(office)
    office.group(_increment(hold), Settle(authorization=hold, amount="9.00"))
    outcome = office.done(_increment(hold))
    assert outcome.before == _recorded(office, outcome)
    assert len(outcome.before or ()) == 1


def test_a_long_one_is_not_kept(office: Office, partner: Office) -> None:
    hold = _hold(office)
    outcomes = office.all(*[_increment(hold)] * (MAX_EVENTS + 1))
    assert [len(outcome.before or ()) for outcome in outcomes] == [*range(1, MAX_EVENTS + 1), 0]
    assert outcomes[-1].before is None
    assert partner.done(_increment(hold)).before is None


def test_neither_a_repetition_nor_a_judgement_says_anything(office: Office) -> None:
    hold = _hold(office)
    key = office.key()
    office.done(_increment(hold), key=key)
    assert office.do(_increment(hold), key=key).before is None
    judged = office.do(Increment(authorization=hold, amount="1.00", validate_only=True))
    assert judged.before is None
    outcome = office.done(_increment(hold))
    assert outcome.before == _recorded(office, outcome)
