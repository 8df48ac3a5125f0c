"""Refunds, chargebacks, representments: what was settled goes back, never more of it."""

from typing import Any

import pytest

from domain.amendments import AmendAccount
from domain.balances import InsufficientFunds
from domain.commands import Command, NarrativeRequired
from domain.entries import EntryPosted, Movement
from domain.hold_ends import Release
from domain.holds import (
    AuthorizationChargedBack,
    AuthorizationRefunded,
    AuthorizationRepresented,
)
from domain.legs import Leg
from domain.refunds import Chargeback, NothingSettled, Refund, RefundTooLarge, Representment
from tests.domain.harness import TODAY, Given, transfer
from tests.domain.holding import HOLD, found, held, settle, state, wallet


def refund(amount: str, **more: Any) -> Refund:
    return Refund(authorization=HOLD, amount=amount, **{"reason": "counterparty", **more})


def charge_back(amount: str) -> Chargeback:
    return Chargeback(authorization=HOLD, amount=amount, reason="counterparty")


def represent(amount: str) -> Representment:
    return Representment(authorization=HOLD, amount=amount, reason="counterparty")


def test_a_refund_posts_an_entry_with_the_sides_swapped_today() -> None:
    held().given(settle("60")).after(days=3).when(refund("20", reference="R")).then(
        (
            "new",
            EntryPosted(
                journal="AUTH",
                voucher_no=2,
                fiscal_year=2026,
                effective_on=TODAY.replace(month=4, day=3),
                reference="R",
                authorization=HOLD,
                movement=Movement("refund", "20.00"),
                legs=[
                    Leg("merchant", "debit", "20.00", "USD", 2, "40.00"),
                    Leg("wallet", "credit", "20.00", "USD", 3, "960.00"),
                ],
            ),
        ),
        (
            HOLD,
            AuthorizationRefunded(
                amount="20.00",
                entry="new",
                authorization=state(settled="60.00", refunded="20.00", held="40.00", settlements=1),
            ),
        ),
    )


def test_a_refund_restores_no_hold() -> None:
    refunded = held().given(settle("60.00"), refund("60.00"))
    assert wallet(refunded) == ("1000.00", "40.00")
    assert found(refunded).status == "partially_settled"


def test_chargeback_and_representment_have_counters_of_their_own() -> None:
    paid = held().given(settle("60.00"))
    entry, charged = (event for _, event in paid.when(charge_back("60.00")).events)
    assert isinstance(entry, EntryPosted)
    assert entry.movement == Movement("chargeback", "60.00")
    assert isinstance(charged, AuthorizationChargedBack)
    assert charged.authorization.charged_back == "60.00"
    won = paid.given(charge_back("60.00")).when(represent("25.00"))
    entry, represented = (event for _, event in won.events)
    assert isinstance(entry, EntryPosted)
    assert [(leg.account, leg.side) for leg in entry.legs] == [
        ("wallet", "debit"),
        ("merchant", "credit"),
    ]
    assert isinstance(represented, AuthorizationRepresented)
    assert represented.authorization == state(
        settled="60.00", charged_back="60.00", represented="25.00", held="40.00", settlements=1
    )


@pytest.mark.parametrize(
    ("before", "returnable", "beyond"),
    [
        ([], "60.00", "60.01"),
        ([settle("40.00")], "100.00", "100.01"),
        ([refund("10.00")], "50.00", "50.01"),
        ([charge_back("10.00")], "50.00", "50.01"),
        ([refund("20.00"), charge_back("10.00")], "30.00", "30.01"),
        ([charge_back("40.00"), represent("15.00")], "35.00", "35.01"),
        ([refund("60.00")], "0.00", "0.01"),
    ],
)
@pytest.mark.parametrize("verb", [refund, charge_back])
def test_what_goes_back_in_all_is_at_most_what_was_settled(
    before: list[Command], returnable: str, beyond: str, verb: Any
) -> None:
    world = held().given(settle("60.00"), *before)
    world.when(verb(beyond)).then(RefundTooLarge(returnable=returnable, asked=beyond))
    if returnable != "0.00":
        assert world.when(verb(returnable)).code is None


@pytest.mark.parametrize(
    ("before", "returnable", "beyond"),
    [
        ([], "0.00", "0.01"),
        ([refund("20.00")], "0.00", "0.01"),
        ([charge_back("20.00")], "20.00", "20.01"),
        ([charge_back("20.00"), represent("5.00")], "15.00", "15.01"),
    ],
)
def test_at_most_what_was_charged_back_is_won_back(
    before: list[Command], returnable: str, beyond: str
) -> None:
    world = held().given(settle("60.00"), *before)
    world.when(represent(beyond)).then(RefundTooLarge(returnable=returnable, asked=beyond))
    if returnable != "0.00":
        assert world.when(represent(returnable)).code is None


@pytest.mark.parametrize("verb", [refund, charge_back, represent])
def test_where_nothing_was_settled_nothing_goes_back(verb: Any) -> None:
    held().when(verb("1.00")).then(NothingSettled(authorization=HOLD))


def closings() -> list[Given]:
    return [
        held().given(settle("60.00", final=True)),
        held().given(settle("60.00"), Release(authorization=HOLD)),
        held(expires_in_seconds=60).given(settle("60.00")).after(seconds=60),
    ]


@pytest.mark.parametrize("closed", closings())
def test_it_may_go_back_after_the_end(closed: Given) -> None:
    assert closed.when(refund("60.00")).code is None
    back = closed.given(charge_back("60.00"))
    assert back.when(represent("60.00")).code is None
    assert found(back).closed_as is not None


def test_who_gives_back_must_have_it() -> None:
    gone = held().given(settle("60.00"), transfer("merchant", "cash", "50.00"))
    assert gone.when(refund("60.00")).code is None, "this merchant has no floor"
    floored = gone.given(AmendAccount(account="merchant", floor="0.00"))
    assert floored.when(refund("10.00")).code is None
    floored.when(charge_back("10.01")).then(
        InsufficientFunds(account="merchant", available="10.00", asked="10.01")
    )
    spent = held(funds="100.00").given(
        settle("60.00", final=True), charge_back("60.00"), transfer("wallet", "income", "60.00")
    )
    spent.when(represent("40.01")).then(
        InsufficientFunds(account="wallet", available="40.00", asked="40.01")
    )


@pytest.mark.parametrize("verb", [Refund, Chargeback, Representment])
def test_the_reason_other_needs_a_narrative(verb: Any) -> None:
    paid = held().given(settle("60.00"), charge_back("10.00"))
    other = verb(authorization=HOLD, amount="1.00", reason="other")
    paid.when(other).then(NarrativeRequired)
    said = verb(authorization=HOLD, amount="1.00", reason="other", narrative="why")
    assert paid.when(said).code is None


@pytest.mark.parametrize(
    ("closed", "expected"),
    [
        (closings()[0], "authorization_closed"),
        (closings()[1], "authorization_closed"),
        (closings()[2], "authorization_expired"),
    ],
)
def test_closed_without_a_chargeback_there_is_nothing_to_win_back(
    closed: Given, expected: str
) -> None:
    assert closed.when(represent("0.01")).code == expected
    charged = closed.given(charge_back("10.00"))
    charged.when(represent("10.01")).then(RefundTooLarge(returnable="10.00", asked="10.01"))
    assert charged.when(represent("10.00")).code is None
