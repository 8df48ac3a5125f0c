"""The life of a hold: opened, settled in parts, closed by what comes first."""

from datetime import date, timedelta

import pytest

from domain.accounts import (
    AccountIsClosed,
    AccountIsFrozen,
    CloseAccount,
)
from domain.authorizations import (
    AuthorizationIsClosed,
    Authorize,
    NothingToSettle,
    OverSettlement,
    Settle,
)
from domain.balances import InsufficientFunds
from domain.calendar import PeriodIsClosed
from domain.entries import EntryPosted, Movement
from domain.freezes import FreezeAccount
from domain.hold_ends import Release
from domain.holds import (
    AuthorizationOpened,
    AuthorizationSettled,
    Network,
)
from domain.ledgers import LockBooks
from domain.legs import Leg
from tests.domain.harness import (
    CHART,
    TODAY,
    account,
    fund,
    ledger,
    transfer,
)
from tests.domain.holding import HOLD, authorize, held, settle, state


def test_a_hold_reserves_funds_and_moves_none() -> None:
    network = Network(scheme="visa", mcc="5812")
    ledger.given(fund("wallet", "100")).when(
        authorize("100", network=network, reference="R", over_settle_percent="15")
    ).then(
        (
            "new",
            AuthorizationOpened(
                amount="100.00",
                authorization=state(over_settle_percent="15"),
                network=network,
                reference="R",
            ),
        )
    )


def test_settling_posts_an_entry_in_the_journal_of_authorizations() -> None:
    held().when(settle("60", reference="S")).then(
        (
            "new",
            EntryPosted(
                journal="AUTH",
                voucher_no=1,
                fiscal_year=2026,
                effective_on=TODAY,
                reference="S",
                authorization=HOLD,
                movement=Movement("settlement", "60.00"),
                legs=[
                    Leg("wallet", "debit", "60.00", "USD", 2, "940.00"),
                    Leg("merchant", "credit", "60.00", "USD", 1, "60.00"),
                ],
            ),
        ),
        (
            HOLD,
            AuthorizationSettled(
                amount="60.00",
                entry="new",
                authorization=state(settled="60.00", held="40.00", settlements=1),
            ),
        ),
    )


def test_settling_without_an_amount_takes_what_remains() -> None:
    posted, settled = (event for _, event in held().given(settle("60")).when(settle()).events)
    assert isinstance(posted, EntryPosted)
    assert posted.legs[0].amount == "40.00"
    assert isinstance(settled, AuthorizationSettled)
    assert settled.authorization == state(settled="100.00", held="0.00", settlements=2)


def test_final_releases_the_rest_and_closes() -> None:
    _, event = held().when(settle("60", final=True)).events[1]
    assert event == AuthorizationSettled(
        amount="60.00",
        entry="new",
        final=True,
        released="40.00",
        authorization=state(settled="60.00", held="0.00", settlements=1, closed_as="final"),
    )
    closed = held().given(settle("60", final=True))
    closed.when(settle("1")).then(AuthorizationIsClosed(closed_as="final"))
    _, event = held().when(settle("100", final=True)).events[1]
    assert isinstance(event, AuthorizationSettled)
    assert event.released is None


def test_final_false_is_the_default() -> None:
    assert held().when(settle("60", final=False)).events == held().when(settle("60")).events


# The ceiling --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("authorized", "percent", "ceiling", "beyond"),
    [
        ("100.00", "0", "100.00", "100.01"),
        ("100.00", "15", "115.00", "115.01"),
        ("100.00", "0.5", "100.50", "100.51"),
        ("100.00", "12.3456", "112.34", "112.35"),
        ("0.01", "99", "0.01", "0.02"),
        ("0.01", "100", "0.02", "0.03"),
        ("0.07", "15", "0.08", "0.09"),
        ("33.33", "33.33", "44.43", "44.44"),
        ("1.00", "999.9999", "10.99", "11.00"),
    ],
)
def test_the_ceiling_is_rounded_down(
    authorized: str, percent: str, ceiling: str, beyond: str
) -> None:
    world = held(authorized, over_settle_percent=percent)
    assert world.when(settle(ceiling)).code is None
    world.when(settle(beyond)).then(OverSettlement(remaining=ceiling, asked=beyond, asset="USD"))


