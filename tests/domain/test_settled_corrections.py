"""Reverse and adjust for entries of authorizations: the counters follow, a hold only if asked."""

from typing import Any

import pytest

from domain.authorizations import AuthorizationIsClosed, OverSettlement
from domain.commands import Command
from domain.corrections import Adjust, ReversalOfReversal, Reverse
from domain.entries import EntryPosted, EntryReversed, Movement
from domain.hold_ends import Release
from domain.holds import AuthorizationCorrected
from domain.increments import Increment
from domain.legs import LegAsked
from domain.movements import ChargebackWonBack, NoHoldToRestore, NotReversible
from domain.refunds import Chargeback, Refund, RefundTooLarge, Representment
from tests.domain.harness import CHART, Given, credit, debit, fund, transfer
from tests.domain.holding import HOLD, found, held, settle, state, wallet

BACK: Any = {"authorization": HOLD, "reason": "counterparty"}


def nth(number: int) -> str:
    """The entry that the n-th command after the hold has posted."""
    return f"g{len(CHART) + 2 + number}"


def reverse(number: int, **more: Any) -> Reverse:
    return Reverse(entry=nth(number), reason="duplicate", **more)


def adjust(number: int, *legs: LegAsked) -> Adjust:
    return Adjust(entry=nth(number), reason="wrong_amount", legs=list(legs))


def moved(amount: str, debited: str = "wallet", credited: str = "merchant") -> list[LegAsked]:
    return [debit(debited, amount), credit(credited, amount)]


def counters(given: Given) -> tuple[str, str, str, str]:
    left = found(given)
    return left.settled, left.refunded, left.charged_back, left.represented


def corrected(given: Given, command: Command) -> AuthorizationCorrected:
    when = given.when(command)
    assert when.refusal is None, (when.refusal, when.refusal.facts)
    stream, event = when.events[-1]
    assert stream == HOLD
    assert isinstance(event, AuthorizationCorrected)
    return event


# Settlements taken back -------------------------------------------------------------------------


def test_a_reversed_settlement_is_settled_no_more_and_holds_nothing() -> None:
    when = held().given(settle("60.00")).when(reverse(1))
    (_, reversal), (marked, mark), (_, event) = when.events
    assert isinstance(reversal, EntryPosted)
    assert (reversal.authorization, reversal.movement) == (HOLD, None)
    assert reversal.correction == "reversal"
    assert (marked, mark) == (nth(1), EntryReversed(reversal="new"))
    assert event == AuthorizationCorrected(
        amount="60.00",
        entry="new",
        corrects=nth(1),
        authorization=state(held="40.00", settlements=1),
    )
    assert wallet(held().given(settle("60.00"), reverse(1))) == ("1000.00", "40.00")


@pytest.mark.parametrize(
    ("before", "number", "restored", "held_after"),
    [
        ([settle("60.00")], 1, "60.00", "100.00"),
        ([settle("60.00"), settle("55.00")], 2, "40.00", "40.00"),
        ([settle("60.00"), settle("55.00")], 1, "45.00", "45.00"),
        ([settle("60.00"), Increment(authorization=HOLD, amount="5.00")], 1, "60.00", "105.00"),
        ([settle("100.00"), settle("15.00")], 2, None, "0.00"),
    ],
)
def test_a_hold_comes_back_where_that_is_asked_for(
    before: list[Command], number: int, restored: str | None, held_after: str
) -> None:
    """Never more than what is authorized and not settled."""
    world = held(over_settle_percent="15").given(*before)
    event = corrected(world, reverse(number, restore_hold=True))
    assert (event.restored, event.authorization.held) == (restored, held_after)


@pytest.mark.parametrize("funds", ["100.00"])
def test_a_restored_hold_needs_no_funds_but_its_own(funds: str) -> None:
    world = held(funds=funds).given(settle("100.00"))
    assert wallet(world.given(reverse(1, restore_hold=True))) == ("100.00", "100.00")


def test_what_was_put_right_on_another_account_brings_back_no_funds_for_the_hold() -> None:
    """The entry's money goes back to whom it was taken from; the wallet must have the hold's."""
    put_right = adjust(1, *moved("100.00", debited="cash"))
    world = held(funds="100.00").given(settle("100.00"))
    spent = world.given(put_right, transfer("wallet", "merchant", "0.01"))
    restore = Reverse(entry=f"{nth(2)}.1", reason="duplicate", restore_hold=True)
    assert spent.when(restore).code == "insufficient_funds"
    whole = world.given(put_right, restore)
    assert wallet(whole) == ("100.00", "100.00")


