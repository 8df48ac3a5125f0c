"""The life of an account: opened, amended, frozen, closed."""

from typing import Any

import pytest

from domain.accounts import (
    Account,
    AccountClosed,
    AccountInUse,
    AccountIsClosed,
    AccountIsFrozen,
    AccountOpened,
    AssetNotAllowed,
    CloseAccount,
    OpenAccount,
    Stale,
)
from domain.amendments import (
    AMENDABLE,
    AccountAmended,
    AmendAccount,
)
from domain.assets import AssetNotFound
from domain.authorizations import Authorize
from domain.entries import Post
from domain.freezes import (
    AccountFrozen,
    AccountUnfrozen,
    FreezeAccount,
    FreezeNotFound,
    UnfreezeAccount,
)
from domain.hold_ends import Release
from tests.domain.harness import (
    CHART,
    Given,
    account,
    credit,
    debit,
    fund,
    ledger,
    transfer,
)

EVERYTHING: dict[str, Any] = {
    "type": "liability",
    "name": "Cards payable",
    "asset": "USD",
    "floor": "-10.00",
    "contra": True,
    "postable": False,
    "number": "2100",
    "purpose": "control",
    "monetary": True,
    "cash_flow": "operating",
    "current": True,
    "statement_line": "Payables",
    "statutory_codes": {"skr03": "1600"},
    "owner": "party-1",
}
OLD = f"g{len(CHART) + 1}"
old = ledger.given(account("old"))


def stands(past: Given, code: str = "old") -> Account:
    found = past.world().books.accounts.get(code)
    assert found is not None
    return found


def test_an_account_is_opened_with_all_that_it_says() -> None:
    ledger.when(OpenAccount(code="full", reference="R", **EVERYTHING)).then(
        ("new", AccountOpened(code="full", reference="R", **EVERYTHING))
    )
    full = stands(ledger.given(OpenAccount(code="full", **EVERYTHING)), "full")
    assert {name: getattr(full, name) for name in EVERYTHING} == EVERYTHING
    assert (full.version, full.floor_minor, full.debit_normal) == (1, -1000, True)


def test_an_account_is_open_postable_and_takes_any_asset_by_default() -> None:
    ledger.when(OpenAccount(code="least", type="asset", name="Least")).then(
        ("new", AccountOpened(code="least", type="asset", name="Least"))
    )
    least = stands(ledger.given(OpenAccount(code="least", type="asset", name="L")), "least")
    assert (least.status, least.postable, least.contra, least.asset) == ("open", True, False, None)


@pytest.mark.parametrize(
    ("floor", "recorded"), [("0", "0.00"), ("-0.5", "-0.50"), ("7", "7.00"), ("-0", "0.00")]
)
def test_a_floor_shows_all_decimals_of_the_asset(floor: str, recorded: str) -> None:
    assert ledger.when(account("x", floor=floor)).only().floor == recorded
    amended = old.when(AmendAccount(account="old", floor=floor)).only()
    assert amended.floor == recorded


# Amending -----------------------------------------------------------------------------------


def test_only_what_changes_is_recorded() -> None:
    old.when(AmendAccount(account="old", name="New", contra=False, owner=None)).then(
        (OLD, AccountAmended(account="old", name="New"))
    )


def test_everything_that_may_be_amended_is() -> None:
    assert set(EVERYTHING) == set(AMENDABLE)
    fresh = ledger.given(OpenAccount(code="old", type="asset", name="Old"))
    command = AmendAccount(account="old", reference="R", **EVERYTHING)
    fresh.when(command).then((OLD, AccountAmended(account="old", reference="R", **EVERYTHING)))
    amended = stands(fresh.given(command))
    assert {name: getattr(amended, name) for name in EVERYTHING} == EVERYTHING
    assert (amended.version, amended.floor_minor, amended.debit_normal) == (2, -1000, True)


def test_null_takes_a_value_away_and_absence_leaves_it() -> None:
    full = ledger.given(OpenAccount(code="old", **EVERYTHING))
    nothing: dict[str, Any] = dict.fromkeys(
        [
            "floor",
            "number",
            "purpose",
            "monetary",
            "cash_flow",
            "current",
            "statement_line",
            "statutory_codes",
            "owner",
        ]
    )
    full.when(AmendAccount(account="old", **nothing)).then(
        (OLD, AccountAmended(account="old", **nothing))
    )
    bare = stands(full.given(AmendAccount(account="old", **nothing)))
    assert (bare.floor, bare.floor_minor, bare.owner, bare.name) == (
        None,
        None,
        None,
        "Cards payable",
    )


def test_a_floor_that_stays_the_same_is_no_change() -> None:
    floored = ledger.given(account("old", floor="1.00"))
    floored.when(AmendAccount(account="old", floor="1", name="New")).then(
        (OLD, AccountAmended(account="old", name="New"))
    )


def test_a_floor_needs_an_asset() -> None:
    anything = ledger.given(account("old", asset=None))
    anything.when(AmendAccount(account="old", floor="0.00")).then(AssetNotAllowed)
    both = AmendAccount(account="old", floor="0", asset="JPY")
    assert anything.when(both).only().floor == "0"
    floored = ledger.given(account("old", floor="1.00"))
    floored.when(AmendAccount(account="old", asset=None)).then(AssetNotAllowed)
    assert floored.when(AmendAccount(account="old", asset=None, floor=None)).code is None


USES: list[tuple[str, list[Any]]] = [
    ("a posting", [transfer("old", "income", "1.00")]),
    ("a hold", [Authorize(debit="old", credit="income", amount="1.00", asset="USD")]),
    (
        "a posting that was balanced again",
        [transfer("old", "income", "1.00"), transfer("income", "old", "1.00")],
    ),
]


