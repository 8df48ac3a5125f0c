"""What a network has cleared is posted; each thing that would have stopped it is listed."""

from datetime import timedelta
from typing import Any

import pytest

from domain.accounts import AccountIsClosed, AccountIsFrozen, CloseAccount
from domain.authorizations import AuthorizationNotFound
from domain.commands import Command
from domain.corrections import Reverse
from domain.entries import EntryPosted, Movement
from domain.freezes import FreezeAccount
from domain.hold_ends import Release
from domain.holds import AuthorizationForceSettled, Network
from domain.increments import Reduce
from domain.ledgers import LockBooks
from domain.legs import Leg
from domain.mandatory_settlements import ReferenceSettled, SettleMandatory
from domain.refunds import Chargeback, Refund
from tests.domain.harness import TODAY, Given, When, account, fund, ledger, transfer
from tests.domain.holding import HOLD, found, held, settle, state, wallet

YESTERDAY = TODAY - timedelta(days=1)
SUSPENSE = account("suspense", "liability", asset=None, purpose="suspense")


def cleared(amount: str, **more: Any) -> SettleMandatory:
    return SettleMandatory(authorization=HOLD, amount=amount, **more)


def unmatched(amount: str = "10.00", **more: Any) -> SettleMandatory:
    named = {"debit": "wallet", "credit": "merchant", "asset": "USD", **more}
    return SettleMandatory(amount=amount, **named)


def both(when: When) -> tuple[EntryPosted, AuthorizationForceSettled]:
    assert when.refusal is None, (when.refusal, when.refusal.facts)
    (_, entry), (_, settled) = when.events
    assert isinstance(entry, EntryPosted)
    assert isinstance(settled, AuthorizationForceSettled)
    return entry, settled


def exceptions(when: When) -> list[str]:
    return list(both(when)[1].exceptions)


def sides(when: When) -> list[str]:
    return [leg.account for leg in both(when)[0].legs]