def test_no_hold_is_restored_of_what_is_closed() -> None:
    restore = reverse(1, restore_hold=True)
    final = held().given(settle("60.00", final=True))
    final.when(restore).then(AuthorizationIsClosed(closed_as="final"))
    released = held().given(settle("60.00"), Release(authorization=HOLD))
    released.when(restore).then(AuthorizationIsClosed(closed_as="released"))
    assert released.when(reverse(1)).code is None
    late = held(expires_in_seconds=60).given(settle("60.00")).after(seconds=60)
    assert late.when(reverse(1)).code is None


def test_after_its_end_a_settlement_taken_back_leaves_it_released() -> None:
    taken_back = held().given(settle("60.00", final=True), reverse(1))
    assert (found(taken_back).status, found(taken_back).settled) == ("released", "0.00")


def test_what_settled_nothing_restores_nothing() -> None:
    refunded = held().given(settle("60.00"), Refund(amount="10.00", **BACK))
    refunded.when(reverse(2, restore_hold=True)).then(NoHoldToRestore)
    plain = held().given(transfer("cash", "income", "1.00"))
    plain.when(reverse(1, restore_hold=True)).then(NoHoldToRestore(entry=nth(1)))


@pytest.mark.parametrize(
    ("returned", "code"),
    [
        ([Refund(amount="40.00", **BACK)], None),
        ([Refund(amount="40.01", **BACK)], "not_reversible"),
        ([Chargeback(amount="40.01", **BACK)], "not_reversible"),
        ([Refund(amount="20.00", **BACK), Chargeback(amount="20.01", **BACK)], "not_reversible"),
        (
            [Chargeback(amount="50.00", **BACK), Representment(amount="10.00", **BACK)],
            None,
        ),
    ],
)
def test_never_below_what_was_returned(returned: list[Command], code: str | None) -> None:
    """Of 40.00 and 60.00 the second is taken back."""
    world = held().given(settle("40.00"), settle("60.00"), *returned)
    when = world.when(reverse(2))
    assert when.code == code
    if code is not None:
        when.then(NotReversible(entry=nth(2), authorization=HOLD, settled="40.00"))


def test_settled_again_it_finds_funds_like_any_excess() -> None:
    """60.00 taken back are not held: 100.00 need 60.00 of free funds."""
    world = held(funds="100.00").given(settle("60.00"), reverse(1))
    assert world.when(settle("100.00")).code is None
    spent = world.given(transfer("wallet", "income", "0.01"))
    assert spent.when(settle("100.00")).code == "insufficient_funds"
    assert spent.when(settle("99.99")).code is None


# What went back, taken back ---------------------------------------------------------------------


def test_a_reversed_refund_can_be_made_again() -> None:
    world = held().given(settle("60.00"), Refund(amount="60.00", **BACK), reverse(2))
    assert counters(world) == ("60.00", "0.00", "0.00", "0.00")
    assert world.when(Chargeback(amount="60.00", **BACK)).code is None
    assert wallet(world) == ("940.00", "40.00")


def test_a_chargeback_that_was_won_back_stays() -> None:
    won = held().given(
        settle("60.00"), Chargeback(amount="60.00", **BACK), Representment(amount="20.00", **BACK)
    )
    won.when(reverse(2)).then(
        ChargebackWonBack(
            entry=nth(2), authorization=HOLD, represented="20.00", charged_back="0.00"
        )
    )
    lost_again = won.given(reverse(3))
    assert counters(lost_again) == ("60.00", "0.00", "60.00", "0.00")
    assert lost_again.when(reverse(2)).code is None


def test_a_representment_whose_funds_were_refunded_since_stays() -> None:
    world = held().given(
        settle("60.00"),
        Chargeback(amount="60.00", **BACK),
        Representment(amount="60.00", **BACK),
        Refund(amount="0.01", **BACK),
    )
    world.when(reverse(3)).then(NotReversible)


def test_a_reversal_is_not_taken_back() -> None:
    world = held().given(settle("60.00"), reverse(1))
    world.when(reverse(2)).then(ReversalOfReversal(entry=nth(2)))


