"""The life of a hold: opened, settled in parts, closed by what comes first."""

from datetime import date, timedelta
from typing import Any

import pytest

from domain.accounts import (
    AccountIsClosed,
    AccountIsFrozen,
    CloseAccount,
)
from domain.authorizations import (
    AuthorizationHasExpired,
    AuthorizationIsClosed,
    Authorize,
    ExpiresInPast,
    NothingToSettle,
    OverSettlement,
    Release,
    Settle,
    SettlementExists,
    Void,
    expire,
)
from domain.balances import InsufficientFunds
from domain.calendar import PeriodClosed
from domain.commands import Command
from domain.entries import EntryPosted
from domain.freezes import FreezeAccount
from domain.holds import (
    Authorization,
    AuthorizationExpired,
    AuthorizationOpened,
    AuthorizationReleased,
    AuthorizationSettled,
    AuthorizationVoided,
    Network,
)
from domain.ledgers import LockBooks
from domain.legs import Leg
from domain.refusals import Refusal
from tests.domain.harness import (
    CHART,
    NOW,
    TODAY,
    Given,
    account,
    fund,
    ledger,
    transfer,
)

HOLD = f"g{len(CHART) + 2}"


def authorize(amount: str = "100.00", **more: object) -> Authorize:
    return Authorize(debit="wallet", credit="merchant", amount=amount, asset="USD", **more)  # type: ignore[arg-type]


def settle(amount: str | None = None, **more: object) -> Settle:
    return Settle(authorization=HOLD, amount=amount, **more)  # type: ignore[arg-type]


def held(amount: str = "100.00", *, funds: str = "1000.00", **more: object) -> Given:
    return ledger.given(fund("wallet", funds), authorize(amount, **more))


def state(**more: object) -> Authorization:
    fields = {
        "debit": "wallet",
        "credit": "merchant",
        "asset": "USD",
        "authorized": "100.00",
        "settled": "0.00",
        "refunded": "0.00",
        "held": "100.00",
    }
    return Authorization(**{**fields, **more})  # type: ignore[arg-type]


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
                legs=[
                    Leg("wallet", "debit", "60.00", "USD", 2, "940.00"),
                    Leg("merchant", "credit", "60.00", "USD", 1, "60.00"),
                ],
            ),
        ),
        (
            HOLD,
            AuthorizationSettled(
                amount="60.00", entry="new", authorization=state(settled="60.00", held="40.00")
            ),
        ),
    )


def test_settling_without_an_amount_takes_what_remains() -> None:
    posted, settled = (event for _, event in held().given(settle("60")).when(settle()).events)
    assert isinstance(posted, EntryPosted)
    assert posted.legs[0].amount == "40.00"
    assert isinstance(settled, AuthorizationSettled)
    assert settled.authorization == state(settled="100.00", held="0.00")