def test_within_the_hold_it_is_like_any_settlement() -> None:
    network = Network(scheme="visa", reference="ARN-1")
    held().when(cleared("60", network=network, reference="R")).then(
        (
            "new",
            EntryPosted(
                journal="AUTH",
                voucher_no=1,
                fiscal_year=2026,
                effective_on=TODAY,
                reference="R",
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
            AuthorizationForceSettled(
                amount="60.00",
                entry="new",
                authorization=state(settled="60.00", held="40.00", settlements=1),
                exceptions=[],
                network=network,
            ),
        ),
    )


@pytest.mark.parametrize(
    ("before", "amount", "listed", "held_after"),
    [
        ([], "100.00", [], "0.00"),
        ([], "115.00", [], "0.00"),
        ([], "115.01", ["over_ceiling"], "0.00"),
        ([settle("60.00")], "55.00", [], "0.00"),
        ([settle("60.00")], "55.01", ["over_ceiling"], "0.00"),
        ([settle("60.00", final=True)], "55.00", ["late"], "0.00"),
        ([settle("60.00", final=True)], "55.01", ["late", "over_ceiling"], "0.00"),
        ([Release(authorization=HOLD)], "1.00", ["late"], "0.00"),
        ([Reduce(authorization=HOLD, amount="100.00")], "1.00", ["late", "over_ceiling"], "0.00"),
        ([], "30.00", [], "70.00"),
    ],
)
def test_what_is_late_or_too_much_is_listed_and_posted(
    before: list[Command], amount: str, listed: list[str], held_after: str
) -> None:
    when = held(over_settle_percent="15").given(*before).when(cleared(amount))
    assert exceptions(when) == listed
    assert both(when)[1].authorization.held == held_after


@pytest.mark.parametrize(("seconds", "listed"), [(59, []), (60, ["late"])])
def test_from_the_moment_of_expiry_it_is_late(seconds: int, listed: list[str]) -> None:
    world = held(expires_in_seconds=60).after(seconds=seconds)
    assert exceptions(world.when(cleared("1.00"))) == listed


def test_without_an_authorization_it_makes_a_closed_one_of_its_own() -> None:
    world = ledger.given(fund("wallet", "100.00"))
    network = Network(reference="X")
    entry, settled = both(world.when(unmatched("10", network=network)))
    assert entry.authorization == "new.1"
    assert settled == AuthorizationForceSettled(
        amount="10.00",
        entry="new",
        authorization=state(
            authorized="0.00", settled="10.00", held="0.00", settlements=1, closed_as="final"
        ),
        exceptions=["unmatched"],
        network=network,
    )
    assert settled.authorization.status == "settled"


def test_what_was_unmatched_can_be_refunded_and_charged_back() -> None:
    world = ledger.given(fund("wallet", "100.00"), unmatched("10.00"))
    made = f"g{len(world.what)}.1"
    back: Any = {"authorization": made, "reason": "counterparty"}
    refunded = world.given(Refund(amount="4.00", **back))
    assert refunded.when(Chargeback(amount="6.00", **back)).code is None
    assert refunded.when(Chargeback(amount="6.01", **back)).code == "refund_too_large"
    assert refunded.when(settle("1.00")).code == "authorization_not_found"
    late = SettleMandatory(authorization=made, amount="1.00")
    assert exceptions(world.when(late)) == ["late", "over_ceiling"]


def test_taken_back_it_counts_no_more() -> None:
    world = held().given(cleared("300.00"))
    assert wallet(world) == ("700.00", "0.00")
    entry = f"g{len(world.what)}"
    back = world.given(Reverse(entry=entry, reason="duplicate", restore_hold=True))
    assert found(back) == state(settlements=1)
    assert wallet(back) == ("1000.00", "100.00")


@pytest.mark.parametrize(
    "named", [{"debit": "cash"}, {"credit": "income"}, {"debit": "yen", "credit": "any"}]
)
def test_other_accounts_than_the_authorizations_are_no_match(named: dict[str, str]) -> None:
    asset = "JPY" if "yen" in named.values() else "USD"
    when = held().when(cleared("10", asset=asset, **named))
    assert exceptions(when) == ["unmatched"]
    assert both(when)[1].authorization.authorized in ("0.00", "0")


def test_an_authorization_that_is_not_there_is_a_mistake() -> None:
    lost = SettleMandatory(authorization="lost", amount="1.00")
    held().when(lost).then(AuthorizationNotFound(authorization="lost"))


@pytest.mark.parametrize(
    ("funds", "amount", "listed"),
    [
        ("120.00", "120.00", ["over_ceiling"]),
        ("120.00", "120.01", ["over_ceiling", "below_floor"]),
        ("100.00", "100.00", []),
    ],
)
def test_only_what_was_not_held_can_break_a_floor(
    funds: str, amount: str, listed: list[str]
) -> None:
    when = held(funds=funds).when(cleared(amount))
    assert exceptions(when) == listed


def test_a_floor_gives_way() -> None:
    world = ledger.given(fund("wallet", "10.00"))
    assert exceptions(world.when(unmatched("10.00"))) == ["unmatched"]
    when = world.when(unmatched("10.01"))
    assert exceptions(when) == ["unmatched", "below_floor"]
    assert both(when)[0].legs[0].balance == "-0.01"


# Days -----------------------------------------------------------------------------------------


def test_a_day_in_a_closed_period_moves_to_the_first_open_one() -> None:
    world = held().given(LockBooks(through=YESTERDAY))
    when = world.when(cleared("1.00", effective_on=YESTERDAY))
    entry, settled = both(when)
    assert (entry.effective_on, entry.value_on) == (TODAY, YESTERDAY)
    assert settled.exceptions == ["period_moved"]
    entry, settled = both(world.when(cleared("1.00", effective_on=TODAY)))
    assert (entry.effective_on, entry.value_on, settled.exceptions) == (TODAY, None, [])


def test_where_today_is_closed_too_it_is_dated_tomorrow() -> None:
    world = held().given(LockBooks(through=TODAY))
    entry, settled = both(world.when(cleared("1.00")))
    assert (entry.effective_on, entry.value_on) == (TODAY + timedelta(days=1), TODAY)
    assert settled.exceptions == ["period_moved"]


# Accounts that may not be touched -------------------------------------------------------------


def suspended(*before: Any) -> Given:
    return held().given(SUSPENSE, *before)


def test_what_was_held_passes_an_administrative_freeze() -> None:
    world = suspended(FreezeAccount(account="wallet"))
    within = world.when(cleared("100.00"))
    assert (exceptions(within), sides(within)) == ([], ["wallet", "merchant"])
    beyond = world.when(cleared("100.01"))
    assert exceptions(beyond) == ["over_ceiling", "account_frozen"]
    assert sides(beyond) == ["suspense", "merchant"]


def test_a_legal_freeze_sends_all_of_it_to_suspense() -> None:
    world = suspended(FreezeAccount(account="wallet", basis="legal"))
    when = world.when(cleared("60.00"))
    assert (exceptions(when), sides(when)) == (["account_frozen"], ["suspense", "merchant"])
    after = world.given(cleared("60.00"))
    assert wallet(after) == ("1000.00", "40.00")
    assert found(after) == state(settled="60.00", held="40.00", settlements=1)


def test_a_freeze_of_the_other_side_is_no_matter() -> None:
    world = suspended(FreezeAccount(account="wallet", basis="legal", scope="credits"))
    assert sides(world.when(cleared("60.00"))) == ["wallet", "merchant"]


def test_a_closed_account_is_stood_in_for() -> None:
    gone = account("gone", "liability")
    world = ledger.given(SUSPENSE, fund("wallet", "5.00"), gone, CloseAccount(account="gone"))
    when = world.when(unmatched("5.00", credit="gone"))
    assert exceptions(when) == ["unmatched", "account_closed"]
    assert sides(when) == ["wallet", "suspense"]
    assert both(when)[1].authorization.credit == "gone"


def test_both_sides_may_be_in_suspense() -> None:
    world = suspended(
        FreezeAccount(account="wallet", basis="legal"),
        FreezeAccount(account="merchant", basis="legal"),
    )
    when = world.when(cleared("60.00"))
    assert (exceptions(when), sides(when)) == (["account_frozen"], ["suspense", "suspense"])
    assert [leg.balance for leg in both(when)[0].legs] == ["-60.00", "0.00"]


@pytest.mark.parametrize(
    "unfit",
    [
        [],
        [account("yen_only", "liability", asset="JPY", purpose="suspense")],
        [SUSPENSE, FreezeAccount(account="suspense")],
        [SUSPENSE, CloseAccount(account="suspense")],
    ],
)
def test_without_a_suspense_account_only_an_administrative_freeze_gives_way(
    unfit: list[Command],
) -> None:
    world = held().given(*unfit)
    frozen = world.given(FreezeAccount(account="wallet"))
    when = frozen.when(cleared("100.01"))
    assert exceptions(when) == ["over_ceiling", "account_frozen"]
    assert sides(when) == ["wallet", "merchant"]
    legal = world.given(FreezeAccount(account="wallet", basis="legal"))
    legal.when(cleared("1.00")).then(AccountIsFrozen(account="wallet"))
    closed = world.given(account("gone", "liability"), CloseAccount(account="gone"))
    closed.when(unmatched("1.00", credit="gone")).then(AccountIsClosed(account="gone"))


def test_of_several_suspense_accounts_the_first_that_fits_is_taken() -> None:
    more = [account("a:suspense", "asset", asset="EUR", purpose="suspense"), SUSPENSE]
    world = held().given(*more, FreezeAccount(account="wallet", basis="legal"))
    assert sides(world.when(cleared("1.00"))) == ["suspense", "merchant"]


# The network's reference ----------------------------------------------------------------------


def test_a_reference_is_settled_once() -> None:
    first = cleared("10.00", network=Network(scheme="visa", reference="ARN-1"))
    world = held().given(first)
    refused = ReferenceSettled(
        scheme="visa", reference="ARN-1", entry=f"g{len(world.what)}", authorization=HOLD
    )
    world.when(first).then(refused)
    world.when(unmatched(network=Network(scheme="visa", reference="ARN-1"))).then(refused)
    for other in (
        Network(scheme="visa", reference="ARN-2"),
        Network(scheme="mc", reference="ARN-1"),
        Network(reference="ARN-1"),
        Network(scheme="visa"),
    ):
        assert world.when(cleared("1.00", network=other)).code is None


def test_money_that_came_back_does_not_free_the_reference() -> None:
    first = cleared("10.00", network=Network(reference="ARN-1"))
    world = held().given(first)
    entry = f"g{len(world.what)}"
    world = world.given(Reverse(entry=entry, reason="duplicate"), transfer("cash", "wallet", "1"))
    world.when(first).then(ReferenceSettled(entry=entry))
