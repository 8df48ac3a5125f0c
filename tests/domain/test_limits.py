"""Limits: what consumes, what is given back, and to which period."""

from datetime import date
from decimal import Decimal
from typing import Any

import pytest

from domain.accounts import Account, AccountInUse, CloseAccount, Limit
from domain.amendments import AmendAccount
from domain.authorizations import Authorize, Settle
from domain.commands import Command
from domain.corrections import Adjust, Reverse
from domain.entries import Post
from domain.hold_ends import Release, Void
from domain.holds import AuthorizationForceSettled
from domain.increments import Increment, Reduce
from domain.limits import (
    LimitExceeded,
    LimitLifted,
    LimitNotFound,
    LimitSet,
    LimitUse,
    SetLimit,
    Usage,
)
from domain.mandatory_settlements import SettleMandatory
from domain.refunds import Refund
from tests.domain.harness import (
    CHART,
    TODAY,
    Given,
    When,
    account,
    credit,
    debit,
    fund,
    ledger,
    transfer,
)


def nth(number: int) -> str:
    return f"g{len(CHART) + number}"


def limit(per: Any = "day", amount: str | None = "100.00", **more: Any) -> SetLimit:
    return SetLimit(account="wallet", per=per, amount=amount, **more)


def hold(amount: str = "60.00", **more: Any) -> Authorize:
    return Authorize(debit="wallet", credit="merchant", amount=amount, asset="USD", **more)


def pay(amount: str) -> Post:
    return transfer("wallet", "merchant", amount)


WALLET = f"g{[getattr(one, 'code', '') for one in CHART].index('wallet') + 1}"
funded = ledger.given(fund("wallet", "10000.00"))  # nth(1)
LIMIT = nth(2)
limited = funded.given(limit())
HOLD = nth(3)
held = limited.given(hold())


def used(past: Given, limit_id: str = LIMIT) -> tuple[int, int]:
    """What was taken in the latest period."""
    usage = past.world().books.usages.get(limit_id)
    assert usage is not None
    return usage.minor, usage.count


def left(past: Given, amount: str) -> None:
    """Fails unless just so much may still be given."""
    assert past.when(pay(amount)).code is None
    cent_more = Decimal(amount) + Decimal("0.01")
    assert past.when(pay(str(cent_more))).code == "limit_exceeded"


def stands(past: Given) -> Account:
    found = past.world().books.accounts.get("wallet")
    assert found is not None
    return found


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


# Setting them ---------------------------------------------------------------------------------


def test_a_limit_is_set_changed_and_lifted() -> None:
    funded.when(limit("month", "50", count=3, reference="R")).then(
        (
            WALLET,
            LimitSet(
                account="wallet",
                limit_id="new",
                per="month",
                asset="USD",
                amount="50.00",
                count=3,
                reference="R",
            ),
        )
    )
    assert stands(limited).limits == (Limit(LIMIT, "day", "USD", "100.00"),)
    assert not stands(limited).takes_plain
    more = limited.given(limit(amount="200.00"), limit("month", "300.00"))
    assert [one.amount for one in stands(more).limits] == ["200.00", "300.00"]
    limited.when(limit(amount=None)).then(
        (WALLET, LimitLifted(account="wallet", limit_id=LIMIT, per="day", asset="USD"))
    )
    lifted = limited.given(limit(amount=None))
    assert (stands(lifted).limits, stands(lifted).takes_plain) == ((), True)
    assert lifted.when(pay("500.00")).code is None
    lifted.when(limit(amount=None)).then(LimitNotFound(account="wallet", per="day"))
    lifted.when(SetLimit(account="any", per="day")).then(LimitNotFound)


def test_a_new_limit_counts_from_its_own_position() -> None:
    before = funded.given(hold("60.00"), pay("60.00"))
    late = before.given(limit())
    left(late, "100.00")
    # What was held before it takes nothing of it, and gives nothing back.
    assert used(late.given(Void(authorization=nth(2))), nth(4)) == (0, 0)
    grown = late.given(Increment(authorization=nth(2), amount="30.00"))
    assert used(grown, nth(4)) == (3000, 1)
    assert used(grown.given(Void(authorization=nth(2))), nth(4)) == (0, 0)


def test_a_limit_that_is_changed_counts_on() -> None:
    raised = held.given(limit(amount="150.00"))
    assert used(raised) == (6000, 1)
    left(raised, "90.00")
    lowered = held.given(limit(amount="50.00"))
    assert lowered.when(pay("0.01")).code == "limit_exceeded"


def test_one_that_was_lifted_and_set_again_is_new() -> None:
    again = held.given(limit(amount=None), limit())
    assert used(again, nth(5)) == (0, 0)
    left(again, "100.00")
    assert used(again.given(Void(authorization=HOLD)), nth(5)) == (0, 0)


def test_zero_lets_nothing_pass_and_a_count_of_zero_too() -> None:
    for bounds in ({"amount": "0.00"}, {"amount": None, "count": 0}):
        assert funded.given(limit(**bounds)).when(pay("0.01")).code == "limit_exceeded"
        assert funded.given(limit(**bounds)).when(fund("wallet", "1.00")).code is None


def test_limits_of_an_account_with_several_assets_are_of_one_each() -> None:
    past = ledger.given(
        account("purse", "liability", asset=None),
        SetLimit(account="purse", per="day", asset="EUR", amount="5.00"),
    )
    euros = Post(legs=[debit("purse", "5.01", "EUR"), credit("any", "5.01", "EUR")])
    past.when(euros).then(LimitExceeded(asset="EUR"))
    assert past.when(transfer("purse", "any", "500.00")).code is None


def test_a_limit_does_not_keep_an_account_open_but_its_asset_and_side() -> None:
    past = ledger.given(account("old"), SetLimit(account="old", per="day", amount="1.00"))
    assert past.when(CloseAccount(account="old")).code is None
    past.when(AmendAccount(account="old", asset="EUR")).then(AccountInUse(standing="limits"))
    past.when(AmendAccount(account="old", contra=True)).then(AccountInUse(standing="limits"))
    assert past.when(AmendAccount(account="old", name="New")).code is None


def test_all_that_an_entry_takes_is_judged_before_funds() -> None:
    poor: When = ledger.given(limit()).when(pay("100.01"))
    poor.then(LimitExceeded)
    assert ledger.given(limit()).when(pay("100.00")).code == "insufficient_funds"