def test_final_releases_the_rest_and_closes() -> None:
    _, event = held().when(settle("60", final=True)).events[1]
    assert event == AuthorizationSettled(
        amount="60.00",
        entry="new",
        final=True,
        released="40.00",
        authorization=state(settled="60.00", held="0.00", closed_as="final"),
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


# The end ------------------------------------------------------------------------------------


def test_void_takes_back_a_hold_of_which_nothing_was_settled() -> None:
    held().when(Void(authorization=HOLD, reference="V")).then(
        (
            HOLD,
            AuthorizationVoided(
                amount="100.00",
                authorization=state(held="0.00", closed_as="voided"),
                reference="V",
            ),
        )
    )
    held().given(settle("0.01")).when(Void(authorization=HOLD)).then(
        SettlementExists(settled="0.01")
    )


def test_release_gives_back_what_remains_at_any_time() -> None:
    held().given(settle("60")).when(Release(authorization=HOLD)).then(
        (
            HOLD,
            AuthorizationReleased(
                amount="40.00",
                authorization=state(settled="60.00", held="0.00", closed_as="released"),
            ),
        )
    )
    nothing_left = held().given(settle()).when(Release(authorization=HOLD)).only()
    assert nothing_left.amount == "0.00"


def test_a_frozen_account_still_gives_its_holds_back() -> None:
    frozen = held().given(FreezeAccount(account="wallet"), FreezeAccount(account="merchant"))
    assert frozen.when(Void(authorization=HOLD)).code is None
    assert frozen.when(Release(authorization=HOLD)).code is None
    assert frozen.when(settle("100")).code is None


VERBS: list[Command] = [settle("1"), Void(authorization=HOLD), Release(authorization=HOLD)]
ENDS: list[tuple[str, Command]] = [
    ("voided", Void(authorization=HOLD)),
    ("released", Release(authorization=HOLD)),
    ("final", settle("1", final=True)),
]


@pytest.mark.parametrize("verb", VERBS, ids=lambda verb: type(verb).__name__)
@pytest.mark.parametrize(("closed_as", "end"), ENDS)
def test_after_its_end_no_verb_does_anything(closed_as: str, end: Command, verb: Command) -> None:
    held().given(end).when(verb).then(
        AuthorizationIsClosed(authorization=HOLD, closed_as=closed_as)
    )


@pytest.mark.parametrize("verb", VERBS, ids=lambda verb: type(verb).__name__)
def test_after_its_time_no_verb_does_anything(verb: Command) -> None:
    late = held(expires_in_seconds=60).after(seconds=60)
    expired = AuthorizationHasExpired(authorization=HOLD)
    late.when(verb).then(expired)
    late.given((HOLD, expiry())).when(verb).then(expired)


def expiry(**more: object) -> AuthorizationExpired:
    after = state(held="0.00", closed_as="expired", expires_at=NOW + timedelta(seconds=60), **more)
    return AuthorizationExpired(amount="100.00", authorization=after)


def test_a_hold_is_due_at_its_very_moment() -> None:
    world = held(expires_in_seconds=60).world()
    world.pass_time(timedelta(seconds=60) - timedelta(microseconds=1))
    assert expire(world.books, HOLD, world.at) is None
    world.pass_time(timedelta(microseconds=1))
    assert expire(world.books, HOLD, world.at) == expiry()


def test_an_expired_hold_frees_its_funds_and_can_be_settled_no_more() -> None:
    late = held(funds="100.00", expires_in_seconds=60).after(seconds=60)
    world = late.world()
    with pytest.raises(AuthorizationHasExpired):
        world.do(settle("1"), "late")
    assert world.log[-1] == (HOLD, expiry())
    assert world.do(transfer("wallet", "income", "100.00"), "spent")


def test_what_was_settled_in_parts_expires_for_the_rest() -> None:
    world = held(expires_in_seconds=60).given(settle("60")).after(seconds=61).world()
    event = expire(world.books, HOLD, world.at)
    assert event is not None
    assert (event.amount, event.authorization.settled) == ("40.00", "60.00")
    assert event.authorization.status == "partially_settled"


def test_nothing_expires_that_is_closed_or_has_no_time() -> None:
    for past in (held(), held(expires_in_seconds=60).given(Void(authorization=HOLD))):
        world = past.after(days=9999).world()
        assert expire(world.books, HOLD, world.at) is None
        assert expire(world.books, "unknown", world.at) is None


@pytest.mark.parametrize(
    ("more", "outcome"),
    [
        ({"expires_at": NOW}, ExpiresInPast),
        ({"expires_at": NOW - timedelta(days=1)}, ExpiresInPast),
        ({"expires_at": NOW + timedelta(microseconds=1)}, None),
        ({"expires_in_seconds": 0}, ExpiresInPast),
        ({"expires_in_seconds": -1}, ExpiresInPast),
        ({"expires_in_seconds": 1}, None),
    ],
)
def test_a_hold_must_end_later_than_now(
    more: dict[str, Any], outcome: type[Refusal] | None
) -> None:
    when = ledger.given(fund("wallet", "100.00")).when(authorize(**more))
    assert when.code == (outcome and outcome.code)


# Status -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("commands", "status"),
    [
        ([], "authorized"),
        ([settle("60")], "partially_settled"),
        ([settle("60", final=True)], "partially_settled"),
        ([settle("60"), Release(authorization=HOLD)], "partially_settled"),
        ([settle("100")], "settled"),
        ([settle("100"), Release(authorization=HOLD)], "settled"),
        ([settle("115")], "settled"),
        ([Void(authorization=HOLD)], "voided"),
        ([Release(authorization=HOLD)], "released"),
    ],
)
def test_the_status_tells_what_was_settled_or_how_it_ended(
    commands: list[Command], status: str
) -> None:
    world = held(over_settle_percent="15").given(*commands).world()
    found = world.books.authorizations.get(HOLD)
    assert found is not None
    assert found.status == status


def test_a_hold_of_which_nothing_was_settled_expires_as_expired() -> None:
    assert expiry().authorization.status == "expired"


# Days and sides -----------------------------------------------------------------------------


def test_a_settlement_has_an_open_day_of_its_own() -> None:
    locked = held().given(LockBooks(through=TODAY - timedelta(days=5)))
    locked.when(settle("1", effective_on=TODAY - timedelta(days=5))).then(PeriodClosed)
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
    assert world.books.versions.get("cash") == 4
    cash = world.books.accounts.get("cash")
    assert cash is not None
    assert cash.version == 1
