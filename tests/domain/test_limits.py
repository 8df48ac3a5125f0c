"""Limits: what consumes, what is given back, and to which period."""

from datetime import date
from typing import Any

import pytest

from domain.authorizations import Authorize, Settle
from domain.commands import Command
from domain.corrections import Adjust, Reverse
from domain.entries import Post
from domain.hold_ends import Release, Void
from domain.holds import AuthorizationForceSettled
from domain.increments import Increment, Reduce
from domain.limits import (
    LimitExceeded,
    LimitUse,
    SetLimit,
    Usage,
)
from domain.mandatory_settlements import SettleMandatory
from domain.refunds import Refund
from tests.domain.harness import (
    TODAY,
    credit,
    debit,
    fund,
    ledger,
    transfer,
)
from tests.domain.limiting import (
    HOLD,
    LIMIT,
    funded,
    held,
    hold,
    left,
    limit,
    limited,
    nth,
    pay,
    used,
)

# What consumes --------------------------------------------------------------------------------


@pytest.mark.parametrize("per", ["day", "month"])
@pytest.mark.parametrize(
    ("command", "code"),
    [
        (hold("100.00"), None),
        (hold("100.01"), "limit_exceeded"),
        (pay("100.00"), None),
        (pay("100.01"), "limit_exceeded"),
    ],
)
def test_equal_to_the_limit_passes(per: Any, command: Command, code: str | None) -> None:
    assert funded.given(limit(per)).when(command).code == code


def test_the_refusal_says_limit_used_and_asked() -> None:
    held.when(pay("40.01")).then(
        LimitExceeded(
            account="wallet",
            asset="USD",
            per="day",
            limit_id=LIMIT,
            counted="amount",
            limit="100.00",
            used="60.00",
            asked="40.01",
        )
    )
    counted = funded.given(limit(amount=None, count=2), hold("1.00"), pay("1.00"))
    counted.when(pay("1.00")).then(
        LimitExceeded(counted="count", limit=2, used=2, asked=1, per="day")
    )


def test_authorizations_increments_and_direct_debits_consume_together() -> None:
    assert used(limited.given(hold("10.00"))) == (1000, 1)
    grown = limited.given(hold("10.00"), Increment(authorization=HOLD, amount="20.00"))
    assert used(grown) == (3000, 2)
    assert used(grown.given(pay("30.00"))) == (6000, 3)
    left(grown, "70.00")


def test_the_events_carry_what_they_take() -> None:
    use = LimitUse(LIMIT, TODAY, "60.00", 1)
    assert limited.when(hold()).only().authorization.limits == [use]
    assert limited.when(pay("60.00")).only().limits == [use]
    assert limited.when(fund("wallet", "1.00")).only().limits is None
    assert funded.when(pay("60.00")).only().limits is None


def test_a_direct_debit_counts_by_the_net_effect_of_its_lines() -> None:
    entry = Post(
        legs=[
            debit("wallet", "130.00"),
            credit("wallet", "30.00"),
            debit("wallet", "0.01"),
            credit("merchant", "100.01"),
        ]
    )
    limited.when(entry).then(LimitExceeded(asked="100.01"))
    even = Post(legs=[debit("wallet", "500.00"), credit("wallet", "500.00")])
    assert used(limited.given(even)) == (0, 0)


def test_on_a_debit_normal_account_a_credit_consumes() -> None:
    past = ledger.given(
        transfer("bank", "income", "500.00"),
        SetLimit(account="bank", per="day", amount="100.00"),
    )
    assert past.when(transfer("bank", "income", "500.00")).code is None
    assert past.when(transfer("cash", "bank", "100.00")).code is None
    past.when(transfer("cash", "bank", "100.01")).then(LimitExceeded(account="bank"))
    to_bank = Authorize(debit="cash", credit="bank", amount="100.01", asset="USD")
    past.when(to_bank).then(LimitExceeded(account="bank"))


def test_what_comes_in_does_not() -> None:
    assert used(limited.given(fund("wallet", "500.00"))) == (0, 0)