@pytest.mark.parametrize("change", [{"type": "expense"}, {"contra": True}, {"asset": None}])
@pytest.mark.parametrize(("name", "use"), USES, ids=[name for name, _ in USES])
def test_type_contra_and_asset_are_fixed_by_the_first_use(
    name: str, use: list[Any], change: dict[str, Any]
) -> None:
    amend = AmendAccount(account="old", **change)
    assert old.when(amend).code is None
    old.given(*use).when(amend).then(AccountInUse(account="old"))


def test_what_stays_as_it_was_is_no_change_of_a_used_account() -> None:
    used = old.given(transfer("old", "income", "1.00"))
    assert used.when(AmendAccount(account="old", type="asset", name="New")).code is None


def test_the_version_of_the_accounts_own_stream_is_what_if_match_compares() -> None:
    """Unmoved by postings."""
    moved = old.given(transfer("old", "income", "1.00"), AmendAccount(account="old", name="N"))
    assert moved.when(AmendAccount(account="old", expected_version=2, name="M")).code is None
    moved.when(AmendAccount(account="old", expected_version=1, name="M")).then(
        Stale(account="old", version=2, expected=1)
    )
    moved.when(CloseAccount(account="old", expected_version=3)).then(Stale)


def test_an_asset_must_exist() -> None:
    ledger.when(account("x", asset="XAU")).then(AssetNotFound(asset="XAU"))
    old.when(AmendAccount(account="old", asset="XAU")).then(AssetNotFound(asset="XAU"))


# Closing ------------------------------------------------------------------------------------


def test_an_empty_account_is_closed() -> None:
    old.when(CloseAccount(account="old", reference="R")).then(
        (OLD, AccountClosed(account="old", reference="R"))
    )
    closed = stands(old.given(CloseAccount(account="old")))
    assert (closed.status, closed.version) == ("closed", 2)


@pytest.mark.parametrize("side", ["debit", "credit"])
def test_an_account_with_a_balance_or_a_hold_is_not_closed(side: str) -> None:
    names = ("old", "any") if side == "debit" else ("any", "old")
    hold = Authorize(debit=names[0], credit=names[1], amount="1.00", asset="USD")
    for use in (transfer(*names, "0.01"), hold):
        old.given(use).when(CloseAccount(account="old")).then(AccountInUse)
    empty = old.given(transfer(*names, "1.00"), transfer(names[1], names[0], "1.00"))
    assert empty.when(CloseAccount(account="old")).code is None
    freed = old.given(hold, Release(authorization=f"g{len(CHART) + 2}"))
    assert freed.when(CloseAccount(account="old")).code is None


def test_every_asset_must_be_empty() -> None:
    many = ledger.given(
        account("old", asset=None),
        transfer("old", "income", "1.00"),
        transfer("income", "old", "1.00"),
        Post(
            legs=[debit("old", "1", "EUR"), credit("conversion", "1", "EUR")],
        ),
    )
    many.when(CloseAccount(account="old")).then(AccountInUse)


def test_a_closed_account_is_not_amended_frozen_or_closed_again() -> None:
    closed = old.given(CloseAccount(account="old"))
    for command in (
        AmendAccount(account="old", name="New"),
        FreezeAccount(account="old"),
        CloseAccount(account="old"),
    ):
        closed.when(command).then(AccountIsClosed(account="old"))


# Freezes ------------------------------------------------------------------------------------


def test_a_freeze_stops_what_is_new() -> None:
    old.when(FreezeAccount(account="old", reference="R")).then(
        (
            OLD,
            AccountFrozen(
                account="old",
                freeze_id="new",
                scope="all",
                basis="administrative",
                reference="R",
            ),
        )
    )
    frozen = old.given(FreezeAccount(account="old"))
    assert stands(frozen).status == "frozen"
    stopped = AccountIsFrozen(account="old", freeze_id=f"g{len(CHART) + 2}")
    frozen.when(transfer("old", "income", "1.00")).then(stopped)
    frozen.when(transfer("cash", "old", "1.00")).then(stopped)
    frozen.when(Authorize(debit="old", credit="any", amount="1", asset="USD")).then(stopped)
    frozen.when(CloseAccount(account="old")).then(stopped)
    assert frozen.when(AmendAccount(account="old", name="New")).code is None


def test_a_freeze_keeps_what_it_was_told() -> None:
    event = old.when(
        FreezeAccount(
            account="old", scope="debits", basis="legal", amount="5", authority_reference="A"
        )
    ).only()
    assert (event.scope, event.basis, event.amount, event.authority_reference) == (
        "debits",
        "legal",
        "5.00",
        "A",
    )


def test_a_freeze_is_lifted_by_its_id_or_as_the_only_one() -> None:
    freeze_id = f"g{len(CHART) + 2}"
    frozen = old.given(FreezeAccount(account="old"))
    lifted = (OLD, AccountUnfrozen(account="old", freeze_id=freeze_id))
    frozen.when(UnfreezeAccount(account="old")).then(lifted)
    frozen.when(UnfreezeAccount(account="old", freeze_id=freeze_id)).then(lifted)
    frozen.when(UnfreezeAccount(account="old", freeze_id="other")).then(FreezeNotFound)
    again = frozen.given(UnfreezeAccount(account="old"))
    assert stands(again).status == "open"
    assert again.when(fund("old", "1.00")).code is None
    again.when(UnfreezeAccount(account="old")).then(FreezeNotFound)