# Adjustments ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("amount", "settled", "held_after"),
    [("50.00", "50.00", "40.00"), ("70.00", "70.00", "30.00"), ("110.00", "110.00", "0.00")],
)
def test_an_adjusted_settlement_counts_its_replacement(
    amount: str, settled: str, held_after: str
) -> None:
    """Less restores no hold; more takes of the hold what it holds."""
    world = held(over_settle_percent="15").given(settle("60.00"))
    when = world.when(adjust(1, *moved(amount)))
    replacement, event = when.events[1][1], corrected(world, adjust(1, *moved(amount)))
    assert isinstance(replacement, EntryPosted)
    assert replacement.movement == Movement("settlement", amount)
    assert (event.entry, event.replacement, event.replacement_amount) == ("new", "new.1", amount)
    assert (event.authorization.settled, event.authorization.held) == (settled, held_after)


def test_a_larger_settlement_needs_funds_only_beyond_the_hold() -> None:
    world = held(funds="100.00", over_settle_percent="15").given(settle("60.00"))
    assert world.when(adjust(1, *moved("100.00"))).code is None
    assert world.when(adjust(1, *moved("100.01"))).code == "insufficient_funds"


def test_a_settlement_is_not_adjusted_past_the_ceiling() -> None:
    world = held(over_settle_percent="15").given(settle("60.00"), settle("20.00"))
    assert world.when(adjust(1, *moved("95.00"))).code is None
    world.when(adjust(1, *moved("95.01"))).then(OverSettlement(remaining="35.00", asked="35.01"))


def test_nor_below_what_was_returned() -> None:
    world = held().given(settle("60.00"), Refund(amount="30.00", **BACK))
    assert world.when(adjust(1, *moved("30.00"))).code is None
    world.when(adjust(1, *moved("29.99"))).then(NotReversible(returned="30.00", settled="29.99"))


def test_a_refund_is_not_adjusted_past_what_is_settled() -> None:
    world = held().given(settle("60.00"), Refund(amount="30.00", **BACK))
    assert counters(world.given(adjust(2, *moved("60.00", "merchant", "wallet"))))[1] == "60.00"
    world.when(adjust(2, *moved("60.01", "merchant", "wallet"))).then(
        RefundTooLarge(returnable="30.00", asked="30.01")
    )


def test_a_representment_is_not_adjusted_past_the_chargeback() -> None:
    world = held().given(
        settle("60.00"), Chargeback(amount="20.00", **BACK), Representment(amount="5.00", **BACK)
    )
    assert world.when(adjust(3, *moved("20.00"))).code is None
    world.when(adjust(3, *moved("20.01"))).then(RefundTooLarge(returnable="15.00", asked="15.01"))


@pytest.mark.parametrize(
    ("legs", "counted"),
    [
        (moved("60.00", credited="income"), "60.00"),
        (
            [debit("wallet", "60.00"), credit("merchant", "58.00"), credit("income", "2.00")],
            "60.00",
        ),
        ([*moved("60.00"), *moved("1.00", "cash", "income")], "60.00"),
        (moved("60.00", debited="credit_line"), "60.00"),
        ([debit("cash", "5.00"), credit("wallet", "5.00")], "0.00"),
    ],
)
def test_a_replacement_counts_what_it_moves_on_the_account_that_pays(
    legs: list[LegAsked], counted: str
) -> None:
    """Where it does not touch that account (another payer) it counts all that it debits."""
    world = held().given(fund("credit_line", "100.00"))
    settled = world.given(settle("60.00"))
    event = corrected(settled, adjust(2, *legs))
    assert event.replacement_amount == event.authorization.settled == counted


def test_a_replacement_can_be_adjusted_again() -> None:
    once = held().given(settle("60.00"), adjust(1, *moved("50.00")))
    replacement = f"{nth(2)}.1"
    again = Adjust(entry=replacement, reason="wrong_amount", legs=moved("45.00"))
    twice = once.given(again)
    assert counters(twice)[0] == "45.00"
    assert once.given(Reverse(entry=replacement, reason="duplicate")).when(again).code == (
        "already_reversed"
    )
    assert wallet(twice) == ("955.00", "40.00")


def test_a_late_correction_is_of_a_closed_authorization_too() -> None:
    late = held(expires_in_seconds=60).given(settle("60.00")).after(seconds=60)
    assert late.when(adjust(1, *moved("40.00"))).code is None