def test_reversals_and_refunds_neither_consume_nor_give_back() -> None:
    paid = limited.given(pay("60.00"), fund("wallet", "500.00"))
    for reversed_entry in (nth(3), nth(4)):
        back = paid.given(Reverse(entry=reversed_entry, reason="duplicate"))
        assert used(back) == (6000, 1)
    legs = [debit("wallet", "90.00"), credit("merchant", "90.00")]
    adjusted = paid.given(Adjust(entry=nth(3), reason="wrong_amount", legs=legs))
    assert used(adjusted) == (6000, 1)
    settled = held.given(Settle(authorization=HOLD))
    back = settled.given(Refund(authorization=HOLD, amount="60.00", reason="duplicate"))
    assert used(back) == (6000, 1)
    taken_back = settled.given(Reverse(entry=nth(4), reason="duplicate"))
    assert used(taken_back) == (6000, 1)


# Settlements ----------------------------------------------------------------------------------


def test_a_settlement_consumes_only_what_exceeds_its_hold() -> None:
    over = limited.given(hold("60.00", over_settle_percent="100"))
    assert used(over.given(Settle(authorization=HOLD, amount="60.00"))) == (6000, 1)
    assert used(over.given(Settle(authorization=HOLD, amount="100.00"))) == (10000, 1)
    over.when(Settle(authorization=HOLD, amount="100.01")).then(
        LimitExceeded(used="60.00", asked="40.01")
    )
    in_parts = over.given(Settle(authorization=HOLD, amount="50.00"))
    assert used(in_parts.given(Settle(authorization=HOLD, amount="15.00"))) == (6500, 1)


def test_settling_within_the_hold_asks_no_limit() -> None:
    tight = held.given(limit(amount="0.00"))
    assert tight.when(Settle(authorization=HOLD)).code is None


def test_a_mandatory_settlement_passes_limits_and_consumes() -> None:
    more = SettleMandatory(authorization=HOLD, amount="100.01")
    settled = held.when(more).events[1][1]
    assert isinstance(settled, AuthorizationForceSettled)
    assert settled.exceptions == ["over_ceiling", "limit_exceeded"]
    assert used(held.given(more)) == (10001, 1)
    assert used(held.given(SettleMandatory(authorization=HOLD, amount="60.00"))) == (6000, 1)
    unmatched = SettleMandatory(debit="wallet", credit="merchant", asset="USD", amount="40.00")
    settled = held.when(unmatched).events[1][1]
    assert isinstance(settled, AuthorizationForceSettled)
    assert settled.exceptions == ["unmatched"]
    assert used(held.given(unmatched)) == (10000, 1)


# What is given back ---------------------------------------------------------------------------

ENDS: list[tuple[str, list[Any], tuple[int, int]]] = [
    ("void", [Void(authorization=HOLD)], (0, 0)),
    ("release", [Release(authorization=HOLD)], (0, 0)),
    ("reduce to zero", [Reduce(authorization=HOLD, amount="60.00")], (0, 0)),
    ("reduce", [Reduce(authorization=HOLD, amount="20.00")], (4000, 1)),
    (
        "release the rest",
        [Settle(authorization=HOLD, amount="25.00"), Release(authorization=HOLD)],
        (2500, 1),
    ),
    ("final", [Settle(authorization=HOLD, amount="25.00", final=True)], (2500, 1)),
    ("final and over", [Settle(authorization=HOLD, amount="66.00", final=True)], (6600, 1)),
    (
        "reduce what was added",
        [
            Increment(authorization=HOLD, amount="30.00"),
            Reduce(authorization=HOLD, amount="40.00"),
        ],
        (5000, 2),
    ),
    (
        "release after the limit was passed by",
        [Settle(authorization=HOLD, amount="66.00"), Release(authorization=HOLD)],
        (6600, 1),
    ),
]


@pytest.mark.parametrize(("name", "then", "taken"), ENDS, ids=[name for name, *_ in ENDS])
def test_what_a_hold_gives_back(name: str, then: list[Any], taken: tuple[int, int]) -> None:
    past = limited.given(hold(over_settle_percent="10"), limit("month", "900.00", count=9))
    past = past.given(*then)
    assert used(past) == taken
    again = funded.given(limit("month", "900.00", count=9), hold(over_settle_percent="10"), *then)
    assert used(again) == taken


