"""Limits are set, changed and lifted, and what that does to what was taken of them."""

from domain.accounts import AccountInUse, CloseAccount, Limit
from domain.amendments import AmendAccount
from domain.entries import Post
from domain.hold_ends import Void
from domain.increments import Increment
from domain.limits import (
    LimitExceeded,
    LimitLifted,
    LimitNotFound,
    LimitSet,
    SetLimit,
)
from tests.domain.harness import (
    When,
    account,
    credit,
    debit,
    fund,
    ledger,
    transfer,
)
from tests.domain.limiting import (
    HOLD,
    LIMIT,
    WALLET,
    funded,
    held,
    hold,
    left,
    limit,
    limited,
    nth,
    pay,
    stands,
    used,
)


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