def test_the_ceiling_is_for_all_settlements_together() -> None:
    world = held(over_settle_percent="15").given(settle("60"), settle("55"))
    world.when(settle("0.01")).then(OverSettlement(remaining="0.00"))
    world.when(settle()).then(NothingToSettle)


def test_reaching_the_ceiling_does_not_close() -> None:
    world = held().given(settle("100"))
    world.when(settle("0.01")).then(OverSettlement)
    assert world.when(Release(authorization=HOLD)).code is None


def test_what_goes_beyond_the_hold_needs_an_open_account_and_funds() -> None:
    world = held(over_settle_percent="50").given(FreezeAccount(account="wallet"))
    assert world.when(settle("100")).code is None
    world.when(settle("100.01")).then(AccountIsFrozen(account="wallet"))
    poor = held(funds="100.00", over_settle_percent="50")
    poor.when(settle("100.01")).then(InsufficientFunds(available="0.00", asked="0.01"))
    back = transfer("merchant", "cash", "100.00")
    gone = held(over_settle_percent="50").given(settle(), back, CloseAccount(account="merchant"))
    gone.when(settle("1")).then(AccountIsClosed(account="merchant"))


def test_settling_in_parts_beyond_the_hold_counts_the_excess_once() -> None:
    """80 of a hold of 100 leave 20; 30 more take those and 10 of free funds."""
    world = held(funds="110.00", over_settle_percent="50").given(settle("80"))
    assert world.when(settle("30")).code is None
    world.when(settle("30.01")).then(InsufficientFunds(available="10.00", asked="10.01"))


# Days and sides -----------------------------------------------------------------------------


def test_a_settlement_has_an_open_day_of_its_own() -> None:
    locked = held().given(LockBooks(through=TODAY - timedelta(days=5)))
    locked.when(settle("1", effective_on=TODAY - timedelta(days=5))).then(PeriodIsClosed)
    event = locked.when(settle("1", effective_on=date(2026, 3, 30))).events[0][1]
    assert isinstance(event, EntryPosted)
    assert event.effective_on == date(2026, 3, 30)


@pytest.mark.parametrize("debited", ["cash", "wallet"])
@pytest.mark.parametrize("credited", ["bank", "merchant"])
def test_any_two_sides_hold_settle_and_release(debited: str, credited: str) -> None:
    """Debit- and credit-normal accounts on both sides: pending is where the legs will be."""
    hold = Authorize(debit=debited, credit=credited, amount="10.00", asset="USD")
    world = ledger.given(
        fund("wallet", "50.00"), transfer("bank", "income", "50.00"), hold, settle_part()
    ).world()
    debited_balance = world.books.balances.get((debited, "USD"))
    credited_balance = world.books.balances.get((credited, "USD"))
    assert debited_balance is not None
    assert credited_balance is not None
    assert (debited_balance.pending_debits, debited_balance.pending_credits) == (600, 0)
    assert (credited_balance.pending_debits, credited_balance.pending_credits) == (0, 600)
    world.do(Release(authorization=f"g{len(CHART) + 3}"), "end")
    left = world.books.balances.get((debited, "USD"))
    assert left is not None
    assert left.pending_debits == 0


def settle_part() -> Settle:
    return Settle(authorization=f"g{len(CHART) + 3}", amount="4.00")


def test_a_hold_in_yen_has_no_decimals() -> None:
    world = ledger.given(account("yen_wallet", "liability", asset="JPY"))
    hold = Authorize(debit="yen_wallet", credit="any", amount="150", asset="JPY")
    assert world.when(hold).only().authorization.settled == "0"


def test_each_event_that_touches_an_account_counts() -> None:
    """Opened 1, the hold 2, entry and settlement 3 and 4; the account's own stream stays at 1."""
    hold = Authorize(debit="merchant", credit="cash", amount="1.00", asset="USD")
    world = ledger.given(hold, Settle(authorization=f"g{len(CHART) + 1}")).world()
    assert world.books.version_of("cash") == 4
    cash = world.books.accounts.get("cash")
    assert cash is not None
    assert cash.version == 1