def test_an_expired_hold_gives_back() -> None:
    past = limited.given(hold(expires_in_seconds=60)).after(seconds=60)
    world = past.world()
    with pytest.raises(Exception, match="authorization_expired"):
        world.do(Settle(authorization=HOLD), "new")
    assert world.books.usages.get(LIMIT) == Usage("wallet", TODAY, 0, 0)


# Periods --------------------------------------------------------------------------------------


def test_a_new_day_begins_at_zero() -> None:
    """31 March is followed by another day, and another month."""
    full = limited.given(pay("100.00"))
    assert full.when(pay("0.01")).code == "limit_exceeded"
    assert full.after(hours=11).when(pay("0.01")).code == "limit_exceeded"
    left(full.after(hours=12), "100.00")


def test_a_month_is_a_calendar_month() -> None:
    month = funded.given(limit("month")).after(days=1)  # 1 April
    full = month.given(pay("100.00"))
    assert full.after(days=29).when(pay("0.01")).code == "limit_exceeded"
    left(full.after(days=30), "100.00")


def test_it_is_given_back_to_the_period_that_was_charged() -> None:
    later = limited.given(hold("60.00")).after(days=1).given(pay("30.00"))
    assert used(later) == (3000, 1)
    assert used(later.given(Void(authorization=HOLD))) == (3000, 1)
    month = funded.given(limit("month")).after(days=1).given(hold("60.00"))
    later = month.after(days=1).given(pay("30.00"))
    assert used(later) == (9000, 2)
    assert used(later.given(Void(authorization=nth(4)))) == (3000, 1)


def test_of_a_hold_that_grew_the_latest_charge_is_given_back_first() -> None:
    grown = (
        limited.given(hold("60.00"))
        .after(days=1)
        .given(Increment(authorization=HOLD, amount="30.00"))
    )
    assert used(grown) == (3000, 1)
    assert used(grown.given(Reduce(authorization=HOLD, amount="10.00"))) == (2000, 1)
    assert used(grown.given(Reduce(authorization=HOLD, amount="40.00"))) == (0, 0)
    part = grown.given(Settle(authorization=HOLD, amount="70.00"))
    assert used(part.given(Release(authorization=HOLD))) == (1000, 1)
    assert used(grown.given(Void(authorization=HOLD))) == (0, 0)


def test_only_the_latest_period_is_carried() -> None:
    """Or an event would grow with every day that a hotel's guest stays."""
    past = limited.given(limit("month", "900.00"), hold("1.00"))
    for _ in range(40):
        past = past.after(days=1).given(Increment(authorization=nth(4), amount="1.00"))
    state = past.world().books.authorizations.get(nth(4))
    assert state is not None
    assert state.limits == [
        LimitUse(LIMIT, date(2026, 5, 10), "1.00", 1),
        LimitUse(nth(3), date(2026, 5, 1), "10.00", 10),
    ]


# Per authorization ----------------------------------------------------------------------------

each = funded.given(limit("authorization"))


def test_each_authorization_is_limited_as_a_whole() -> None:
    assert each.given(hold("100.00")).when(hold("100.00")).code is None
    each.when(hold("100.01")).then(LimitExceeded(used="0.00", asked="100.01", per="authorization"))
    some = each.given(hold("60.00", over_settle_percent="100"))
    assert some.when(Increment(authorization=HOLD, amount="40.00")).code is None
    some.when(Increment(authorization=HOLD, amount="40.01")).then(
        LimitExceeded(used="60.00", asked="40.01")
    )
    assert some.when(Settle(authorization=HOLD, amount="100.00")).code is None
    some.when(Settle(authorization=HOLD, amount="100.01")).then(
        LimitExceeded(used="60.00", asked="40.01")
    )
    less = some.given(Reduce(authorization=HOLD, amount="20.00"))
    assert less.when(Increment(authorization=HOLD, amount="60.00")).code is None


def test_a_direct_debit_is_no_authorization() -> None:
    assert each.when(pay("500.00")).code is None
